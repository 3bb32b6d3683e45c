/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/window.h"

#define MINUTE 60000

static uint32_t passed(struct sp_window *window, uint32_t calls, uint32_t requests, int64_t now_ms)
{
    uint32_t allowed = 0;
    for (uint32_t i = 0; i < calls; i++) {
        allowed += sp_window_take(window, requests, MINUTE, now_ms).allowed ? 1u : 0u;
    }
    return allowed;
}

static void exactly_the_allowed_number_passes_in_a_fresh_window(void **state)
{
    (void)state;
    struct sp_window window = {0};
    assert_int_equal(passed(&window, 250, 100, 1000000), 100);
}

static void the_window_slides_instead_of_opening_at_once(void **state)
{
    (void)state;
    struct sp_window window = {0};
    const int64_t start = 1000000;
    assert_int_equal(passed(&window, 1, 100, start), 1);
    assert_int_equal(passed(&window, 100, 100, start + MINUTE - 1), 99);
    assert_int_equal(passed(&window, 100, 100, start + MINUTE), 0);
    assert_int_equal(passed(&window, 100, 100, start + MINUTE + MINUTE / 2), 50);
    assert_int_equal(passed(&window, 100, 100, start + 10 * MINUTE), 100);
}

/* What passed more than a window ago holds nobody back, however few calls are allowed. */
static void after_a_window_without_calls_all_pass(void **state)
{
    (void)state;
    for (uint32_t requests = 1; requests <= 100; requests++) {
        struct sp_window window = {0};
        int64_t now = 1000000;
        for (int i = 0; i < 5; i++, now += MINUTE) {
            assert_int_equal(passed(&window, requests + 1, requests, now), requests);
            const struct sp_window_answer answer = sp_window_take(&window, requests, MINUTE, now + 1000);
            assert_false(answer.allowed);
            assert_true(answer.retry_after_ms <= MINUTE - 1000);
        }
    }
}

static void a_caller_as_slow_as_its_limit_is_never_refused(void **state)
{
    (void)state;
    for (uint32_t requests = 1; requests <= 10; requests++) {
        struct sp_window window = {0};
        int64_t now = 1000000;
        for (int i = 0; i < 50; i++, now += MINUTE / requests + 1) {
            assert_int_equal(passed(&window, 1, requests, now), 1);
        }
    }
}

/* The worst that a caller can do: nearly all calls at a window's end, then each as soon as it may
 * (docs/rate-limits.md). */
static void however_calls_come_no_minute_has_twice_as_many(void **state)
{
    (void)state;
    enum { REQUESTS = 100, STEP = 10, MOST = 400 };
    struct sp_window window = {0};
    const int64_t start = 1000000;
    int64_t at[MOST] = {start};
    size_t count = passed(&window, 1, REQUESTS, start);
    for (int64_t now = start + MINUTE - STEP; now < start + 4 * MINUTE; now += STEP) {
        while (sp_window_take(&window, REQUESTS, MINUTE, now).allowed) {
            assert_true(count < MOST);
            at[count++] = now;
        }
    }
    for (size_t first = 0; first < count; first++) {
        size_t last = first;
        while (last < count && at[last] < at[first] + MINUTE) {
            last++;
        }
        assert_true(last - first < 2 * REQUESTS);
    }
    assert_true(count <= 4 * REQUESTS);
}

static void retry_after_is_the_moment_when_one_more_passes(void **state)
{
    (void)state;
    for (uint32_t requests = 1; requests <= 40; requests += 13) {
        for (int64_t pause = 0; pause < 2 * MINUTE; pause += 7001) {
            struct sp_window window = {0};
            int64_t now = 5000000;
            passed(&window, requests, requests, now);
            now += pause;
            passed(&window, requests, requests, now);
            struct sp_window_answer answer = sp_window_take(&window, requests, MINUTE, now);
            assert_false(answer.allowed);
            assert_true(answer.retry_after_ms >= 1 && answer.retry_after_ms <= 2 * MINUTE + 1);
            struct sp_window copy = window;
            assert_true(sp_window_take(&copy, requests, MINUTE, now + answer.retry_after_ms + 1).allowed);
        }
    }
}

/* Two workers, one of which looked at the clock a little earlier: at a window's start, and where it turns. */
static void a_process_that_is_a_little_behind_counts_with_the_others(void **state)
{
    (void)state;
    struct sp_window window = {0};
    const int64_t start = 1000000;
    assert_int_equal(passed(&window, 4, 5, start), 4);
    assert_int_equal(passed(&window, 4, 5, start - 1), 1);
    assert_int_equal(passed(&window, 4, 5, start - SP_WINDOW_SLACK_MS), 0);
    struct sp_window late = {0};
    assert_int_equal(passed(&late, 1, 5, start), 1);
    assert_int_equal(passed(&late, 9, 5, start + MINUTE - 1), 4);
    assert_int_equal(passed(&late, 4, 5, start + MINUTE), 0);
    assert_int_equal(passed(&late, 4, 5, start + MINUTE - 3), 0);
    assert_int_equal(passed(&late, 4, 5, start + MINUTE + MINUTE / 2), 3);
}

static void a_clock_set_back_starts_anew(void **state)
{
    (void)state;
    struct sp_window window = {0};
    passed(&window, 10, 10, 9000000);
    assert_true(sp_window_take(&window, 10, MINUTE, 1000).allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_the_allowed_number_passes_in_a_fresh_window),
        cmocka_unit_test(the_window_slides_instead_of_opening_at_once),
        cmocka_unit_test(after_a_window_without_calls_all_pass),
        cmocka_unit_test(a_caller_as_slow_as_its_limit_is_never_refused),
        cmocka_unit_test(however_calls_come_no_minute_has_twice_as_many),
        cmocka_unit_test(retry_after_is_the_moment_when_one_more_passes),
        cmocka_unit_test(a_process_that_is_a_little_behind_counts_with_the_others),
        cmocka_unit_test(a_clock_set_back_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
