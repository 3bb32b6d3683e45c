/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords as argon2id (OWASP's parameters), and how fast they may be guessed: after a few wrong ones each further try
 * has to wait, doubling, so that guessing is hopeless while nobody is locked out for good. Whose tries count together,
 * guess.h decides. */
#ifndef SP_AUTHORITY_PASSWORD_H
#define SP_AUTHORITY_PASSWORD_H

#include "authority/store.h"

#define SP_MAX_PASSWORD_BYTES 1024u
#define SP_MIN_PASSWORD_CHARACTERS 8u
/* Wrong ones before the first wait. */
#define SP_FREE_FAILURES 5

/* The encoded hash, in arena. */
SP_MUST_CHECK enum sp_status sp_password_hash(struct sp_arena *arena, struct sp_str password, struct sp_str *encoded);
/* The same into a text of our own, ends with NUL; may run on any thread, as may the next. */
#define SP_PASSWORD_ENCODED_BYTES 160u
SP_MUST_CHECK enum sp_status sp_password_hash_into(struct sp_str password, char encoded[SP_PASSWORD_ENCODED_BYTES]);
bool sp_password_matches(struct sp_str encoded, struct sp_str password);
/* How often this process computed a hash, by who computes it. */
struct sp_password_work {
    _Atomic uint64_t argon2, foreign;
};
extern struct sp_password_work sp_password_work;
/* What an account that does not exist is compared with, so that it takes the same time; nothing matches it. */
struct sp_str sp_password_of_nobody(void);
/* Seconds until the next try; 0: now. A failure of the future, from before the clock was put right, makes
 * nobody wait longer than twice what it would otherwise. */
int64_t sp_password_wait(int64_t failures, int64_t failed_at, int64_t now);

#endif
