/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "probe/schedule.h"

static void refreshes_ahead_of_expiry_within_bounds(void **state)
{
    (void)state;
    static const struct {
        int64_t max_age_s, fixed_s, expected_s;
    } rows[] = {
        {-1, 0, 810},      {0, 0, 60},           {30, 0, 60}, {600, 0, 540},           {3600, 0, 3300},
        {86400, 0, 86100}, {31536000, 0, 86400}, {600, 5, 5}, {600, 999999999, 86400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(sp_schedule_refresh(rows[i].max_age_s, rows[i].fixed_s), rows[i].expected_s);
    }
}

static void retries_less_often_with_each_failure(void **state)
{
    (void)state;
    static const int64_t without_keys[] = {2, 4, 8, 16, 32, 60, 60}, with_keys[] = {15, 30, 60, 120, 240, 300, 300};
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(sp_schedule_retry(i + 1, false, 0), without_keys[i]);
        assert_int_equal(sp_schedule_retry(i + 1, true, 0), with_keys[i]);
        for (uint32_t jitter = 0; jitter < 1000; jitter += 7) {
            assert_in_range(sp_schedule_retry(i + 1, true, jitter), with_keys[i] - with_keys[i] / 4, with_keys[i]);
        }
    }
    assert_int_equal(sp_schedule_retry(4000000000u, false, 0), 60);
}

static void looks_again_once_in_ten_seconds(void **state)
{
    (void)state;
    assert_true(sp_schedule_may_look_again(500, 0));
    assert_false(sp_schedule_may_look_again(10999, 1000));
    assert_true(sp_schedule_may_look_again(11000, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refreshes_ahead_of_expiry_within_bounds),
        cmocka_unit_test(retries_less_often_with_each_failure),
        cmocka_unit_test(looks_again_once_in_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
