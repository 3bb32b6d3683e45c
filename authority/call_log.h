/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON line a call of the authority, written once a turn: what was asked, by whom, what was answered, and for
 * refusals the cause with expected and received. Never a token, code or secret: parameters are not logged. */
#ifndef SP_AUTHORITY_CALL_LOG_H
#define SP_AUTHORITY_CALL_LOG_H

#include "authority/call.h"

struct sp_call_log {
    int fd;                   /* -1: none */
    bool tells_refusals;      /* a line for people on stderr too */
    const char *path;         /* as it is told; NULL: of no file that has a name */
    bool fails;               /* the last write did */
    uint64_t lost;            /* lines that could not be written */
    bool is_cut;              /* the last line that reached the file is not whole */
    struct sp_buffer waiting; /* heap */
    int64_t told_at;          /* the second that time_text tells */
    char time_text[40];
};

/* For lines to be added, made where it is not there. -1 with errno. */
int sp_call_log_open(const char *path);
/* fd stays its owner's; what leads to it may be another file later. */
void sp_call_log_init(struct sp_call_log *log, int fd, bool tells_refusals);
void sp_call_log_add(struct sp_call_log *log, const struct sp_call *call);
/* Goes on in the file that has this name now – a new one, where the old was renamed; what waits is still the old one's.
 * log->fd stays the same number. SP_IO with errno: the file that it had is written on. */
SP_MUST_CHECK enum sp_status sp_call_log_reopen(struct sp_call_log *log, const char *path);
/* Writes what waits. A log that cannot be written loses its lines, never the calls: told on stderr once, and once when
 * it is written again. */
void sp_call_log_flush(struct sp_call_log *log);
void sp_call_log_fini(struct sp_call_log *log);

#endif
