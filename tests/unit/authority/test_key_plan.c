/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/key_plan.h"

#define ROTATION 1000
#define OVERLAP 100
#define ES SP_ALGORITHM_ES256
#define RS SP_ALGORITHM_RS256

#define ONE(algorithm, rotation)                                                                                       \
    {                                                                                                                  \
        (algorithm), UINT32_C(1) << (algorithm), (rotation), OVERLAP, INT64_MAX                                        \
    }
#define TWO                                                                                                            \
    {                                                                                                                  \
        ES, UINT32_C(1) << ES | UINT32_C(1) << RS, ROTATION, OVERLAP, INT64_MAX                                        \
    }

static void says_what_is_due(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct sp_key_times keys[3];
        size_t count;
        struct sp_key_policy policy;
        int64_t now;
        struct sp_key_plan plan;
    } rows[] = {
        {"the first key signs at once", {{0}}, 0, ONE(ES, ROTATION), 5000, {SP_KEYS_GENERATE, 0, ES, 5000}},
        {"a young key is fine", {{1, 4500, 0, 0, ES}}, 1, ONE(ES, ROTATION), 5000, {.deed = SP_KEYS_FINE}},
        {"just before the overlap", {{1, 4500, 0, 0, ES}}, 1, ONE(ES, ROTATION), 5399, {.deed = SP_KEYS_FINE}},
        {"the overlap begins", {{1, 4500, 0, 0, ES}}, 1, ONE(ES, ROTATION), 5400, {SP_KEYS_GENERATE, 0, ES, 5500}},
        {"after a long sleep it is still published before it signs",
         {{1, 100, 0, 0, ES}},
         1,
         ONE(ES, ROTATION),
         9000,
         {SP_KEYS_GENERATE, 0, ES, 9100}},
        {"the next one waits",
         {{1, 4500, 5500, 6000, ES}, {2, 5500, 0, 0, ES}},
         2,
         ONE(ES, ROTATION),
         5450,
         {.deed = SP_KEYS_FINE}},
        {"by hand only", {{1, 100, 0, 0, ES}}, 1, ONE(ES, 0), 900000, {.deed = SP_KEYS_FINE}},
        {"the last token is dead",
         {{1, 100, 4500, 5000, ES}, {2, 4500, 0, 0, ES}},
         2,
         ONE(ES, ROTATION),
         5000,
         {.deed = SP_KEYS_FORGET, .index = 0}},
        {"a clock that is not believed forgets nothing",
         {{1, 100, 4500, 5000, ES}, {2, 4500, 0, 0, ES}},
         2,
         {ES, UINT32_C(1) << ES, ROTATION, OVERLAP, 4999},
         5000,
         {.deed = SP_KEYS_FINE}},
        {"not a second earlier",
         {{1, 100, 4500, 5001, ES}, {2, 4500, 0, 0, ES}},
         2,
         ONE(ES, ROTATION),
         5000,
         {.deed = SP_KEYS_FINE}},
        {"only a future key: one that signs now is missing",
         {{1, 6000, 0, 0, ES}},
         1,
         ONE(ES, ROTATION),
         5000,
         {SP_KEYS_GENERATE, 0, ES, 5000}},
        {"another algorithm is configured: its key is published first",
         {{1, 4500, 0, 0, RS}},
         1,
         ONE(ES, 0),
         5000,
         {SP_KEYS_GENERATE, 0, ES, 5100}},
        {"then the old one signs until it does",
         {{1, 4500, 0, 0, RS}, {5000, 5100, 0, 0, ES}},
         2,
         ONE(ES, 0),
         5001,
         {.deed = SP_KEYS_RETIRE, .index = 0, .at = 5100}},
        {"and not again",
         {{1, 4500, 5100, 9000, RS}, {5000, 5100, 0, 0, ES}},
         2,
         ONE(ES, 0),
         5002,
         {.deed = SP_KEYS_FINE}},
        {"an algorithm that is wanted no more ends at once",
         {{1, 4500, 0, 0, ES}, {1, 4500, 0, 0, RS}},
         2,
         ONE(ES, 0),
         5000,
         {.deed = SP_KEYS_RETIRE, .index = 1, .at = 5000}},
        {"a key of it that never signed is forgotten",
         {{1, 4500, 0, 0, ES}, {1, 6000, 0, 0, RS}},
         2,
         ONE(ES, 0),
         5000,
         {.deed = SP_KEYS_FORGET, .index = 1}},
        {"two algorithms from the first moment: the standard one",
         {{0}},
         0,
         TWO,
         5000,
         {SP_KEYS_GENERATE, 0, ES, 5000}},
        {"and the other in the same moment", {{5000, 5000, 0, 0, ES}}, 1, TWO, 5000, {SP_KEYS_GENERATE, 0, RS, 5000}},
        {"one that comes later is published first",
         {{4000, 4500, 0, 0, ES}},
         1,
         TWO,
         5000,
         {SP_KEYS_GENERATE, 0, RS, 5100}},
        {"and waits", {{4000, 4500, 0, 0, ES}, {5000, 5100, 0, 0, RS}}, 2, TWO, 5050, {.deed = SP_KEYS_FINE}},
        {"each rotates on its own",
         {{4000, 4500, 0, 0, ES}, {3000, 4300, 0, 0, RS}},
         2,
         TWO,
         5250,
         {SP_KEYS_GENERATE, 0, RS, 5350}},
        {"one that comes back gets a new key",
         {{1, 4500, 0, 0, ES}, {1, 4500, 4900, 9000, RS}},
         2,
         TWO,
         5000,
         {SP_KEYS_GENERATE, 0, RS, 5100}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_key_plan plan = sp_key_plan(rows[i].keys, rows[i].count, &rows[i].policy, rows[i].now);
        if (plan.deed != rows[i].plan.deed || plan.at != rows[i].plan.at || plan.index != rows[i].plan.index ||
            plan.algorithm != rows[i].plan.algorithm)
            fail_msg("%s: deed %d of %d at %lld", rows[i].name, (int)plan.deed, (int)plan.algorithm,
                     (long long)plan.at);
    }
}

/* As the ring does it. */
static void do_deed(struct sp_key_times *keys, size_t *count, const struct sp_key_plan *plan, int64_t now)
{
    if (plan->deed == SP_KEYS_RETIRE)
        keys[plan->index].active_until = plan->at;
    if (plan->deed == SP_KEYS_FORGET) {
        for (size_t i = plan->index; i + 1 < *count; i++)
            keys[i] = keys[i + 1];
        --*count;
    }
    if (plan->deed != SP_KEYS_GENERATE)
        return;
    for (size_t i = 0; i < *count; i++)
        if (keys[i].algorithm == plan->algorithm && keys[i].active_until == 0)
            keys[i].active_until = plan->at;
    keys[(*count)++] = (struct sp_key_times){.created_at = now, .active_from = plan->at, .algorithm = plan->algorithm};
}

/* Ten rotations, second by second, RS256 joining in the third and ES256 leaving in the sixth: something signs at every
 * moment, and every kid was published OVERLAP before it signed. */
static void never_leaves_a_moment_without_a_known_key(void **state)
{
    (void)state;
    struct sp_key_times keys[64];
    size_t count = 0;
    for (int64_t now = 10000; now < 10000 + 10 * ROTATION; now++) {
        struct sp_key_policy policy = ONE(ES, ROTATION);
        if (now >= 10000 + 3 * ROTATION)
            policy = (struct sp_key_policy)TWO;
        if (now >= 10000 + 6 * ROTATION)
            policy = (struct sp_key_policy)ONE(RS, ROTATION);
        unsigned deeds = 0;
        for (struct sp_key_plan plan; (plan = sp_key_plan(keys, count, &policy, now)).deed != SP_KEYS_FINE;) {
            assert_true(++deeds < 8);
            do_deed(keys, &count, &plan, now);
        }
        size_t active = sp_key_plan_active(keys, count, SP_ALGORITHM_UNKNOWN, now);
        assert_true(active < count);
        assert_true(keys[active].active_from == 10000 || now - keys[active].created_at >= OVERLAP);
        if (now >= 10000 + 3 * ROTATION + OVERLAP)
            assert_true(sp_key_plan_active(keys, count, RS, now) < count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_due),
        cmocka_unit_test(never_leaves_a_moment_without_a_known_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
