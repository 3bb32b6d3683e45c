/* SPDX-License-Identifier: Apache-2.0 */
/* What a client receives (RFC 6749 5.1): is it JSON at all, and has it what it must have? */
#include "core/flow/judge.h"

static struct sp_str first_bytes(struct sp_flow_capture *capture, struct sp_str body)
{
    struct sp_str start = sp_str_trim(sp_str_slice(body, 0, 60));
    return sp_arena_printf(capture->arena, "It begins with: %.*s", SP_STR_ARG(sp_flow_scrubbed(capture, start)));
}

static struct sp_str charset_of(struct sp_str type)
{
    size_t from = 0;
    while (from < type.len && !sp_str_equal_ignoring_case(sp_str_slice(type, from, from + 8), SP_STR("charset=")))
        from++;
    return from < type.len ? sp_str_trim(sp_str_slice(type, from + 8, type.len)) : SP_STR_NONE;
}

static void judge_truncation(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str length = sp_flow_header(&message->exchange.response_headers, "Content-Length");
    struct sp_str encoding = sp_flow_header(&message->exchange.response_headers, "Content-Encoding");
    struct sp_str body = message->exchange.response_body;
    int64_t announced = 0;
    for (size_t i = 0; i < length.len && i < 12 && length.at[i] >= '0' && length.at[i] <= '9'; i++)
        announced = announced * 10 + (length.at[i] - '0');
    bool cut_json =
        message->json == NULL && message->json_error.fault == SP_JSON_CUT && !message->exchange.response_cut;
    bool short_of = announced > 0 && encoding.at == NULL && !message->exchange.response_cut && body.len > 0 &&
                    (uint64_t)announced > body.len;
    if (cut_json || short_of)
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_TRUNCATED,
                     short_of ? sp_arena_printf(capture->arena, "%lld bytes", (long long)announced)
                              : SP_STR("a whole JSON object"),
                     sp_arena_printf(capture->arena, "%zu bytes", body.len));
}

void sp_flow_judge_json_answer(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str type = sp_flow_header(&message->exchange.response_headers, "Content-Type");
    struct sp_str body = message->exchange.response_body, charset = charset_of(type);
    /* A recording may leave bodies out. */
    if (message->exchange.status == 0 || (body.len == 0 && message->exchange.response_bytes > 0))
        return;
    bool redirected = message->exchange.status >= 300 && message->exchange.status < 400;
    if (sp_flow_is_html(message)) {
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_HTML, SP_STR("a JSON object"),
                     type.at != NULL ? type : SP_STR("an HTML page"))
            ->detail = first_bytes(capture, body);
        return;
    }
    if (redirected) {
        sp_flow_tell(capture, message, SP_CAUSE_NETWORK_HTTP_REDIRECT, SP_STR("a JSON object"),
                     message->answer_endpoint);
        return;
    }
    judge_truncation(capture, message);
    if (charset.at != NULL && !sp_str_equal_ignoring_case(charset, SP_STR("utf-8")) &&
        !sp_str_equal_ignoring_case(charset, SP_STR("\"utf-8\"")) && !sp_str_is_utf8(body))
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_CHARSET, SP_STR("UTF-8"), charset);
    else if (message->json_error.fault == SP_JSON_UTF8)
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_CHARSET, SP_STR("UTF-8"), SP_STR("bytes that are not UTF-8"));
    bool empty_is_fine = message->kind == SP_FLOW_REVOCATION || message->exchange.status >= 500;
    if (message->json == NULL && !sp_flow_has_told_specific(message) && !(body.len == 0 && empty_is_fine) &&
        !message->exchange.response_cut && message->exchange.status != 404)
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_NOT_JSON, SP_STR("a JSON object"),
                     type.at != NULL ? type : SP_STR("something without a media type"))
            ->detail = first_bytes(capture, body);
    if (message->exchange.status >= 500)
        sp_flow_tell_general(capture, message, SP_CAUSE_NETWORK_HTTP_SERVER_ERROR, SP_STR("200"),
                             sp_arena_printf(capture->arena, "%d", message->exchange.status));
    else if (message->exchange.status == 429)
        sp_flow_tell(capture, message, SP_CAUSE_NETWORK_HTTP_RATE_LIMITED, SP_STR("200"), SP_STR("429"));
}

/* ---- token responses ---- */

static bool asked_for(const struct sp_flow_message *message, const char *scope)
{
    struct sp_str asked = sp_flow_asked(message->flow, "scope"), missing;
    struct sp_str own = sp_flow_parameter(message, "scope");
    return sp_flow_words_within(sp_str_from_cstr(scope), asked, &missing) ||
           sp_flow_words_within(sp_str_from_cstr(scope), own, &missing);
}

static void judge_id_token_presence(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str grant = sp_flow_parameter(message, "grant_type"), scope = sp_flow_answered(message, "scope"), missing;
    bool code =
        sp_str_equal(grant, SP_STR("authorization_code")) || sp_flow_parameter(message, "device_code").at != NULL;
    bool granted = scope.at == NULL || sp_flow_words_within(SP_STR("openid"), scope, &missing);
    if (!code || !asked_for(message, "openid") || sp_json_member(message->json, SP_STR("id_token")) != NULL)
        return;
    sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_ID_TOKEN_MISSING, SP_STR("id_token"),
                 granted ? SP_STR("none") : SP_STR("none, and openid is not in the granted scope"));
}

static void judge_refresh_presence(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    bool code = sp_str_equal(sp_flow_parameter(message, "grant_type"), SP_STR("authorization_code"));
    if (code && asked_for(message, "offline_access") && sp_json_member(message->json, SP_STR("refresh_token")) == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_REFRESH_NOT_ISSUED, SP_STR("refresh_token"), SP_STR("none"))->detail =
            SP_STR("offline_access was requested and the token response has no refresh_token");
}

void sp_flow_judge_token_answer(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_json *json = message->json;
    struct sp_str cache = sp_flow_header(&message->exchange.response_headers, "Cache-Control");
    const struct sp_json *expires = sp_json_member(json, SP_STR("expires_in"));
    if (json == NULL || message->exchange.status != 200 || sp_json_member(json, SP_STR("error")) != NULL)
        return;
    if (!sp_json_is(sp_json_member(json, SP_STR("access_token")), SP_JSON_STRING)) {
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_ACCESS_TOKEN_MISSING, SP_STR("access_token"), SP_STR("none"));
        return;
    }
    if (!sp_json_is(sp_json_member(json, SP_STR("token_type")), SP_JSON_STRING))
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_TOKEN_TYPE_MISSING, SP_STR("Bearer or DPoP"), SP_STR("none"));
    if (expires != NULL && expires->type != SP_JSON_NUMBER)
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_EXPIRES_IN_TYPE, SP_STR("a number"),
                     expires->type == SP_JSON_STRING
                         ? sp_arena_printf(capture->arena, "\"%.*s\"", SP_STR_ARG(sp_str_slice(expires->text, 0, 60)))
                         : SP_STR("of another type"));
    judge_id_token_presence(capture, message);
    judge_refresh_presence(capture, message);
    if (!sp_text_has(cache, "no-store"))
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_CACHEABLE, SP_STR("no-store"),
                     cache.at != NULL ? cache : SP_STR("not sent"));
}
