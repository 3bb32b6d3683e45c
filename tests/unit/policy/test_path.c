/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/policy/path.h"

static const struct {
    const char *sentence, *path;
    bool unreadable;
} paths[] = {
    {"nothing", "", false},
    {"the root", "/", false},
    {"names", "/photos/1", false},
    {"a slash at the end", "/photos/", false},
    {"dot segments alone: nginx and the rest of the world agree", "/photos/./x/../1", false},
    {"dots in names", "/photos/.well-known/a..b/...", false},
    {"an escaped slash alone", "/photos/a%2Fb", false},
    {"an escaped dot in a name", "/photos/a%2ejpg", false},
    {"a backslash alone", "/photos/a\\b", false},
    {"two slashes alone", "/photos//1", false},
    {"parameters alone", "/photos;v=1/1;x..", false},
    {"parameters of a name beside dots", "/photos;v=1/../1", false},
    {"an escaped slash beside dots", "/photos/x/../admin/..%2f..%2fphotos", true},
    {"an escaped slash within dots", "/photos/..%2Fadmin", true},
    {"an escaped backslash beside dots", "/photos/x/../admin/..%5c..%5Cphotos", true},
    {"a backslash beside dots", "/photos/..\\admin", true},
    {"escaped dots", "/photos/%2e%2E/admin", true},
    {"one dot escaped", "/photos/.%2e/admin", true},
    {"dots with parameters", "/photos/..;/admin", true},
    {"one dot with parameters", "/photos/.;a=b/admin", true},
    {"dots with an escaped semicolon", "/photos/..%3b/admin", true},
    {"dots with parameters at the end", "/photos/..;", true},
    {"two slashes beside dots", "/photos/z/../admin//../x", true},
    {"parameters of nothing beside dots", "/photos/;x/../admin", true},
    {"a percent sign that escapes nothing", "/photos/%2/..", false},
    {"a percent sign at the end", "/photos/..%", false},
};

static void test_unreadable(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (sp_path_is_unreadable(sp_str_from_cstr(paths[i].path)) != paths[i].unreadable) {
            fail_msg("%s: %s", paths[i].sentence, paths[i].path);
        }
    }
}

static const struct {
    const char *path, *widely;
} readings[] = {
    {"/photos/1", "/photos/1"},
    {"/photos;v=1/1;a=b;c", "/photos/1"},
    {"/;x/photos", "/photos"},
    {"/photos\\admin", "/photos/admin"},
    {"\\photos\\;\\/admin;", "/photos/admin"},
    {"/photos/;x", "/photos/"},
    {"", ""},
};

static void test_wide_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof readings / sizeof readings[0]; i++) {
        char out[64];
        const size_t len = sp_path_read_widely(sp_str_from_cstr(readings[i].path), out);
        assert_true(len <= strlen(readings[i].path));
        out[len] = '\0';
        assert_string_equal(out, readings[i].widely);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_wide_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
