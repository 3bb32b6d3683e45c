/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/verdict_cache.h"

#include "core/base/secret.h"
#include "core/jose/crypto.h"

#define KEY_BYTES 8u
#define SMALL_FACTS_BYTES 204u

struct entry {
    uint64_t generation;
    int64_t until_s;
    unsigned char fingerprint[SP_FINGERPRINT_BYTES]; /* of the whole token */
    uint32_t bytes;
    unsigned char facts[];
};

#define ENTRY_BYTES(facts_bytes) (offsetof(struct entry, facts) + (facts_bytes))

_Static_assert(SP_FINGERPRINT_KEY_BYTES == SP_TABLE_SEED_BYTES, "the table's seed is the fingerprints' key");

const struct sp_shared_table_shape sp_cache_shape = {KEY_BYTES, ENTRY_BYTES(SMALL_FACTS_BYTES)};
const struct sp_shared_table_shape sp_cache_large_shape = {KEY_BYTES, ENTRY_BYTES(SP_CACHED_FACTS_BYTES)};

/* The end of a token is its signature, or random anyway: spread by a multiplication it is the token's key, known before
 * the token is read. Two with one end push each other out, and never pass for each other: the fingerprint is the whole
 * token's. */
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

void *sp_verdict_cache_expect(ngx_shm_zone_t *small, struct sp_str value)
{
    uint64_t key;
    struct sp_table *table = sp_shared_table_of(small);
    return table != NULL && key_of(value, &key) ? sp_table_expect(table, &key, ENTRY_BYTES(SMALL_FACTS_BYTES)) : NULL;
}

static bool is_of(struct sp_table *table, const struct entry *entry, const struct sp_cache_query *query)
{
    if (entry->generation != query->generation || entry->until_s <= query->now_s) {
        return false;
    }
    unsigned char fingerprint[SP_FINGERPRINT_BYTES];
    sp_fingerprint(sp_table_seed(table), query->token, fingerprint);
    return sp_secret_equal(sp_str((const char *)fingerprint, sizeof fingerprint),
                           sp_str((const char *)entry->fingerprint, sizeof entry->fingerprint));
}

/* All of it may be another's the next moment, so it is copied first and believed when it turns out to have been the
 * same all the while. */
static bool find_in(ngx_shm_zone_t *zone, size_t max_bytes, const struct sp_cache_query *query, void *expected,
                    ngx_pool_t *pool, struct sp_facts *facts, int64_t *until)
{
    uint64_t key;
    uint32_t version;
    struct sp_table *table = sp_shared_table_of(zone);
    const struct entry *entry =
        table != NULL && key_of(query->token, &key) ? sp_table_peek(table, &key, expected, &version) : NULL;
    if (entry == NULL || !is_of(table, entry, query)) {
        return false;
    }
    const uint32_t bytes = *(const volatile uint32_t *)&entry->bytes; /* read once: checked, then used */
    unsigned char *copy = bytes <= max_bytes ? ngx_palloc(pool, bytes) : NULL;
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, entry->facts, bytes);
    const int64_t until_s = entry->until_s;
    if (!sp_table_is_unchanged(entry, version) || sp_facts_unpack(copy, bytes, facts) != SP_OK) {
        return false;
    }
    *until = until_s;
    return true;
}

bool sp_verdict_cache_find(const struct sp_cache_query *query, ngx_pool_t *pool, struct sp_facts *facts, int64_t *until)
{
    return find_in(query->small, SMALL_FACTS_BYTES, query, query->expected, pool, facts, until) ||
           find_in(query->large, SP_CACHED_FACTS_BYTES, query, NULL, pool, facts, until);
}

void sp_verdict_cache_keep(const struct sp_cache_query *query, const struct sp_packed_facts *facts, int64_t until_s)
{
    uint64_t key;
    if (facts->bytes > SP_CACHED_FACTS_BYTES || until_s <= query->now_s || !key_of(query->token, &key)) {
        return;
    }
    ngx_shm_zone_t *zone = facts->bytes <= SMALL_FACTS_BYTES ? query->small : query->large;
    struct sp_table *table = sp_shared_table_of(zone);
    if (table == NULL) {
        return;
    }
    unsigned char fingerprint[SP_FINGERPRINT_BYTES];
    sp_fingerprint(sp_table_seed(table), query->token, fingerprint); /* before the lock */
    if (sp_shared_table_lock(zone) == NULL) {
        return;
    }
    struct entry *entry = sp_table_claim(table, &key);
    entry->generation = query->generation;
    entry->until_s = until_s;
    memcpy(entry->fingerprint, fingerprint, sizeof entry->fingerprint);
    entry->bytes = facts->bytes;
    memcpy(entry->facts, facts->at, facts->bytes);
    sp_table_commit(table, &key, entry);
    sp_shared_table_unlock(zone);
}
