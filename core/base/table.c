/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/table.h"

#include <stdbool.h>
#include <string.h>

/* "sptable" and the layout's version. */
#define LAYOUT 0x7370746162000003u
#define CACHE_LINE 64u

struct sp_table {
    uint64_t layout;
    uint32_t sets, key_bytes, entry_bytes;
    uint32_t given; /* entries that belong to a way already */
    uint64_t reserved[5];
};
_Static_assert(sizeof(struct sp_table) == 64, "the sets' heads begin a cache line");

/* The head of a set fits one cache line: a miss reads no entry. */
struct set {
    uint32_t entry[SP_TABLE_WAYS]; /* from 1; 0: none yet. A way keeps its entry for ever */
    uint16_t tag[SP_TABLE_WAYS];   /* 0: empty */
    uint16_t used[SP_TABLE_WAYS];  /* the way used last has the greatest */
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
    if (sets > UINT32_MAX / SP_TABLE_WAYS) {
        sets = UINT32_MAX / SP_TABLE_WAYS;
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
    uint16_t tag;
};

static struct place place_of(struct sp_table *table, const void *key)
{
    uint32_t which;
    uint16_t mark;
    memcpy(&which, key, sizeof which);
    memcpy(&mark, (const unsigned char *)key + sizeof which, sizeof mark);
    const size_t index = (size_t)(((uint64_t)which * table->sets) >> 32);
    return (struct place){.set = (struct set *)(table + 1) + index, .tag = mark != 0 ? mark : 1};
}

/* NULL when the way has none. */
static unsigned char *entry_at(struct sp_table *table, const struct set *set, unsigned way)
{
    const size_t number = set->entry[way];
    struct set *sets = (struct set *)(table + 1);
    return number - 1 < sp_table_capacity(table)
               ? (unsigned char *)(sets + table->sets) + (number - 1) * table->entry_bytes
               : NULL;
}

/* Newer than all others of the set. What is so already is not written to: its cache line stays every worker's. */
static void touch(struct set *set, unsigned way)
{
    uint16_t newest = 0;
    for (unsigned i = 0; i < SP_TABLE_WAYS; i++)
        newest = set->used[i] > newest ? set->used[i] : newest;
    if (set->used[way] == newest && newest != 0)
        return;
    if (newest == UINT16_MAX) {
        /* The same order, from the beginning. */
        uint16_t rank[SP_TABLE_WAYS] = {0};
        for (unsigned i = 0; i < SP_TABLE_WAYS; i++)
            for (unsigned j = 0; j < SP_TABLE_WAYS; j++)
                rank[i] = (uint16_t)(rank[i] + (set->used[j] < set->used[i]));
        memcpy(set->used, rank, sizeof rank);
        newest = SP_TABLE_WAYS;
    }
    set->used[way] = (uint16_t)(newest + 1);
}

/* SP_TABLE_WAYS when key is not there. */
static unsigned way_of(struct sp_table *table, const struct place *place, const void *key)
{
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        if (place->set->tag[way] != place->tag)
            continue;
        const unsigned char *entry = entry_at(table, place->set, way);
        if (entry != NULL && memcmp(entry, key, table->key_bytes) == 0)
            return way;
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
    unsigned char *entry = way < SP_TABLE_WAYS ? entry_at(table, place.set, way) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    touch(place.set, way);
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
    touch(place.set, way);
    return entry_at(table, place.set, way) + table->key_bytes;
}

void *sp_table_find_expected(struct sp_table *table, const void *key, void *expected)
{
    /* Another of the set may have the same tag: then the long way. */
    if (expected == NULL || memcmp(expected, key, table->key_bytes) != 0) {
        return sp_table_find(table, key);
    }
    return (unsigned char *)expected + table->key_bytes;
}

static unsigned oldest_way(const struct set *set)
{
    unsigned oldest = 0;
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        if (set->tag[way] == 0) {
            return way;
        }
        if (set->used[way] < set->used[oldest]) {
            oldest = way;
        }
    }
    return oldest;
}

/* The next that belongs to nobody: there are as many as ways. Who dies between the two stores leaves an entry that the
 * next way gets as well; the key that stands in it says whose it is. */
static void give_entry(struct sp_table *table, struct set *set, unsigned way)
{
    *(volatile uint32_t *)&set->entry[way] = table->given + 1;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint32_t *)&table->given = table->given + 1;
}

void *sp_table_claim(struct sp_table *table, const void *key)
{
    const struct place place = place_of(table, key);
    unsigned way = way_of(table, &place, key);
    if (way == SP_TABLE_WAYS) {
        way = oldest_way(place.set);
    }
    /* Volatile: the hole must exist before the first byte of the new value does. */
    *(volatile uint16_t *)&place.set->tag[way] = 0;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (place.set->entry[way] == 0) {
        give_entry(table, place.set, way);
    }
    unsigned char *entry = entry_at(table, place.set, way);
    memcpy(entry, key, table->key_bytes);
    /* The key before the value: an entry of two ways (give_entry) is the one's no more when it becomes the other's. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return entry + table->key_bytes;
}

void sp_table_commit(struct sp_table *table, const void *key, void *value)
{
    const struct place place = place_of(table, key);
    unsigned way = 0;
    while (way < SP_TABLE_WAYS && entry_at(table, place.set, way) != (unsigned char *)value - table->key_bytes) {
        way++;
    }
    if (way == SP_TABLE_WAYS) {
        return;
    }
    touch(place.set, way);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint16_t *)&place.set->tag[way] = place.tag;
}
