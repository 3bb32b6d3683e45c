/* SPDX-License-Identifier: Apache-2.0 */
/* Values that nobody guesses – tokens, codes, session ids – and what is kept of them. */
#ifndef SP_AUTHORITY_HANDLE_H
#define SP_AUTHORITY_HANDLE_H

#include "core/base/arena.h"
#include "core/base/str.h"

/* From OpenSSL's generator; aborts when it cannot give any: nothing safe could follow. */
void sp_random_bytes(void *at, size_t len);
/* prefix + base64url of `bytes` (≤ 64) random bytes; absent without memory. */
struct sp_str sp_handle_make(struct sp_arena *arena, const char *prefix, size_t bytes);
#define SP_HANDLE_BYTES 32u
/* The name of a family of tickets: unique, no secret (tokens show it as grant_id). It begins with the time, so that the
 * store's index has those of one time together. Absent without memory. */
struct sp_str sp_family_make(struct sp_arena *arena, int64_t now);

/* HMAC-SHA256 under 32 bytes. */
void sp_mac(const unsigned char key[32], struct sp_str text, unsigned char mac[32]);
/* base64url of the bytes; absent without memory. */
struct sp_str sp_base64url_of(struct sp_arena *arena, const void *at, size_t len);

#endif
