/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata and key sets, by the examinations that the gateway's key keeper and the doctor use. */
#include "core/flow/judge.h"

#include "core/diagnosis/http_answer.h"
#include "core/jose/jwk_set.h"

static struct sp_fetch_report report_of(const struct sp_flow_message *message)
{
    return (struct sp_fetch_report){
        .url = message->exchange.url,
        .http_status = message->exchange.status,
        .content_type = sp_flow_header(&message->exchange.response_headers, "Content-Type"),
        .location = sp_flow_header(&message->exchange.response_headers, "Location"),
        .body = message->exchange.response_body,
        .too_large = message->exchange.response_cut,
        .max_bytes = SP_MAX_CAPTURED_BODY_BYTES,
        .max_age_s = -1,
    };
}

/* 304, and recorders that leave bodies out, prove nothing. */
static bool has_evidence(const struct sp_flow_message *message)
{
    int status = message->exchange.status;
    return status != 0 && status != 304 && status != 101 &&
           !(status == 200 && message->exchange.response_body.len == 0);
}

static void tell_all(struct sp_flow_capture *capture, struct sp_flow_message *message,
                     const struct sp_document_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        sp_flow_tell_finding(capture, message, &findings->rows[i]);
}

/* A server that is not well says nothing of the document. True: told. */
static bool tell_answer(struct sp_flow_capture *capture, struct sp_flow_message *message,
                        const struct sp_fetch_report *report, struct sp_document_findings *findings)
{
    bool ill = report->http_status >= 500 || report->http_status == 429 ||
               (report->http_status >= 300 && report->http_status < 400);
    *findings = (struct sp_document_findings){.count = 0};
    if (!ill)
        return false;
    sp_http_answer_judge(capture->scratch, report, findings);
    tell_all(capture, message, findings);
    return findings->count > 0;
}

/* Where the keys are is said here, and who asks there is not always recorded. */
static void judge_keys_url(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str uri = sp_json_string(sp_json_member(message->json, SP_STR("jwks_uri")));
    struct sp_url url;
    if (sp_url_split(uri, &url) == SP_OK && !sp_url_is_secure(&url))
        sp_flow_tell(capture, message, SP_CAUSE_KEYS_INSECURE_URL, SP_STR("https"), uri);
}

/* The issuer that the URL asks for: what stands around the well-known part. */
static struct sp_str issuer_asked(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                  enum sp_metadata_place *place)
{
    static const char *const names[] = {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"};
    struct sp_str url = message->endpoint, origin = sp_flow_origin(url);
    for (size_t n = 0; n < 2; n++) {
        struct sp_str name = sp_str_from_cstr(names[n]);
        for (size_t i = 0; i + name.len <= url.len; i++) {
            if (!sp_str_has_prefix(sp_str_slice(url, i, url.len), name))
                continue;
            struct sp_str after = sp_str_slice(url, i + name.len, url.len);
            *place = n == 1           ? SP_METADATA_OAUTH_INSERTED
                     : after.len == 0 ? SP_METADATA_OPENID_APPENDED
                                      : SP_METADATA_OPENID_INSERTED;
            return after.len == 0 ? sp_str_slice(url, 0, i)
                                  : sp_arena_printf(capture->arena, "%.*s%.*s", SP_STR_ARG(origin), SP_STR_ARG(after));
        }
    }
    return SP_STR_NONE;
}

void sp_flow_judge_discovery(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_document_findings *findings = SP_ARENA_NEW(capture->scratch, struct sp_document_findings);
    const struct sp_fetch_report report = report_of(message);
    struct sp_metadata metadata;
    enum sp_metadata_place place = SP_METADATA_OPENID_APPENDED;
    struct sp_str issuer = issuer_asked(capture, message, &place), named;
    if (!has_evidence(message) || findings == NULL || tell_answer(capture, message, &report, findings))
        return;
    /* One issuer is written with a slash at its end and one without; the URL does not say which was asked for. */
    named = sp_json_string(sp_json_member(message->json, SP_STR("issuer")));
    if (named.len == issuer.len + 1 && sp_str_has_prefix(named, issuer) && named.at[issuer.len] == '/')
        issuer = named;
    judge_keys_url(capture, message);
    if (sp_str_contains(named, SP_STR("{tenantid}")))
        sp_flow_tell(capture, message, SP_CAUSE_ISSUER_TEMPLATE, named,
                     SP_STR("the tenant's own issuer, in its tokens"));
    if (sp_metadata_examine(capture->scratch, &report, issuer, &metadata, findings) == SP_OK)
        tell_all(capture, message, findings);
    sp_arena_reset(capture->scratch);
}

void sp_flow_judge_key_set(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_document_findings *findings = SP_ARENA_NEW(capture->scratch, struct sp_document_findings);
    const struct sp_fetch_report report = report_of(message);
    struct sp_jwk_set *set = NULL;
    if (!has_evidence(message) || findings == NULL)
        return;
    if (sp_keys_document_examine(capture->scratch, &report, &set, findings) == SP_OK)
        tell_all(capture, message, findings);
    sp_jwk_set_unref(&set);
    sp_arena_reset(capture->scratch);
}
