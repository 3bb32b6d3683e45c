/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/flow/detour.h"
#include "core/flow/har.h"
#include "core/flow/har_writer.h"

static const struct sp_detour detour = {{"https://idp.example.com", 23}, {"http://127.0.0.1:8089", 21}};

static const struct {
    const char *name, *value, *expected;
} headers[] = {
    {"Location", "https://idp.example.com/page?a=1", "http://127.0.0.1:8089/page?a=1"},
    {"Location", "https://idp.example.com", "http://127.0.0.1:8089"},
    {"location", "https://idp.example.com.evil/", "https://idp.example.com.evil/"},
    {"Location", "https://idp.example.com:444/", "https://idp.example.com:444/"},
    {"Location", "/relative", "/relative"},
    {"Set-Cookie", "a=b; Domain=idp.example.com; Secure; HttpOnly; SameSite=None; Partitioned", "a=b; HttpOnly"},
    {"Set-Cookie", "secure=domain; SameSite=Lax", "secure=domain; SameSite=Lax"},
    {"Set-Cookie", "", ""},
    {"X-Other", "https://idp.example.com/", "https://idp.example.com/"},
};

static const struct {
    const char *type, *body, *expected;
} bodies[] = {
    {"application/json; charset=utf-8",
     "{\"issuer\":\"https://idp.example.com\",\"jwks_uri\":\"https://idp.example.com/k\",\"n\":1,\"l\":[\"https://"
     "idp.example.com/x\"],"
     "\"mtls_endpoint_aliases\":{\"token_endpoint\":\"https://idp.example.com/t\",\"z\":null}}",
     "{\"issuer\":\"https://idp.example.com\",\"jwks_uri\":\"http://127.0.0.1:8089/k\",\"n\":1,\"l\":[\"https://"
     "idp.example.com/x\"],"
     "\"mtls_endpoint_aliases\":{\"token_endpoint\":\"http://127.0.0.1:8089/t\",\"z\":null}}"},
    {"application/json", "{\"access_token\":\"https://idp.example.com/a\"}",
     "{\"access_token\":\"https://idp.example.com/a\"}"},
    {"application/json", "{\"issuer\":", "{\"issuer\":"},
    {"text/html", "<a href='https://idp.example.com/x'>https://idp.example.com.evil</a>https://idp.example.com",
     "<a href='http://127.0.0.1:8089/x'>https://idp.example.com.evil</a>http://127.0.0.1:8089"},
    {"text/plain", "https://idp.example.com/", "https://idp.example.com/"},
};

static void urls_lead_through_the_recorder_and_nothing_else_changes(void **state)
{
    struct sp_arena *arena = sp_arena_create(64 << 20);
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct sp_str got =
            sp_detour_header(arena, &detour, sp_str_from_cstr(headers[i].name), sp_str_from_cstr(headers[i].value));
        if (!sp_str_equal(got, sp_str_from_cstr(headers[i].expected)))
            print_error("%s: %s became %.*s\n", headers[i].name, headers[i].value, SP_STR_ARG(got));
        assert_true(sp_str_equal(got, sp_str_from_cstr(headers[i].expected)));
    }
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct sp_str got =
            sp_detour_body(arena, &detour, sp_str_from_cstr(bodies[i].type), sp_str_from_cstr(bodies[i].body));
        if (!sp_str_equal(got, sp_str_from_cstr(bodies[i].expected)))
            print_error("%s became %.*s\n", bodies[i].body, SP_STR_ARG(got));
        assert_true(sp_str_equal(got, sp_str_from_cstr(bodies[i].expected)));
    }
    sp_arena_destroy(&arena);
}

/* ---- a HAR is read as it was written ---- */

static void compare(void *context, const struct sp_flow_exchange *read)
{
    const struct sp_flow_exchange *written = context;
    assert_true(sp_str_equal(read->url, written->url) && sp_str_equal(read->method, written->method));
    assert_true(sp_str_equal(read->request_body, written->request_body));
    assert_true(sp_str_equal(read->response_body, written->response_body));
    assert_int_equal(read->started_ms, written->started_ms);
    assert_int_equal(read->status, written->status);
    assert_int_equal(read->request_headers.count, written->request_headers.count);
    assert_true(sp_str_equal(sp_flow_header(&read->response_headers, "Set-Cookie"), SP_STR("a=\"b\"")));
}

static void what_was_written_is_read(void **state)
{
    static const struct sp_flow_header request[] = {{{"Content-Type", 12}, {"application/x-www-form-urlencoded", 33}}};
    static const struct sp_flow_header response[] = {{{"Set-Cookie", 10}, {"a=\"b\"", 5}},
                                                     {{"Content-Type", 12}, {"application/octet-stream", 24}}};
    struct sp_flow_exchange exchange = {.started_ms = 1795662323120,
                                        .took_ms = 12,
                                        .method = SP_STR("POST"),
                                        .url = SP_STR("https://idp.example.com/token?x=%20"),
                                        .request_headers = {request, 1},
                                        .response_headers = {response, 2},
                                        .request_body = SP_STR("a=b&c=\xc3\xa4"),
                                        .response_body = SP_STR("\xff\x00\xfe{}"),
                                        .response_bytes = 5,
                                        .status = 400};
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_buffer out;
    struct sp_json_writer writer;
    (void)state;
    sp_buffer_init(&out, arena, 1 << 16);
    sp_buffer_append(&out, SP_STR(SP_HAR_HEAD));
    sp_json_writer_init(&writer, &out, false);
    sp_har_write_entry(&writer, arena, &exchange);
    sp_buffer_append(&out, SP_STR(SP_HAR_TAIL));
    struct sp_har *har = sp_har_create(compare, &exchange);
    sp_har_read(har, sp_buffer_str(&out), true);
    assert_null(sp_har_report(har)->fault);
    assert_int_equal(sp_har_report(har)->entries, 1);
    sp_har_destroy(&har);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_lead_through_the_recorder_and_nothing_else_changes),
        cmocka_unit_test(what_was_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
