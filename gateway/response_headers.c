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

/* What the gateway says itself, the API's response does not say too: the request id, and CORS where the route answers
 * for it. */
static void drop_answers_of_upstream(ngx_http_request_t *request, bool answers_cors)
{
    static const struct sp_str request_id = {"X-Request-Id", 12}, cors = {"Access-Control-", 15};
    for (ngx_list_part_t *part = &request->headers_out.headers.part; part != NULL; part = part->next) {
        ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++, header++) {
            const struct sp_str name = sp_str_of(header->key);
            if ((name.len == request_id.len && sp_str_equal_ignoring_case(name, request_id)) ||
                (answers_cors && name.len > cors.len &&
                 sp_str_equal_ignoring_case(sp_str_slice(name, 0, cors.len), cors))) {
                header->hash = 0; /* nginx writes no header without a hash */
            }
        }
    }
}

/* A response of unknown length may be a stream whose next piece comes in an hour: what came is passed on at once. */
static bool may_be_stream(const ngx_http_request_t *request)
{
    static const struct sp_str event_stream = {"text/event-stream", 17};
    return request->headers_out.content_length_n == -1 ||
           sp_str_has_prefix(sp_str_of(request->headers_out.content_type), event_stream);
}

/* A short response that came with its header needs no more buffers; nginx's pipe, set up for it, would cost 2 % of the
 * call. A guest's locations may limit the rate, which nginx does only for what is buffered. */
static bool is_whole(const ngx_http_request_t *request, const struct sp_location_conf *location)
{
    const ngx_buf_t *buffer = &request->upstream->buffer;
    return location->proxy_kind != SP_PROXY_NONE && request->headers_out.content_length_n <= buffer->last - buffer->pos;
}

/* nginx looks at this after the header filters. */
static void choose_buffering(ngx_http_request_t *request, const struct sp_location_conf *location)
{
    if (request->upstream != NULL && request->upstream->buffering &&
        (may_be_stream(request) || is_whole(request, location))) {
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
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    const bool answers_cors = call->match.api != NULL && call->match.api->cors.mode == SP_CORS_ANSWER;
    /* Locations of a standalone gateway have proxy_hide_header X-Request-Id. */
    if (request->upstream != NULL && call->stage == SP_STAGE_PASSED &&
        (answers_cors || location->proxy_kind == SP_PROXY_NONE)) {
        drop_answers_of_upstream(request, answers_cors);
    }
    if (call->request_id.len > 0 &&
        sp_response_header_add(request, SP_STR("X-Request-Id"), call->request_id) != NGX_OK) {
        return NGX_ERROR;
    }
    if (sp_cors_add_headers(call) != NGX_OK) {
        return NGX_ERROR;
    }
    choose_buffering(request, location);
    return next_filter(request);
}

/* nginx's list of filters is the process's, not a configuration's: the master would start workers for the old one with
 * a filter of a library that is closed by then. */
static void put_back(void *data)
{
    const struct sp_main_conf *conf = data;
    if (!conf->was_in_force && ngx_http_top_header_filter == filter) {
        ngx_http_top_header_filter = conf->first_filter_before;
    }
}

ngx_int_t sp_response_headers_prepare(ngx_conf_t *cf)
{
    struct sp_main_conf *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sallyport_module);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == NULL) {
        return NGX_ERROR;
    }
    conf->first_filter_before = ngx_http_top_header_filter;
    cleanup->handler = put_back;
    cleanup->data = conf;
    return NGX_OK;
}

void sp_response_headers_install(void)
{
    next_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = filter;
}
