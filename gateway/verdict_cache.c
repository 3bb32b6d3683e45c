/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/verdict_cache.h"

#include "core/base/secret.h"

#include "core/jose/crypto.h"

#define WORKER_SLOTS 256u
#define WORKER_TOKEN_BYTES 2048u
#define SHA256_BYTES 32u
#define SMALL_FACTS_BYTES 208u

struct entry {
    uint64_t generation;
    int64_t until_s;
    uint32_t bytes;
    unsigned char facts[];
};

#define ENTRY_BYTES(facts_bytes) (offsetof(struct entry, facts) + (facts_bytes))

_Static_assert(SHA256_BYTES + ENTRY_BYTES(SMALL_FACTS_BYTES) + 2 * sizeof(uint32_t) <= 300,
               "the budget: a cached token takes 300 bytes at most, with its share of the set's head");

const struct sp_shared_table_shape sp_cache_shape = {SHA256_BYTES, ENTRY_BYTES(SMALL_FACTS_BYTES)};
const struct sp_shared_table_shape sp_cache_large_shape = {SHA256_BYTES, ENTRY_BYTES(SP_CACHED_FACTS_BYTES)};

struct slot {
    struct slot_head {
        uint64_t generation;
        int64_t until_s;
        uint32_t bytes, token_len; /* token_len 0: empty */
    } head;
    unsigned char facts[SMALL_FACTS_BYTES];
    unsigned char token[WORKER_TOKEN_BYTES];
};

struct sp_worker_cache {
    struct slot slots[WORKER_SLOTS];
};

struct sp_worker_cache *sp_worker_cache_create(void)
{
    return calloc(1, sizeof(struct sp_worker_cache));
}

void sp_worker_cache_destroy(struct sp_worker_cache **cache)
{
    free(*cache);
    *cache = NULL;
}

/* The end of a token is its signature, or random anyway. A collision costs a hash, never a wrong answer: the whole
 * token is compared. */
static struct slot *slot_of(struct sp_worker_cache *cache, struct sp_str token)
{
    uint64_t end;
    if (token.len < sizeof end || token.len > WORKER_TOKEN_BYTES) {
        return NULL;
    }
    memcpy(&end, token.at + token.len - sizeof end, sizeof end);
    return &cache->slots[(end * 0x9e3779b97f4a7c15ull) >> 56];
}
_Static_assert(WORKER_SLOTS == 256, "slot_of takes the top 8 bits");

static const struct slot *find_in_worker(const struct sp_cache_query *query)
{
    const struct slot *slot = slot_of(query->worker, query->token);
    if (slot == NULL || slot->head.token_len != query->token.len || slot->head.generation != query->generation ||
        slot->head.until_s <= query->now_s ||
        !sp_secret_equal(sp_str((const char *)slot->token, slot->head.token_len), query->token)) {
        return NULL;
    }
    return slot;
}

/* The slot, or the entry in shared memory, may be another's before the call ends: the call has its own copy. */
static bool unpack(ngx_pool_t *pool, const unsigned char *packed, uint32_t bytes, struct sp_facts *facts)
{
    unsigned char *copy = ngx_palloc(pool, bytes);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, packed, bytes);
    return sp_facts_unpack(copy, bytes, facts) == SP_OK;
}

static void keep_in_worker(const struct sp_cache_query *query, const unsigned char *facts, uint32_t bytes,
                           int64_t until_s)
{
    struct slot *slot = slot_of(query->worker, query->token);
    if (slot == NULL || bytes > SMALL_FACTS_BYTES) {
        return;
    }
    slot->head = (struct slot_head){query->generation, until_s, bytes, (uint32_t)query->token.len};
    memcpy(slot->facts, facts, bytes);
    memcpy(slot->token, query->token.at, query->token.len);
}

/* Until when the found entry holds; 0: not found. */
static int64_t find_in_zone(ngx_shm_zone_t *zone, size_t max_bytes, const struct sp_cache_query *query,
                            const unsigned char *sha256, unsigned char *block, uint32_t *bytes)
{
    struct sp_table *table = sp_shared_table_lock(zone);
    if (table == NULL) {
        return 0;
    }
    int64_t until_s = 0;
    const struct entry *entry = sp_table_find(table, sha256);
    if (entry != NULL && entry->generation == query->generation && entry->until_s > query->now_s &&
        entry->bytes <= max_bytes) {
        until_s = entry->until_s;
        *bytes = entry->bytes;
        memcpy(block, entry->facts, entry->bytes);
    }
    sp_shared_table_unlock(zone);
    return until_s;
}

static const unsigned char *hash_of(const struct sp_cache_query *query)
{
    if (!query->hash->is_known) {
        sp_sha256(query->token, query->hash->sha256);
        query->hash->is_known = true;
    }
    return query->hash->sha256;
}

enum sp_cache_level sp_verdict_cache_find(const struct sp_cache_query *query, ngx_pool_t *pool, struct sp_facts *facts)
{
    const struct slot *slot = find_in_worker(query);
    if (slot != NULL) {
        return unpack(pool, slot->facts, slot->head.bytes, facts) ? SP_CACHE_WORKER : SP_CACHE_MISS;
    }
    uint32_t bytes = 0;
    unsigned char packed[SP_CACHED_FACTS_BYTES];
    const unsigned char *sha256 = hash_of(query);
    int64_t until_s = find_in_zone(query->small, SMALL_FACTS_BYTES, query, sha256, packed, &bytes);
    if (until_s == 0) {
        until_s = find_in_zone(query->large, SP_CACHED_FACTS_BYTES, query, sha256, packed, &bytes);
    }
    if (until_s == 0 || !unpack(pool, packed, bytes, facts)) {
        return SP_CACHE_MISS;
    }
    keep_in_worker(query, packed, bytes, until_s);
    return SP_CACHE_SHARED;
}

static void keep_in_zone(ngx_shm_zone_t *zone, const struct sp_cache_query *query, const unsigned char *sha256,
                         const unsigned char *facts, uint32_t bytes, int64_t until_s)
{
    struct sp_table *table = sp_shared_table_lock(zone);
    if (table == NULL) {
        return;
    }
    struct entry *entry = sp_table_claim(table, sha256);
    entry->generation = query->generation;
    entry->until_s = until_s;
    entry->bytes = bytes;
    memcpy(entry->facts, facts, bytes);
    sp_table_commit(table, sha256, entry);
    sp_shared_table_unlock(zone);
}

void sp_verdict_cache_keep(const struct sp_cache_query *query, const struct sp_facts *facts, int64_t until_s)
{
    const size_t bytes = sp_facts_packed_size(facts);
    if (bytes > SP_CACHED_FACTS_BYTES || until_s <= query->now_s) {
        return;
    }
    unsigned char packed[SP_CACHED_FACTS_BYTES];
    sp_facts_pack(facts, packed);
    keep_in_zone(bytes <= SMALL_FACTS_BYTES ? query->small : query->large, query, hash_of(query), packed,
                 (uint32_t)bytes, until_s);
    /* Not in the worker: a token used once would push out, and touch memory for, one that is used again. */
}
