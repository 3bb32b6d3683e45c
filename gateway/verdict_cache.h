/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of accepted tokens: facts (core/diagnosis/facts.h), never verdicts. One table in shared memory for
 * all workers, 264 bytes a token with its share of the index, about LRU (and one of 1 kB entries, a quarter of the
 * memory, for tokens with long scopes or claims). Reading it takes no lock: what was copied counts if no worker wrote
 * to the entry meanwhile.
 *
 * A token is known by a fingerprint of 128 bits under a key that was drawn when the memory was laid out and is told to
 * nobody, which costs half of a SHA-256 and cannot be aimed at. Its place is known earlier, by its last bytes alone.
 *
 * An entry carries the generation it was made under (policy and keys); under another it is not found. It is not found
 * after its time either: the token's exp, or earlier where introspection says so. */
#ifndef SP_GATEWAY_VERDICT_CACHE_H
#define SP_GATEWAY_VERDICT_CACHE_H

#include "gateway/gateway.h"
#include "gateway/shared_table.h"

#define SP_CACHED_FACTS_BYTES 976u /* longer ones are not kept */

extern const struct sp_shared_table_shape sp_cache_shape, sp_cache_large_shape;

struct sp_cache_query {
    void *expected; /* or NULL */
    ngx_shm_zone_t *small, *large;
    struct sp_str token;
    uint64_t generation;
    int64_t now_s;
};

/* The same token will be looked for in `small` soon: its memory is asked for now. `value` may be the Authorization
 * header's, since only the end counts. Goes into the query's `expected`. */
void *sp_verdict_cache_expect(ngx_shm_zone_t *small, struct sp_str value);
/* A hit copies the packed facts into the pool and unpacks them there; *until: the `until_s` they were kept with. */
bool sp_verdict_cache_find(const struct sp_cache_query *query, ngx_pool_t *pool, struct sp_facts *facts,
                           int64_t *until);
/* sp_facts_pack()'s. */
struct sp_packed_facts {
    unsigned char *at;
    uint32_t bytes;
};

/* Remembers until `until_s`; silently not when too large, or too short to have a place. */
void sp_verdict_cache_keep(const struct sp_cache_query *query, const struct sp_packed_facts *facts, int64_t until_s);

#endif
