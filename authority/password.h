/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords as argon2id (OWASP's parameters), and how fast they may be guessed: after a few wrong ones each further try
 * of an account has to wait, doubling, so that guessing is hopeless while its owner is never locked out for good. */
#ifndef SP_AUTHORITY_PASSWORD_H
#define SP_AUTHORITY_PASSWORD_H

#include "authority/store.h"

#define SP_MAX_PASSWORD_BYTES 1024u
#define SP_MIN_PASSWORD_CHARACTERS 8u

/* The encoded hash, in arena. */
SP_MUST_CHECK enum sp_status sp_password_hash(struct sp_arena *arena, struct sp_str password, struct sp_str *encoded);
bool sp_password_matches(struct sp_str encoded, struct sp_str password);
/* The same time as a comparison takes, for an account that does not exist. */
void sp_password_pretend(struct sp_str password);
/* Seconds until the account may try again; 0: now. */
int64_t sp_password_wait(int64_t failures, int64_t failed_at, int64_t now);

#endif
