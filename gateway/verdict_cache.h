/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of accepted tokens: facts (core/diagnosis/facts.h), never verdicts. Two levels:
 *
 *   worker: the 8,192 tokens used last, under a fingerprint whose key the worker drew, so that a token in use costs no
 *           lock and no SHA-256 (264 bytes each, as they come: at most 2.2 MB a worker);
 *   shared: a table in shared memory keyed by the token's SHA-256, 264 bytes an entry, LRU, for all workers
 *           (and one of 1 kB entries, a quarter of the memory, for tokens with long scopes or claims).
 *
 * An entry carries the generation it was made under (policy and keys); under another it is not found. It is not found
 * after its time either: the token's exp, or earlier where introspection says so. */
#ifndef SP_GATEWAY_VERDICT_CACHE_H
#define SP_GATEWAY_VERDICT_CACHE_H

#include "gateway/gateway.h"
#include "gateway/shared_table.h"

#define SP_CACHED_FACTS_BYTES 976u /* longer ones are not kept */

extern const struct sp_shared_table_shape sp_cache_shape, sp_cache_large_shape;

struct sp_worker_cache;

/* One worker's tokens; NULL without memory. */
struct sp_worker_cache *sp_worker_cache_create(void);
void sp_worker_cache_destroy(struct sp_worker_cache **cache);

enum sp_cache_level { SP_CACHE_MISS, SP_CACHE_SHARED, SP_CACHE_WORKER };

/* A token's SHA-256, made when it is first needed. */
struct sp_token_hash {
    bool is_known;
    unsigned char sha256[32];
};

struct sp_cache_query {
    struct sp_worker_cache *worker;
    void *expected; /* or NULL */
    ngx_shm_zone_t *small, *large;
    struct sp_str token;
    struct sp_token_hash *hash; /* of the token */
    uint64_t generation;
    int64_t now_s;
};

/* The same token will be looked for soon: its memory in the worker is asked for now. `value` may be the Authorization
 * header's, since only the end and the length count. Goes into the query's `expected`; holds until the next keep. */
void *sp_verdict_cache_expect(struct sp_worker_cache *cache, struct sp_str value);
/* A hit copies the packed facts into the pool and unpacks them there; *until: the `until_s` they were kept with. */
enum sp_cache_level sp_verdict_cache_find(const struct sp_cache_query *query, ngx_pool_t *pool, struct sp_facts *facts,
                                          int64_t *until);
/* sp_facts_pack()'s. */
struct sp_packed_facts {
    unsigned char *at;
    uint32_t bytes;
};

/* Remembers until `until_s`; silently not when too large. */
void sp_verdict_cache_keep(const struct sp_cache_query *query, const struct sp_packed_facts *facts, int64_t until_s);

#endif
