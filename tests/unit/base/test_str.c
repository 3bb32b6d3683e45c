/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/str.h"

static void cuts_are_clamped(void **state)
{
    (void)state;
    struct sp_str s = SP_STR("gate");
    assert_true(sp_str_equal(sp_str_slice(s, 1, 3), SP_STR("at")));
    assert_true(sp_str_equal(sp_str_slice(s, 2, 99), SP_STR("te")));
    assert_int_equal(sp_str_slice(s, 99, 100).len, 0);
    assert_int_equal(sp_str_slice(s, 3, 1).len, 0);
    assert_null(sp_str_slice(SP_STR_NONE, 0, 5).at);
    assert_true(sp_str_equal(sp_str_trim(SP_STR(" \t a b\r\n")), SP_STR("a b")));
    assert_int_equal(sp_str_trim(SP_STR(" \n ")).len, 0);
}

static void words_are_cut_off_the_front(void **state)
{
    (void)state;
    struct sp_str rest = SP_STR("  read:photos write:photos "), word;
    assert_true(sp_str_next_word(&rest, SP_STR(" "), &word));
    assert_true(sp_str_equal(word, SP_STR("read:photos")));
    assert_true(sp_str_next_word(&rest, SP_STR(" "), &word));
    assert_true(sp_str_equal(word, SP_STR("write:photos")));
    assert_false(sp_str_next_word(&rest, SP_STR(" "), &word));
    rest = SP_STR("a, b,,\tc");
    unsigned count = 0;
    while (sp_str_next_word(&rest, SP_STR(", \t"), &word)) {
        assert_int_equal(word.len, 1);
        count++;
    }
    assert_int_equal(count, 3);
    rest = SP_STR_NONE;
    assert_false(sp_str_next_word(&rest, SP_STR(" "), &word));
}

static void comparisons_treat_absent_as_empty(void **state)
{
    (void)state;
    assert_true(sp_str_equal(SP_STR_NONE, SP_STR("")));
    assert_true(sp_str_equal_ignoring_case(SP_STR("BeArEr"), SP_STR("bearer")));
    assert_false(sp_str_equal_ignoring_case(SP_STR("bearer"), SP_STR("bearers")));
    /* ASCII letters only: what lies one bit beside them is another character. */
    assert_false(sp_str_equal_ignoring_case(SP_STR("@"), SP_STR("`")));
    assert_false(sp_str_equal_ignoring_case(SP_STR("["), SP_STR("{")));
    assert_true(sp_str_has_prefix(SP_STR("abc"), SP_STR("")));
    assert_true(sp_str_has_suffix(SP_STR("abc"), SP_STR("bc")));
    assert_false(sp_str_has_suffix(SP_STR("c"), SP_STR("bc")));
    assert_true(sp_str_contains(SP_STR("abc"), SP_STR("b")));
    assert_false(sp_str_contains(SP_STR_NONE, SP_STR("b")));
    assert_true(sp_str_compare(SP_STR("a"), SP_STR("ab")) < 0 && sp_str_compare(SP_STR("b"), SP_STR("ab")) > 0);
    assert_int_equal(sp_str_compare(SP_STR("a"), SP_STR("a")), 0);
    assert_int_equal(sp_str_index_of(SP_STR("a.b"), '.', 0), 1);
    assert_int_equal(sp_str_index_of(SP_STR("a.b"), '.', 2), 3);
    assert_int_equal(sp_str_index_of(SP_STR("a"), 'a', 9), 1);
}

static void utf8_is_rfc_3629(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"plain", true},
        {"\xC3\xA9", true},
        {"\xE2\x82\xAC", true},
        {"\xF0\x9F\x98\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\xC0\x80", false},
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false},
        {"\xED\xA0\x80", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xF4\x90\x80\x80", false},
        {"\xF5\x80\x80\x80", false},
        {"\x80", false},
        {"\xC3", false},
        {"\xE2\x82", false},
        {"a\xFF"
         "b",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(sp_str_is_utf8(sp_str_from_cstr(rows[i].text)), rows[i].valid);
    }
}

static void a_buffer_stops_at_its_ceiling_and_stays_failed(void **state)
{
    (void)state;
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, NULL, 300);
    for (int i = 0; i < 30; i++) {
        sp_buffer_append(&buffer, SP_STR("0123456789"));
    }
    assert_int_equal(sp_buffer_status(&buffer), SP_OK);
    assert_int_equal(buffer.len, 300);
    sp_buffer_append_char(&buffer, 'x');
    assert_int_equal(sp_buffer_status(&buffer), SP_TOO_LARGE);
    sp_buffer_clear(&buffer);
    sp_buffer_printf(&buffer, "%s-%d", "a", 7);
    assert_true(sp_str_equal(sp_buffer_str(&buffer), SP_STR("a-7")));
    sp_buffer_fini(&buffer);
}

static void note_release(void *what)
{
    int *order = what;
    static int released;
    *order = ++released;
}

static void an_arena_has_a_ceiling_and_runs_deferred_calls_newest_first(void **state)
{
    (void)state;
    int first = 0, second = 0;
    struct sp_arena *arena = sp_arena_create(4096);
    assert_int_equal(sp_arena_defer(arena, note_release, &first), SP_OK);
    assert_int_equal(sp_arena_defer(arena, note_release, &second), SP_OK);
    assert_null(sp_arena_alloc(arena, 4096));
    assert_null(sp_arena_alloc(arena, SIZE_MAX));
    assert_null(sp_arena_calloc(arena, SIZE_MAX / 2, 4));
    assert_non_null(sp_arena_alloc(arena, 2000));
    struct sp_str text = sp_arena_printf(arena, "%d of %s", 3, "many");
    assert_true(sp_str_equal(text, SP_STR("3 of many")));
    sp_arena_reset(arena);
    assert_int_equal(sp_arena_used(arena), 0);
    assert_true(second == 1 && first == 2);
    assert_non_null(sp_arena_alloc(arena, 4096));
    assert_null(sp_arena_printf(arena, "no room").at);
    sp_arena_destroy(&arena);
    assert_null(arena);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_are_clamped),
        cmocka_unit_test(words_are_cut_off_the_front),
        cmocka_unit_test(comparisons_treat_absent_as_empty),
        cmocka_unit_test(utf8_is_rfc_3629),
        cmocka_unit_test(a_buffer_stops_at_its_ceiling_and_stays_failed),
        cmocka_unit_test(an_arena_has_a_ceiling_and_runs_deferred_calls_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
