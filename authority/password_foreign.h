/* SPDX-License-Identifier: Apache-2.0 */
/* Password hashes that come from other systems: bcrypt ($2a$, $2b$, $2y$) and SHA-crypt ($5$, $6$), verified by
 * libcrypt. They are taken as they are and replaced by argon2id when their owner signs in. Parameters that would let
 * one sign-in take seconds or a machine's memory are refused, argon2id's as well. */
#ifndef SP_AUTHORITY_PASSWORD_FOREIGN_H
#define SP_AUTHORITY_PASSWORD_FOREIGN_H

#include <stdbool.h>
#include "core/base/str.h"

#define SP_PASSWORD_HASHES_TAKEN "argon2id, bcrypt ($2a$, $2b$, $2y$) and SHA-crypt ($5$, $6$)"

/* NULL: it is a hash that can be verified here; else what is wrong with it. */
const char *sp_password_hash_trouble(struct sp_str encoded);
bool sp_password_hash_is_foreign(struct sp_str encoded);
/* Of a foreign hash; false for what is none. Safe in any thread. */
bool sp_password_foreign_matches(struct sp_str encoded, struct sp_str password);

#endif
