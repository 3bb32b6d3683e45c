/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/diagnosis/exam.h"
#include "core/policy/policy.h"

static void long_windows_are_quotas(void **state)
{
    (void)state;
    struct sp_limit limit = {.requests = 1, .window_ms = 60000};
    assert_int_equal(sp_limit_cause(&limit), SP_CAUSE_RATE_LIMITED);
    limit.window_ms = 86400000;
    assert_int_equal(sp_limit_cause(&limit), SP_CAUSE_QUOTA_EXCEEDED);
}

static void a_verdict_of_no_check_is_whole(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_finding finding = {.cause = SP_CAUSE_QUOTA_EXCEEDED, .check = SP_CHECK_COUNT, .verified = true};
    const struct sp_verdict *verdict = sp_verdict_of(arena, &finding);
    assert_false(verdict->accepted);
    assert_int_equal(sp_verdict_http_status(verdict), 429);
    for (int check = 0; check < SP_CHECK_COUNT; check++)
        assert_int_equal(verdict->checks[check].outcome, SP_OUTCOME_SKIP);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_windows_are_quotas),
        cmocka_unit_test(a_verdict_of_no_check_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
