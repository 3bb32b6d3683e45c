/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that somebody outside is to get, and whose answer nobody here waits for: a record of the store, written in
 * the transaction of its reason, so that a crash neither loses one nor sends one for what did not happen. The server's
 * outbox (outbox.h) delivers them, at least once, with retries, until they are delivered, refused or too old.
 *
 *   put ──► due ──► an attempt is leased and made ──► delivered: forgotten
 *            ▲                                   ├──► later: due again, after a wait that doubles
 *            └───────────────────────────────────┘ └► never, too often, too old: forgotten, with a line in the log
 *
 * A kind is a row of outgoing.def and two functions. */
#ifndef SP_AUTHORITY_OUTGOING_H
#define SP_AUTHORITY_OUTGOING_H

#include "authority/errand.h"

enum sp_outgoing_kind {
#define OUTGOING(NAME, ...) SP_OUTGOING_##NAME,
#include "authority/outgoing.def"
#undef OUTGOING
    SP_OUTGOING_COUNT
};

struct sp_outgoing {
    enum sp_outgoing_kind kind;
    struct sp_str to;              /* URL or address: where, for the log too; absent: prepare finds it */
    struct sp_str owner;           /* client_id or account */
    const struct sp_json *content; /* an object; what it holds is its kind's affair */
    unsigned attempts;             /* made, this one included */
    int64_t expires_at;
};

enum sp_outgoing_outcome { SP_OUTGOING_DELIVERED, SP_OUTGOING_LATER, SP_OUTGOING_NEVER };

struct sp_outgoing_row {
    const char *name;
    int64_t lifetime_s;
    unsigned max_attempts;
    /* The errand of one attempt, in arena; may fill message->to. SP_NOT_FOUND: there is nothing left to deliver. */
    enum sp_status (*prepare)(struct sp_authority *authority, struct sp_arena *arena, struct sp_outgoing *message,
                              int64_t now, struct sp_errand **errand);
    /* What came of it. *status: of an HTTP answer, else 0; *what: in words, for the log, in arena. */
    enum sp_outgoing_outcome (*judge)(struct sp_arena *arena, const struct sp_errand *errand, int *status,
                                      struct sp_str *what);
    enum sp_cause lost;
};

const struct sp_outgoing_row *sp_outgoing_row(enum sp_outgoing_kind kind);

/* Messages are due, and grow too old, by the time that is credible (credible_time.h): a clock that is set ahead for a
 * minute throws none away, and one that waits is not left lying when it is mended. */
int64_t sp_outgoing_time(const struct sp_authority *authority, int64_t now);

/* content: JSON of an object. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_outgoing_put(struct sp_call *call, enum sp_outgoing_kind kind, struct sp_str to,
                                             struct sp_str owner, struct sp_str content);

/* ---- for the outbox ---- */
/* SP_MALFORMED: no message of ours. Borrows from record and arena. */
SP_MUST_CHECK enum sp_status sp_outgoing_read(struct sp_arena *arena, const struct sp_record *record,
                                              struct sp_outgoing *message);
/* The record of the message with its attempts, due at due_at. */
SP_MUST_CHECK enum sp_status sp_outgoing_write(struct sp_arena *arena, const struct sp_outgoing *message,
                                               struct sp_record *record, int64_t due_at);
/* Seconds until the next attempt after `attempts` of them: 2, 4, 8 … 3600, up to a quarter less by jitter. */
bool sp_outgoing_is_due(int64_t due_at, int64_t time);
int64_t sp_outgoing_wait(unsigned attempts, uint32_t jitter);

#define OUTGOING(NAME, name, lifetime_s, max_attempts, prepare, judge, lost)                                           \
    enum sp_status prepare(struct sp_authority *authority, struct sp_arena *arena, struct sp_outgoing *message,        \
                           int64_t now, struct sp_errand **errand);                                                    \
    enum sp_outgoing_outcome judge(struct sp_arena *arena, const struct sp_errand *errand, int *status,                \
                                   struct sp_str *what);
#include "authority/outgoing.def"
#undef OUTGOING

#endif
