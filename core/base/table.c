/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/table.h"

#include <stdbool.h>
#include <string.h>

/* "sptable" and the layout's version. */
#define LAYOUT 0x7370746162000002u
#define CACHE_LINE 64u

struct sp_table {
    uint64_t layout;
    uint32_t sets, key_bytes, entry_bytes;
    uint32_t clock; /* counts uses; wraps, so ages are compared by difference */
    uint64_t reserved[5];
};
_Static_assert(sizeof(struct sp_table) == 64, "the sets' heads begin a cache line");

/* The head of a set fits one cache line: a miss reads no entry. */
struct set {
    uint32_t tag[SP_TABLE_WAYS]; /* 0: empty */
    uint32_t used[SP_TABLE_WAYS];
};
_Static_assert(sizeof(struct set) == 64, "a cache line");

static size_t rounded(size_t bytes)
{
    return (bytes + 7u) & ~(size_t)7u;
}

size_t sp_table_entry_bytes(size_t key_bytes, size_t value_bytes)
{
    return key_bytes + rounded(value_bytes) + 2 * sizeof(uint32_t);
}

struct sp_table *sp_table_init(void *block, size_t bytes, size_t key_bytes, size_t value_bytes)
{
    const size_t entry = key_bytes + rounded(value_bytes);
    const size_t set = sizeof(struct set) + SP_TABLE_WAYS * entry; /* bytes of all that belongs to one */
    if (key_bytes < 8 || key_bytes % 8 != 0 || key_bytes > 64 || value_bytes > 64 * 1024 ||
        bytes < sizeof(struct sp_table) + set) {
        return NULL;
    }
    size_t sets = (bytes - sizeof(struct sp_table)) / set;
    if (sets > UINT32_MAX) {
        sets = UINT32_MAX;
    }
    struct sp_table *table = block;
    *table = (struct sp_table){
        .layout = LAYOUT, .sets = (uint32_t)sets, .key_bytes = (uint32_t)key_bytes, .entry_bytes = (uint32_t)entry};
    memset(table + 1, 0, sets * sizeof(struct set));
    return table;
}

struct sp_table *sp_table_of(void *block, size_t key_bytes, size_t value_bytes)
{
    struct sp_table *table = block;
    const bool fits = table->layout == LAYOUT && table->key_bytes == key_bytes &&
                      table->entry_bytes == key_bytes + rounded(value_bytes);
    return fits ? table : NULL;
}

size_t sp_table_capacity(const struct sp_table *table)
{
    return (size_t)table->sets * SP_TABLE_WAYS;
}

/* Where a key belongs. */
struct place {
    struct set *set;
    unsigned char *entries;
    uint32_t tag;
};

static struct place place_of(struct sp_table *table, const void *key)
{
    uint32_t which, mark;
    memcpy(&which, key, sizeof which);
    memcpy(&mark, (const unsigned char *)key + sizeof which, sizeof mark);
    const size_t index = (size_t)(((uint64_t)which * table->sets) >> 32);
    struct set *sets = (struct set *)(table + 1);
    return (struct place){
        .set = sets + index,
        .entries = (unsigned char *)(sets + table->sets) + index * SP_TABLE_WAYS * table->entry_bytes,
        .tag = mark != 0 ? mark : 1,
    };
}

static unsigned char *entry_at(const struct sp_table *table, const struct place *place, unsigned way)
{
    return place->entries + (size_t)way * table->entry_bytes;
}

/* SP_TABLE_WAYS when key is not there. */
static unsigned way_of(const struct sp_table *table, const struct place *place, const void *key)
{
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        if (place->set->tag[way] == place->tag && memcmp(entry_at(table, place, way), key, table->key_bytes) == 0) {
            return way;
        }
    }
    return SP_TABLE_WAYS;
}

void *sp_table_expect(struct sp_table *table, const void *key, size_t bytes)
{
    const struct place place = place_of(table, key);
    unsigned way = 0;
    while (way < SP_TABLE_WAYS && place.set->tag[way] != place.tag) {
        way++;
    }
    if (way == SP_TABLE_WAYS) {
        return NULL;
    }
    place.set->used[way] = ++table->clock;
    unsigned char *entry = entry_at(table, &place, way);
    const size_t end = bytes + table->key_bytes < table->entry_bytes ? bytes + table->key_bytes : table->entry_bytes;
    for (size_t at = 0; at < end; at += CACHE_LINE) {
        __builtin_prefetch(entry + at);
    }
    return entry;
}

void *sp_table_find(struct sp_table *table, const void *key)
{
    const struct place place = place_of(table, key);
    const unsigned way = way_of(table, &place, key);
    if (way == SP_TABLE_WAYS) {
        return NULL;
    }
    place.set->used[way] = ++table->clock;
    return entry_at(table, &place, way) + table->key_bytes;
}

void *sp_table_find_expected(struct sp_table *table, const void *key, void *expected)
{
    /* Another of the set may have the same tag: then the long way. */
    if (expected == NULL || memcmp(expected, key, table->key_bytes) != 0) {
        return sp_table_find(table, key);
    }
    return (unsigned char *)expected + table->key_bytes;
}

static unsigned oldest_way(const struct sp_table *table, const struct set *set)
{
    unsigned oldest = 0;
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        if (set->tag[way] == 0) {
            return way;
        }
        if (table->clock - set->used[way] > table->clock - set->used[oldest]) {
            oldest = way;
        }
    }
    return oldest;
}

void *sp_table_claim(struct sp_table *table, const void *key)
{
    const struct place place = place_of(table, key);
    unsigned way = way_of(table, &place, key);
    if (way == SP_TABLE_WAYS) {
        way = oldest_way(table, place.set);
    }
    /* Volatile: the hole must exist before the first byte of the new value does. */
    *(volatile uint32_t *)&place.set->tag[way] = 0;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    unsigned char *entry = entry_at(table, &place, way);
    memcpy(entry, key, table->key_bytes);
    return entry + table->key_bytes;
}

void sp_table_commit(struct sp_table *table, const void *key, void *value)
{
    const struct place place = place_of(table, key);
    const size_t offset = (size_t)((unsigned char *)value - table->key_bytes - place.entries);
    const unsigned way = (unsigned)(offset / table->entry_bytes);
    place.set->used[way] = ++table->clock;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint32_t *)&place.set->tag[way] = place.tag;
}
