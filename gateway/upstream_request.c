/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream_request.h"

#include "gateway/upstream_headers.h"

/* What speaks of the client's connection, not of the request (RFC 9110 7.6.1), and what is said anew below: the names
 * that nginx's proxy module holds back, too. A header that was taken out (sp_header_strip) has one of them. */
static const struct sp_str held_back[] = {
    {"te", 2},          {"host", 4},        {"expect", 6},          {"upgrade", 7},
    {"connection", 10}, {"keep-alive", 10}, {"content-length", 14}, {"transfer-encoding", 17},
};
#define LENGTH_BIT(len) (1u << (len))
static const uint32_t held_back_lengths =
    LENGTH_BIT(2) | LENGTH_BIT(4) | LENGTH_BIT(6) | LENGTH_BIT(7) | LENGTH_BIT(10) | LENGTH_BIT(14) | LENGTH_BIT(17);

static bool is_held_back(const ngx_table_elt_t *header)
{
    if (header->key.len > 17 || (held_back_lengths & LENGTH_BIT(header->key.len)) == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof held_back / sizeof held_back[0]; i++) {
        if (held_back[i].len == header->key.len && memcmp(held_back[i].at, header->lowcase_key, header->key.len) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the bytes ---- */
/* What is said beside the request line and what the client's headers say. */
struct saying {
    struct sp_own_header own[2 + SP_OWN_HEADERS];
    size_t count;
};

/* digits is the place of a Content-Length, of NGX_OFF_T_LEN bytes. */
static void say(const struct sp_call *call, u_char *digits, struct saying *saying)
{
    const off_t content_length = call->request->headers_in.content_length_n;
    saying->own[0] = (struct sp_own_header){.name = SP_STR("Host"), .value = sp_upstream_headers_host(call)};
    saying->count = 1;
    if (content_length >= 0) {
        const u_char *end = ngx_sprintf(digits, "%O", content_length);
        saying->own[saying->count++] = (struct sp_own_header){
            .name = SP_STR("Content-Length"), .value = sp_str((const char *)digits, (size_t)(end - digits))};
    }
    saying->count += sp_upstream_headers_own(call, &saying->own[saying->count]);
}

#define LINE_ROOM (sizeof ": \r\n" - 1)

/* No fewer bytes than the request has: all headers are counted, those that are held back too. */
static size_t room_for(const ngx_http_request_t *request, const struct saying *saying)
{
    size_t room = request->method_name.len + request->unparsed_uri.len + sizeof "  HTTP/1.1\r\n\r\n" - 1;
    for (size_t i = 0; i < saying->count; i++) {
        room += saying->own[i].name.len + saying->own[i].value.len + LINE_ROOM;
    }
    for (const ngx_list_part_t *part = &request->headers_in.headers.part; part != NULL; part = part->next) {
        const ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++, header++) {
            room += header->key.len + header->value.len + LINE_ROOM;
        }
    }
    return room;
}

static u_char *put(u_char *at, const void *text, size_t len)
{
    return ngx_cpymem(at, text, len);
}

static u_char *put_header(u_char *at, const void *name, size_t name_len, const void *value, size_t value_len)
{
    at = put(at, name, name_len);
    at = put(at, ": ", 2);
    at = put(at, value, value_len);
    return put(at, "\r\n", 2);
}

static u_char *put_passed_on(u_char *at, const ngx_list_part_t *part)
{
    for (; part != NULL; part = part->next) {
        const ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++, header++) {
            if (!is_held_back(header)) {
                at = put_header(at, header->key.data, header->key.len, header->value.data, header->value.len);
            }
        }
    }
    return at;
}

/* Writes the request and says where its URL stands and where it ends. */
static u_char *put_request(u_char *at, const ngx_http_request_t *request, const struct saying *saying, ngx_str_t *url)
{
    at = put(at, request->method_name.data, request->method_name.len);
    *at++ = ' ';
    *url = (ngx_str_t){request->unparsed_uri.len, at};
    at = put(at, request->unparsed_uri.data, request->unparsed_uri.len);
    at = put(at, " HTTP/1.1\r\n", sizeof " HTTP/1.1\r\n" - 1);
    for (size_t i = 0; i < saying->count; i++) {
        const struct sp_own_header *header = &saying->own[i];
        at = put_header(at, header->name.at, header->name.len, header->value.at, header->value.len);
    }
    at = put_passed_on(at, &request->headers_in.headers.part);
    return put(at, "\r\n", 2);
}

/* ---- for nginx ---- */
/* What was read of the body already; the rest is sent by nginx as it comes. Buffers of our own: nginx moves their ends.
 */
static ngx_int_t append_body(ngx_http_request_t *request, ngx_chain_t *last, const ngx_chain_t *body)
{
    for (; body != NULL; body = body->next) {
        ngx_buf_t *buffer = ngx_alloc_buf(request->pool);
        ngx_chain_t *link = ngx_alloc_chain_link(request->pool);
        if (buffer == NULL || link == NULL) {
            return NGX_ERROR;
        }
        *buffer = *body->buf;
        *link = (ngx_chain_t){.buf = buffer};
        last->next = link;
        last = link;
    }
    last->buf->flush = 1;
    return NGX_OK;
}

static ngx_int_t create(ngx_http_request_t *request)
{
    ngx_http_upstream_t *upstream = request->upstream;
    u_char digits[NGX_OFF_T_LEN];
    struct saying saying;
    say(sp_call_find(request), digits, &saying);
    ngx_buf_t *buffer = ngx_create_temp_buf(request->pool, room_for(request, &saying));
    ngx_chain_t *link = ngx_alloc_chain_link(request->pool);
    if (buffer == NULL || link == NULL) {
        return NGX_ERROR;
    }
    buffer->last = put_request(buffer->pos, request, &saying, &upstream->uri);
    const ngx_chain_t *body = request->request_body_no_buffering ? NULL : upstream->request_bufs;
    *link = (ngx_chain_t){.buf = buffer};
    upstream->request_bufs = link;
    return append_body(request, link, body);
}

/* nginx begins with the upstream by itself once the whole body is there. */
static bool waits_for_body(const ngx_http_request_t *request)
{
    return request->request_body != NULL && request->request_body->rest > 0 && !request->reading_body;
}

/* The proxy module sets up its upstream and goes on to create_request in one call. It is stopped between the two: while
 * r->aio is set nginx does not begin with an upstream, and is asked again afterwards. */
static ngx_int_t pass_on(ngx_http_request_t *request)
{
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(request, ngx_http_core_module);
    ngx_event_t *write = request->connection->write;
    /* nginx would do this first, and end the request where it fails: it must not while it is ours to go on with. */
    if (request->stream == NULL && !write->active && ngx_add_event(write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    request->aio = 1;
    const ngx_int_t rc = core->handler(request);
    request->aio = 0;
    if (rc != NGX_DONE) {
        return rc;
    }
    request->upstream->create_request = create;
    if (!waits_for_body(request)) {
        ngx_http_upstream_init(request);
    }
    return NGX_DONE;
}

bool sp_upstream_request_take(struct sp_call *call)
{
    ngx_http_request_t *request = call->request;
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    const bool is_http1 = location->proxy_kind == SP_PROXY_HTTP || location->proxy_kind == SP_PROXY_HTTPS;
    const bool has_known_body =
        !request->headers_in.chunked && (request->stream == NULL || request->headers_in.content_length_n < 0);
    if (!is_http1 || !has_known_body || !request->valid_unparsed_uri || request->method == NGX_HTTP_HEAD ||
        request->http_version < NGX_HTTP_VERSION_11) {
        return false;
    }
    request->content_handler = pass_on;
    return true;
}
