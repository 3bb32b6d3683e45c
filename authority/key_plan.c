/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/key_plan.h"

size_t sp_key_plan_active(const struct sp_key_times *keys, size_t count, enum sp_algorithm algorithm, int64_t now)
{
    size_t active = count;
    for (size_t i = 0; i < count; i++) {
        bool fits = algorithm == SP_ALGORITHM_UNKNOWN || keys[i].algorithm == algorithm;
        bool signs = keys[i].active_from <= now && (keys[i].active_until == 0 || keys[i].active_until > now);
        if (fits && signs && (active == count || keys[i].active_from >= keys[active].active_from))
            active = i;
    }
    return active;
}

/* When the next key of the algorithm signs; 0: none waits. */
static int64_t next_of(const struct sp_key_times *keys, size_t count, enum sp_algorithm algorithm, int64_t now)
{
    int64_t next = 0;
    for (size_t i = 0; i < count; i++)
        if (keys[i].algorithm == algorithm && keys[i].active_from > now && (next == 0 || keys[i].active_from < next))
            next = keys[i].active_from;
    return next;
}

/* Nobody can have cached a set without the new key when every key is as young. */
static bool is_known_to_others(const struct sp_key_times *keys, size_t count, int64_t now)
{
    size_t active = sp_key_plan_active(keys, count, SP_ALGORITHM_UNKNOWN, now);
    return active < count && keys[active].created_at < now;
}

static struct sp_key_plan plan_algorithm(const struct sp_key_times *keys, size_t count,
                                         const struct sp_key_policy *policy, enum sp_algorithm algorithm, int64_t now)
{
    const struct sp_key_plan fine = {.deed = SP_KEYS_FINE};
    size_t active = sp_key_plan_active(keys, count, algorithm, now);
    bool somebody_signs = sp_key_plan_active(keys, count, SP_ALGORITHM_UNKNOWN, now) < count;
    bool waits = next_of(keys, count, algorithm, now) != 0;
    int64_t soonest = now + policy->overlap_s;
    struct sp_key_plan generate = {.deed = SP_KEYS_GENERATE, .algorithm = algorithm, .at = soonest};
    if (waits && somebody_signs)
        return fine;
    if (active == count) {
        if (!is_known_to_others(keys, count, now))
            generate.at = now;
        return generate;
    }
    int64_t due = keys[active].active_from + policy->rotation_s;
    if (policy->rotation_s == 0 || due > soonest)
        return fine;
    return generate;
}

/* Nobody follows in time whoever signs – a key of another algorithm, where it stands in: it goes on. */
static struct sp_key_plan plan_end(const struct sp_key_times *keys, size_t count, const struct sp_key_policy *policy,
                                   enum sp_algorithm algorithm, int64_t now)
{
    size_t signer = sp_key_plan_active(keys, count, algorithm, now);
    if (signer == count && algorithm == policy->standard)
        signer = sp_key_plan_active(keys, count, SP_ALGORITHM_UNKNOWN, now);
    if (signer == count || keys[signer].active_until == 0)
        return (struct sp_key_plan){.deed = SP_KEYS_FINE};
    int64_t next = next_of(keys, count, algorithm, now);
    bool is_followed = next != 0 && next <= keys[signer].active_until;
    if (is_followed || keys[signer].active_until > now + policy->overlap_s)
        return (struct sp_key_plan){.deed = SP_KEYS_FINE};
    return (struct sp_key_plan){.deed = SP_KEYS_PROLONG, .index = signer, .at = next};
}

struct sp_key_plan sp_key_plan(const struct sp_key_times *keys, size_t count, const struct sp_key_policy *policy,
                               int64_t now)
{
    struct sp_key_plan plan = {.deed = SP_KEYS_FINE};
    for (size_t i = 0; i < count; i++)
        if (keys[i].forget_at != 0 && keys[i].forget_at <= now && keys[i].forget_at <= policy->forget_until)
            return (struct sp_key_plan){.deed = SP_KEYS_FORGET, .index = i};
    for (unsigned i = 0; i < SP_ALGORITHM_COUNT && plan.deed == SP_KEYS_FINE; i++) {
        /* The standard one first: it must sign before others can do without it. */
        enum sp_algorithm algorithm = i == 0 ? policy->standard : (enum sp_algorithm)i;
        if ((policy->algorithms & sp_algorithm_bit(algorithm)) == 0)
            continue;
        plan = plan_algorithm(keys, count, policy, algorithm, now);
        if (plan.deed == SP_KEYS_FINE)
            plan = plan_end(keys, count, policy, algorithm, now);
    }
    for (size_t i = 0; i < count && plan.deed == SP_KEYS_FINE; i++) {
        bool is_wanted = (policy->algorithms & sp_algorithm_bit(keys[i].algorithm)) != 0;
        if (!is_wanted && keys[i].active_from <= now && keys[i].active_until == 0)
            plan = (struct sp_key_plan){.deed = SP_KEYS_RETIRE, .index = i, .at = now + 2 * policy->overlap_s};
    }
    return plan;
}
