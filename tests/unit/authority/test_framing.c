/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/framing.h"

struct header {
    const char *name, *value;
};

static int status_of(const struct header headers[3], const char *target, const char *version)
{
    struct sp_framing framing = {0};
    for (size_t i = 0; i < 3 && headers[i].name != NULL; i++)
        sp_framing_add(&framing, sp_str_from_cstr(headers[i].name), sp_str_from_cstr(headers[i].value));
    const struct sp_framing_fault fault =
        sp_framing_judge(&framing, sp_str_from_cstr(target), sp_str_from_cstr(version));
    assert_true(fault.status == 0 || fault.expected.len > 0);
    return fault.status;
}

static void one_end_and_no_other(void **state)
{
    (void)state;
    static const struct {
        struct header headers[3];
        const char *target, *version;
        int status;
    } rows[] = {
        {{{"Host", "x"}}, "/jwks", "HTTP/1.1", 0},
        {{{"Content-Length", "29"}}, "/token", "HTTP/1.1", 0},
        {{{"transfer-encoding", "Chunked "}}, "/token", "HTTP/1.1", 0},
        {{{"X", "a b"}, {"Content_Length", "5"}, {"Content-Length", "29"}}, "/token", "HTTP/1.1", 0},
        {{{"Content-Length", "29"}, {"content-length", "31"}}, "/token", "HTTP/1.1", 400},
        {{{"Content-Length", "29"}, {"Content-Length", "29"}}, "/token", "HTTP/1.1", 400},
        {{{"Content-Length", "29"}, {"Transfer-Encoding", "chunked"}}, "/token", "HTTP/1.1", 400},
        {{{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}}, "/token", "HTTP/1.1", 400},
        {{{"Transfer-Encoding", "identity"}}, "/token", "HTTP/1.1", 400},
        {{{"Transfer-Encoding", ""}}, "/token", "HTTP/1.1", 400},
        {{{"Transfer-Encoding", "xchunked"}}, "/token", "HTTP/1.1", 400},
        {{{"Transfer-Encoding", "chunked, identity"}}, "/token", "HTTP/1.1", 400},
        {{{"Transfer-Encoding", "gzip, chunked"}}, "/token", "HTTP/1.1", 501},
        {{{"Transfer-Encoding", "chunked"}}, "/token", "HTTP/1.0", 400},
        {{{"Transfer-Encoding ", "chunked"}}, "/token", "HTTP/1.1", 400},
        {{{"Content-Length29", ""}}, "/token", "HTTP/1.1", 400}, /* folded, as libmicrohttpd tells it */
        {{{"transfer-encodingchunked", ""}}, "/token", "HTTP/1.1", 400},
        {{{"X\tY", "z"}}, "/token", "HTTP/1.1", 400},
        {{{"X", "a\rContent-Length: 5"}}, "/token", "HTTP/1.1", 400},
        {{{"Host", "x"}}, "/jwks /x", "HTTP/1.1", 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(status_of(rows[i].headers, rows[i].target, rows[i].version), rows[i].status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_end_and_no_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
