/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/visible.h"

static void names_are_seen_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        bool is_visible;
    } rows[] = {
        {"letters and spaces", "Ann O'Hara-Müller 2", true},
        {"Hebrew", "אלבום", true},
        {"a joiner in Persian", "می\u200Cخواهم", true},
        {"a joiner in Hindi", "क्\u200Dष", true},
        {"a family of emoji", "\U0001F468\u200D\U0001F469\u200D\U0001F467", true},
        {"a heart that is red", "\u2764\uFE0F", true},
        {"a variant of an ideograph", "葛\U000E0100", true},
        {"nothing", "", true},
        {"an override", "ann\u202E", false},
        {"an embedding", "\u202Aann", false},
        {"an isolate", "an\u2067n", false},
        {"a mark", "ann\u200E", false},
        {"an Arabic mark", "ann\u061C", false},
        {"a space without width", "an\u200Bn", false},
        {"a byte order mark", "\uFEFFann", false},
        {"a soft hyphen", "an\u00ADn", false},
        {"a word joiner", "an\u2060n", false},
        {"a Hangul filler", "ann\u3164", false},
        {"an empty Braille cell", "ann\u2800", false},
        {"a line's end", "ann\u2028", false},
        {"a control character", "ann\xC2\x85", false},
        {"a tab", "an\tn", false},
        {"a tag", "ann\U000E0041", false},
        {"a joiner between Latin letters", "an\u200Dn", false},
        {"a joiner at the end", "می\u200C", false},
        {"a joiner at the start", "\u200Cمی", false},
        {"two joiners", "می\u200C\u200Dخ", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sp_str_is_visible(sp_str_from_cstr(rows[i].text)) != rows[i].is_visible)
            fail_msg("%s: %s", rows[i].what, rows[i].is_visible ? "refused" : "taken");
}

static void a_cut_sequence_is_not_read_beyond_its_end(void **state)
{
    (void)state;
    assert_false(sp_str_is_visible(SP_STR("a\xE2\x80")));
    assert_false(sp_str_is_visible(SP_STR("a\xF0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_seen_or_refused),
        cmocka_unit_test(a_cut_sequence_is_not_read_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
