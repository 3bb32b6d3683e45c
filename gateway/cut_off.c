/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cut_off.h"

#include "core/diagnosis/refusal.h"
#include "gateway/presented.h"
#include "gateway/refusal.h"
#include "gateway/request_id.h"
#include "gateway/snapshot.h"

static bool is_in_header(const ngx_http_request_t *request)
{
    return request->http_state == NGX_HTTP_READING_REQUEST_STATE;
}

/* nginx calls it 400, 408 or, where it noticed while it wrote to the API, 499. */
bool sp_is_cut_off(const ngx_http_request_t *request)
{
    const ngx_uint_t status = request->headers_out.status;
    const bool is_given_up = status == NGX_HTTP_BAD_REQUEST || status == NGX_HTTP_REQUEST_TIME_OUT;
    if (is_in_header(request)) {
        const bool is_dropped = request->stream != NULL && status == 0; /* with its session, unanswered */
        return (is_given_up || is_dropped) && !request->header_sent;
    }
    const ngx_http_upstream_state_t *attempt = sp_last_attempt(request);
    return (is_given_up || status == NGX_HTTP_CLIENT_CLOSED_REQUEST) && (attempt == NULL || attempt->status == 0) &&
           request->request_body != NULL && request->request_body->rest > 0;
}

/* A reset connection takes nothing more. */
static bool can_be_told(ngx_http_request_t *request)
{
    const struct sp_server_conf *server = ngx_http_get_module_srv_conf(request, ngx_http_sallyport_module);
    return server->answers_errors && request == request->main && !request->header_sent && sp_is_cut_off(request);
}

static struct sp_str what_came(const ngx_http_request_t *request, struct sp_arena *arena)
{
    const char *end = request->connection->timedout ? "nothing more came in time" : "its sender ended the connection";
    if (is_in_header(request)) {
        return sp_arena_printf(arena, "the header did not end: %s", end);
    }
    const off_t whole = request->headers_in.content_length_n;
    const ngx_http_request_body_t *body = request->request_body;
    const bool is_stream = request->stream != NULL;
    if (whole < 0) {
        return sp_arena_printf(arena, "the %s of the body did not come: %s", is_stream ? "end" : "last chunk", end);
    }
    return sp_arena_printf(arena, "%lld of the body's %lld bytes did not come: %s",
                           (long long)(is_stream ? whole - body->received : body->rest), (long long)whole, end);
}

static struct sp_str response_of(const struct sp_call *call, struct sp_arena *arena, const struct sp_refusal *refusal)
{
    return sp_arena_printf(arena,
                           "HTTP/1.1 %s\r\n"
                           "Date: %.*s\r\n"
                           "Content-Type: application/problem+json\r\n"
                           "Content-Length: %zu\r\n"
                           "Connection: close\r\n"
                           "X-Request-Id: %.*s\r\n"
                           "Cache-Control: no-store\r\n"
                           "\r\n"
                           "%.*s",
                           refusal->status == NGX_HTTP_REQUEST_TIME_OUT ? "408 Request Timeout" : "400 Bad Request",
                           (int)ngx_cached_http_time.len, ngx_cached_http_time.data, refusal->body.len,
                           SP_STR_ARG(call->request_id), SP_STR_ARG(refusal->body));
}

/* No filter of nginx runs any more: the connection itself takes the bytes, all at once or not at all. */
static bool send_bytes(struct sp_call *call, struct sp_arena *arena, const struct sp_refusal *refusal)
{
    ngx_connection_t *connection = call->request->connection;
    const ngx_str_t bytes = sp_ngx_str_of(response_of(call, arena, refusal));
    if (bytes.data == NULL || connection->send(connection, bytes.data, bytes.len) <= 0) {
        return false;
    }
    call->request->headers_out.status = (ngx_uint_t)refusal->status;
    return true;
}

/* What a filter could not write at once is lost with the stream: a client that leaves no window has its status. */
static bool send_frames(struct sp_call *call, struct sp_arena *arena, const struct sp_refusal *refusal)
{
    (void)arena;
    (void)sp_respond_refusal(call, refusal);
    return call->request->header_sent;
}

/* Says why, and keeps it for the call's line. */
static void tell(struct sp_call *call, bool (*send)(struct sp_call *, struct sp_arena *, const struct sp_refusal *))
{
    sp_presented_read(call, &call->snapshot->owned, false);
    struct sp_arena *arena = sp_call_arena(call);
    if (arena == NULL || sp_call_identify(call) != NGX_OK) {
        return;
    }
    ngx_http_request_t *request = call->request;
    const struct sp_api *api = call->match.api;
    const struct sp_finding finding = {.cause = SP_CAUSE_REQUEST_MALFORMED,
                                       .check = SP_CHECK_COUNT,
                                       .verified = true,
                                       .detail = what_came(request, arena)};
    const struct sp_refusal_terms terms = {.request_id = call->request_id,
                                           .diagnostics = api != NULL ? api->diagnostics : SP_DIAGNOSTICS_CAUSE,
                                           .status = request->connection->timedout ? NGX_HTTP_REQUEST_TIME_OUT
                                                                                   : NGX_HTTP_BAD_REQUEST};
    struct sp_refusal refusal;
    const struct sp_verdict *verdict = sp_verdict_of(arena, &finding);
    if (sp_refusal_build(arena, verdict, &terms, &refusal) != SP_OK || !send(call, arena, &refusal)) {
        return;
    }
    call->cause = finding.cause;
    if (call->stage == SP_STAGE_PASSED) {
        sp_tell_beside(call, arena, &finding);
    } else {
        call->stage = SP_STAGE_REFUSED;
        call->verdict = verdict;
    }
}

ngx_int_t sp_cut_off_handler(ngx_http_request_t *request)
{
    if (request->stream == NULL && !request->connection->read->error && can_be_told(request)) {
        struct sp_call *call = sp_call_get(request);
        if (call != NULL) {
            tell(call, send_bytes);
        }
    }
    return NGX_OK;
}

/* nginx's clean-up of a request that it ends at once: the stream still takes frames. */
static void at_end_of_stream(void *data)
{
    ngx_http_request_t *request = data;
    if (!request->connection->error && can_be_told(request)) {
        struct sp_call *call = sp_call_get(request);
        if (call != NULL) {
            tell(call, send_frames);
        }
    }
}

static ngx_http_request_body_filter_pt next_body_filter;

/* Called with no bytes when nginx begins to read a body. */
static ngx_int_t watch_body(ngx_http_request_t *request, ngx_chain_t *in)
{
    if (in == NULL && request->stream != NULL && request == request->main && !request->stream->in_closed) {
        ngx_http_cleanup_t *cleanup = ngx_http_cleanup_add(request, 0);
        if (cleanup == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
        cleanup->handler = at_end_of_stream;
        cleanup->data = request;
    }
    return next_body_filter(request, in);
}

void sp_cut_off_install(void)
{
    next_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = watch_body;
}
