/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/index.h"

#include <assert.h>

uint64_t sp_hash_text(uint64_t hash, struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        hash = sp_hash_byte(hash, text.at[i]);
    }
    return hash;
}

enum sp_status sp_index_init(struct sp_index *index, struct sp_arena *arena, size_t capacity)
{
    size_t slots = 8;
    while (slots < capacity * 2) {
        slots *= 2;
    }
    struct sp_index_slot *at = sp_arena_calloc(arena, slots, sizeof *at);
    if (at == NULL) {
        return SP_NO_MEMORY;
    }
    for (size_t i = 0; i < slots; i++) {
        at[i].value = SP_INDEX_NONE;
    }
    *index = (struct sp_index){.slots = at, .mask = slots - 1, .capacity = capacity};
    return SP_OK;
}

/* The key's slot, or the free one where it would stand. */
static struct sp_index_slot *slot_of(const struct sp_index *index, struct sp_str key, uint64_t hash)
{
    for (size_t i = (size_t)(hash ^ hash >> 32);; i++) {
        struct sp_index_slot *slot = &index->slots[i & index->mask];
        if (slot->value == SP_INDEX_NONE || (slot->hash == hash && sp_str_equal(slot->key, key))) {
            return slot;
        }
    }
}

uint32_t sp_index_put(struct sp_index *index, struct sp_str key, uint32_t value)
{
    uint64_t hash = sp_hash_text(SP_HASH_START, key);
    struct sp_index_slot *slot = slot_of(index, key, hash);
    if (slot->value == SP_INDEX_NONE) {
        assert(index->count < index->capacity || index->count < index->mask);
        *slot = (struct sp_index_slot){.hash = hash, .key = key, .value = value};
        index->count++;
        return SP_INDEX_NONE;
    }
    return slot->value;
}

uint32_t sp_index_find(const struct sp_index *index, struct sp_str key)
{
    return index->slots == NULL ? SP_INDEX_NONE : slot_of(index, key, sp_hash_text(SP_HASH_START, key))->value;
}
