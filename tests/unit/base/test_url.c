/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/url.h"

static const struct {
    const char *text;
    const char *scheme, *host, *port, *path, *query, *fragment; /* scheme NULL: malformed */
} urls[] = {
    {"https://idp.example.com", "https", "idp.example.com", "", "", "", ""},
    {"https://idp.example.com:8443/realms/a?x=1#f", "https", "idp.example.com", "8443", "/realms/a", "x=1", "f"},
    {"http://[::1]:80/", "http", "[::1]", "80", "/", "", ""},
    {"https://user@host", "https", "host", "", "", "", ""},
    {"https://host?x", "https", "host", "", "", "x", ""},
    {"", NULL, NULL, NULL, NULL, NULL, NULL},
    {"idp.example.com", NULL, NULL, NULL, NULL, NULL, NULL},
    {"://host", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://host:99999", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://host:", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://host:8x", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://[::1", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://ho st/", NULL, NULL, NULL, NULL, NULL, NULL},
};

static void assert_piece(struct sp_str piece, const char *expected)
{
    assert_true(sp_str_equal(piece, sp_str_from_cstr(expected)));
}

static void splits_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct sp_url url;
        enum sp_status status = sp_url_split(sp_str_from_cstr(urls[i].text), &url);
        if (urls[i].scheme == NULL) {
            assert_int_equal(status, SP_MALFORMED);
            continue;
        }
        assert_int_equal(status, SP_OK);
        assert_piece(url.scheme, urls[i].scheme);
        assert_piece(url.host, urls[i].host);
        assert_piece(url.port, urls[i].port);
        assert_piece(url.path, urls[i].path);
        assert_piece(url.query, urls[i].query);
        assert_piece(url.fragment, urls[i].fragment);
    }
}

static void knows_loopback_and_internal_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool loopback, internal;
    } hosts[] = {
        {"localhost", true, true},
        {"LOCALHOST", true, true},
        {"127.0.0.1", true, true},
        {"127.9.9.9", true, true},
        {"[::1]", true, true},
        {"a.localhost", true, true},
        {"10.1.2.3", false, true},
        {"172.16.0.1", false, true},
        {"172.32.0.1", false, false},
        {"192.168.1.1", false, true},
        {"keycloak", false, true},
        {"idp.svc", false, true},
        {"idp.example.com", false, false},
        {"8.8.8.8", false, false},
        {"[fd00::1]", false, true},
        {"127.0.0.1.evil.com", false, false},
        {"127.0.0", false, false},
        {"localhost.evil.com", false, false},
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct sp_str host = sp_str_from_cstr(hosts[i].host);
        assert_int_equal(sp_host_is_loopback(host), hosts[i].loopback);
        assert_int_equal(sp_host_is_internal(host), hosts[i].internal);
    }
}

static void plain_http_is_secure_to_this_machine_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool secure;
    } rows[] = {{"https://a.example", true},
                {"http://a.example", false},
                {"http://localhost:1", true},
                {"http://127.0.0.1", true},
                {"http://localhost@evil.example/", false},
                {"ftp://localhost", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_url url;
        assert_int_equal(sp_url_split(sp_str_from_cstr(rows[i].text), &url), SP_OK);
        assert_int_equal(sp_url_is_secure(&url), rows[i].secure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_urls),
        cmocka_unit_test(knows_loopback_and_internal_hosts),
        cmocka_unit_test(plain_http_is_secure_to_this_machine_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
