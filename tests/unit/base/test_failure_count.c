/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/failure_count.h"

static uint64_t block[1024];

static void failures_count_within_their_window(void **state)
{
    struct sp_table *table = sp_failure_count_table(block, sizeof block);
    const unsigned char ann[SP_FAILURE_KEY_BYTES] = {1}, bob[SP_FAILURE_KEY_BYTES] = {2};
    (void)state;
    for (int64_t now = 1000; now < 1010; now++)
        sp_failure_count_add(table, ann, 60, now);
    assert_int_equal(sp_failure_count_find(table, ann, 60, 1059).failures, 10);
    assert_int_equal(sp_failure_count_find(table, ann, 60, 1059).started_at, 1000);
    assert_int_equal(sp_failure_count_find(table, ann, 60, 1059).failed_at, 1009);
    assert_int_equal(sp_failure_count_find(table, ann, 60, 1060).failures, 0); /* it began with the first */
    assert_int_equal(sp_failure_count_find(table, ann, 60, 999).failures, 0);  /* a clock that went backwards */
    assert_int_equal(sp_failure_count_find(table, bob, 60, 1010).failures, 0);
    sp_failure_count_add(table, ann, 60, 1060);
    assert_int_equal(sp_failure_count_find(table, ann, 60, 1060).failures, 1);
}

static void without_memory_nothing_is_counted(void **state)
{
    const unsigned char ann[SP_FAILURE_KEY_BYTES] = {1};
    (void)state;
    sp_failure_count_add(NULL, ann, 60, 1000);
    assert_int_equal(sp_failure_count_find(NULL, ann, 60, 1000).failures, 0);
}

/* Whoever has more addresses than there is room pushes out old counters, and makes nothing grow. */
static void a_full_table_forgets_the_oldest(void **state)
{
    struct sp_table *table = sp_failure_count_table(block, sizeof block);
    unsigned char key[SP_FAILURE_KEY_BYTES] = {0};
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        key[0] = (unsigned char)(i * 37);
        key[1] = (unsigned char)(i >> 3);
        key[2] = (unsigned char)(i >> 8);
        sp_failure_count_add(table, key, 60, 1000);
        assert_int_equal(sp_failure_count_find(table, key, 60, 1000).failures >= 1, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_count_within_their_window),
        cmocka_unit_test(without_memory_nothing_is_counted),
        cmocka_unit_test(a_full_table_forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
