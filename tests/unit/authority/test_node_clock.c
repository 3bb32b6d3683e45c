/* SPDX-License-Identifier: Apache-2.0 */
/* When a clock is told to differ from the database's, and what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/node_clock.h"

#define T0 1800000000

static void each_turn_is_told_once(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t ours, theirs;
        bool turns, is_off;
    } rows[] = {
        {"without another clock there is nothing to say", T0, 0, false, false},
        {"a moment on the way is no difference", T0 + 5, T0, false, false},
        {"two minutes ahead", T0 + 120, T0, true, true},
        {"still", T0 + 180, T0 + 60, false, true},
        {"now behind: off as before", T0, T0 + 60, false, true},
        {"mended", T0 + 60, T0 + 60, true, false},
        {"six seconds behind", T0 + 60, T0 + 66, true, true},
    };
    struct sp_node_clock clock = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (sp_node_clock_step(&clock, rows[i].ours, rows[i].theirs) != rows[i].turns || clock.is_off != rows[i].is_off)
            fail_msg("%s", rows[i].name);
    }
}

static void both_times_and_what_follows_are_said(void **state)
{
    (void)state;
    char text[512];
    struct sp_node_clock clock = {.is_off = true};
    sp_node_clock_tell(&clock, T0 + 120, T0, text);
    assert_non_null(
        strstr(text, "120 s ahead of PostgreSQL's (here 2027-01-15T08:02:00Z, there 2027-01-15T08:00:00Z)"));
    assert_non_null(strstr(text, "tokens.code_lifetime"));
    sp_node_clock_tell(&clock, T0, T0 + 7, text);
    assert_non_null(strstr(text, "7 s behind PostgreSQL's"));
    clock.is_off = false;
    sp_node_clock_tell(&clock, T0, T0, text);
    assert_non_null(strstr(text, "agrees"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_turn_is_told_once),
        cmocka_unit_test(both_times_and_what_follows_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
