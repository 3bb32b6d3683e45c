/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/base/limits.h"
#include "core/policy/settings.h"

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sp_status status;
        int64_t ms;
    } rows[] = {
        {"30s", SP_OK, 30000},
        {"1m", SP_OK, 60000},
        {"1h", SP_OK, 3600000},
        {"250ms", SP_OK, 250},
        {"2d", SP_OK, 172800000},
        {"1h30m", SP_OK, 5400000},
        {"45", SP_OK, 45000},
        {"0", SP_OK, 0},
        {"", SP_MALFORMED, 0},
        {"s", SP_MALFORMED, 0},
        {"1.5s", SP_MALFORMED, 0},
        {"-1s", SP_MALFORMED, 0},
        {"1 s", SP_MALFORMED, 0},
        {"1w", SP_MALFORMED, 0},
        {"999999999999999d", SP_MALFORMED, 0},
        {"99999999999999999999s", SP_MALFORMED, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -7;
        print_message("'%s'\n", rows[i].text);
        assert_int_equal(sp_duration_parse(sp_str_from_cstr(rows[i].text), &ms), rows[i].status);
        assert_int_equal(ms, rows[i].status == SP_OK ? rows[i].ms : -7);
    }
}

static void sizes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sp_status status;
        int64_t bytes;
    } rows[] = {{"4096", SP_OK, 4096},    {"64k", SP_OK, 65536},    {"8m", SP_OK, 8 << 20},
                {"1g", SP_OK, 1 << 30},   {"", SP_MALFORMED, 0},    {"8 m", SP_MALFORMED, 0},
                {"8mb", SP_MALFORMED, 0}, {"1k1", SP_MALFORMED, 0}, {"999999999999999g", SP_MALFORMED, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t bytes = -7;
        assert_int_equal(sp_size_parse(sp_str_from_cstr(rows[i].text), &bytes), rows[i].status);
        assert_int_equal(bytes, rows[i].status == SP_OK ? rows[i].bytes : -7);
    }
}

static void durations_are_said(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(4096);
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0"}, {250, "250ms"}, {30000, "30s"}, {90000, "90s"}, {3600000, "1h"}, {86400000, "1d"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms;
        struct sp_str text = sp_duration_in_words(arena, rows[i].ms);
        assert_true(sp_str_equal(text, sp_str_from_cstr(rows[i].text)));
        assert_int_equal(sp_duration_parse(text, &ms), SP_OK);
        assert_int_equal(ms, rows[i].ms);
    }
    sp_arena_destroy(&arena);
}

/* Rows are found by their own name, have help and a section that exists, and no section has a name twice. */
static void every_row_is_whole(void **state)
{
    (void)state;
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        const struct sp_setting_info *info = sp_setting_get(setting);
        print_message("%s\n", info->name.at);
        assert_int_equal(sp_setting_find(info->section, info->name), setting);
        assert_true(info->help.len > 10 && info->section > SP_SECTION_NONE);
        bool has_inside = info->kind == SP_KIND_OBJECT || info->kind == SP_KIND_OBJECTS || info->kind == SP_KIND_MAP ||
                          info->kind == SP_KIND_SWITCH;
        assert_int_equal(has_inside, info->inside != SP_SECTION_NONE);
        assert_int_equal(info->kind == SP_KIND_CHOICE, sp_str_contains(info->standard, SP_STR("|")));
    }
    assert_int_equal(sp_setting_find(SP_SECTION_ROOT, SP_STR("leeway")), SP_SETTING_NONE);
}

/* The schema is JSON and names every member. */
static void the_schema_has_every_member(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(4u << 20);
    struct sp_buffer out;
    const struct sp_json *json;
    struct sp_json_error error;
    sp_buffer_init(&out, arena, 1u << 20);
    sp_settings_write_schema(&out);
    assert_int_equal(sp_buffer_status(&out), SP_OK);
    assert_int_equal(sp_json_parse(arena, sp_buffer_str(&out), &sp_json_limits_document, &json, &error), SP_OK);
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        struct sp_str quoted = sp_arena_printf(arena, "\"%s\": {", sp_setting_get(setting)->name.at);
        assert_true(sp_str_contains(sp_buffer_str(&out), quoted));
    }
    sp_arena_destroy(&arena);
}

/* docs/configuration.md is made from the rows (make docs); a member that is not in it was forgotten. */
static void the_reference_page_has_every_member(void **state)
{
    (void)state;
    static char page[256 * 1024];
    FILE *file = fopen(SP_SOURCE_ROOT "/docs/configuration.md", "r");
    assert_non_null(file);
    size_t len = fread(page, 1, sizeof page, file);
    fclose(file);
    struct sp_arena *arena = sp_arena_create(1u << 20);
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        struct sp_str cell = sp_arena_printf(arena, "| `%s` | ", sp_setting_get(setting)->name.at);
        print_message("%s\n", sp_setting_get(setting)->name.at);
        assert_true(sp_str_contains(sp_str(page, len), cell));
    }
    sp_arena_destroy(&arena);
}

static void assert_changed(struct sp_arena *arena, const char *of_start, const char *now, const char *wanted)
{
    const struct sp_json *trees[2] = {NULL, NULL};
    const char *const texts[] = {of_start, now};
    enum sp_setting changed[SP_SETTING_COUNT];
    char told[256] = "";
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sp_json_parse(arena, sp_str_from_cstr(texts[i]), &sp_json_limits_document, &trees[i], NULL),
                         SP_OK);
    }
    const size_t count = sp_start_settings_changed(trees[0], trees[1], changed);
    for (size_t i = 0; i < count; i++) {
        const struct sp_str name = sp_setting_get(changed[i])->name;
        snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s ", SP_STR_ARG(name));
    }
    assert_string_equal(told, wanted);
}

static void what_only_a_start_takes_is_told_where_it_differs(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(65536);
    assert_changed(arena, "{}", "{\"workers\":2}", "");
    assert_changed(arena, "{}", "{\"authority\":{\"store\":{\"schema\":\"sallyport\"}}}", "");
    assert_changed(arena, "{\"authority\":{\"store\":{\"schema\":\"a\"}}}",
                   "{\"authority\":{\"store\":{\"schema\":\"b\"}}}", "schema ");
    assert_changed(arena, "{\"authority\":{\"store\":{\"postgres\":\"host=a\",\"password\":\"x\"}}}",
                   "{\"authority\":{\"keys\":{\"master_key\":\"k\"}}}", "postgres password master_key ");
    sp_arena_destroy(&arena);
}

/* They are found by the place of their section, and compared as texts. */
static void a_setting_of_the_start_is_a_text_in_one_place(void **state)
{
    (void)state;
    size_t count = 0;
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        const struct sp_setting_info *info = sp_setting_get(setting);
        const struct sp_str place = sp_section_get(info->section)->place;
        if (info->at_start) {
            count++;
            assert_true(info->kind == SP_KIND_TEXT || info->kind == SP_KIND_SECRET);
            assert_null(memchr(place.at, '[', place.len));
            assert_null(memmem(place.at, place.len, "NAME", 4));
            assert_null(memmem(place.at, place.len, "ID", 2));
        }
    }
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(durations_are_said),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(the_schema_has_every_member),
        cmocka_unit_test(the_reference_page_has_every_member),
        cmocka_unit_test(what_only_a_start_takes_is_told_where_it_differs),
        cmocka_unit_test(a_setting_of_the_start_is_a_text_in_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
