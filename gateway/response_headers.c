/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/response_headers.h"

#include "gateway/call.h"
#include "gateway/cors.h"

static ngx_http_output_header_filter_pt next_filter;

ngx_int_t sp_response_header_add(ngx_http_request_t *request, struct sp_str name, struct sp_str value)
{
    ngx_table_elt_t *header = ngx_list_push(&request->headers_out.headers);
    if (header == NULL) {
        return NGX_ERROR;
    }
    *header = (ngx_table_elt_t){.hash = 1, .key = sp_ngx_str_of(name), .value = sp_ngx_str_of(value)};
    return NGX_OK;
}

/* A response of unknown length may be a stream whose next piece comes in an hour: what came is passed on at once. */
static void unbuffer_streams(ngx_http_request_t *request)
{
    static const struct sp_str event_stream = {"text/event-stream", 17};
    if (request->upstream == NULL || !request->upstream->buffering) {
        return;
    }
    if (request->headers_out.content_length_n == -1 ||
        sp_str_has_prefix(sp_str_of(request->headers_out.content_type), event_stream)) {
        request->upstream->buffering = 0;
    }
}

static ngx_int_t filter(ngx_http_request_t *request)
{
    if (request != request->main) {
        return next_filter(request);
    }
    struct sp_call *call = sp_call_find(request);
    if (call == NULL) {
        return next_filter(request);
    }
    if (call->request_id.len > 0 &&
        sp_response_header_add(request, SP_STR("X-Request-Id"), call->request_id) != NGX_OK) {
        return NGX_ERROR;
    }
    if (sp_cors_add_headers(call) != NGX_OK) {
        return NGX_ERROR;
    }
    unbuffer_streams(request);
    return next_filter(request);
}

void sp_response_headers_install(void)
{
    next_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = filter;
}
