/* SPDX-License-Identifier: Apache-2.0 */
/* core/backtest: calls that were judged once, judged again under another policy. A line of the call log
 * (recorded_call.c, written by gateway/record.c) becomes a recorded call; it takes the way of a request through a
 * policy (rejudge.c: route, credential, examination, consumer, limits) by the same functions as in the gateway; what
 * differs is counted (tally.c). A log is an outside text: it may lie, be cut, be of another version. What a line does
 * not tell is never guessed. */
#ifndef SP_BACKTEST_RECORDED_CALL_H
#define SP_BACKTEST_RECORDED_CALL_H

#include "core/diagnosis/recorded.h"

enum sp_recorded_credential {
    SP_RECORDED_UNSEEN, /* it was not looked at, or could not be taken */
    SP_RECORDED_NONE,
    SP_RECORDED_BEARER,
    SP_RECORDED_QUERY, /* a bearer token in the URL */
    SP_RECORDED_DPOP,
    SP_RECORDED_API_KEY,
};

struct sp_recorded_call {
    struct sp_str request_id, time; /* time: as written */
    struct sp_str api, method, host, path, client_address;
    struct sp_str consumer, client_id; /* absent where not known; client_id of a refused token is a rumour */
    int64_t judged_at;                 /* epoch seconds */
    bool is_preflight;                 /* CORS: no credential, no judgement */
    bool accepted;
    enum sp_cause cause; /* of the refusal; SP_CAUSE_NONE: accepted, or refused without one */
    enum sp_recorded_credential credential;
    bool has_token; /* the line tells of the token */
    struct sp_recorded_token token;
};

/* line: a parsed line. SP_UNSUPPORTED: not the line of a call. SP_NO_MEMORY. Texts are those of the line; what has to
 * be made is in arena. */
SP_MUST_CHECK enum sp_status sp_recorded_call_read(struct sp_arena *arena, const struct sp_json *line,
                                                   struct sp_recorded_call *call);

/* "2026-11-23T13:41:03.123Z" as milliseconds since 1970; fraction and seconds may be absent, so may the time of day and
 * the Z. SP_MALFORMED. */
SP_MUST_CHECK enum sp_status sp_recorded_time(struct sp_str text, int64_t *ms);

#endif
