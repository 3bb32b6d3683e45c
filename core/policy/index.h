/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a number by a text in O(1): names of issuers, hosts, client ids, the duplicate members of a large map. Built
 * once, then only read. Open addressing, at most half full. The keys come from the configuration, so nobody outside
 * chooses what collides; the texts asked for may be anybody's. */
#ifndef SP_POLICY_INDEX_H
#define SP_POLICY_INDEX_H

#include "core/base/arena.h"

#define SP_INDEX_NONE UINT32_MAX

struct sp_index_slot {
    uint64_t hash;
    struct sp_str key;
    uint32_t value;
};

struct sp_index {
    struct sp_index_slot *slots;
    size_t mask; /* number of slots - 1 */
    size_t count, capacity;
};

/* For at most `capacity` keys. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_index_init(struct sp_index *index, struct sp_arena *arena, size_t capacity);
/* The value that the key already has, else SP_INDEX_NONE after it was put there. Keys are borrowed. */
uint32_t sp_index_put(struct sp_index *index, struct sp_str key, uint32_t value);
/* SP_INDEX_NONE: not there. An index that was never made has nothing. */
uint32_t sp_index_find(const struct sp_index *index, struct sp_str key);

/* FNV-1a, continued: for keys that are met piece by piece. */
#define SP_HASH_START UINT64_C(14695981039346656037)
static inline uint64_t sp_hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(1099511628211);
}
uint64_t sp_hash_text(uint64_t hash, struct sp_str text);

#endif
