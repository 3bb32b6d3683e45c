/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/table.h"

#include <stdbool.h>
#include <string.h>

struct sp_table {
    uint32_t sets, key_bytes, entry_bytes, set_bytes;
    uint32_t clock; /* counts uses; wraps, so ages are compared by difference */
    uint32_t reserved;
};

/* The head of a set fits one cache line: a miss reads no entry. */
struct set {
    uint32_t tag[SP_TABLE_WAYS]; /* 0: empty */
    uint32_t used[SP_TABLE_WAYS];
    unsigned char entries[];
};

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
    const size_t set = sizeof(struct set) + SP_TABLE_WAYS * entry;
    if (key_bytes < 8 || key_bytes % 8 != 0 || key_bytes > 64 || value_bytes > 64 * 1024 ||
        bytes < sizeof(struct sp_table) + set) {
        return NULL;
    }
    size_t sets = (bytes - sizeof(struct sp_table)) / set;
    if (sets > UINT32_MAX) {
        sets = UINT32_MAX;
    }
    struct sp_table *table = block;
    *table = (struct sp_table){.sets = (uint32_t)sets,
                               .key_bytes = (uint32_t)key_bytes,
                               .entry_bytes = (uint32_t)entry,
                               .set_bytes = (uint32_t)set};
    memset(table + 1, 0, sets * set);
    return table;
}

size_t sp_table_capacity(const struct sp_table *table)
{
    return (size_t)table->sets * SP_TABLE_WAYS;
}

static struct set *set_of(struct sp_table *table, const void *key, uint32_t *tag)
{
    uint32_t place, mark;
    memcpy(&place, key, sizeof place);
    memcpy(&mark, (const unsigned char *)key + sizeof place, sizeof mark);
    *tag = mark != 0 ? mark : 1;
    const size_t index = (size_t)(((uint64_t)place * table->sets) >> 32);
    return (struct set *)((unsigned char *)(table + 1) + index * table->set_bytes);
}

static unsigned char *entry_at(const struct sp_table *table, struct set *set, unsigned way)
{
    return set->entries + (size_t)way * table->entry_bytes;
}

/* SP_TABLE_WAYS when key is not there. */
static unsigned way_of(const struct sp_table *table, struct set *set, uint32_t tag, const void *key)
{
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        if (set->tag[way] == tag && memcmp(entry_at(table, set, way), key, table->key_bytes) == 0) {
            return way;
        }
    }
    return SP_TABLE_WAYS;
}

void *sp_table_find(struct sp_table *table, const void *key)
{
    uint32_t tag;
    struct set *set = set_of(table, key, &tag);
    const unsigned way = way_of(table, set, tag, key);
    if (way == SP_TABLE_WAYS) {
        return NULL;
    }
    set->used[way] = ++table->clock;
    return entry_at(table, set, way) + table->key_bytes;
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
    uint32_t tag;
    struct set *set = set_of(table, key, &tag);
    unsigned way = way_of(table, set, tag, key);
    if (way == SP_TABLE_WAYS) {
        way = oldest_way(table, set);
    }
    /* Volatile: the hole must exist before the first byte of the new value does. */
    *(volatile uint32_t *)&set->tag[way] = 0;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    unsigned char *entry = entry_at(table, set, way);
    memcpy(entry, key, table->key_bytes);
    return entry + table->key_bytes;
}

void sp_table_commit(struct sp_table *table, const void *key, void *value)
{
    uint32_t tag;
    struct set *set = set_of(table, key, &tag);
    const size_t offset = (size_t)((unsigned char *)value - table->key_bytes - set->entries);
    const unsigned way = (unsigned)(offset / table->entry_bytes);
    set->used[way] = ++table->clock;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint32_t *)&set->tag[way] = tag;
}
