/* SPDX-License-Identifier: Apache-2.0 */
/* What tshark took out of a packet capture (`-T ek` with the fields of dissection_fields.def: one JSON object a line),
 * read into exchanges – HTTP/1.1 and HTTP/2, plain or decrypted – and into connections: TLS handshakes with SNI,
 * versions, certificates where they are visible, alerts and who sent them; refused connections; names that do not
 * exist. The dissector is somebody else's and its input hostile: a line that is no such JSON is counted and passed
 * over. */
#ifndef SP_FLOW_DISSECTION_H
#define SP_FLOW_DISSECTION_H

#include "core/flow/judge.h"

struct sp_dissection;

struct sp_dissection_report {
    uint64_t lines, packets;
    uint64_t unreadable; /* lines that are no JSON of that form, or too long */
    uint64_t exchanges, unanswered, without_request;
    uint64_t encrypted; /* TLS connections whose content was not visible */
    uint64_t more_connections;
};

/* NULL without memory. The capture is filled on the way. */
struct sp_dissection *sp_dissection_create(struct sp_flow_capture *capture);
void sp_dissection_destroy(struct sp_dissection **dissection);
/* last: nothing follows. */
void sp_dissection_read(struct sp_dissection *dissection, struct sp_str bytes, bool last);
const struct sp_dissection_report *sp_dissection_report(const struct sp_dissection *dissection);

/* For tshark: the fields as it names them ("http.request.method"), and the packets to tell of. */
const char *const *sp_dissection_fields(size_t *count);
const char *sp_dissection_filter(void);

#endif
