/* SPDX-License-Identifier: Apache-2.0 */
/* A table of chains. The hash is seeded by nothing: a recording that is made to collide costs its reader what its
 * ceiling on messages allows, and chains are searched newest first. */
#include "core/flow/index.h"

#define CHAINS 16384u
#define LONGEST_CHAIN 256u

struct entry {
    const char *what;
    struct sp_str value;
    struct sp_flow *flow;
    struct entry *next;
};

struct sp_flow_index {
    struct sp_arena *arena;
    struct entry *chains[CHAINS];
};

struct sp_flow_index *sp_flow_index_create(struct sp_arena *arena)
{
    struct sp_flow_index *index = SP_ARENA_NEW(arena, struct sp_flow_index);
    if (index != NULL)
        index->arena = arena;
    return index;
}

static size_t chain_of(const char *what, struct sp_str value)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *at = what; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    for (size_t i = 0; i < value.len; i++)
        hash = (hash ^ (unsigned char)value.at[i]) * UINT64_C(1099511628211);
    return (size_t)((hash ^ hash >> 29) % CHAINS);
}

struct sp_flow *sp_flow_index_find(const struct sp_flow_index *index, const char *what, struct sp_str value)
{
    unsigned looked = 0;
    if (value.len == 0)
        return NULL;
    for (const struct entry *at = index->chains[chain_of(what, value)]; at != NULL && looked < LONGEST_CHAIN;
         at = at->next, looked++)
        if (strcmp(at->what, what) == 0 && sp_str_equal(at->value, value))
            return at->flow;
    return NULL;
}

void sp_flow_index_tell(struct sp_flow_index *index, const char *what, struct sp_str value, struct sp_flow *flow)
{
    if (value.len == 0 || sp_flow_index_find(index, what, value) == flow)
        return;
    struct entry *entry = SP_ARENA_NEW(index->arena, struct entry);
    if (entry == NULL)
        return;
    struct entry **chain = &index->chains[chain_of(what, value)];
    *entry = (struct entry){.what = what, .value = value, .flow = flow, .next = *chain};
    *chain = entry;
}
