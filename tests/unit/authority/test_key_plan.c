/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/key_ring.h"

#define ROTATION 1000
#define OVERLAP 100

static void says_what_is_due(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct sp_key_times keys[3];
        size_t count;
        int64_t rotation_s, now;
        bool changed;
        enum sp_key_deed deed;
        int64_t active_from;
        size_t index;
    } rows[] = {
        {"the first key signs at once", {{0}}, 0, ROTATION, 5000, false, SP_KEYS_GENERATE, 5000, 0},
        {"a young key is fine", {{1, 4500, 0, 0}}, 1, ROTATION, 5000, false, SP_KEYS_FINE, 0, 0},
        {"just before the overlap", {{1, 4500, 0, 0}}, 1, ROTATION, 5399, false, SP_KEYS_FINE, 0, 0},
        {"the overlap begins", {{1, 4500, 0, 0}}, 1, ROTATION, 5400, false, SP_KEYS_GENERATE, 5500, 0},
        {"after a long sleep it is still published before it signs",
         {{1, 100, 0, 0}},
         1,
         ROTATION,
         9000,
         false,
         SP_KEYS_GENERATE,
         9100,
         0},
        {"the next one waits", {{1, 4500, 5500, 6000}, {2, 5500, 0, 0}}, 2, ROTATION, 5450, false, SP_KEYS_FINE, 0, 0},
        {"by hand only", {{1, 100, 0, 0}}, 1, 0, 900000, false, SP_KEYS_FINE, 0, 0},
        {"another algorithm is configured", {{1, 4500, 0, 0}}, 1, 0, 5000, true, SP_KEYS_GENERATE, 5100, 0},
        {"the last token is dead",
         {{1, 100, 4500, 5000}, {2, 4500, 0, 0}},
         2,
         ROTATION,
         5000,
         false,
         SP_KEYS_FORGET,
         0,
         0},
        {"not a second earlier", {{1, 100, 4500, 5001}, {2, 4500, 0, 0}}, 2, ROTATION, 5000, false, SP_KEYS_FINE, 0, 0},
        {"only a future key: one that signs now is missing",
         {{1, 6000, 0, 0}},
         1,
         ROTATION,
         5000,
         false,
         SP_KEYS_GENERATE,
         5000,
         0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_key_plan plan =
            sp_key_plan(rows[i].keys, rows[i].count, rows[i].rotation_s, OVERLAP, rows[i].changed, rows[i].now);
        if (plan.deed != rows[i].deed || plan.active_from != rows[i].active_from || plan.index != rows[i].index)
            fail_msg("%s: deed %d at %lld", rows[i].name, (int)plan.deed, (long long)plan.active_from);
    }
}

/* Ten rotations, second by second: a key signs at every moment, and every kid was published OVERLAP before it signed.
 */
static void never_leaves_a_moment_without_a_known_key(void **state)
{
    (void)state;
    struct sp_key_times keys[32];
    size_t count = 0;
    for (int64_t now = 10000; now < 10000 + 10 * ROTATION; now++) {
        for (struct sp_key_plan plan;
             (plan = sp_key_plan(keys, count, ROTATION, OVERLAP, false, now)).deed != SP_KEYS_FINE;) {
            assert_int_equal(plan.deed, SP_KEYS_GENERATE);
            keys[count++] = (struct sp_key_times){.created_at = now, .active_from = plan.active_from};
        }
        size_t active = sp_key_plan_active(keys, count, now);
        assert_true(active < count);
        assert_true(active == 0 || now - keys[active].created_at >= OVERLAP);
    }
    assert_int_equal(count, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_due),
        cmocka_unit_test(never_leaves_a_moment_without_a_known_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
