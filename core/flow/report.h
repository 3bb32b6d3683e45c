/* SPDX-License-Identifier: Apache-2.0 */
/* A judged capture for programs (JSON, a contract: docs/inspect.md) and as a page with the sequence diagram. What both
 * and the terminal show of a message is made here, so that nothing is masked in one place and not in another. */
#ifndef SP_FLOW_REPORT_H
#define SP_FLOW_REPORT_H

#include "core/flow/judge.h"

#define SP_FLOW_LINES 40u

/* What a reader of files says about the recording. */
struct sp_flow_source {
    struct sp_str name; /* of the file */
    const char *kind;   /* "har", "pcap", "log" */
    uint64_t bytes, exchanges;
    const struct sp_str *remarks; /* what could not be read, whole sentences */
    size_t remark_count;
};

enum sp_flow_outcome { SP_FLOW_FINE, SP_FLOW_WARNED, SP_FLOW_BROKEN };
enum sp_flow_outcome sp_flow_outcome(const struct sp_flow *flow);
const char *sp_flow_outcome_name(enum sp_flow_outcome outcome);
struct sp_str sp_flow_subject_title(enum sp_flow_subject subject);
/* Between title and place: "Log of oauth2-proxy", "Login · https://idp.example". */
const char *sp_flow_place_word(enum sp_flow_subject subject);
/* When its earliest message was sent, which need not be the first that was recorded; 0: no message has a time. */
int64_t sp_flow_began_ms(const struct sp_flow *flow);

/* ---- one message, as it may be shown ---- */
/* "https://idp.example.com/authorize", without query, scrubbed. */
struct sp_str sp_flow_shown_url(struct sp_flow_capture *capture, const struct sp_flow_message *message);
/* "302 → https://app.example.com/callback", "400 invalid_grant", "net::ERR_…". */
struct sp_str sp_flow_shown_answer(struct sp_flow_capture *capture, const struct sp_flow_message *message);
/* Parameters of the request, of the answer; masked. Returns how many rows were filled. */
size_t sp_flow_request_lines(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                             struct sp_parameter rows[SP_FLOW_LINES]);
size_t sp_flow_answer_lines(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                            struct sp_parameter rows[SP_FLOW_LINES]);

/* ---- all of it ---- */
/* The members of one object, which the caller opens and closes: source, flows, summary. */
void sp_flow_write_json(struct sp_json_writer *writer, struct sp_flow_capture *capture,
                        const struct sp_flow_source *source);
/* One message as it stands in `messages`. */
void sp_flow_write_message_json(struct sp_json_writer *writer, struct sp_flow_capture *capture,
                                const struct sp_flow_message *message);
/* A page that needs nothing from anywhere else. */
void sp_flow_write_html(struct sp_buffer *out, struct sp_flow_capture *capture, const struct sp_flow_source *source);

struct sp_flow_count {
    uint32_t flows, broken, warned;
};
struct sp_flow_count sp_flow_count(const struct sp_flow_capture *capture);

#endif
