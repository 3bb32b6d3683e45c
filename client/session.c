/* SPDX-License-Identifier: Apache-2.0 */
#include "client/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include "client/session_parts.h"
#include "core/base/secret.h"
#include "core/base/url.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/http_answer.h"
#include "core/oauth/client_authentication.h"
#include "probe/http_call.h"
#include "probe/local_clock.h"

#define MAX_LINE_BYTES 512u

void sp_client_say(const struct sp_client_session *session, const char *format, ...)
{
    char line[MAX_LINE_BYTES];
    va_list values;
    if (session->settings->told == NULL)
        return;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    session->settings->told(session->settings->context, line);
}

void sp_client_tell(struct sp_client_session *session, const struct sp_finding *finding)
{
    *sp_document_refuse(&session->findings, finding->cause) = *finding;
}

struct sp_str sp_client_cause(const struct sp_client_session *session)
{
    return session->findings.count > 0 ? sp_cause_get(session->findings.rows[0].cause)->id : SP_STR_NONE;
}

void sp_client_forgive(struct sp_client_session *session)
{
    session->findings.count = 0;
    session->findings.refused = false;
}

struct sp_str sp_client_random(struct sp_client_session *session)
{
    struct sp_str text = SP_STR_NONE;
    session->status = sp_random_text(session->arena, &text);
    return text;
}

/* ---- calls ---- */

static void release_call(void *call)
{
    struct sp_http_call *held = call;
    sp_http_call_destroy(&held);
}

const struct sp_fetch_report *sp_client_call(struct sp_client_session *session, struct sp_http_request request)
{
    const struct sp_client_settings *settings = session->settings;
    struct sp_http_call *call = NULL;
    request.ca_file = settings->ca_file;
    request.certificate_file = settings->certificate_file;
    request.key_file = settings->key_file;
    request.connect_timeout_ms = request.timeout_ms = settings->timeout_ms;
    enum sp_status status = sp_http_call_create(&request, &call);
    if (status == SP_MALFORMED) {
        struct sp_finding *finding = sp_document_refuse(&session->findings, SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT);
        finding->expected = SP_STR("an https URL");
        finding->received = request.url;
        return NULL;
    }
    if (status != SP_OK || sp_arena_defer(session->arena, release_call, call) != SP_OK) {
        sp_http_call_destroy(&call);
        session->status = SP_NO_MEMORY;
        return NULL;
    }
    sp_http_call_perform(call);
    return sp_http_call_report(call);
}

/* ---- the recording ---- */

void sp_client_record_call(struct sp_client_session *session, const struct sp_http_request *request,
                           const struct sp_fetch_report *report)
{
    struct sp_flow_header sent[3], received[4];
    struct sp_flow_exchange exchange = {.number = ++session->exchanges,
                                        .started_ms = report->sent_ms,
                                        .method = request->form.at != NULL ? SP_STR("POST") : SP_STR("GET"),
                                        .url = request->url,
                                        .request_headers = {.at = sent},
                                        .response_headers = {.at = received},
                                        .request_body = request->form,
                                        .response_body = report->body,
                                        .status = report->http_status,
                                        .server_address = report->address};
    const struct sp_flow_header requested[] = {
        {SP_STR("Content-Type"), request->form.at != NULL ? SP_STR("application/x-www-form-urlencoded") : SP_STR_NONE},
        {SP_STR("Authorization"), request->authorization},
        {SP_STR("DPoP"), request->dpop}};
    const struct sp_flow_header answered[] = {{SP_STR("Content-Type"), report->content_type},
                                              {SP_STR("Location"), report->location},
                                              {SP_STR("Cache-Control"), report->cache_control},
                                              {SP_STR("WWW-Authenticate"), report->authenticate}};
    for (size_t i = 0; i < 3; i++)
        if (requested[i].value.at != NULL)
            sent[exchange.request_headers.count++] = requested[i];
    for (size_t i = 0; i < 4; i++)
        if (answered[i].value.at != NULL)
            received[exchange.response_headers.count++] = answered[i];
    sp_client_record(session, &exchange);
}

void sp_client_record(struct sp_client_session *session, const struct sp_flow_exchange *exchange)
{
    struct sp_flow_message *message = sp_flow_capture_take(session->capture, exchange);
    session->last = message;
    if (message != NULL)
        sp_flow_judge_message(session->capture, message);
}

bool sp_client_is_broken(struct sp_client_session *session)
{
    const struct sp_flow *flow = session->last != NULL ? session->last->flow : NULL;
    if (flow == NULL || flow->cause == NULL)
        return false;
    sp_client_tell(session, &flow->cause->finding);
    return true;
}

/* ---- discovery ---- */

static bool discover(struct sp_client_session *session)
{
    struct sp_document_findings *findings = &session->findings;
    struct sp_http_request request = {.max_bytes = SP_MAX_METADATA_BYTES, .max_redirects = 3};
    const struct sp_fetch_report *report = NULL;
    for (enum sp_metadata_place place = SP_METADATA_OPENID_APPENDED; place < SP_METADATA_PLACES; place++) {
        request.url = sp_metadata_url(session->arena, session->settings->issuer, place);
        if (request.url.at == NULL) {
            session->unable = true;
            session->trouble = SP_STR("the issuer is no URL");
            return false;
        }
        report = sp_client_call(session, request);
        if (report == NULL)
            return false;
        if (report->failure != SP_CAUSE_NONE) {
            sp_http_answer_judge(session->arena, report, findings);
            return false;
        }
        session->status =
            sp_metadata_examine(session->arena, report, session->settings->issuer, &session->metadata, findings);
        if (session->status != SP_OK || (findings->refused && findings->rows[0].cause != SP_CAUSE_DISCOVERY_NOT_FOUND))
            return false;
        if (!findings->refused)
            break;
    }
    if (findings->refused)
        return false;
    /* Nothing may be done by a document that names another issuer (OIDC Discovery 4.3). */
    if (!sp_str_equal(session->metadata.issuer, session->settings->issuer)) {
        struct sp_finding *finding = sp_document_refuse(findings, SP_CAUSE_DISCOVERY_ISSUER_MISMATCH);
        finding->check = SP_CHECK_COUNT;
        finding->verified = true;
        finding->expected = session->settings->issuer;
        finding->received = session->metadata.issuer;
        return false;
    }
    findings->count = 0; /* what is odd about the document is the doctor's to tell */
    sp_client_record_call(session, &request, report);
    return true;
}

/* ---- the method ---- */

static bool advertises(const struct sp_client_session *session, const char *method)
{
    const struct sp_json *list =
        sp_json_member(session->metadata.json, SP_STR("token_endpoint_auth_methods_supported"));
    /* Its default: OIDC Discovery 3, RFC 8414 2. */
    return list != NULL ? sp_flow_list_has(list, sp_str_from_cstr(method), false)
                        : strcmp(method, "client_secret_basic") == 0;
}

static void choose_method(struct sp_client_session *session)
{
    const struct sp_client_settings *settings = session->settings;
    static const char *const by_secret[] = {"client_secret_basic", "client_secret_post", "client_secret_jwt"};
    static const char *const by_certificate[] = {"tls_client_auth", "self_signed_tls_client_auth"};
    session->method = settings->method;
    if (settings->method.at != NULL)
        return;
    if (settings->key != NULL) {
        session->method = SP_STR("private_key_jwt");
    } else if (settings->secret.len > 0) {
        session->method = sp_str_from_cstr(by_secret[0]);
        for (size_t i = 3; i > 0; i--)
            if (advertises(session, by_secret[i - 1]))
                session->method = sp_str_from_cstr(by_secret[i - 1]);
    } else if (settings->certificate_file.len > 0 &&
               (advertises(session, by_certificate[0]) || advertises(session, by_certificate[1]))) {
        session->method = sp_str_from_cstr(by_certificate[advertises(session, by_certificate[0]) ? 0 : 1]);
    } else {
        session->method = SP_STR("none");
    }
}

bool sp_client_begin(struct sp_arena *arena, const struct sp_client_settings *settings,
                     struct sp_client_session *session)
{
    const struct sp_flow_terms terms = {.client_id = settings->client_id, .now_s = time(NULL), .leeway_s = 30};
    *session = (struct sp_client_session){.arena = arena, .settings = settings};
    session->capture = sp_flow_capture_create(&terms);
    if (session->capture == NULL) {
        session->status = SP_NO_MEMORY;
        return false;
    }
    if (!discover(session))
        return false;
    choose_method(session);
    return true;
}

void sp_client_end(struct sp_client_session *session)
{
    sp_flow_capture_destroy(&session->capture);
    sp_jwk_set_unref(&session->keys);
}

/* ---- endpoints ---- */

/* An endpoint by its member of the metadata, at the alias for certificates where the client shows one (RFC 8705 5).
 * Absent: it has none. */
static struct sp_str endpoint_of(const struct sp_client_session *session, const char *member)
{
    const struct sp_json *aliases = sp_json_member(session->metadata.json, SP_STR("mtls_endpoint_aliases"));
    struct sp_str alias = sp_json_string(sp_json_member(aliases, sp_str_from_cstr(member)));
    if (session->settings->certificate_file.len > 0 && alias.len > 0)
        return alias;
    return sp_json_string(sp_json_member(session->metadata.json, sp_str_from_cstr(member)));
}

bool sp_client_needs(struct sp_client_session *session, const char *member, struct sp_str *endpoint)
{
    *endpoint = endpoint_of(session, member);
    if (endpoint->len > 0)
        return true;
    struct sp_finding *finding = sp_document_refuse(&session->findings, SP_CAUSE_DISCOVERY_MISSING_MEMBER);
    finding->check = SP_CHECK_COUNT;
    finding->expected = sp_str_from_cstr(member);
    finding->detail = sp_str_from_cstr(member);
    return false;
}
