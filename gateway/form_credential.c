/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/form_credential.h"

#include "core/diagnosis/credential.h"

static bool is_form(const ngx_http_request_t *request)
{
    static const struct sp_str type = {"application/x-www-form-urlencoded", 33};
    const ngx_table_elt_t *header = request->headers_in.content_type;
    if (header == NULL) {
        return false;
    }
    const struct sp_str value = sp_str_of(header->value);
    const struct sp_str name = sp_str_trim(sp_str_slice(value, 0, sp_str_index_of(value, ';', 0)));
    return sp_str_equal_ignoring_case(name, type);
}

static bool is_looked_at(const struct sp_call *call)
{
    ngx_http_request_t *request = call->request;
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(request, ngx_http_core_module);
    return request->headers_in.content_length_n > 0 && call->credential.kind != SP_CREDENTIAL_NONE &&
           call->match.api->accepts_token && request == request->main &&
           (size_t)request->headers_in.content_length_n <= core->client_body_buffer_size && is_form(request);
}

/* nginx has a buffer for each read. Nothing where it was told to keep bodies in files. */
static ngx_int_t form_of(const ngx_http_request_t *request, struct sp_str *form)
{
    size_t len = 0;
    *form = SP_STR_NONE;
    u_char *text = ngx_pnalloc(request->pool, (size_t)request->headers_in.content_length_n);
    if (text == NULL) {
        return NGX_ERROR;
    }
    for (const ngx_chain_t *at = request->request_body->bufs; at != NULL; at = at->next) {
        const size_t piece = (size_t)(at->buf->last - at->buf->pos);
        if (at->buf->in_file || piece > (size_t)request->headers_in.content_length_n - len) {
            return NGX_OK;
        }
        ngx_memcpy(text + len, at->buf->pos, piece);
        len += piece;
    }
    *form = sp_str((const char *)text, len);
    return NGX_OK;
}

static void form_is_here(ngx_http_request_t *request)
{
    struct sp_call *call = sp_call_find(request);
    call->has_form = true;
    request->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(request);
}

ngx_int_t sp_form_credential_look(struct sp_call *call, struct sp_finding *finding)
{
    ngx_http_request_t *request = call->request;
    if (!call->has_form) {
        if (!is_looked_at(call)) {
            return NGX_OK;
        }
        const ngx_int_t rc = ngx_http_read_client_request_body(request, form_is_here);
        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            return rc;
        }
        ngx_http_finalize_request(request, NGX_DONE);
        return NGX_AGAIN;
    }
    struct sp_str form;
    const ngx_int_t rc = form_of(request, &form);
    if (rc != NGX_OK || !sp_credential_is_in_form(form)) {
        return rc;
    }
    *finding = (struct sp_finding){.cause = SP_CAUSE_TOKEN_DUPLICATED,
                                   .check = SP_CHECK_FORM,
                                   .verified = true,
                                   .expected = SP_STR("one credential"),
                                   .received = SP_STR("a header or the query, and access_token in the form")};
    return NGX_DECLINED;
}
