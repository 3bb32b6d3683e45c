/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/access.h"

#include "core/jose/crypto.h"
#include "core/policy/path.h"
#include "gateway/call.h"
#include "gateway/cors.h"
#include "gateway/examination.h"
#include "gateway/form_credential.h"
#include "gateway/limits.h"
#include "gateway/presented.h"
#include "gateway/refusal.h"
#include "gateway/request_form.h"
#include "gateway/response_headers.h"
#include "gateway/request_id.h"
#include "gateway/resource_metadata.h"
#include "gateway/snapshot.h"
#include "gateway/upstream_headers.h"
#include "gateway/worker.h"

/* A step did its work and set the next stage. Other values leave the machine with them. */
#define GO_ON NGX_DECLINED

static ngx_int_t refuse(struct sp_call *call, enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    const struct sp_finding finding = {
        .cause = cause, .check = SP_CHECK_COUNT, .verified = true, .expected = expected, .received = received};
    return sp_refuse_for(call, &finding);
}

/* ---- route ---- */
/* An escape that an API may leave as it is where nginx decoded it, or dot and empty segments that it may not resolve.
 */
static bool differs_as_sent(const ngx_http_request_t *request, struct sp_str sent)
{
    static const struct sp_str doubtful[] = {{"2f", 2}, {"2e", 2}, {"5c", 2}};
    if (request->complex_uri) {
        return true;
    }
    for (size_t at = sp_str_index_of(sent, '%', 0); at < sent.len; at = sp_str_index_of(sent, '%', at + 1)) {
        const struct sp_str digits = sp_str_slice(sent, at + 1, at + 3);
        for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
            if (sp_str_equal_ignoring_case(digits, doubtful[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool holds(struct sp_str path, char c)
{
    return sp_str_index_of(path, c, 0) < path.len;
}

static bool leads_elsewhere(const struct sp_call *call, struct sp_str path)
{
    struct sp_route_match match = {0};
    sp_policy_match(call->snapshot->policy, sp_str_of(call->request->headers_in.server), path,
                    sp_str_of(call->request->method_name), &match);
    return match.api != call->match.api;
}

/* Memory that is not there is as good as a reading that leads elsewhere. */
static bool leads_elsewhere_read_widely(const struct sp_call *call, struct sp_str path)
{
    char *out = ngx_pnalloc(call->request->pool, path.len);
    return out == NULL || leads_elsewhere(call, sp_str(out, sp_path_read_widely(path, out)));
}

/* An API may take "/a/..%2fb" as it stands where nginx reads "/b", or "/a;x\b" for "/a/b": all readings must lead to
 * the same API (core/policy/path.h). */
static bool is_ambiguous(const struct sp_call *call)
{
    const ngx_http_request_t *request = call->request;
    const struct sp_str path = sp_str_of(request->uri);
    const bool is_wide = holds(path, ';') || holds(path, '\\');
    if (!request->quoted_uri && !request->complex_uri && !is_wide) {
        return false;
    }
    struct sp_str sent = sp_str_of(request->unparsed_uri);
    sent = sp_str_slice(sent, 0, sp_str_index_of(sent, '?', 0));
    return sp_path_is_unreadable(sent) || (differs_as_sent(request, sent) && leads_elsewhere(call, sent)) ||
           (is_wide && leads_elsewhere_read_widely(call, path));
}

static ngx_int_t route(struct sp_call *call)
{
    ngx_http_request_t *request = call->request;
    const bool is_preflight = sp_cors_is_preflight(call);
    const struct sp_str method = is_preflight ? call->headers.preflight_method : sp_str_of(request->method_name);
    const enum sp_match_outcome outcome = sp_policy_match(call->snapshot->policy, sp_str_of(request->headers_in.server),
                                                          sp_str_of(request->uri), method, &call->match);
    if (outcome == SP_MATCH_NO_ROUTE || is_ambiguous(call)) {
        call->match = (struct sp_route_match){0};
        return refuse(call, SP_CAUSE_ROUTE_NONE, SP_STR_NONE, sp_str_of(request->uri));
    }
    if (outcome == SP_MATCH_NO_METHOD) {
        /* RFC 9110 15.5.6: a 405 says what there is. */
        if (sp_response_header_add(request, SP_STR("Allow"), call->match.allowed) != NGX_OK) {
            return NGX_ERROR;
        }
        return refuse(call, SP_CAUSE_ROUTE_METHOD, call->match.allowed, method);
    }
    if (is_preflight && call->match.api->cors.mode == SP_CORS_ANSWER) {
        return sp_cors_answer(call);
    }
    call->stage = is_preflight && call->match.api->cors.mode == SP_CORS_PASS ? SP_STAGE_JUDGED : SP_STAGE_ROUTED;
    return GO_ON;
}

static ngx_int_t begin(struct sp_call *call)
{
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(call->request, ngx_http_sallyport_module);
    sp_presented_read(call, &call->snapshot->owned, location->proxy_kind != SP_PROXY_NONE);
    /* First of all: the memory has until recall() to come. */
    call->expected = sp_verdict_cache_expect(call->conf->cache_zone, call->headers.authorization[0]);
    if (sp_call_identify(call) != NGX_OK) {
        return NGX_ERROR;
    }
    struct sp_finding finding;
    if (sp_request_form_judge(call, &finding) != SP_CAUSE_NONE) {
        call->request->keepalive = 0; /* whoever writes like that may mean something else by what follows */
        return sp_refuse_for(call, &finding);
    }
    const ngx_int_t rc = sp_resource_metadata_serve(call);
    return rc != NGX_DECLINED ? rc : route(call);
}

/* ---- credential ---- */
/* A browser sends none with a preflight, whatever its page does: "send a token" would be the wrong advice. */
static ngx_int_t refuse_preflight(struct sp_call *call)
{
    return refuse(call, SP_CAUSE_CORS_PREFLIGHT_REJECTED, SP_STR("200 or 204"),
                  SP_STR("403, for the API asks for a credential and has no cors in the configuration"));
}

static ngx_int_t judge_api_key(struct sp_call *call)
{
    unsigned char sha256[32];
    sp_sha256(call->credential.value, sha256);
    call->consumer = sp_policy_consumer_of_key(call->snapshot->policy, sha256);
    if (call->consumer == NULL) {
        return refuse(call, SP_CAUSE_CONSUMER_UNKNOWN_KEY, SP_STR_NONE, SP_STR_NONE);
    }
    call->stage = SP_STAGE_JUDGED;
    return GO_ON;
}

static ngx_int_t find_credential(struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    const struct sp_presented_headers *headers = &call->headers;
    struct sp_finding finding = {.check = SP_CHECK_FORM, .verified = true};
    if (!sp_limits_take(call, 1u << SP_LIMIT_PER_IP, &finding)) {
        return sp_refuse_for(call, &finding);
    }
    const struct sp_presented presented = {
        .authorization = {headers->authorization, headers->authorization_count < 2 ? headers->authorization_count : 2},
        .api_key = {headers->api_key, headers->api_key_count < 2 ? headers->api_key_count : 2},
        .query = sp_str_of(call->request->args),
        .accepts_bearer = api->accepts_token,
        .accepts_dpop = api->accepts_token && api->accepts_dpop,
        .accepts_api_key = api->accepts_api_key,
        .accepts_query = api->accepts_query,
    };
    const enum sp_cause cause = sp_credential_find(&presented, &call->credential, &finding);
    if (cause == SP_CAUSE_TOKEN_MISSING && api->anonymous) {
        call->stage = SP_STAGE_JUDGED;
        return GO_ON;
    }
    if (cause == SP_CAUSE_TOKEN_MISSING && sp_cors_is_preflight(call)) {
        return refuse_preflight(call);
    }
    if (cause != SP_CAUSE_NONE) {
        finding.cause = cause;
        finding.verified = true;
        return sp_refuse_for(call, &finding);
    }
    if (call->credential.kind == SP_CREDENTIAL_API_KEY) {
        return judge_api_key(call);
    }
    call->stage = SP_STAGE_PRESENTED;
    return GO_ON;
}

static ngx_int_t recall(struct sp_call *call)
{
    call->stage = sp_examination_is_known(call) ? SP_STAGE_JUDGED : SP_STAGE_EXAMINING;
    return GO_ON;
}

static ngx_int_t examine(struct sp_call *call)
{
    const ngx_int_t rc = sp_examination_run(call);
    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }
    if (rc != NGX_OK || !call->has_facts) {
        return sp_refuse(call, rc == NGX_OK ? call->verdict : NULL);
    }
    call->stage = SP_STAGE_JUDGED;
    return GO_ON;
}

/* ---- consumer, limits, upstream ---- */
static enum sp_cause consumer_fault(struct sp_call *call)
{
    if (call->consumer == NULL && call->has_facts && call->facts.client_id.len > 0) {
        call->consumer = sp_policy_consumer_of_client(call->snapshot->policy, call->facts.client_id);
    }
    return sp_consumer_fault(call->consumer, call->match.api);
}

static enum sp_proxy_kind kind_for(const struct sp_call *call)
{
    static const struct {
        enum sp_proxy_kind plain, upgrade;
    } kinds[] = {
        [SP_UPSTREAM_HTTP] = {SP_PROXY_HTTP, SP_PROXY_UPGRADE},
        [SP_UPSTREAM_HTTPS] = {SP_PROXY_HTTPS, SP_PROXY_HTTPS_UPGRADE},
        [SP_UPSTREAM_GRPC] = {SP_PROXY_GRPC, SP_PROXY_GRPC},
        [SP_UPSTREAM_GRPCS] = {SP_PROXY_GRPCS, SP_PROXY_GRPCS},
    };
    const enum sp_upstream_scheme scheme = call->match.api->upstream.scheme;
    return call->headers.upgrade_at != NULL ? kinds[scheme].upgrade : kinds[scheme].plain;
}

/* Moves the request to the location that speaks to this kind of upstream. A guest's location stays what it is. */
static ngx_int_t choose_location(struct sp_call *call)
{
    ngx_http_request_t *request = call->request;
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    if (location->proxy_kind == SP_PROXY_NONE) {
        return NGX_OK;
    }
    const enum sp_proxy_kind kind = kind_for(call);
    if (kind == location->proxy_kind) {
        return NGX_OK;
    }
    if (call->conf->proxies[kind] == NULL) {
        ngx_log_error(NGX_LOG_ERR, request->connection->log, 0,
                      "sallyport: no location has the sallyport_proxy kind that this API needs");
        return NGX_ERROR;
    }
    request->loc_conf = call->conf->proxies[kind];
    ngx_http_update_location_config(request);
    return NGX_OK;
}

static ngx_int_t look_at_form(struct sp_call *call)
{
    struct sp_finding finding;
    const ngx_int_t rc = sp_form_credential_look(call, &finding);
    if (rc == NGX_DECLINED) {
        return sp_refuse_for(call, &finding);
    }
    if (rc != NGX_OK) {
        return rc;
    }
    call->stage = SP_STAGE_WHOLE;
    return GO_ON;
}

static ngx_int_t admit(struct sp_call *call)
{
    struct sp_finding finding;
    const enum sp_cause fault = consumer_fault(call);
    if (fault != SP_CAUSE_NONE) {
        return refuse(call, fault, SP_STR_NONE, call->consumer->name);
    }
    if (!sp_limits_take(call, ~(1u << SP_LIMIT_PER_IP), &finding)) {
        return sp_refuse_for(call, &finding);
    }
    if (choose_location(call) != NGX_OK || sp_upstream_headers_set(call) != NGX_OK) {
        return NGX_ERROR;
    }
    call->stage = SP_STAGE_PASSED;
    return NGX_OK;
}

static ngx_int_t stay_refused(struct sp_call *call)
{
    (void)call;
    return NGX_HTTP_FORBIDDEN; /* an internal redirect does not bring a refused call back */
}

static ngx_int_t stay_passed(struct sp_call *call)
{
    (void)call;
    return NGX_OK;
}

static ngx_int_t (*const steps[])(struct sp_call *call) = {
    [SP_STAGE_BEGIN] = begin,       [SP_STAGE_ROUTED] = find_credential, [SP_STAGE_PRESENTED] = recall,
    [SP_STAGE_EXAMINING] = examine, [SP_STAGE_ASKING] = examine,         [SP_STAGE_JUDGED] = look_at_form,
    [SP_STAGE_WHOLE] = admit,       [SP_STAGE_PASSED] = stay_passed,     [SP_STAGE_REFUSED] = stay_refused,
};

ngx_int_t sp_access_handler(ngx_http_request_t *request)
{
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    if (!location->on) {
        return NGX_DECLINED;
    }
    struct sp_call *call = sp_call_get(request);
    if (call == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    ngx_int_t rc;
    do {
        rc = steps[call->stage](call);
    } while (rc == GO_ON);
    if (rc == NGX_ERROR) {
        return sp_refuse(call, NULL);
    }
    return rc;
}
