/* SPDX-License-Identifier: Apache-2.0 */
/* Which request is the browser's that a login waits for, and which is somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/oauth/loopback_request.h"

static const struct {
    const char *name, *bytes;
    enum sp_loopback_outcome outcome;
    const char *query;
} rows[] = {
    {"a browser's", "GET /callback?code=a&state=b HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nAccept: */*\r\n\r\n",
     SP_LOOPBACK_CALLBACK, "code=a&state=b"},
    {"without parameters", "GET /callback HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n", SP_LOOPBACK_CALLBACK, ""},
    {"bare line feeds", "GET /callback?a=1 HTTP/1.0\nhost:\t127.0.0.1:5000 \n\n", SP_LOOPBACK_CALLBACK, "a=1"},
    {"not ended", "GET /callback?code=a HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n", SP_LOOPBACK_INCOMPLETE, NULL},
    {"nothing yet", "", SP_LOOPBACK_INCOMPLETE, NULL},
    {"another host", "GET /callback?code=a HTTP/1.1\r\nHost: evil.example\r\n\r\n", SP_LOOPBACK_HOST, NULL},
    {"another port", "GET /callback?code=a HTTP/1.1\r\nHost: 127.0.0.1:50000\r\n\r\n", SP_LOOPBACK_HOST, NULL},
    {"no host", "GET /callback?code=a HTTP/1.1\r\n\r\n", SP_LOOPBACK_HOST, NULL},
    {"two hosts", "GET /callback HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nHost: 127.0.0.1:5000\r\n\r\n", SP_LOOPBACK_HOST,
     NULL},
    {"a favicon", "GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n", SP_LOOPBACK_OTHER_PATH, NULL},
    {"a longer path", "GET /callback/x?code=a HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n", SP_LOOPBACK_OTHER_PATH, NULL},
    {"an absolute target", "GET http://127.0.0.1:5000/callback HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n",
     SP_LOOPBACK_MALFORMED, NULL},
    {"a POST", "POST /callback?code=a HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\ncode=b", SP_LOOPBACK_METHOD, NULL},
    {"no version", "GET /callback\r\nHost: 127.0.0.1:5000\r\n\r\n", SP_LOOPBACK_MALFORMED, NULL},
    {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SP_LOOPBACK_MALFORMED, NULL},
    {"a control character", "GET /callback?\x01 HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n", SP_LOOPBACK_MALFORMED, NULL},
};

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str query = SP_STR_NONE;
        enum sp_loopback_outcome outcome = sp_loopback_request_read(
            sp_str_from_cstr(rows[i].bytes), SP_STR("/callback"), SP_STR("127.0.0.1:5000"), &query);
        if (outcome != rows[i].outcome || (rows[i].query != NULL) != (outcome == SP_LOOPBACK_CALLBACK) ||
            (rows[i].query != NULL && !sp_str_equal(query, sp_str_from_cstr(rows[i].query))))
            fail_msg("%s: %d", rows[i].name, (int)outcome);
    }
}

static void a_header_without_end_is_refused(void **state)
{
    static char bytes[SP_MAX_LOOPBACK_REQUEST_BYTES];
    struct sp_str query = SP_STR_NONE;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(sp_loopback_request_read(sp_str(bytes, sizeof bytes - 1), SP_STR("/"), SP_STR("h:1"), &query),
                     SP_LOOPBACK_INCOMPLETE);
    assert_int_equal(sp_loopback_request_read(sp_str(bytes, sizeof bytes), SP_STR("/"), SP_STR("h:1"), &query),
                     SP_LOOPBACK_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told),
        cmocka_unit_test(a_header_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
