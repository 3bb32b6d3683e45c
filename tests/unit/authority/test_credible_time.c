/* SPDX-License-Identifier: Apache-2.0 */
/* Until when what ended may be deleted, while the wall clock jumps about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/credible_time.h"

#define T0 1800000000
#define HOUR 3600
#define DAY 86400
#define YEAR (365 * DAY)

/* Where the store knows `kept`, after `lasted` seconds with the wall clock off by `before` and then of `off`. */
static void what_may_be_deleted(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t kept, before, lasted, off, then_lasted, until;
        bool doubts;
    } rows[] = {
        {"a new store believes the clock", 0, 0, 10, 0, 10, T0 + 20, false},
        {"and goes with it", T0, 0, 5 * HOUR, 0, 5 * HOUR, T0 + 10 * HOUR, false},
        {"a year ahead for a minute", T0, 0, 10, YEAR, 60, T0 + 70, true},
        {"a year ahead, and nobody mends it", T0, 0, 10, YEAR, 13 * HOUR, T0 + YEAR + 10 + 13 * HOUR, false},
        {"mended again", T0, YEAR, 60, 0, 60, T0 + 120, false},
        {"half an hour is no reason", T0, 0, 10, HOUR / 2, 60, T0 + 70 + HOUR / 2, false},
        {"a year back: by the clock, so nothing", T0, 0, 10, -YEAR, 60, T0 + 70 - YEAR, true},
        {"started a year ahead", T0, YEAR, 60, YEAR, 60, T0 + 120, true},
        {"started a year ahead, on purpose", T0, YEAR, 13 * HOUR, YEAR, 60, T0 + YEAR + 13 * HOUR + 60, false},
        {"off over night", T0 - 14 * HOUR, 0, 10, 0, 10, T0 + 20, false},
        {"off for a month", T0 - 30 * DAY, 0, 10, 0, 10, T0 + 20 - 30 * DAY, true},
        {"a device that wakes up in the past, and is told the time", T0, -YEAR, 60, 0, 60, T0 + 120, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_credible_time time;
        int64_t s = 1000;
        sp_credible_time_begin(&time, rows[i].kept, T0 + rows[i].before, s);
        for (int64_t end = s + rows[i].lasted; s < end; s++)
            (void)sp_credible_time_step(&time, T0 + rows[i].before + s - 1000, s);
        for (int64_t end = s + rows[i].then_lasted; s <= end; s++)
            (void)sp_credible_time_step(&time, T0 + rows[i].off + s - 1000, s);
        const int64_t until = sp_credible_time_until(&time, T0 + rows[i].off + s - 1001);
        if (until != rows[i].until || time.doubts != rows[i].doubts)
            fail_msg("%s: until %+lld s, not %+lld s; doubts %d", rows[i].name, (long long)(until - T0),
                     (long long)(rows[i].until - T0), time.doubts);
    }
}

static void a_doubt_is_told_when_it_begins_and_when_it_ends(void **state)
{
    (void)state;
    struct sp_credible_time time;
    char text[512];
    unsigned turns = 0;
    sp_credible_time_begin(&time, T0, T0, 0);
    for (int64_t s = 0; s < 100; s++)
        turns += sp_credible_time_step(&time, T0 + s + YEAR, s);
    assert_int_equal(turns, 1);
    sp_credible_time_tell(&time, T0 + 99 + YEAR, text);
    assert_non_null(strstr(text, "365 days ahead"));
    assert_true(sp_credible_time_step(&time, T0 + 100, 100));
    sp_credible_time_tell(&time, T0 + 100, text);
    assert_non_null(strstr(text, "believed again"));
}

static void the_store_knows_the_newest(void **state)
{
    (void)state;
    char trouble[256];
    struct sp_store *store = NULL;
    struct sp_arena *arena = sp_arena_create(1u << 20);
    struct sp_credible_time time = {0}, next = {0};
    int64_t kept = -1;
    bool turns = false;
    assert_int_equal(sp_store_open_sqlite(":memory:", &store, trouble), SP_OK);
    assert_int_equal(sp_credible_time_find(store, arena, &kept), SP_OK);
    assert_int_equal(kept, 0);
    assert_int_equal(sp_credible_time_tend(&time, store, T0, &turns), SP_OK);
    assert_int_equal(sp_credible_time_tend(&time, store, T0 + YEAR, &turns), SP_OK);
    assert_true(turns);
    assert_int_equal(sp_credible_time_find(store, arena, &kept), SP_OK);
    assert_int_equal(kept, T0);
    assert_int_equal(sp_credible_time_tend(&next, store, T0 + YEAR, &turns), SP_OK); /* another process */
    assert_true(turns);
    assert_true(sp_credible_time_until(&next, T0 + YEAR) < T0 + HOUR);
    store->methods->destroy(&store);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_deleted),
        cmocka_unit_test(a_doubt_is_told_when_it_begins_and_when_it_ends),
        cmocka_unit_test(the_store_knows_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
