/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON line a call of the authority, written once a turn: what was asked, by whom, what was answered, and for
 * refusals the cause with expected and received. Never a token, code or secret: parameters are not logged. */
#ifndef SP_AUTHORITY_CALL_LOG_H
#define SP_AUTHORITY_CALL_LOG_H

#include "authority/call.h"

struct sp_call_log {
    int fd;                   /* -1: none */
    bool tells_refusals;      /* a line for people on stderr too */
    bool is_cut;              /* the last line that reached the file is not whole */
    struct sp_buffer waiting; /* heap */
    int64_t told_at;          /* the second that time_text tells */
    char time_text[40];
};

void sp_call_log_init(struct sp_call_log *log, int fd, bool tells_refusals);
void sp_call_log_add(struct sp_call_log *log, const struct sp_call *call);
/* Writes what waits. A log that cannot be written loses its lines, never the calls. */
void sp_call_log_flush(struct sp_call_log *log);
void sp_call_log_fini(struct sp_call_log *log);

#endif
