/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/har_writer.h"

#include "core/diagnosis/words.h"
#include "core/jose/base64url.h"

static void write_headers(struct sp_json_writer *writer, const struct sp_flow_headers *headers)
{
    sp_json_name(writer, SP_STR("headers"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < headers->count; i++) {
        sp_json_begin_object(writer);
        sp_json_string_member(writer, "name", headers->at[i].name);
        sp_json_string_member(writer, "value", headers->at[i].value);
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
}

static void write_empty(struct sp_json_writer *writer, const char *name)
{
    sp_json_name(writer, sp_str_from_cstr(name));
    sp_json_begin_array(writer);
    sp_json_end_array(writer);
}

/* "2026-11-26 03:05:23 UTC" to "2026-11-26T03:05:23.120Z". */
static struct sp_str instant_of(struct sp_arena *arena, int64_t ms)
{
    struct sp_str words = sp_words_instant(arena, ms / 1000);
    return words.len < 19 ? SP_STR("1970-01-01T00:00:00.000Z")
                          : sp_arena_printf(arena, "%.*sT%.*s.%03dZ", 10, words.at, 8, words.at + 11, (int)(ms % 1000));
}

static void write_content(struct sp_json_writer *writer, struct sp_arena *scratch,
                          const struct sp_flow_exchange *exchange)
{
    struct sp_str body = exchange->response_body, encoded;
    struct sp_str type = sp_flow_header(&exchange->response_headers, "Content-Type");
    sp_json_name(writer, SP_STR("content"));
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "size", (int64_t)exchange->response_bytes);
    sp_json_string_member(writer, "mimeType", type.at != NULL ? type : SP_STR("x-unknown"));
    if (body.len > 0 && sp_str_is_utf8(body)) {
        sp_json_string_member(writer, "text", body);
    } else if (body.len > 0 && sp_base64_encode(scratch, body, &encoded) == SP_OK) {
        sp_json_string_member(writer, "text", encoded);
        sp_json_string_member(writer, "encoding", SP_STR("base64"));
    }
    sp_json_end_object(writer);
}

static void write_request(struct sp_json_writer *writer, const struct sp_flow_exchange *exchange)
{
    sp_json_begin_object(writer);
    sp_json_string_member(writer, "method", exchange->method);
    sp_json_string_member(writer, "url", exchange->url);
    sp_json_string_member(writer, "httpVersion", SP_STR("HTTP/1.1"));
    write_headers(writer, &exchange->request_headers);
    write_empty(writer, "queryString");
    write_empty(writer, "cookies");
    if (exchange->request_body.len > 0) {
        sp_json_name(writer, SP_STR("postData"));
        sp_json_begin_object(writer);
        sp_json_string_member(writer, "mimeType", sp_flow_header(&exchange->request_headers, "Content-Type"));
        sp_json_string_member(writer, "text", exchange->request_body);
        sp_json_end_object(writer);
    }
    sp_json_int_member(writer, "headersSize", -1);
    sp_json_int_member(writer, "bodySize", (int64_t)exchange->request_body.len);
    sp_json_end_object(writer);
}

void sp_har_write_entry(struct sp_json_writer *writer, struct sp_arena *scratch,
                        const struct sp_flow_exchange *exchange)
{
    sp_json_begin_object(writer);
    sp_json_string_member(writer, "startedDateTime", instant_of(scratch, exchange->started_ms));
    sp_json_int_member(writer, "time", exchange->took_ms);
    sp_json_name(writer, SP_STR("request"));
    write_request(writer, exchange);
    sp_json_name(writer, SP_STR("response"));
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "status", exchange->status);
    sp_json_string_member(writer, "statusText", SP_STR(""));
    sp_json_string_member(writer, "httpVersion", SP_STR("HTTP/1.1"));
    write_headers(writer, &exchange->response_headers);
    write_empty(writer, "cookies");
    write_content(writer, scratch, exchange);
    sp_json_string_member(writer, "redirectURL", sp_flow_header(&exchange->response_headers, "Location"));
    sp_json_int_member(writer, "headersSize", -1);
    sp_json_int_member(writer, "bodySize", (int64_t)exchange->response_bytes);
    if (exchange->failure.len > 0)
        sp_json_string_member(writer, "_error", exchange->failure);
    sp_json_end_object(writer);
    sp_json_name(writer, SP_STR("cache"));
    sp_json_begin_object(writer);
    sp_json_end_object(writer);
    sp_json_name(writer, SP_STR("timings"));
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "send", 0);
    sp_json_int_member(writer, "wait", exchange->took_ms);
    sp_json_int_member(writer, "receive", 0);
    sp_json_end_object(writer);
    if (exchange->server_address.len > 0)
        sp_json_string_member(writer, "serverIPAddress", exchange->server_address);
    sp_json_end_object(writer);
}
