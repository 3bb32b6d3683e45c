/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines of any program, of any number: bytes in; known texts (log_texts.def), OAuth errors, tokens and requests
 * out. Every byte is looked at once, whatever the number of texts; memory does not grow with the file. A text is told
 * once with how often, where first and last, and one line as a sample, scrubbed of what looks like a token. Requests
 * with OAuth parameters in access logs become exchanges of the capture. */
#ifndef SP_FLOW_LOG_H
#define SP_FLOW_LOG_H

#include "core/flow/judge.h"

struct sp_log;

struct sp_log_report {
    uint64_t bytes, lines;
    uint64_t long_lines;  /* longer than SP_MAX_LOG_LINE_BYTES: looked at in pieces */
    uint64_t not_utf8;    /* lines of those that tell something */
    uint64_t requests;    /* of access logs, taken as exchanges */
    uint64_t more_tokens; /* different ones past the ceiling */
};

/* NULL without memory. The capture is filled on the way and at the end. */
struct sp_log *sp_log_create(struct sp_flow_capture *capture);
void sp_log_destroy(struct sp_log **log);
/* last: nothing follows; then everything found is told. */
void sp_log_read(struct sp_log *log, struct sp_str bytes, bool last);
const struct sp_log_report *sp_log_report(const struct sp_log *log);

#endif
