/* SPDX-License-Identifier: Apache-2.0 */
/* Opaque access tokens and refresh tokens as values: nearly all of what the store holds. A value begins with the time
 * at which it was made, and so does the hash by which the store knows it: what is made together lies together in the
 * store's index, where each would else change a page of its own. Behind the time stand 208 random bits, and in the hash
 * 208 bits of the whole value's SHA-256.
 *
 *   value   prefix of 5 ‖ base64url(milliseconds since 1970, 6 bytes ‖ 26 random bytes)     48 characters
 *   hash    the same 6 bytes ‖ the last 26 bytes of SHA-256(value) */
#ifndef SP_AUTHORITY_TOKEN_HANDLE_H
#define SP_AUTHORITY_TOKEN_HANDLE_H

#include "authority/store.h"
#include "core/jose/crypto.h"

#define SP_REFRESH_TOKEN_PREFIX "sprt_"

/* A new value and its hash; absent without memory. prefix: 5 characters. */
struct sp_str sp_token_handle_make(struct sp_arena *arena, const char *prefix, unsigned char hash[32]);
/* The value that follows `before`, used at `at` (s): the same whenever and on whichever node it is asked for, so that
 * it can be given a second time and is never stored. Without the key nobody finds it; whoever has the key and an old
 * value finds the ones behind it. Absent without memory. */
struct sp_str sp_token_handle_follow(struct sp_arena *arena, const char *prefix, const struct sp_key *key,
                                     struct sp_str before, int64_t at, unsigned char hash[32]);
/* Its key. secret: the authority's process_secret. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_token_handle_follow_key(const unsigned char secret[32], struct sp_key **key);
/* Its ticket, with its hash; those of earlier versions, known by their whole SHA-256, too. SP_NOT_FOUND as the store's
 * find_ticket. */
enum sp_status sp_token_handle_find(struct sp_store *store, enum sp_ticket_kind kind, struct sp_str value,
                                    struct sp_arena *arena, struct sp_ticket *ticket);

#endif
