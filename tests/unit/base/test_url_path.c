/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/url_path.h"

static const struct {
    const char *path, *normal; /* NULL: as it is */
} rows[] = {
    {"", "/"},
    {"/", NULL},
    {"*", NULL},
    {"/photos/1", NULL},
    {"/Photos/", NULL},
    /* escapes */
    {"/%70hotos/%31", "/photos/1"},
    {"/a%2Db%2ec%5f%7e%7E", "/a-b.c_~~"},
    {"/a%2fb%c3%bc", "/a%2Fb%C3%BC"},
    {"/a%2Fb", NULL},
    {"/a%25%32%35", "/a%2525"},
    {"/%2541", NULL},
    {"/a%3fb%23%40%2b%20%00", "/a%3Fb%23%40%2B%20%00"},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%4g%g4%", NULL},
    {"/%2%41/./b", NULL},
    {"/a+b@c:d,e", NULL},
    /* dot segments */
    {"/a/./b", "/a/b"},
    {"/a/b/..", "/a/"},
    {"/a/b/.", "/a/b/"},
    {"/a/../b", "/b"},
    {"/a/..", "/"},
    {"/.", "/"},
    {"/a/b/../../c%2e/d", "/c./d"},
    {"/a/.../b", NULL},
    {"/.well-known/x..", NULL},
    /* and those that stay, as readers differ or nobody has such a path */
    {"/..", NULL},
    {"/a/../../b", NULL},
    {"/a//../b", NULL},
    {"/a/./b//", NULL},
    {"/a//", NULL},
    {"/a//b", NULL},
    {"/a/%2e%2e/b", "/a/%2E%2E/b"},
    {"/a/.%2e/b", "/a/.%2E/b"},
    {"/a/%2e", "/a/%2E"},
    {"/a/%2e/../c", "/a/%2E/../c"},
    {"/a%2fb/../c", "/a%2Fb/../c"},
    {"/a\\b/../c", NULL},
    {"/a%5cb/../c", "/a%5Cb/../c"},
    {"/a;x/../c", NULL},
    {"/a/..;x/c", NULL},
};

static void paths_have_one_normal_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64], again[64];
        struct sp_str path = sp_str_from_cstr(rows[i].path);
        struct sp_str normal = sp_str(out, sp_url_path_normalise(path, out));
        struct sp_str expected = rows[i].normal != NULL ? sp_str_from_cstr(rows[i].normal) : path;
        if (!sp_str_equal(normal, expected))
            fail_msg("%s: %.*s instead of %.*s", rows[i].path, SP_STR_ARG(normal), SP_STR_ARG(expected));
        assert_true(sp_str_equal(sp_str(again, sp_url_path_normalise(normal, again)), normal));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_one_normal_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
