/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/table.h"

#include <stdbool.h>
#include <string.h>

/* "sptable" and the layout's version. */
#define LAYOUT 0x7370746162000004u
#define CACHE_LINE 64u
#define FIRST_SETS 16u
#define SPARE 3u     /* ways for each entry that was given: sets that share their overflow hardly ever overflow then */
#define GROW_MOST 4u /* sets taken into use at once where they do */

struct sp_table {
    uint64_t layout;
    uint32_t sets, key_bytes, entry_bytes;
    uint32_t given;  /* entries that belong to a way already */
    uint32_t active; /* sets in use: the first ones. Sets beyond were never written to */
    uint32_t reserved[5];
    unsigned char seed[SP_TABLE_SEED_BYTES];
};
_Static_assert(sizeof(struct sp_table) == 64, "the sets' heads begin a cache line");

/* The head of a set fits one cache line: a miss reads no entry. */
struct set {
    uint32_t entry[SP_TABLE_WAYS]; /* from 1; 0: none yet. A way keeps its entry for ever */
    uint16_t tag[SP_TABLE_WAYS];   /* 0: empty */
    uint16_t used[SP_TABLE_WAYS];  /* the way used last has the greatest */
};
_Static_assert(sizeof(struct set) == 64, "a cache line");

/* An entry: key | version, unused | value. Its version is odd while it is written to. */
#define VERSION_BYTES 8u

static size_t own_bytes(size_t key_bytes, size_t value_bytes)
{
    return key_bytes + VERSION_BYTES + ((value_bytes + 7u) & ~(size_t)7u);
}

struct sp_table *sp_table_init(void *block, size_t bytes, size_t key_bytes, size_t value_bytes)
{
    const size_t entry = own_bytes(key_bytes, value_bytes);
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
    *table = (struct sp_table){.layout = LAYOUT,
                               .sets = (uint32_t)sets,
                               .active = (uint32_t)(sets < FIRST_SETS ? sets : FIRST_SETS),
                               .key_bytes = (uint32_t)key_bytes,
                               .entry_bytes = (uint32_t)entry};
    memset(table + 1, 0, table->active * sizeof(struct set));
    return table;
}

struct sp_table *sp_table_of(void *block, size_t key_bytes, size_t value_bytes)
{
    struct sp_table *table = block;
    const bool fits = table->layout == LAYOUT && table->key_bytes == key_bytes &&
                      table->entry_bytes == own_bytes(key_bytes, value_bytes);
    return fits ? table : NULL;
}

size_t sp_table_capacity(const struct sp_table *table)
{
    return (size_t)table->sets * SP_TABLE_WAYS;
}

unsigned char *sp_table_seed(struct sp_table *table)
{
    return table->seed;
}

/* Where a key may be. The first of its sets is its home; what finds no room there goes to the other. */
struct homes {
    struct set *sets[2];
    uint16_t tag;
};

/* Where it is. */
struct place {
    struct set *set;
    unsigned way;
    unsigned char *entry; /* NULL: nowhere */
};

/* Linear hashing: with 2^n sets and some more in use, n + 1 bits of the key say which, or n where those name one that
 * is not in use yet. One more set in use therefore takes keys from one other alone (grow). */
static size_t index_of(uint32_t hash, uint32_t active)
{
    const uint32_t all = UINT32_MAX >> __builtin_clz(active); /* bits of the greatest number that may be one's */
    return (hash & all) < active ? hash & all : hash & (all >> 1);
}

static uint16_t tag_of(const unsigned char *key)
{
    uint16_t mark;
    memcpy(&mark, key + sizeof(uint32_t), sizeof mark);
    return mark != 0 ? mark : 1;
}

static void indices_of(const unsigned char *key, uint32_t active, size_t indices[2])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof hash);
    indices[0] = index_of(hash, active);
    indices[1] = index_of(hash ^ tag_of(key) * 0x9e3779b1u, active);
}

static struct homes homes_of(struct sp_table *table, const void *key)
{
    size_t indices[2];
    struct set *sets = (struct set *)(table + 1);
    indices_of(key, __atomic_load_n(&table->active, __ATOMIC_ACQUIRE), indices);
    return (struct homes){.sets = {sets + indices[0], sets + indices[1]}, .tag = tag_of(key)};
}

/* NULL when the way has none. Who looks without a lock asks once: the way may lose it meanwhile. */
static unsigned char *entry_at(struct sp_table *table, const struct set *set, unsigned way)
{
    const size_t number = __atomic_load_n(&set->entry[way], __ATOMIC_RELAXED);
    struct set *sets = (struct set *)(table + 1);
    return number - 1 < sp_table_capacity(table)
               ? (unsigned char *)(sets + table->sets) + (number - 1) * table->entry_bytes
               : NULL;
}

static uint32_t *version_of(const struct sp_table *table, unsigned char *entry)
{
    return (uint32_t *)(void *)(entry + table->key_bytes);
}

static unsigned char *value_of(const struct sp_table *table, unsigned char *entry)
{
    return entry + table->key_bytes + VERSION_BYTES;
}

/* The same order, from the beginning. */
static void rank(struct set *set)
{
    uint16_t ranks[SP_TABLE_WAYS] = {0};
    for (unsigned i = 0; i < SP_TABLE_WAYS; i++)
        for (unsigned j = 0; j < SP_TABLE_WAYS; j++)
            ranks[i] = (uint16_t)(ranks[i] + (set->used[j] < set->used[i]));
    memcpy(set->used, ranks, sizeof ranks);
}

/* Newer than all others of the set, unless it is among the newer half already: what all workers use all the time is not
 * written to, so that its cache line stays every worker's. */
static void touch(struct set *set, unsigned way)
{
    uint16_t newest = 0;
    unsigned newer = 0;
    for (unsigned i = 0; i < SP_TABLE_WAYS; i++) {
        newest = set->used[i] > newest ? set->used[i] : newest;
        newer += set->used[i] > set->used[way];
    }
    if (newer < SP_TABLE_WAYS / 2 && set->used[way] != 0)
        return;
    if (newest == UINT16_MAX) {
        rank(set);
        newest = SP_TABLE_WAYS;
    }
    set->used[way] = (uint16_t)(newest + 1);
}

static struct place find(struct sp_table *table, const void *key)
{
    const struct homes homes = homes_of(table, key);
    for (size_t i = 0; i < 2; i++) {
        for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
            if (homes.sets[i]->tag[way] != homes.tag)
                continue;
            unsigned char *entry = entry_at(table, homes.sets[i], way);
            if (entry != NULL && memcmp(entry, key, table->key_bytes) == 0)
                return (struct place){homes.sets[i], way, entry};
        }
    }
    return (struct place){.entry = NULL};
}

void *sp_table_expect(struct sp_table *table, const void *key, size_t bytes)
{
    const struct homes homes = homes_of(table, key);
    struct set *set = homes.sets[0];
    unsigned way = 0;
    while (way < SP_TABLE_WAYS && set->tag[way] != homes.tag) {
        way++;
    }
    unsigned char *entry = way < SP_TABLE_WAYS ? entry_at(table, set, way) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    touch(set, way);
    const size_t asked = table->key_bytes + VERSION_BYTES + bytes;
    const size_t end = asked < table->entry_bytes ? asked : table->entry_bytes;
    for (size_t at = 0; at < end; at += CACHE_LINE) {
        __builtin_prefetch(entry + at);
    }
    return entry;
}

void *sp_table_find(struct sp_table *table, const void *key)
{
    const struct place place = find(table, key);
    if (place.entry == NULL) {
        return NULL;
    }
    touch(place.set, place.way);
    return value_of(table, place.entry);
}

const void *sp_table_peek(struct sp_table *table, const void *key, void *expected, uint32_t *version)
{
    unsigned char *entry = expected;
    /* Another of the set may have the same tag: then the long way. */
    if (entry == NULL || memcmp(entry, key, table->key_bytes) != 0) {
        const struct place place = find(table, key);
        if (place.entry == NULL) {
            return NULL;
        }
        touch(place.set, place.way);
        entry = place.entry;
    }
    *version = __atomic_load_n(version_of(table, entry), __ATOMIC_ACQUIRE);
    /* Before the version was read the key may have been another's. */
    return *version % 2 == 0 && memcmp(entry, key, table->key_bytes) == 0 ? value_of(table, entry) : NULL;
}

bool sp_table_is_unchanged(const void *value, uint32_t version)
{
    const uint32_t *now = (const uint32_t *)(const void *)((const unsigned char *)value - VERSION_BYTES);
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* all that was read of the value was read before */
    return __atomic_load_n(now, __ATOMIC_RELAXED) == version;
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

/* Of what stands in set number `at`: which belongs into `fresh`, once that is in use. */
static bool moves(const unsigned char *key, size_t at, uint32_t fresh)
{
    size_t now[2], then[2];
    indices_of(key, fresh, now);
    indices_of(key, fresh + 1, then);
    return then[now[0] == at ? 0 : 1] == fresh;
}

/* One more set in use: it takes from the one that shared its keys those that are its own. A reader that looks meanwhile
 * may not find what moves. Who dies in here leaves it undone, or entries that belong to a way of the old set, too. */
static void grow(struct sp_table *table)
{
    const uint32_t active = table->active;
    struct set *sets = (struct set *)(table + 1), *old = &sets[index_of(active, active)];
    struct set fresh = {.entry = {0}};
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        const unsigned char *entry = old->tag[way] != 0 ? entry_at(table, old, way) : NULL;
        if (entry != NULL && moves(entry, (size_t)(old - sets), active)) {
            fresh.entry[way] = old->entry[way];
            fresh.tag[way] = old->tag[way];
            fresh.used[way] = old->used[way];
        }
    }
    sets[active] = fresh;
    __atomic_store_n(&table->active, active + 1, __ATOMIC_RELEASE);
    for (unsigned way = 0; way < SP_TABLE_WAYS; way++) {
        if (fresh.entry[way] != 0) {
            old->tag[way] = 0;
            old->used[way] = 0;
            *(volatile uint32_t *)&old->entry[way] = 0;
        }
    }
}

/* For a key that is nowhere yet. Rather one more set in use than something pushed out. */
static struct place make_room(struct sp_table *table, const void *key)
{
    if (table->active < table->sets && (uint64_t)table->given * SPARE >= (uint64_t)table->active * SP_TABLE_WAYS) {
        grow(table);
    }
    for (unsigned grown = 0;; grown++) {
        const struct homes homes = homes_of(table, key);
        const unsigned ways[2] = {oldest_way(homes.sets[0]), oldest_way(homes.sets[1])};
        const bool other = homes.sets[0]->tag[ways[0]] != 0 && homes.sets[1]->tag[ways[1]] == 0;
        if (other || homes.sets[0]->tag[ways[0]] == 0 || table->active == table->sets || grown == GROW_MOST) {
            return (struct place){homes.sets[other], ways[other], NULL};
        }
        grow(table);
    }
}

void *sp_table_claim(struct sp_table *table, const void *key)
{
    struct place place = find(table, key);
    if (place.entry == NULL) {
        place = make_room(table, key);
    }
    /* Volatile: the hole must exist before the first byte of the new value does. */
    *(volatile uint16_t *)&place.set->tag[place.way] = 0;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (place.set->entry[place.way] == 0) {
        give_entry(table, place.set, place.way);
    }
    unsigned char *entry = entry_at(table, place.set, place.way);
    uint32_t *version = version_of(table, entry);
    __atomic_store_n(version, (*version + 1) | 1u, __ATOMIC_RELAXED); /* odd after an odd one, too: who wrote it died */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(entry, key, table->key_bytes);
    /* The key before the value: an entry of two ways (give_entry) is the one's no more when it becomes the other's. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return value_of(table, entry);
}

void sp_table_commit(struct sp_table *table, const void *key, void *value)
{
    const struct homes homes = homes_of(table, key);
    unsigned char *entry = (unsigned char *)value - VERSION_BYTES - table->key_bytes;
    for (unsigned i = 0; i < 2 * SP_TABLE_WAYS; i++) {
        struct set *set = homes.sets[i / SP_TABLE_WAYS];
        const unsigned way = i % SP_TABLE_WAYS;
        if (entry_at(table, set, way) == entry) {
            touch(set, way);
            __atomic_store_n(version_of(table, entry), *version_of(table, entry) + 1, __ATOMIC_RELEASE);
            __atomic_thread_fence(__ATOMIC_RELEASE);
            *(volatile uint16_t *)&set->tag[way] = homes.tag;
            return;
        }
    }
}
