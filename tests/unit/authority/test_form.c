/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "core/oauth/form.h"

static void decodes_names_and_values(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value;
    } rows[] = {
        {"a=b", "a", "b"},
        {"x=1&a=b+c", "a", "b c"},
        {"a=%2B%20%3d", "a", "+ ="},
        {"a=b=c", "a", "b=c"},
        {"&&a=b&", "a", "b"},
        {"%61=%C3%A9", "a", "\xC3\xA9"},
        {"a=&a=second", "a", "second"}, /* empty counts as omitted: RFC 6749 3.1 */
        {"a", "a", NULL},
        {"", "a", NULL},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_form form;
        size_t offset = 0;
        assert_int_equal(sp_form_parse(arena, sp_str_from_cstr(rows[i].text), &form, &offset), SP_OK);
        struct sp_str value = sp_form_value(&form, sp_str_from_cstr(rows[i].name));
        assert_true(sp_str_equal(value, sp_str_from_cstr(rows[i].value)));
        assert_int_equal(value.at == NULL, rows[i].value == NULL);
    }
    sp_arena_destroy(&arena);
}

static void names_the_byte_that_is_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {
        {"a=%", 2}, {"a=%4", 2}, {"b=1&a=x%zz", 7}, {"a=%00", 2}, {"a=%ff", 2}, {"%g0=1", 0},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_form form;
        size_t offset = 99;
        assert_int_equal(sp_form_parse(arena, sp_str_from_cstr(rows[i].text), &form, &offset), SP_MALFORMED);
        if (rows[i].offset != offset)
            fail_msg("%s: offset %zu, expected %zu", rows[i].text, offset, rows[i].offset);
    }
    sp_arena_destroy(&arena);
}

static void bounds_size_and_count(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_form form;
    size_t offset;
    char *text = malloc(SP_MAX_FORM_BYTES + 1);
    memset(text, 'a', SP_MAX_FORM_BYTES + 1);
    assert_int_equal(sp_form_parse(arena, sp_str(text, SP_MAX_FORM_BYTES + 1), &form, &offset), SP_TOO_LARGE);
    assert_int_equal(sp_form_parse(arena, sp_str(text, SP_MAX_FORM_BYTES), &form, &offset), SP_OK);
    memset(text, '&', SP_MAX_FORM_PARAMETERS + 1);
    assert_int_equal(sp_form_parse(arena, sp_str(text, SP_MAX_FORM_PARAMETERS + 1), &form, &offset), SP_TOO_LARGE);
    free(text);
    sp_arena_destroy(&arena);
}

static void tells_a_repeated_parameter_but_lets_resource_repeat(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_form form;
    size_t offset;
    assert_int_equal(sp_form_parse(arena, SP_STR("resource=a&resource=b&scope=x"), &form, &offset), SP_OK);
    assert_null(sp_form_repeated(&form).at);
    assert_int_equal(sp_form_parse(arena, SP_STR("scope=a&resource=b&scope="), &form, &offset), SP_OK);
    assert_true(sp_str_equal(sp_form_repeated(&form), SP_STR("scope")));
    sp_arena_destroy(&arena);
}

static void encodes_what_it_decodes(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_str nasty = SP_STR("a b&c=d+e%\"<\xE2\x82\xAC>/?#~-._");
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 4096);
    char separator = '?';
    sp_form_add(&out, &separator, "q", nasty);
    assert_int_equal(separator, '&');
    struct sp_form form;
    size_t offset;
    struct sp_str text = sp_buffer_str(&out);
    assert_int_equal(sp_form_parse(arena, sp_str_slice(text, 1, text.len), &form, &offset), SP_OK);
    assert_true(sp_str_equal(sp_form_value(&form, SP_STR("q")), nasty));
    sp_arena_destroy(&arena);
}

static void gives_up_without_memory_and_never_with_half_a_form(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 400; limit += 8) {
        struct sp_arena *arena = sp_arena_create(limit);
        struct sp_form form = {NULL, 77};
        size_t offset;
        enum sp_status status = sp_form_parse(arena, SP_STR("a=1&b=2&c=%20"), &form, &offset);
        assert_true(status == SP_OK ? form.count == 3 : status == SP_NO_MEMORY && form.count == 77);
        sp_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_names_and_values),
        cmocka_unit_test(names_the_byte_that_is_at_fault),
        cmocka_unit_test(bounds_size_and_count),
        cmocka_unit_test(tells_a_repeated_parameter_but_lets_resource_repeat),
        cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(gives_up_without_memory_and_never_with_half_a_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
