/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/refusal.h"

#include "core/diagnosis/refusal.h"
#include "gateway/away_page.h"
#include "gateway/client_certificate.h"
#include "gateway/presented.h"
#include "gateway/request_id.h"
#include "gateway/resource_metadata.h"
#include "gateway/response_headers.h"
#include "gateway/snapshot.h"
#include "gateway/upstream_failure.h"

static const struct sp_str problem_type = {"application/problem+json", 24};

ngx_int_t sp_respond(ngx_http_request_t *request, ngx_uint_t status, struct sp_str content_type, struct sp_str body)
{
    /* A final answer stands in place of 100 Continue (RFC 9110 10.1.1): who waits for one keeps its body, so that what
     * follows on this connection would be unclear. */
    if (request->headers_in.expect != NULL && !request->expect_tested && request->request_body == NULL) {
        request->expect_tested = 1;
        request->keepalive = 0;
    }
    const ngx_int_t discarded = ngx_http_discard_request_body(request);
    if (discarded != NGX_OK) {
        return discarded;
    }
    request->headers_out.status = status;
    request->headers_out.content_length_n = (off_t)body.len;
    request->headers_out.content_type = sp_ngx_str_of(content_type);
    request->headers_out.content_type_len = content_type.len;
    request->headers_out.content_type_lowcase = NULL;
    const ngx_int_t rc = ngx_http_send_header(request);
    if (rc == NGX_ERROR || rc > NGX_OK || request->header_only) {
        return rc;
    }
    ngx_buf_t *buffer = ngx_calloc_buf(request->pool);
    if (buffer == NULL) {
        return NGX_ERROR;
    }
    const ngx_str_t bytes = sp_ngx_str_of(body);
    buffer->pos = bytes.data;
    buffer->last = bytes.data + bytes.len;
    buffer->memory = bytes.len > 0;
    buffer->last_buf = request == request->main;
    buffer->last_in_chain = 1;
    ngx_chain_t chain = {.buf = buffer};
    return ngx_http_output_filter(request, &chain);
}

/* The first cause that cannot be decided has Retry-After; keys and introspection come back within seconds. */
static ngx_int_t add_retry_after(struct sp_call *call, int status)
{
    if (status != 503 && status != 429) {
        return NGX_OK;
    }
    u_char *text = ngx_pnalloc(call->request->pool, NGX_INT64_LEN);
    if (text == NULL) {
        return NGX_ERROR;
    }
    const int64_t seconds = call->retry_after_s > 0 ? call->retry_after_s : 5;
    const u_char *end = ngx_sprintf(text, "%L", seconds);
    return sp_response_header_add(call->request, SP_STR("Retry-After"), sp_str((char *)text, (size_t)(end - text)));
}

static ngx_int_t send_refusal_as(struct sp_call *call, const struct sp_refusal *refusal, struct sp_str content_type)
{
    ngx_http_request_t *request = call->request;
    for (size_t i = 0; i < refusal->challenge_count; i++) {
        if (sp_response_header_add(request, SP_STR("WWW-Authenticate"), refusal->challenges[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    if (add_retry_after(call, refusal->status) != NGX_OK ||
        sp_response_header_add(request, SP_STR("Cache-Control"), SP_STR("no-store")) != NGX_OK) {
        return NGX_ERROR;
    }
    return sp_respond(request, (ngx_uint_t)refusal->status, content_type, refusal->body);
}

ngx_int_t sp_respond_refusal(struct sp_call *call, const struct sp_refusal *refusal)
{
    return send_refusal_as(call, refusal, problem_type);
}

static void terms_of(struct sp_call *call, struct sp_refusal_terms *terms)
{
    const struct sp_api *api = call->match.api;
    const struct sp_requirements *requirements = call->match.requirements;
    *terms = (struct sp_refusal_terms){.request_id = call->request_id};
    if (api == NULL) {
        return;
    }
    terms->diagnostics = api->diagnostics;
    terms->offers_bearer = api->accepts_token;
    terms->offers_dpop = api->accepts_token && api->accepts_dpop;
    terms->offers_api_key = api->accepts_api_key;
    terms->realm = api->name;
    terms->resource_metadata = api->has_resource_metadata ? sp_resource_metadata_url(call) : SP_STR_NONE;
    if (requirements != NULL) {
        terms->scopes = requirements->scopes;
        terms->acr_values = requirements->acr_values;
        terms->max_age_s = requirements->max_age_s;
        /* What the route never takes is not offered. */
        terms->offers_bearer = terms->offers_bearer && requirements->dpop != SP_BINDING_REQUIRED;
    }
}

ngx_int_t sp_refuse(struct sp_call *call, const struct sp_verdict *verdict)
{
    struct sp_arena *arena = sp_call_arena(call);
    struct sp_refusal refusal;
    struct sp_refusal_terms terms;
    call->stage = SP_STAGE_REFUSED;
    terms_of(call, &terms);
    if (arena == NULL || verdict == NULL || verdict->accepted || verdict->cause == NULL ||
        sp_refusal_build(arena, verdict, &terms, &refusal) != SP_OK) {
        ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                      "sallyport: a call could not be judged and is refused");
        refusal = (struct sp_refusal){
            .status = NGX_HTTP_SERVICE_UNAVAILABLE,
            .body = SP_STR("{\"type\":\"about:blank\",\"title\":\"The call could not be judged\",\"status\":503}"),
        };
    } else {
        call->verdict = verdict;
        call->cause = verdict->cause->cause;
    }
    ngx_http_request_t *request = call->request;
    ngx_http_finalize_request(request, sp_respond_refusal(call, &refusal));
    return NGX_DONE;
}

ngx_int_t sp_refuse_for(struct sp_call *call, const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_call_arena(call);
    return sp_refuse(call, arena != NULL ? sp_verdict_of(arena, finding) : NULL);
}

/* nginx refused by itself, or could not reach the API: the status it has, the cause and status that this means, and
 * what is known of it. */
static const struct own_error {
    ngx_uint_t nginx_status;
    enum sp_cause cause;
    int status;         /* 0: the cause's */
    const char *detail; /* of request.malformed */
} own_errors[] = {
    {400, SP_CAUSE_REQUEST_MALFORMED, 400, "nginx could not read the request line, a header or the framing"},
    {404, SP_CAUSE_ROUTE_NONE, 0, NULL},
    {405, SP_CAUSE_ROUTE_METHOD, 0, NULL},
    {408, SP_CAUSE_REQUEST_MALFORMED, 408, "the rest of it did not come in time"},
    {411, SP_CAUSE_REQUEST_MALFORMED, 411, "its body has no length"},
    {413, SP_CAUSE_REQUEST_TOO_LARGE, 413, NULL},
    {414, SP_CAUSE_HEADER_REQUEST_TOO_LARGE, 414, NULL},
    {421, SP_CAUSE_REQUEST_MALFORMED, 421, "Host is another server's than the TLS session's"},
    {431, SP_CAUSE_HEADER_REQUEST_TOO_LARGE, 431, NULL},
    {496, SP_CAUSE_REQUEST_MALFORMED, 400, "no client certificate came"},
    {497, SP_CAUSE_REQUEST_MALFORMED, 400, "plain HTTP on a TLS port"},
    {501, SP_CAUSE_REQUEST_MALFORMED, 501, "a Transfer-Encoding other than chunked"},
    {502, SP_CAUSE_UPSTREAM_REFUSED, 502, NULL},
    {504, SP_CAUSE_UPSTREAM_TIMEOUT, 504, NULL},
    {505, SP_CAUSE_REQUEST_MALFORMED, 505, "a version of HTTP that is not served"},
};

/* RFC 9110 15.5.6: a 405 says what there is. TRACE nginx takes from nobody, before any route is looked for. Where an
 * API takes every method, or none is known, these are what a client may try. */
static struct sp_str allowed_of(const struct sp_call *call)
{
    static const struct sp_str any = {"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", 44};
    const struct sp_str target = sp_str_of(call->request->unparsed_uri); /* uri is the error location's by now */
    const struct sp_str path = sp_str_slice(target, 0, sp_str_index_of(target, '?', 0));
    struct sp_route_match match = {0};
    const enum sp_match_outcome outcome = sp_policy_match(
        call->snapshot->policy, sp_str_of(call->request->headers_in.server), path, SP_STR("TRACE"), &match);
    return outcome == SP_MATCH_NO_METHOD ? match.allowed : any;
}

/* Both sides, where nginx has them. */
static void add_evidence(const struct sp_call *call, struct sp_arena *arena, const struct own_error *error,
                         struct sp_finding *finding)
{
    ngx_http_request_t *request = call->request;
    const ngx_http_core_srv_conf_t *server = ngx_http_get_module_srv_conf(request, ngx_http_core_module);
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(request, ngx_http_core_module);
    const struct sp_str line = sp_str_of(request->request_line);
    const size_t size = server->large_client_header_buffers.size;
    finding->detail = error->detail != NULL ? sp_str_from_cstr(error->detail) : SP_STR_NONE;
    switch (error->nginx_status) {
    case NGX_HTTP_NOT_FOUND:
        finding->received = sp_str_slice(sp_str_of(request->unparsed_uri), 0,
                                         sp_str_index_of(sp_str_of(request->unparsed_uri), '?', 0));
        break;
    case NGX_HTTP_NOT_ALLOWED:
        finding->expected = allowed_of(call);
        finding->received = sp_str_slice(line, 0, sp_str_index_of(line, ' ', 0));
        break;
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        finding->expected = sp_arena_printf(arena, "%lld bytes of body", (long long)core->client_max_body_size);
        finding->received = sp_arena_printf(arena, "more: %lld bytes", (long long)request->headers_in.content_length_n);
        break;
    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
        finding->expected = sp_arena_printf(arena, "a first line of %zu bytes", size);
        finding->received = SP_STR("a longer first line");
        break;
    case 431: /* nginx has 494 for it until error_page */
        finding->expected = sp_arena_printf(arena, "%zu bytes a line, %zu in all", size,
                                            size * (size_t)server->large_client_header_buffers.num);
        finding->received = SP_STR("longer lines");
        break;
    case 0: /* nginx's 400 has a cause of ours */
        finding->expected = SP_STR("one credential");
        finding->received = SP_STR("several Authorization headers");
        break;
    default:
        break;
    }
}

static ngx_int_t respond_plainly(struct sp_call *call, int status, const char *title)
{
    struct sp_arena *arena = sp_call_arena(call);
    struct sp_str body = SP_STR_NONE;
    if (arena != NULL) {
        body =
            sp_arena_printf(arena, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"request_id\":\"%.*s\"}",
                            title, status, SP_STR_ARG(call->request_id));
    }
    return sp_respond(call->request, (ngx_uint_t)status, problem_type, body.at != NULL ? body : SP_STR("{}"));
}

void sp_tell_beside(struct sp_call *call, struct sp_arena *arena, const struct sp_finding *finding)
{
    struct sp_verdict *verdict = sp_arena_calloc(arena, 1, sizeof *verdict);
    struct sp_finding *copy = sp_arena_calloc(arena, 1, sizeof *copy);
    if (verdict != NULL && copy != NULL && call->stage == SP_STAGE_PASSED) {
        *copy = *finding;
        verdict->accepted = true;
        verdict->also = copy;
        verdict->also_count = 1;
        call->verdict = verdict;
    }
}

static ngx_int_t respond_with_cause(struct sp_call *call, const struct own_error *error)
{
    const enum sp_cause cause = error->cause;
    struct sp_arena *arena = sp_call_arena(call);
    struct sp_refusal_terms terms;
    struct sp_refusal refusal;
    terms_of(call, &terms);
    terms.status = error->status;
    /* Refused before a route was found: Authorization is of every route's schemes. */
    terms.offers_bearer = terms.offers_bearer || (call->match.api == NULL && cause == SP_CAUSE_TOKEN_DUPLICATED);
    struct sp_finding finding = {.cause = cause, .check = SP_CHECK_COUNT, .verified = true};
    if (arena == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (call->upstream_cause == cause && call->match.api != NULL) {
        finding = sp_upstream_failure_finding(call, arena, cause);
    } else {
        add_evidence(call, arena, error, &finding);
    }
    const struct sp_verdict *verdict = sp_verdict_of(arena, &finding);
    if (sp_refusal_build(arena, verdict, &terms, &refusal) != SP_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    call->cause = cause;
    if (call->stage != SP_STAGE_PASSED) {
        call->verdict = verdict;
    } else if (finding.received.len > 0) {
        sp_tell_beside(call, arena, &finding);
    }
    return sp_respond_refusal(call, &refusal);
}

/* The call that nginx gave up, with its number, and the status it gave it up with; NULL: there is none to answer, and
 * *failure says what nginx gets. */
static struct sp_call *call_given_up(ngx_http_request_t *request, ngx_uint_t *status, ngx_int_t *failure)
{
    struct sp_call *call = sp_call_get(request);
    if (call == NULL) {
        *failure = NGX_HTTP_NOT_FOUND;
        return NULL;
    }
    sp_presented_read(call, &call->snapshot->owned, false);
    if (sp_call_identify(call) != NGX_OK) {
        *failure = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }
    *status = request->err_status != 0 ? request->err_status : NGX_HTTP_NOT_FOUND;
    request->err_status = 0;
    return call;
}

/* Before any route is looked for: the listener does not have the client's certificate. */
static ngx_int_t refuse_certificate(struct sp_call *call)
{
    struct sp_arena *arena = sp_call_arena(call);
    struct sp_refusal_terms terms;
    struct sp_refusal refusal;
    if (arena == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const struct sp_finding finding = sp_client_certificate_refused(call->request, arena);
    const struct sp_verdict *verdict = sp_verdict_of(arena, &finding);
    terms_of(call, &terms);
    terms.status = NGX_HTTP_BAD_REQUEST;
    if (verdict == NULL || sp_refusal_build(arena, verdict, &terms, &refusal) != SP_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    call->verdict = verdict;
    call->cause = finding.cause;
    return sp_respond_refusal(call, &refusal);
}

ngx_int_t sp_error_handler(ngx_http_request_t *request)
{
    ngx_uint_t status;
    ngx_int_t failure;
    struct sp_call *call = call_given_up(request, &status, &failure);
    if (call == NULL) {
        return failure;
    }
    if (status == NGX_HTTP_BAD_REQUEST && call->headers.authorization_count > 1) {
        /* nginx refuses a second Authorization header before any module sees the request. */
        return respond_with_cause(call, &(struct own_error){.cause = SP_CAUSE_TOKEN_DUPLICATED});
    }
    if (status == NGX_HTTP_BAD_REQUEST && sp_client_certificate_is_refused(request)) {
        return refuse_certificate(call);
    }
    if (call->upstream_cause != SP_CAUSE_NONE && status >= 500) {
        return respond_with_cause(call, &(struct own_error){.nginx_status = status, .cause = call->upstream_cause});
    }
    if (status == NGX_HTTP_NOT_ALLOWED &&
        sp_response_header_add(request, SP_STR("Allow"), allowed_of(call)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    for (size_t i = 0; i < sizeof own_errors / sizeof own_errors[0]; i++) {
        if (own_errors[i].nginx_status == status) {
            return respond_with_cause(call, &own_errors[i]);
        }
    }
    return respond_plainly(call, (int)status, status >= 500 ? "The gateway failed" : "The request was refused");
}

ngx_int_t sp_authority_error_handler(ngx_http_request_t *request)
{
    ngx_uint_t status;
    ngx_int_t failure;
    struct sp_call *call = call_given_up(request, &status, &failure);
    if (call == NULL) {
        return failure;
    }
    struct sp_arena *arena = sp_call_arena(call);
    struct sp_refusal_terms terms;
    struct sp_refusal refusal;
    terms_of(call, &terms);
    const struct sp_finding finding = {.cause = SP_CAUSE_AUTHORITY_UNREACHABLE,
                                       .check = SP_CHECK_COUNT,
                                       .verified = true,
                                       .received = status == NGX_HTTP_GATEWAY_TIME_OUT
                                                       ? SP_STR("it took the call and did not answer in time")
                                                       : SP_STR("it takes no connections, or ended during the call")};
    const struct sp_verdict *verdict = arena != NULL ? sp_verdict_of(arena, &finding) : NULL;
    if (verdict == NULL || sp_refusal_build(arena, verdict, &terms, &refusal) != SP_OK) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    call->verdict = verdict;
    call->cause = finding.cause;
    if (!sp_away_page_is_wanted(request) || sp_away_page_make(call, arena, &refusal.body) != NGX_OK) {
        return sp_respond_refusal(call, &refusal);
    }
    return send_refusal_as(call, &refusal, SP_STR("text/html; charset=utf-8"));
}
