/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/limits.h"
#include "core/flow/cookie.h"
#include "core/flow/har.h"

#define ENTRY                                                                                                          \
    "{\"startedDateTime\":\"2026-11-26T03:45:25.685+01:00\",\"time\":30.3,\"request\":{\"method\":\"POST\","           \
    "\"url\":\"https://idp.example.com/token?x=1\",\"headers\":[{\"name\":\"Accept\",\"value\":\"*/*\"}],"             \
    "\"postData\":{\"mimeType\":\"application/x-www-form-urlencoded\",\"params\":[{\"name\":\"code\",\"value\":\"a "   \
    "b&\""                                                                                                             \
    "},{\"name\":\"x\",\"value\":\"1\"}]}},\"response\":{\"status\":200,\"headers\":[{\"name\":\"Set-Cookie\","        \
    "\"value\":\"a=b\"}],\"content\":{\"size\":7,\"mimeType\":\"application/json\",\"text\":\"eyJhIjoxfQ==\","         \
    "\"encoding\":\"base64\"},\"_failureText\":\"\"},\"serverIPAddress\":\"10.0.0.1\"}"
#define HAR(entries)                                                                                                   \
    "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"Unit\"},\"pages\":[{\"x\":1}],\"entries\":[" entries "]}}"

struct seen {
    unsigned count;
    char line[4096];
};

static void take(void *context, const struct sp_flow_exchange *exchange)
{
    struct seen *seen = context;
    seen->count++;
    snprintf(seen->line, sizeof seen->line, "%u|%lld|%lld|%.*s|%.*s|%.*s|%d|%.*s|%.*s|%zu", exchange->number,
             (long long)exchange->started_ms, (long long)exchange->took_ms, SP_STR_ARG(exchange->method),
             SP_STR_ARG(exchange->url), SP_STR_ARG(exchange->request_body), exchange->status,
             SP_STR_ARG(exchange->response_body), SP_STR_ARG(exchange->server_address),
             exchange->request_headers.count);
}

static struct sp_har_report read_har(const char *text, size_t piece, struct seen *seen)
{
    struct sp_har *har = sp_har_create(take, seen);
    size_t len = strlen(text);
    assert_non_null(har);
    for (size_t at = 0; at < len; at += piece)
        sp_har_read(har, sp_str(text + at, len - at < piece ? len - at : piece), false);
    sp_har_read(har, SP_STR(""), true);
    struct sp_har_report report = *sp_har_report(har);
    report.creator = SP_STR_NONE;
    sp_har_destroy(&har);
    return report;
}

static void an_entry_is_read_however_the_file_is_cut(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece += 7) {
        struct seen seen = {0};
        struct sp_har_report report = read_har(HAR(ENTRY "," ENTRY), piece, &seen);
        assert_int_equal(seen.count, 2);
        assert_null(report.fault);
        assert_true(report.is_har && report.has_cookies && !report.has_authorization);
        assert_string_equal(seen.line,
                            "2|1795661125685|30|POST|https://idp.example.com/token?x=1|code=a%20b%26&x=1|200|"
                            "{\"a\":1}|10.0.0.1|2");
    }
}

static void what_is_damaged_is_counted_and_the_rest_is_read(void **state)
{
    struct seen seen = {0};
    struct sp_har_report report;
    (void)state;
    report = read_har(HAR("{},{\"request\":5,\"response\":[1,2]}," ENTRY), 50, &seen);
    assert_int_equal(report.entries, 3);
    assert_int_equal(report.broken_entries, 2);
    assert_int_equal(seen.count, 1);
    seen = (struct seen){0};
    report = read_har("{\"log\":{\"entries\":[" ENTRY ",{\"request\":{\"me", 50, &seen);
    assert_non_null(report.fault);
    assert_int_equal(seen.count, 1);
    seen = (struct seen){0};
    report = read_har("{\"logs\":{}}", 50, &seen);
    assert_false(report.is_har);
    seen = (struct seen){0};
    report =
        read_har(HAR("{\"request\":{\"method\":\"GET\",\"url\":\"https://a/\"},\"response\":{\"content\":{\"text\":"
                     "\"!!\",\"encoding\":\"base64\"}}}"),
                 9, &seen);
    assert_int_equal(report.undecoded, 1);
    assert_int_equal(seen.count, 1);
}

static void long_texts_are_cut_at_their_ceiling(void **state)
{
    struct seen seen = {0};
    size_t room = SP_MAX_CAPTURED_HEADER_BYTES * 3;
    char *text = malloc(room + 200);
    (void)state;
    assert_non_null(text);
    int head = sprintf(text, "{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"https://a/");
    memset(text + head, 'x', room - (size_t)head);
    strcpy(text + room, "\"}}]}}");
    struct sp_har_report report = read_har(text, 5000, &seen);
    assert_int_equal(report.cut_texts, 1);
    assert_null(report.fault);
    assert_int_equal(seen.count, 1);
    free(text);
}

static void memory_that_ends_is_a_broken_entry_and_no_crash(void **state)
{
    struct seen seen = {0};
    struct sp_buffer {
        char *at;
        size_t len;
    } text = {malloc(16u << 20), 0};
    (void)state;
    assert_non_null(text.at);
    text.len +=
        (size_t)sprintf(text.at, "{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"https://a/\","
                                 "\"headers\":[");
    for (int i = 0; i < 100; i++) { /* 100 headers of 120 kB: more than an entry may take */
        text.len += (size_t)sprintf(text.at + text.len, "%s{\"name\":\"a\",\"value\":\"", i > 0 ? "," : "");
        memset(text.at + text.len, 'x', 120000);
        text.len += 120000;
        text.len += (size_t)sprintf(text.at + text.len, "\"}");
    }
    sprintf(text.at + text.len, "]}}," ENTRY "]}}");
    struct sp_har_report report = read_har(text.at, 65536, &seen);
    assert_int_equal(report.broken_entries, 1);
    assert_int_equal(seen.count, 1);
    free(text.at);
}

static void times_are_read_as_written(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } iso[] = {{"1970-01-01T00:00:00Z", 0},
               {"2026-11-26T03:05:23.120Z", 1795662323120},
               {"2026-11-26T04:05:23.120+01:00", 1795662323120},
               {"2026-11-26T03:05:23,1Z", 1795662323100},
               {"2026-13-26T03:05:23Z", 0},
               {"yesterday", 0},
               {"", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof iso / sizeof iso[0]; i++)
        assert_int_equal(sp_flow_time_iso(sp_str_from_cstr(iso[i].text)), iso[i].ms);
    assert_int_equal(sp_flow_time_http(SP_STR("Thu, 26 Nov 2026 03:05:23 GMT")), 1795662323000);
    assert_int_equal(sp_flow_time_http(SP_STR("Thu, 26-Nov-26 03:05:23 GMT")), 1795662323000);
    assert_int_equal(sp_flow_time_http(SP_STR("never")), 0);
}

static void cookies_are_read_as_a_browser_reads_them(void **state)
{
    struct sp_flow_cookie cookie;
    struct sp_str rest =
        SP_STR("a=1; Path=/; Domain=.example.com; Secure; SameSite=strict; Max-Age=60\nb=2; Expires=Thu, "
               "26 Nov 2026 03:05:23 GMT\nc=; Max-Age=0");
    (void)state;
    assert_true(sp_flow_cookie_next(&rest, 1795662000000, &cookie));
    assert_true(sp_str_equal(cookie.name, SP_STR("a")) && sp_str_equal(cookie.domain, SP_STR("example.com")));
    assert_true(cookie.secure && cookie.same_site == SP_SAME_SITE_STRICT && cookie.lifetime_s == 60);
    assert_true(sp_flow_cookie_next(&rest, 1795662000000, &cookie));
    assert_int_equal(cookie.lifetime_s, 323);
    assert_true(sp_flow_cookie_next(&rest, 1795662000000, &cookie));
    assert_true(cookie.deletes);
    assert_false(sp_flow_cookie_next(&rest, 1795662000000, &cookie));
    assert_true(sp_flow_domain_covers(SP_STR("example.com"), SP_STR("app.example.com")));
    assert_false(sp_flow_domain_covers(SP_STR("ple.com"), SP_STR("example.com")));
    assert_true(sp_str_equal(sp_flow_site(SP_STR("a.b.example.com")), SP_STR("example.com")));
    assert_true(sp_str_equal(sp_flow_site(SP_STR("a.example.co.uk")), SP_STR("example.co.uk")));
    assert_true(sp_str_equal(sp_flow_site(SP_STR("127.0.0.1")), SP_STR("127.0.0.1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_read_however_the_file_is_cut),
        cmocka_unit_test(what_is_damaged_is_counted_and_the_rest_is_read),
        cmocka_unit_test(long_texts_are_cut_at_their_ceiling),
        cmocka_unit_test(memory_that_ends_is_a_broken_entry_and_no_crash),
        cmocka_unit_test(times_are_read_as_written),
        cmocka_unit_test(cookies_are_read_as_a_browser_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
