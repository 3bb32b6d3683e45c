/* SPDX-License-Identifier: Apache-2.0 */
/* Several files make one configuration: base, then environment. Maps merge member by member, so that an environment
 * names only what differs; lists and scalars replace, so that nothing of the base is left over in them; null takes a
 * member away. Both trees are ours: the merge re-hangs their values and copies none. */
#include "core/policy/draft.h"
#include "core/policy/index.h"

static void put_in_place(struct sp_json *own, const struct sp_json *over)
{
    const struct sp_json *next = own->next;
    struct sp_str name = own->name;
    *own = *over;
    own->next = next;
    own->name = name;
}

static void merge_members(struct sp_draft *draft, struct sp_json *base, const struct sp_json *over)
{
    struct sp_index index;
    size_t count = base->count;
    struct sp_json **members = SP_DRAFT_ARRAY(draft, struct sp_json *, count);
    if (members == NULL || sp_index_init(&index, draft->arena, count) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    struct sp_json *last = NULL;
    uint32_t at = 0;
    for
        SP_JSON_EACH(member, base)
        {
            last = sp_draft_own(member);
            members[at] = last;
            sp_index_put(&index, member->name, at++);
        }
    for (const struct sp_json *member = over->first, *next; member != NULL; member = next) {
        next = member->next;
        uint32_t found = sp_index_find(&index, member->name);
        if (found == SP_INDEX_NONE) {
            struct sp_json *added = sp_draft_own(member);
            added->next = NULL;
            if (last == NULL) {
                base->first = added;
            } else {
                last->next = added;
            }
            last = added;
            base->count++;
        } else if (members[found]->type == SP_JSON_OBJECT && member->type == SP_JSON_OBJECT) {
            merge_members(draft, members[found], member);
        } else {
            put_in_place(members[found], member);
        }
    }
}

const struct sp_json *sp_merge(struct sp_draft *draft, const struct sp_json *base, const struct sp_json *over)
{
    if (base == NULL || over == NULL) {
        return base != NULL ? base : over;
    }
    if (base->type != SP_JSON_OBJECT || over->type != SP_JSON_OBJECT) {
        return over;
    }
    merge_members(draft, sp_draft_own(base), over);
    return base;
}
