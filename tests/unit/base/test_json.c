/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/json.h"

static enum sp_status parse(struct sp_arena *arena, struct sp_str text, const struct sp_json **json,
                            struct sp_json_error *error)
{
    return sp_json_parse(arena, text, &sp_json_limits_token, json, error);
}

static void reads_every_kind_of_value(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_str text =
        SP_STR(" {\"a\":[1,-2.5e3,true,false,null,{}],\"b\\u0041\\n\":\"\\ud83d\\ude00\\u00e9/\\/\"}\n");
    assert_int_equal(parse(arena, text, &json, &error), SP_OK);
    const struct sp_json *list = sp_json_member(json, SP_STR("a"));
    assert_int_equal(list->count, 6);
    assert_int_equal(list->offset, 6);
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 4096);
    struct sp_json_writer writer;
    sp_json_writer_init(&writer, &out, false);
    sp_json_put_value(&writer, json);
    assert_int_equal(sp_buffer_status(&out), SP_OK);
    struct sp_str expected = SP_STR("{\"a\":[1,-2.5e3,true,false,null,{}],\"bA\\n\":\"\xF0\x9F\x98\x80\xC3\xA9//\"}");
    assert_true(sp_str_equal(sp_buffer_str(&out), expected));
    sp_arena_destroy(&arena);
}

static void says_a_value_in_words_where_it_is_one_word(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text; /* NULL: none */
    } rows[] = {
        {"\"a\\u0062\"", "ab"}, {"-2.50e3", "-2.50e3"}, {"true", "true"}, {"false", "false"},
        {"\"\"", ""},           {"null", NULL},         {"[1]", NULL},    {"{\"a\":1}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 16);
        const struct sp_json *json = NULL;
        struct sp_json_error error;
        assert_int_equal(parse(arena, sp_str_from_cstr(rows[i].json), &json, &error), SP_OK);
        struct sp_str text = sp_json_scalar_text(json);
        assert_int_equal(text.at == NULL, rows[i].text == NULL);
        assert_true(rows[i].text == NULL || sp_str_equal(text, sp_str_from_cstr(rows[i].text)));
        sp_arena_destroy(&arena);
    }
    assert_null(sp_json_scalar_text(NULL).at);
}

static void names_the_fault_and_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sp_json_fault fault;
        size_t offset;
    } rows[] = {
        {"", SP_JSON_CUT, 0},
        {"{\"a\":1", SP_JSON_CUT, 6},
        {"{\"a\":tr", SP_JSON_CUT, 7},
        {"{\"a\":\"x\\", SP_JSON_CUT, 8},
        {"{\"a\":1,}", SP_JSON_SYNTAX, 7},
        {"[1,]", SP_JSON_SYNTAX, 3},
        {"{a:1}", SP_JSON_SYNTAX, 1},
        {"{\"a\" 1}", SP_JSON_SYNTAX, 5},
        {"[01]", SP_JSON_SYNTAX, 2},
        {"[1.]", SP_JSON_SYNTAX, 3},
        {"[+1]", SP_JSON_SYNTAX, 1},
        {"[NaN]", SP_JSON_SYNTAX, 1},
        {"['a']", SP_JSON_SYNTAX, 1},
        {"[\"\t\"]", SP_JSON_SYNTAX, 2},
        {"[\"\\x\"]", SP_JSON_SYNTAX, 2},
        {"[\"\\ud800\"]", SP_JSON_UTF8, 4},
        {"[\"\xC0\x80\"]", SP_JSON_UTF8, 2},
        {"[\"\xED\xA0\x80\"]", SP_JSON_UTF8, 2},
        {"{\"a\":1,\"b\":2,\"a\":3}", SP_JSON_DUPLICATE_MEMBER, 17},
        {"{\"a\":1,\"\\u0061\":3}", SP_JSON_DUPLICATE_MEMBER, 16},
        {"{} {}", SP_JSON_TRAILING, 3},
        {"[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]", SP_JSON_TOO_DEEP, 16},
        {"\xEF\xBB\xBF{}", SP_JSON_SYNTAX, 0},
        {"}", SP_JSON_SYNTAX, 0},
        {"{\"a\":1]", SP_JSON_SYNTAX, 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        const struct sp_json *json = NULL;
        struct sp_json_error error;
        print_message("%s\n", rows[i].text);
        assert_int_equal(parse(arena, sp_str_from_cstr(rows[i].text), &json, &error), SP_MALFORMED);
        assert_null(json);
        assert_int_equal(error.fault, rows[i].fault);
        assert_int_equal(error.offset, rows[i].offset);
        sp_arena_destroy(&arena);
    }
}

static void finds_a_duplicate_in_a_large_object(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 22);
    struct sp_buffer text;
    sp_buffer_init(&text, arena, 1 << 20);
    sp_buffer_append_char(&text, '{');
    for (int i = 0; i < 1000; i++) {
        sp_buffer_printf(&text, "\"n%d\":%d,", i, i);
    }
    sp_buffer_append(&text, SP_STR("\"n777\":0}"));
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    assert_int_equal(parse(arena, sp_buffer_str(&text), &json, &error), SP_MALFORMED);
    assert_int_equal(error.fault, SP_JSON_DUPLICATE_MEMBER);
    assert_true(sp_str_equal(error.name, SP_STR("n777")));
    sp_arena_destroy(&arena);
}

static void reads_integers_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sp_status status;
        int64_t value;
    } rows[] = {
        {"0", SP_OK, 0},
        {"-0", SP_OK, 0},
        {"1700000000", SP_OK, 1700000000},
        {"1.9", SP_OK, 1},
        {"-1.9", SP_OK, -1},
        {"1e3", SP_OK, 1000},
        {"1.2345e2", SP_OK, 123},
        {"12345e-2", SP_OK, 123},
        {"0e99999999999", SP_OK, 0},
        {"1e-99999999999", SP_OK, 0},
        {"9223372036854775807", SP_OK, INT64_MAX},
        {"9223372036854775808", SP_TOO_LARGE, 0},
        {"1e400", SP_TOO_LARGE, 0},
        {"1e99999999999", SP_TOO_LARGE, 0},
        {"\"1\"", SP_UNSUPPORTED, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 16);
        const struct sp_json *json = NULL;
        print_message("%s\n", rows[i].text);
        assert_int_equal(parse(arena, sp_str_from_cstr(rows[i].text), &json, NULL), SP_OK);
        int64_t value = 0;
        assert_int_equal(sp_json_int64(json, &value), rows[i].status);
        assert_int_equal(value, rows[i].value);
        sp_arena_destroy(&arena);
    }
}

static void out_of_memory_is_never_a_value(void **state)
{
    (void)state;
    struct sp_str text = SP_STR("{\"a\":[1,2,{\"b\":\"\\u0041\"}],\"c\":{\"d\":[]}}");
    enum sp_status status = SP_NO_MEMORY;
    for (size_t ceiling = 0; status == SP_NO_MEMORY; ceiling += 8) {
        struct sp_arena *arena = sp_arena_create(ceiling);
        const struct sp_json *json = NULL;
        status = parse(arena, text, &json, NULL);
        assert_true(status == SP_NO_MEMORY ? json == NULL : json != NULL);
        assert_true(ceiling < 1 << 16);
        sp_arena_destroy(&arena);
    }
    assert_int_equal(status, SP_OK);
}

static void writes_what_cannot_break_out(void **state)
{
    (void)state;
    struct sp_buffer out;
    sp_buffer_init(&out, NULL, 4096);
    struct sp_json_writer writer;
    sp_json_writer_init(&writer, &out, true);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "a\"", sp_str("\0\"\\\x7F\xFF\n", 6));
    sp_json_name(&writer, SP_STR("list"));
    sp_json_begin_array(&writer);
    sp_json_put_int(&writer, -7);
    sp_json_end_array(&writer);
    sp_json_name(&writer, SP_STR("empty"));
    sp_json_begin_array(&writer);
    sp_json_end_array(&writer);
    sp_json_end_object(&writer);
    struct sp_str expected = SP_STR("{\n  \"a\\\"\": \"\\u0000\\\"\\\\\\u007f\xEF\xBF\xBD\\n\",\n  \"list\": [\n    "
                                    "-7\n  ],\n  \"empty\": []\n}");
    assert_true(sp_str_equal(sp_buffer_str(&out), expected));
    sp_buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_value),     cmocka_unit_test(says_a_value_in_words_where_it_is_one_word),
        cmocka_unit_test(names_the_fault_and_its_place), cmocka_unit_test(finds_a_duplicate_in_a_large_object),
        cmocka_unit_test(reads_integers_as_written),     cmocka_unit_test(out_of_memory_is_never_a_value),
        cmocka_unit_test(writes_what_cannot_break_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
