/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed table in one block of memory: for caches and counters in shared memory and in a worker. It holds no pointer
 * and never allocates, so a process that dies inside it leaves nothing that another could follow into nowhere; when a
 * set is full the entry unused for longest gives way (set-associative LRU). An entry is found only after it was
 * committed: a writer that dies half-way leaves a hole, not a half-truth.
 *
 *   block: head | set 0 | set 1 | … | entry 1 | entry 2 | …     set: entry[ways] tag[ways] used[ways]     entry: key |
 * value
 *
 * The sets' heads stand together, a cache line each, so that laying out a table touches little memory and a miss reads
 * no entry. Entries are given to sets in the order in which they are asked for: a table takes the memory of what is in
 * it, and neighbours in time are neighbours on a page.
 *
 * Keys must be hashes (any 8 of their bytes spread evenly). Not locked: who shares the block locks it. */
#ifndef SP_BASE_TABLE_H
#define SP_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define SP_TABLE_WAYS 8u

struct sp_table;

/* Bytes of one entry with its share of the set's head; for sizing. */
size_t sp_table_entry_bytes(size_t key_bytes, size_t value_bytes);

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
 * says which it may be, NULL when it knows of none; the second, with the same key and before the next claim, finds as
 * sp_table_find does. */
void *sp_table_expect(struct sp_table *table, const void *key, size_t bytes);
void *sp_table_find_expected(struct sp_table *table, const void *key, void *expected);

/* A place for key's value: its own if it has one, else an empty one, else the oldest of the set's. Not findable until
 * committed. The value's bytes are whatever was there. */
void *sp_table_claim(struct sp_table *table, const void *key);
void sp_table_commit(struct sp_table *table, const void *key, void *value);

#endif
