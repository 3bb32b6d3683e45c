/* SPDX-License-Identifier: Apache-2.0 */
/* What a client receives: judged by its bytes (core/diagnosis/json_answer.h), and beside what was asked for. */
#include "core/flow/judge.h"

#include "core/diagnosis/json_answer.h"

static int64_t announced(const struct sp_flow_message *message)
{
    struct sp_str length = sp_flow_header(&message->exchange.response_headers, "Content-Length");
    int64_t bytes = 0;
    for (size_t i = 0; i < length.len && i < 12 && length.at[i] >= '0' && length.at[i] <= '9'; i++)
        bytes = bytes * 10 + (length.at[i] - '0');
    return bytes;
}

static struct sp_json_answer bytes_of(const struct sp_flow_message *message)
{
    const struct sp_flow_exchange *exchange = &message->exchange;
    return (struct sp_json_answer){.status = exchange->status,
                                   .content_type = sp_flow_header(&exchange->response_headers, "Content-Type"),
                                   .content_encoding = sp_flow_header(&exchange->response_headers, "Content-Encoding"),
                                   .cache_control = sp_flow_header(&exchange->response_headers, "Cache-Control"),
                                   .location = message->answer_endpoint,
                                   .announced_bytes = announced(message),
                                   .body = exchange->response_body,
                                   .is_cut = exchange->response_cut,
                                   .may_be_empty = message->kind == SP_FLOW_REVOCATION,
                                   .is_explained = sp_flow_has_told_specific(message),
                                   .json = message->json,
                                   .fault = message->json_error.fault};
}

/* A status or an error without a word is a failure's name, not what is behind it. */
static void tell_all(struct sp_flow_capture *capture, struct sp_flow_message *message,
                     const struct sp_document_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct sp_finding *row = &findings->rows[i];
        bool general = row->cause == SP_CAUSE_NETWORK_HTTP_SERVER_ERROR || row->cause == SP_CAUSE_RESPONSE_ERROR;
        struct sp_finding *told = general
                                      ? sp_flow_tell_general(capture, message, row->cause, row->expected, row->received)
                                      : sp_flow_tell(capture, message, row->cause, row->expected, row->received);
        told->detail = row->detail;
    }
}

void sp_flow_judge_json_answer(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_document_findings findings = {.count = 0};
    const struct sp_json_answer answer = bytes_of(message);
    /* A recording may leave bodies out. */
    if (answer.status == 0 || (answer.body.len == 0 && message->exchange.response_bytes > 0))
        return;
    sp_json_answer_judge(capture->arena, &answer, &findings);
    tell_all(capture, message, &findings);
}

/* ---- members that the next step needs (RFC 8628 3.2, RFC 9126 2.2) ---- */

static const struct {
    enum sp_flow_kind kind;
    const char *member;
} needed[] = {{SP_FLOW_DEVICE_AUTHORIZATION, "device_code"},
              {SP_FLOW_DEVICE_AUTHORIZATION, "user_code"},
              {SP_FLOW_DEVICE_AUTHORIZATION, "verification_uri"},
              {SP_FLOW_PUSHED_REQUEST, "request_uri"}};

void sp_flow_judge_needed_members(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    bool given = message->exchange.status >= 200 && message->exchange.status < 300 && message->json != NULL;
    for (size_t i = 0; given && i < sizeof needed / sizeof needed[0]; i++)
        if (needed[i].kind == message->kind && sp_flow_answered(message, needed[i].member).len == 0)
            sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_MEMBER_MISSING, sp_str_from_cstr(needed[i].member),
                         SP_STR("none"));
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

/* A proof was shown, and the token is good without one (RFC 9449 5). */
static void judge_token_type(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str type = sp_flow_answered(message, "token_type");
    if (sp_flow_header(&message->exchange.request_headers, "DPoP").len > 0 && type.len > 0 &&
        sp_str_equal_ignoring_case(type, SP_STR("Bearer")))
        sp_flow_tell(capture, message, SP_CAUSE_RESPONSE_TOKEN_TYPE_UNEXPECTED, SP_STR("DPoP"), type);
}

void sp_flow_judge_token_answer(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_document_findings findings = {.count = 0};
    const struct sp_json_answer answer = bytes_of(message);
    if (answer.status == 0)
        return;
    sp_token_members_judge(capture->arena, &answer, &findings);
    bool has_token = message->exchange.status == 200 &&
                     sp_json_is(sp_json_member(message->json, SP_STR("access_token")), SP_JSON_STRING) &&
                     sp_json_member(message->json, SP_STR("error")) == NULL;
    if (has_token) {
        judge_id_token_presence(capture, message);
        judge_refresh_presence(capture, message);
        judge_token_type(capture, message);
    }
    tell_all(capture, message, &findings);
}
