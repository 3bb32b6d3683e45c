/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/verdict_cache.h"

#include "core/base/secret.h"

#include "core/jose/crypto.h"

#define WORKER_TOKENS 8192u
#define SHA256_BYTES 32u
#define SMALL_FACTS_BYTES 204u

struct entry {
    uint64_t generation;
    int64_t until_s;
    uint32_t bytes;
    unsigned char facts[];
};

#define ENTRY_BYTES(facts_bytes) (offsetof(struct entry, facts) + (facts_bytes))

_Static_assert(
    SHA256_BYTES + ENTRY_BYTES(SMALL_FACTS_BYTES) == 256,
    "four cache lines; the budget: a cached token takes 300 bytes at most, with its share of the set's head");

const struct sp_shared_table_shape sp_cache_shape = {SHA256_BYTES, ENTRY_BYTES(SMALL_FACTS_BYTES)};
const struct sp_shared_table_shape sp_cache_large_shape = {SHA256_BYTES, ENTRY_BYTES(SP_CACHED_FACTS_BYTES)};

struct slot {
    uint64_t generation;
    int64_t until_s;
    uint32_t bytes;
    uint32_t token_len;
    unsigned char fingerprint[SP_FINGERPRINT_BYTES]; /* of the whole token */
    unsigned char facts[SMALL_FACTS_BYTES];
};

#define SLOT_KEY_BYTES 8u
_Static_assert(SLOT_KEY_BYTES + sizeof(struct slot) == 256, "four cache lines");

struct sp_worker_cache {
    struct sp_table *table; /* SLOT_KEY_BYTES → struct slot */
    unsigned char fingerprint_key[SP_FINGERPRINT_KEY_BYTES];
};

#define CACHE_LINE 64u

struct sp_worker_cache *sp_worker_cache_create(void)
{
    const size_t entry = sp_table_entry_bytes(SLOT_KEY_BYTES, sizeof(struct slot));
    const size_t bytes = (WORKER_TOKENS + SP_TABLE_WAYS) * entry / CACHE_LINE * CACHE_LINE;
    struct sp_worker_cache *cache = malloc(sizeof *cache);
    void *block = cache != NULL ? aligned_alloc(CACHE_LINE, bytes) : NULL;
    if (block == NULL || sp_random(cache->fingerprint_key, sizeof cache->fingerprint_key) != SP_OK) {
        free(block);
        free(cache);
        return NULL;
    }
    cache->table = sp_table_init(block, bytes, SLOT_KEY_BYTES, sizeof(struct slot));
    return cache;
}

void sp_worker_cache_destroy(struct sp_worker_cache **cache)
{
    if (*cache == NULL) {
        return;
    }
    free((*cache)->table); /* it begins its block */
    sp_wipe((*cache)->fingerprint_key, sizeof((*cache)->fingerprint_key));
    free(*cache);
    *cache = NULL;
}

/* The end of a token is its signature, or random anyway: spread by a multiplication it is the token's key, known before
 * the token is read. A collision costs a hash, never a wrong answer: the fingerprint is the whole token's. */
static bool key_of(struct sp_str token, uint64_t *key)
{
    uint64_t end;
    if (token.len < sizeof end) {
        return false;
    }
    memcpy(&end, token.at + token.len - sizeof end, sizeof end);
    end *= 0x9e3779b97f4a7c15ull;
    *key = end ^ end >> 32;
    return true;
}

void *sp_verdict_cache_expect(struct sp_worker_cache *cache, struct sp_str value)
{
    uint64_t key;
    return key_of(value, &key) ? sp_table_expect(cache->table, &key, sizeof(struct slot)) : NULL;
}

static const struct slot *find_in_worker(const struct sp_cache_query *query)
{
    uint64_t key;
    if (!key_of(query->token, &key)) {
        return NULL;
    }
    const struct slot *slot = sp_table_find_expected(query->worker->table, &key, query->expected);
    if (slot == NULL || slot->token_len != query->token.len || slot->generation != query->generation ||
        slot->until_s <= query->now_s) {
        return NULL;
    }
    unsigned char fingerprint[SP_FINGERPRINT_BYTES];
    sp_fingerprint(query->worker->fingerprint_key, query->token, fingerprint);
    const bool is_same = sp_secret_equal(sp_str((const char *)fingerprint, sizeof fingerprint),
                                         sp_str((const char *)slot->fingerprint, sizeof slot->fingerprint));
    return is_same ? slot : NULL;
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
    uint64_t key;
    if (bytes > SMALL_FACTS_BYTES || !key_of(query->token, &key)) {
        return;
    }
    struct slot *slot = sp_table_claim(query->worker->table, &key);
    slot->generation = query->generation;
    slot->until_s = until_s;
    slot->bytes = bytes;
    slot->token_len = (uint32_t)query->token.len;
    memcpy(slot->facts, facts, bytes);
    sp_fingerprint(query->worker->fingerprint_key, query->token, slot->fingerprint);
    sp_table_commit(query->worker->table, &key, slot);
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

enum sp_cache_level sp_verdict_cache_find(const struct sp_cache_query *query, ngx_pool_t *pool, struct sp_facts *facts,
                                          int64_t *until)
{
    const struct slot *slot = find_in_worker(query);
    if (slot != NULL) {
        *until = slot->until_s;
        return unpack(pool, slot->facts, slot->bytes, facts) ? SP_CACHE_WORKER : SP_CACHE_MISS;
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
    *until = until_s;
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

void sp_verdict_cache_keep(const struct sp_cache_query *query, const struct sp_packed_facts *facts, int64_t until_s)
{
    if (facts->bytes > SP_CACHED_FACTS_BYTES || until_s <= query->now_s) {
        return;
    }
    keep_in_zone(facts->bytes <= SMALL_FACTS_BYTES ? query->small : query->large, query, hash_of(query), facts->at,
                 facts->bytes, until_s);
    /* Not in the worker: a token used once would push out, and touch memory for, one that is used again. */
}
