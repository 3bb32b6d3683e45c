/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/language.h"

static void the_application_decides_before_the_browser(void **state)
{
    (void)state;
    static const struct {
        const char *ui_locales, *accept_language, *tag;
    } rows[] = {
        {NULL, NULL, "en"},
        {"de", NULL, "de"},
        {"de", "en", "de"},
        {"fr de en", "en", "de"},
        {"fr it", "de", "de"}, /* none of ours: the browser's */
        {"de-CH-1901", NULL, "de"},
        {"DE", NULL, "de"},
        {"deu", NULL, "en"}, /* another tag, not a longer one */
        {NULL, "de", "de"},
        {NULL, "de-AT, en;q=0.5", "de"},
        {NULL, "en;q=0.5,de;q=0.9", "de"},
        {NULL, "en;q=0.9 , de ; q=0.8", "en"},
        {NULL, "en,de", "en"}, /* equal weights: the first */
        {NULL, "de;q=0", "en"},
        {NULL, "de;q=0.001", "de"},
        {NULL, "fr, *;q=0.5", "en"},
        {NULL, "de;q=2, en;q=0.1", "en"}, /* no qvalue: not wanted */
        {NULL, "de;q=0.x, en;q=0.1", "en"},
        {NULL, "de;level=1;q=0.7, en;q=0.6", "de"},
        {NULL, ";;,,q=;;=,-,de-", "de"},
        {"", "", "en"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str ui = rows[i].ui_locales != NULL ? sp_str_from_cstr(rows[i].ui_locales) : SP_STR_NONE;
        struct sp_str accept =
            rows[i].accept_language != NULL ? sp_str_from_cstr(rows[i].accept_language) : SP_STR_NONE;
        struct sp_str tag = sp_language_tag(sp_language_choose(ui, accept));
        if (!sp_str_equal(tag, sp_str_from_cstr(rows[i].tag)))
            fail_msg("row %zu: %.*s", i, SP_STR_ARG(tag));
    }
}

static void a_long_list_is_read_up_to_a_bound(void **state)
{
    (void)state;
    char text[200 * 3 + 3];
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 3 * i, "fr,", 3);
    memcpy(text + sizeof text - 3, "de", 3);
    struct sp_str tag = sp_language_tag(sp_language_choose(SP_STR_NONE, sp_str_from_cstr(text)));
    assert_true(sp_str_equal(tag, SP_STR("en")));
}

/* A translation keeps the place of the value, or the page would lose it. */
static void every_language_has_the_same_places(void **state)
{
    (void)state;
    static const char *const words[][SP_LANGUAGE_COUNT] = {
#define TEXT(NAME, ...) {__VA_ARGS__},
#include "authority/texts.def"
#undef TEXT
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (size_t j = 1; j < SP_LANGUAGE_COUNT; j++)
            if ((strstr(words[i][0], "{0}") != NULL) != (strstr(words[i][j], "{0}") != NULL))
                fail_msg("'%s' against '%s'", words[i][0], words[i][j]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_application_decides_before_the_browser),
        cmocka_unit_test(a_long_list_is_read_up_to_a_bound),
        cmocka_unit_test(every_language_has_the_same_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
