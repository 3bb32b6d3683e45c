/* SPDX-License-Identifier: Apache-2.0 */
/* What a call needs before it can be answered and what takes too long for the one loop: an argon2 hash, an answer of an
 * outside server. An endpoint asks as if it were a function call:
 *
 *   if (sp_errand_http(call, &request, &report) != SP_GOES_ON)
 *       return SP_WAITS;
 *
 * The first time the result is not there: the endpoint has to stop at once, having written nothing (undo what it
 * began). The server suspends the connection, a thread of the pool (errand_pool.h) runs the errand, and the endpoint is
 * called again from its top; what it asks again with the same values is answered from memory. What the endpoint decided
 * before it asked is decided anew, since the store may have changed meanwhile; one-time values that it used up are
 * remembered as its own (replay.h).
 *
 * Endpoints stay functions without a thread: a test runs sp_errand_run itself, or writes a result into the errand and
 * sets `done`. Everything of an errand lives in the call's arena; while it runs nobody else touches that arena. */
#ifndef SP_AUTHORITY_ERRAND_H
#define SP_AUTHORITY_ERRAND_H

#include "authority/call.h"
#include "authority/password.h"
#include "core/diagnosis/fetch_report.h"
#include "probe/http_request.h"
#include "probe/mail_call.h"

/* Rows of the table in errand.c. */
enum sp_errand_kind {
    SP_ERRAND_PASSWORD_VERIFY,
    SP_ERRAND_PASSWORD_HASH,
    SP_ERRAND_PASSWORD_HASHES, /* of many passwords, one after the other */
    SP_ERRAND_HTTP,
    SP_ERRAND_MAIL,
    SP_ERRAND_KEY,    /* a signing key is made; no call waits for it */
    SP_ERRAND_FOLLOW, /* another call's errand, on which this one waits too: no thread runs it */
};

/* Who must not wait for whom: processor time, answers that a call waits for, messages that nobody waits for. */
enum sp_errand_lane { SP_LANE_COMPUTE, SP_LANE_NETWORK, SP_LANE_DELIVERY };
#define SP_LANE_COUNT 3u

struct sp_http_call;
struct sp_signer;

struct sp_errand {
    struct sp_errand *asked_before; /* of the same call */
    enum sp_errand_kind kind;
    enum sp_errand_lane lane;
    /* asked */
    struct sp_str password, encoded;
    const struct sp_str *passwords; /* borrowed from the call */
    size_t password_count;
    const struct sp_str *besides; /* likewise: what a wrong password is hashed by as well */
    size_t beside_count;
    struct sp_http_request request;
    struct sp_mail_request mail;
    struct sp_str algorithm; /* of a key */
    /* answered, once done */
    bool done, matches;
    enum sp_status status; /* SP_NO_MEMORY: it could not be run */
    char hash[SP_PASSWORD_ENCODED_BYTES];
    char (*hashes)[SP_PASSWORD_ENCODED_BYTES];
    const struct sp_fetch_report *report;
    struct sp_http_call *http;
    struct sp_mail_report mail_report;
    struct sp_signer *signer; /* the taker's; NULL when it could not be made */
    /* Called on the loop's thread once the errand is done, or not done because it was turned away: before anybody is
     * called again. May be NULL. */
    void (*settle)(struct sp_errand *errand, int64_t now);
    void *settles;
    struct sp_errand *followers, *next_follower; /* of FOLLOW: those that wait for this one */
    struct sp_errand *leader;
    /* the pool's */
    struct sp_errand *next;
    void (*finished)(void *context, struct sp_errand *errand);
    void *context;
};

/* SP_GOES_ON with the result; SP_WAITS: hand it up; SP_DENIED: our failure, answered. */
SP_MUST_CHECK enum sp_step sp_errand_password_verify(struct sp_call *call, struct sp_str encoded,
                                                     struct sp_str password, bool *matches);
/* The same for somebody who may be guessing: one that is wrong takes as long for every account, and for none
 * (password_kinds.h). */
SP_MUST_CHECK enum sp_step sp_errand_password_judge(struct sp_call *call, struct sp_str encoded, struct sp_str password,
                                                    bool *matches);
SP_MUST_CHECK enum sp_step sp_errand_password_hash(struct sp_call *call, struct sp_str password,
                                                   struct sp_str *encoded);
/* Of all of them; passwords live as long as the call. *hashes in the order of passwords. */
SP_MUST_CHECK enum sp_step sp_errand_password_hashes(struct sp_call *call, const struct sp_str *passwords, size_t count,
                                                     const char (**hashes)[SP_PASSWORD_ENCODED_BYTES]);
/* Limits of the request that are 0 become those of core/base/limits.h; blocked networks and CA file become the
 * settings'. What came of it is evidence: an URL that may not be asked is report->failure too. The same request asked
 * twice within a call gets the same answer. */
SP_MUST_CHECK enum sp_step sp_errand_http(struct sp_call *call, const struct sp_http_request *request,
                                          const struct sp_fetch_report **report);

/* The same without a call: for what the server asks itself. In arena; not run yet. */
SP_MUST_CHECK enum sp_status sp_errand_make_http(struct sp_arena *arena, const struct sp_authority *authority,
                                                 const struct sp_http_request *request, struct sp_errand **errand);

/* The call waits for an errand that was made for it; or for one that another call waits for already. */
SP_MUST_CHECK enum sp_step sp_errand_wait(struct sp_call *call, struct sp_errand *errand);
SP_MUST_CHECK enum sp_step sp_errand_follow(struct sp_call *call, struct sp_errand *leader);
/* Runs settle, once. */
void sp_errand_settle(struct sp_errand *errand, int64_t now);

/* A message by SMTP; times that are 0 and the CA file become the settings'. */
SP_MUST_CHECK enum sp_status sp_errand_make_mail(struct sp_arena *arena, const struct sp_authority *authority,
                                                 const struct sp_mail_request *request, struct sp_errand **errand);

/* A key of the algorithm, for the key ring; in place of whatever *errand was. */
void sp_errand_init_key(struct sp_errand *errand, struct sp_str algorithm);

/* Blocking, on any thread. Sets done. */
void sp_errand_run(struct sp_errand *errand);

#endif
