/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/limits.h"
#include "probe/handed_configuration.h"

struct ends {
    int giver, taker, held;
    struct sp_arena *arena;
};

static int open_ends(void **state)
{
    static struct ends ends;
    ends = (struct ends){.held = -1, .arena = sp_arena_create(2 * (size_t)SP_MAX_POLICY_BYTES)};
    *state = &ends;
    return ends.arena != NULL && sp_handed_configuration_pair(&ends.giver, &ends.taker) == SP_OK ? 0 : -1;
}

static int close_ends(void **state)
{
    struct ends *ends = *state;
    close(ends->giver);
    close(ends->taker);
    if (ends->held >= 0) {
        close(ends->held);
    }
    sp_arena_destroy(&ends->arena);
    return 0;
}

static void assert_taken(struct ends *ends, const char *wanted)
{
    struct sp_str text = SP_STR_NONE;
    assert_int_equal(sp_handed_configuration_take(ends->taker, &ends->held, ends->arena, &text), SP_OK);
    assert_true(sp_str_equal(text, sp_str_from_cstr(wanted)));
}

static void the_newest_is_taken_and_the_same_again_until_another_comes(void **state)
{
    struct ends *ends = *state;
    struct sp_str text = SP_STR("untouched");
    assert_int_equal(sp_handed_configuration_take(ends->taker, &ends->held, ends->arena, &text), SP_NOT_FOUND);
    assert_true(sp_str_equal(text, SP_STR("untouched")));
    assert_int_equal(sp_handed_configuration_give(ends->giver, SP_STR("{}")), SP_OK);
    assert_int_equal(sp_handed_configuration_give(ends->giver, SP_STR("{\"workers\":2}")), SP_OK);
    assert_taken(ends, "{\"workers\":2}");
    assert_taken(ends, "{\"workers\":2}");
    assert_int_equal(sp_handed_configuration_give(ends->giver, SP_STR("")), SP_OK);
    assert_taken(ends, "");
}

static void what_was_handed_is_no_file_and_cannot_be_changed(void **state)
{
    struct ends *ends = *state;
    struct stat info;
    assert_int_equal(sp_handed_configuration_give(ends->giver, SP_STR("secret")), SP_OK);
    assert_taken(ends, "secret");
    assert_int_equal(fstat(ends->held, &info), 0);
    assert_int_equal(info.st_nlink, 0);
    assert_int_equal(pwrite(ends->held, "S", 1, 0), -1);
    assert_int_equal(ftruncate(ends->held, 0), -1);
    assert_int_equal(fcntl(ends->held, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_taken(ends, "secret");
}

static void the_largest_configuration_is_taken_whole_and_a_larger_one_not_at_all(void **state)
{
    struct ends *ends = *state;
    struct sp_str text = SP_STR_NONE;
    char *large = sp_arena_alloc(ends->arena, (size_t)SP_MAX_POLICY_BYTES + 1);
    assert_non_null(large);
    memset(large, 'x', (size_t)SP_MAX_POLICY_BYTES + 1);
    struct sp_arena *arena = sp_arena_create(2 * (size_t)SP_MAX_POLICY_BYTES);
    assert_int_equal(sp_handed_configuration_give(ends->giver, sp_str(large, SP_MAX_POLICY_BYTES)), SP_OK);
    assert_int_equal(sp_handed_configuration_take(ends->taker, &ends->held, arena, &text), SP_OK);
    assert_true(sp_str_equal(text, sp_str(large, SP_MAX_POLICY_BYTES)));
    assert_int_equal(sp_handed_configuration_give(ends->giver, sp_str(large, (size_t)SP_MAX_POLICY_BYTES + 1)), SP_OK);
    assert_int_equal(sp_handed_configuration_take(ends->taker, &ends->held, arena, &text), SP_TOO_LARGE);
    sp_arena_destroy(&arena);
}

static void a_taker_that_is_gone_or_never_takes_is_told_of_and_not_waited_for(void **state)
{
    struct ends *ends = *state;
    enum sp_status status = SP_OK;
    for (int i = 0; i < 100000 && status == SP_OK; i++) {
        status = sp_handed_configuration_give(ends->giver, SP_STR("{}"));
    }
    assert_int_equal(status, SP_IO);
    close(ends->taker);
    ends->taker = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(sp_handed_configuration_give(ends->giver, SP_STR("{}")), SP_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_is_taken_and_the_same_again_until_another_comes),
        TEST(what_was_handed_is_no_file_and_cannot_be_changed),
        TEST(the_largest_configuration_is_taken_whole_and_a_larger_one_not_at_all),
        TEST(a_taker_that_is_gone_or_never_takes_is_told_of_and_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
