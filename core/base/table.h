/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed table in one block of memory: for caches and counters in shared memory. It holds no pointer and never
 * allocates, so a process that dies inside it leaves nothing that another could follow into nowhere; when both sets
 * that a key may be in are full, one of their entries unused for longest gives way (set-associative, about LRU). An
 * entry is found only after it was committed: a writer that dies half-way leaves a hole, not a half-truth.
 *
 *   block: head | set 0 | set 1 | … | entry 1 | entry 2 | …     set: entry[ways] tag[ways] used[ways]
 *   entry: key | version | value
 *
 * The sets' heads stand together, a cache line each, so that a miss reads no entry. Entries are given to sets in the
 * order in which they are asked for, and sets are taken into use as entries are (linear hashing): a table takes the
 * memory of what is in it, and neighbours in time are neighbours on a page.
 *
 * Keys must be hashes (any 8 of their bytes spread evenly). Who shares the block locks it, but for sp_table_expect,
 * sp_table_peek and sp_table_is_unchanged: readers need no lock, and then may miss what another moves meanwhile. */
#ifndef SP_BASE_TABLE_H
#define SP_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_TABLE_WAYS 8u
#define SP_TABLE_SEED_BYTES 16u

struct sp_table;

/* Lays an empty table into block (aligned to 8), as many sets as fit. NULL when not even one fits, or key_bytes is not
 * 8, 16 … 64. */
struct sp_table *sp_table_init(void *block, size_t bytes, size_t key_bytes, size_t value_bytes);

/* A block that another version of this program laid out in another way is not a table of this shape: NULL. */
struct sp_table *sp_table_of(void *block, size_t key_bytes, size_t value_bytes);

size_t sp_table_capacity(const struct sp_table *table); /* entries */

/* The value kept under key (key_bytes long), now the youngest of its set; NULL when there is none. Valid until the next
 * claim. */
void *sp_table_find(struct sp_table *table, const void *key);

/* A find in two steps, so that a table larger than the processor's caches answers while the caller does other things.
 * The first looks at the set's head alone, asks the processor for the entry (its key and the value's first `bytes`) and
 * says which it may be, NULL when it knows of none; the second is sp_table_peek with the same key. */
void *sp_table_expect(struct sp_table *table, const void *key, size_t bytes);

/* The value kept under key, to read without a lock: at any moment another may be writing to it. Whatever was read of it
 * (lengths checked before they are believed) counts only if sp_table_is_unchanged then says so. expected: what
 * sp_table_expect said, or NULL. */
const void *sp_table_peek(struct sp_table *table, const void *key, void *expected, uint32_t *version);
bool sp_table_is_unchanged(const void *value, uint32_t version);

/* SP_TABLE_SEED_BYTES that live as long as the block, zeros at first: whoever lays it out may draw them. */
unsigned char *sp_table_seed(struct sp_table *table);

/* A place for key's value: its own if it has one, else an empty one, else one of a full set's older half. Not findable
 * until committed. The value's bytes are whatever was there. */
void *sp_table_claim(struct sp_table *table, const void *key);
void sp_table_commit(struct sp_table *table, const void *key, void *value);

#endif
