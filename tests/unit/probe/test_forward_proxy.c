/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "probe/forward_proxy.h"

static void no_proxy_exempts_as_libcurl_does(void **state)
{
    (void)state;
    static const struct {
        const char *list, *host;
        bool exempts;
    } rows[] = {
        {"*", "idp.example.com", true},
        {"", "idp.example.com", false},
        {"example.com", "idp.example.com", true},
        {".example.com", "idp.example.com", true},
        {"example.com", "example.com", true},
        {"EXAMPLE.com", "idp.example.COM", true},
        {"ample.com", "idp.example.com", false},
        {"idp.example.com", "example.com", false},
        {"a.b, example.com", "idp.example.com", true},
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.4", false},
        {"0.0.1", "127.0.0.1", false},
        {"fd00::/8", "[fd00::1]", true},
        {",,", "x", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("%s: %s\n", rows[i].list, rows[i].host);
        assert_int_equal(sp_forward_proxy_exempts(sp_str_from_cstr(rows[i].list), sp_str_from_cstr(rows[i].host)),
                         rows[i].exempts);
    }
}

static void find(struct sp_arena *arena, const char *url, struct sp_forward_proxy *proxy)
{
    struct sp_url parts;
    assert_int_equal(sp_url_split(sp_str_from_cstr(url), &parts), SP_OK);
    assert_int_equal(sp_forward_proxy_find(arena, &parts, proxy), SP_OK);
}

static void the_variables_are_read_in_libcurls_order(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_forward_proxy proxy;
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    find(arena, "https://idp", &proxy);
    assert_false(proxy.evidence.in_force);
    setenv("HTTP_PROXY", "http://evil:1", 1); /* of a CGI's client: never */
    find(arena, "http://idp", &proxy);
    assert_false(proxy.evidence.in_force);
    setenv("ALL_PROXY", "http://all:1", 1);
    setenv("HTTPS_PROXY", "http://me:secret@secure:3128", 1);
    find(arena, "https://idp", &proxy);
    assert_true(proxy.evidence.in_force);
    assert_true(sp_str_equal(proxy.evidence.variable, SP_STR("HTTPS_PROXY")));
    assert_true(sp_str_equal(proxy.evidence.url, SP_STR("http://secure:3128"))); /* without its login */
    assert_int_equal(proxy.port, 3128);
    find(arena, "http://idp", &proxy);
    assert_true(sp_str_equal(proxy.evidence.variable, SP_STR("ALL_PROXY")));
    setenv("https_proxy", "", 1); /* empty: none, and the others are not asked */
    find(arena, "https://idp", &proxy);
    assert_false(proxy.evidence.in_force);
    setenv("https_proxy", "plain:80", 1);
    find(arena, "https://idp", &proxy);
    assert_true(sp_str_equal(proxy.host, SP_STR("plain")));
    setenv("no_proxy", "idp", 1);
    find(arena, "https://idp", &proxy);
    assert_false(proxy.evidence.in_force);
    assert_true(sp_str_equal(proxy.evidence.exempted_by, SP_STR("no_proxy")));
    setenv("https_proxy", "http://", 1);
    unsetenv("no_proxy");
    find(arena, "https://idp", &proxy);
    assert_true(proxy.evidence.in_force); /* no URL: nothing goes around it in silence */
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_proxy_exempts_as_libcurl_does),
        cmocka_unit_test(the_variables_are_read_in_libcurls_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
