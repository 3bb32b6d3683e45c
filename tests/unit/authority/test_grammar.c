/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "authority/settings.h"
#include "core/base/buffer.h"
#include "core/policy/settings.h"

/* The grammar (options.def) lets a member through, the authority reads it: a member that only one of them knows would
 * be refused by the other, or silently mean nothing. */
static const struct {
    enum sp_section section;
    const char *before, *after;
} places[] = {
    {SP_SECTION_AUTHORITY, "{", "}"},
    {SP_SECTION_TOKENS, "{\"tokens\":{", "}}"},
    {SP_SECTION_KEYS, "{\"keys\":{", "}}"},
    {SP_SECTION_SESSIONS, "{\"sessions\":{", "}}"},
    {SP_SECTION_CLIENT, "{\"issuer\":\"https://as.example.com\",\"clients\":{\"c\":{", "}}}"},
};

static bool is_known(struct sp_arena *arena, size_t place, struct sp_str member)
{
    /* A value that is never right, so that an answer must come: an unknown name, or a wrong value. */
    struct sp_str text =
        sp_arena_printf(arena, "%s\"%.*s\":[[]]%s", places[place].before, SP_STR_ARG(member), places[place].after);
    const struct sp_json *json;
    struct sp_json_error error;
    struct sp_authority_settings settings;
    struct sp_settings_error trouble = {SP_STR_NONE, SP_STR_NONE};
    assert_int_equal(sp_json_parse(arena, text, &sp_json_limits_document, &json, &error), SP_OK);
    assert_int_equal(sp_authority_settings_read(arena, json, SP_STR_NONE, &settings, &trouble), SP_MALFORMED);
    return !sp_str_contains(trouble.message, SP_STR("no such member"));
}

static void the_grammar_has_no_member_that_the_authority_does_not_read(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1u << 20);
    size_t members = 0;
    for (size_t place = 0; place < sizeof places / sizeof places[0]; place++) {
        for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
            const struct sp_setting_info *info = sp_setting_get(setting);
            if (info->section == places[place].section) {
                print_message("%s\n", info->name.at);
                assert_true(is_known(arena, place, info->name));
                members++;
            }
        }
        assert_false(is_known(arena, place, SP_STR("nonsense")));
    }
    assert_true(members > 20);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_grammar_has_no_member_that_the_authority_does_not_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
