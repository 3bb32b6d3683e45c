/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/control_call.h"

/* Runs when the subrequest ends, however it ends. Returns NGX_OK so that nginx makes no error page out of a failed
 * question: the examination says what it means. */
static ngx_int_t take_answer(ngx_http_request_t *subrequest, void *data, ngx_int_t rc)
{
    struct sp_call *call = data;
    if (call->answered) {
        return NGX_OK;
    }
    call->answered = true;
    call->asked_ms += (uint32_t)(ngx_current_msec - call->asked_at);
    call->answer = (struct sp_answer){0};
    if (rc != NGX_OK && rc != NGX_DONE) {
        return NGX_OK;
    }
    call->answer.status = subrequest->headers_out.status;
    if (subrequest->out != NULL && subrequest->out->buf != NULL) {
        const ngx_buf_t *body = subrequest->out->buf;
        call->answer.body = sp_str((const char *)body->pos, (size_t)(body->last - body->pos));
    }
    return NGX_OK;
}

/* A body of one buffer, so that nginx neither reads the client's nor closes its file. */
static ngx_int_t give_body(ngx_http_request_t *subrequest, struct sp_str text)
{
    ngx_http_request_body_t *body = ngx_pcalloc(subrequest->pool, sizeof *body);
    ngx_buf_t *buffer = ngx_calloc_buf(subrequest->pool);
    ngx_chain_t *chain = ngx_alloc_chain_link(subrequest->pool);
    if (body == NULL || buffer == NULL || chain == NULL) {
        return NGX_ERROR;
    }
    const ngx_str_t bytes = sp_ngx_str_of(text);
    buffer->pos = buffer->start = bytes.data;
    buffer->last = buffer->end = bytes.data + bytes.len;
    buffer->memory = 1;
    buffer->last_buf = 1;
    *chain = (ngx_chain_t){.buf = buffer};
    body->bufs = chain;
    body->buf = buffer;
    subrequest->request_body = body;
    subrequest->headers_in.content_length_n = (off_t)text.len;
    subrequest->headers_in.chunked = 0;
    subrequest->method = NGX_HTTP_POST;
    ngx_str_set(&subrequest->method_name, "POST");
    return NGX_OK;
}

ngx_int_t sp_control_ask(struct sp_call *call, enum sp_question question, struct sp_str body)
{
    ngx_http_request_t *request = call->request;
    struct sp_server_conf *server = ngx_http_get_module_srv_conf(request, ngx_http_sallyport_module);
    ngx_str_t *uri = &server->question_uri[question];
    if (uri->len == 0) {
        return NGX_DECLINED;
    }
    ngx_http_post_subrequest_t *after = ngx_palloc(request->pool, sizeof *after);
    if (after == NULL) {
        return NGX_ERROR;
    }
    *after = (ngx_http_post_subrequest_t){.handler = take_answer, .data = call};
    ngx_http_request_t *subrequest;
    if (ngx_http_subrequest(request, uri, NULL, &subrequest, after,
                            NGX_HTTP_SUBREQUEST_WAITED | NGX_HTTP_SUBREQUEST_IN_MEMORY) != NGX_OK) {
        return NGX_ERROR;
    }
    call->answered = false;
    call->asked_at = ngx_current_msec;
    return give_body(subrequest, body);
}
