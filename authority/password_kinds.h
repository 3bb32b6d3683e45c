/* SPDX-License-Identifier: Apache-2.0 */
/* What a wrong password costs must not tell whose it was. Accounts from other systems have hashes of other kinds –
 * bcrypt of cost 12, SHA-crypt, argon2id with other parameters – each with a time of its own. So the store keeps which
 * kinds its accounts have, and a password that is wrong is hashed once by each of them, whichever the account has and
 * whether there is one: by its own first, by decoys of the others then. A right one costs its own kind alone.
 *
 * A kind is noted when an account gets it, and whenever a sign-in meets it (accounts may be older than the note: their
 * first wrong password takes its own time, once for all of them); one that was not met for 90 days costs nobody
 * anything any more. At most SP_MAX_PASSWORD_KINDS; further ones stand out, as all did before. */
#ifndef SP_AUTHORITY_PASSWORD_KINDS_H
#define SP_AUTHORITY_PASSWORD_KINDS_H

#include "authority/store.h"

/* The part of a hash that decides what it costs, such as `$2b$12$`; absent for what is none. Borrowed, or in arena. */
struct sp_str sp_password_kind(struct sp_arena *arena, struct sp_str encoded);

/* An account has this hash; our own kind needs no note. Within the caller's write; writes once a day at most. */
SP_MUST_CHECK enum sp_status sp_password_kinds_note(struct sp_store *store, struct sp_arena *arena,
                                                    struct sp_str encoded, int64_t now);

/* Hashes of nobody, one of each kind that is in use but for the one of `encoded`, in arena. */
SP_MUST_CHECK enum sp_status sp_password_kinds_besides(struct sp_store *store, struct sp_arena *arena,
                                                       struct sp_str encoded, int64_t now, struct sp_str **besides,
                                                       size_t *count);

#endif
