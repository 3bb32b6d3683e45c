/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/diagnosis/words.h"

static void says_durations(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *words;
    } rows[] = {
        {0, "0 s"},
        {1, "1 s"},
        {192, "3 min 12 s"},
        {3600, "1 h"},
        {7500, "2 h 5 min"},
        {90000, "1 day 1 h"},
        {-192, "3 min 12 s"},
        {63072000 + 86400 * 40, "2 years 40 days"},
        {86400, "1 day"},
        {3601, "1 h"},
        {INT64_MIN, "292471208677 years 195 days"},
    };
    struct sp_arena *arena = sp_arena_create(4096);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str words = sp_words_duration(arena, rows[i].seconds);
        assert_int_equal(words.len, strlen(rows[i].words));
        assert_memory_equal(words.at, rows[i].words, words.len);
    }
    sp_arena_destroy(&arena);
}

static void says_instants(void **state)
{
    (void)state;
    static const struct {
        int64_t at, now;
        const char *words;
    } rows[] = {
        {1700000000, 1700000192, "2023-11-14 22:13:20 UTC, 3 min 12 s ago"},
        {1700000000, 1699999970, "2023-11-14 22:13:20 UTC, in 30 s"},
        {1700000000, 1700000000, "2023-11-14 22:13:20 UTC, now"},
        {INT64_MAX, -1, "9223372036854775807"},
    };
    struct sp_arena *arena = sp_arena_create(4096);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str words = sp_words_instant_from(arena, rows[i].at, rows[i].now);
        assert_int_equal(words.len, strlen(rows[i].words));
        assert_memory_equal(words.at, rows[i].words, words.len);
    }
    sp_arena_destroy(&arena);
}

static void lists_at_most_eight(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(4096);
    struct sp_str items[10];
    for (size_t i = 0; i < 10; i++)
        items[i] = SP_STR("x");
    assert_true(sp_str_equal(sp_words_list(arena, items, 0), SP_STR("none")));
    assert_true(sp_str_equal(sp_words_list(arena, items, 2), SP_STR("x, x")));
    assert_true(sp_str_equal(sp_words_list(arena, items, 10), SP_STR("x, x, x, x, x, x, x, x and 2 more")));
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_durations),
        cmocka_unit_test(says_instants),
        cmocka_unit_test(lists_at_most_eight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
