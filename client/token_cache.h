/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens kept between commands: one JSON file that only its owner can read (0600, checked before it is believed),
 * changed under a lock and by rename, so that two commands at once neither lose an entry nor spend a refresh token
 * twice. Losing the file loses logins, nothing else. */
#ifndef SP_CLIENT_TOKEN_CACHE_H
#define SP_CLIENT_TOKEN_CACHE_H

#include "client/session.h"

#define SP_MAX_TOKEN_CACHE_BYTES ((size_t)8 * 1024 * 1024)
#define SP_MAX_CACHED_TOKENS 256u

/* Whose token for what. Two questions that differ in any of these have entries of their own. */
struct sp_token_key {
    struct sp_str issuer, client_id, grant, scope;
    struct sp_str_list resources, audiences, parameters;
    struct sp_str subject; /* the token that was exchanged; a secret: only its hash is kept */
    const struct sp_key *dpop;
};

struct sp_token_cache;

/* Opens (and makes, with its folder) the file and takes the lock; waits for who holds it. NULL path: a cache that keeps
 * nothing. SP_IO: *why says it, with the path. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_token_cache_open(struct sp_arena *arena, const char *path,
                                                 struct sp_token_cache **cache, struct sp_str *why);
/* Gives the lock back. */
void sp_token_cache_close(struct sp_token_cache **cache);

/* False: there is none. Texts in the arena. Whether it is still good is the caller's to see. */
bool sp_token_cache_find(struct sp_token_cache *cache, const struct sp_token_key *key, struct sp_client_tokens *tokens);
/* Replaces the entry of that key (tokens NULL: takes it out), drops what has expired for good, writes the file. */
SP_MUST_CHECK enum sp_status sp_token_cache_put(struct sp_token_cache *cache, const struct sp_token_key *key,
                                                const struct sp_client_tokens *tokens, int64_t now, struct sp_str *why);

#endif
