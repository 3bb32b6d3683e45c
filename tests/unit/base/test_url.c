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
    /* what one program takes for a host and another does not */
    {"http://[::1]evil.com/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://[::1]:80:81/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://[localhost]/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://[127.0.0.1]/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://[]/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://a[::1]/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://evil.com\\@127.0.0.1/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://evil.com\\.a.com/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://[::1]@evil.com/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://a@b@127.0.0.1/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://a.com;frame-ancestors/cb", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://a.com,b.com/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://a.com'/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"https://*.a.com/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://%6cocalhost/", NULL, NULL, NULL, NULL, NULL, NULL},
    {"http://user@:80/", NULL, NULL, NULL, NULL, NULL, NULL},
    /* and what people have */
    {"http://my_service.a-b.svc:80", "http", "my_service.a-b.svc", "80", "", "", ""},
    {"https://b\xc3\xbc"
     "cher.example/",
     "https",
     "b\xc3\xbc"
     "cher.example",
     "", "/", "", ""},
    {"https://a.example./x", "https", "a.example.", "", "/x", "", ""},
    {"http://[fe80::1%25eth0]:80/", "http", "[fe80::1%25eth0]", "80", "/", "", ""},
    {"http://[::ffff:192.0.2.1]/", "http", "[::ffff:192.0.2.1]", "", "/", "", ""},
    {"https://us%40er:p;w@host/", "https", "host", "", "/", "", ""},
    {"https://host/a\\b@c?d=[;]'", "https", "host", "", "/a\\b@c", "d=[;]'", ""},
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
        cmocka_unit_test(plain_http_is_secure_to_this_machine_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
