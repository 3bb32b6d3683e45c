/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/key_ring.h"

size_t sp_key_plan_active(const struct sp_key_times *keys, size_t count, int64_t now)
{
    size_t active = count;
    for (size_t i = 0; i < count; i++)
        if (keys[i].active_from <= now && (active == count || keys[i].active_from >= keys[active].active_from))
            active = i;
    return active;
}

struct sp_key_plan sp_key_plan(const struct sp_key_times *keys, size_t count, int64_t rotation_s, int64_t overlap_s,
                               bool algorithm_changed, int64_t now)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].forget_at != 0 && keys[i].forget_at <= now)
            return (struct sp_key_plan){.deed = SP_KEYS_FORGET, .index = i};
    if (sp_key_plan_active(keys, count, now) == count)
        return (struct sp_key_plan){.deed = SP_KEYS_GENERATE, .active_from = now};
    int64_t newest = keys[0].active_from;
    for (size_t i = 1; i < count; i++)
        if (keys[i].active_from > newest)
            newest = keys[i].active_from;
    if (newest > now)
        return (struct sp_key_plan){.deed = SP_KEYS_FINE}; /* the next one waits already */
    int64_t soonest = now + overlap_s;
    if (algorithm_changed)
        return (struct sp_key_plan){.deed = SP_KEYS_GENERATE, .active_from = soonest};
    int64_t due = newest + rotation_s;
    if (rotation_s == 0 || due > soonest)
        return (struct sp_key_plan){.deed = SP_KEYS_FINE};
    return (struct sp_key_plan){.deed = SP_KEYS_GENERATE, .active_from = due > soonest ? due : soonest};
}
