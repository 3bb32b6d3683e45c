/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cors.h"

#include "gateway/refusal.h"
#include "gateway/response_headers.h"

bool sp_cors_is_preflight(const struct sp_call *call)
{
    return call->request->method == NGX_HTTP_OPTIONS && call->headers.origin.len > 0 &&
           call->headers.preflight_method.len > 0;
}

static bool is_any(struct sp_str_list list)
{
    return list.count == 1 && sp_str_equal(list.at[0], SP_STR("*"));
}

static bool is_allowed(const struct sp_cors *cors, struct sp_str origin)
{
    for (size_t i = 0; i < cors->origins.count; i++) {
        if (sp_str_equal(cors->origins.at[i], origin)) {
            return true;
        }
    }
    return is_any(cors->origins);
}

ngx_int_t sp_cors_add_headers(struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    if (api == NULL || api->cors.mode != SP_CORS_ANSWER || sp_str_is_empty(call->headers.origin)) {
        return NGX_OK;
    }
    const struct sp_cors *cors = &api->cors;
    ngx_http_request_t *request = call->request;
    if (sp_response_header_add(request, SP_STR("Vary"), SP_STR("Origin")) != NGX_OK) {
        return NGX_ERROR;
    }
    if (!is_allowed(cors, call->headers.origin)) {
        return NGX_OK;
    }
    /* Never with credentials: the policy would have been refused (core/policy/check.c). */
    const struct sp_str origin = is_any(cors->origins) ? SP_STR("*") : call->headers.origin;
    if (sp_response_header_add(request, SP_STR("Access-Control-Allow-Origin"), origin) != NGX_OK ||
        sp_response_header_add(request, SP_STR("Access-Control-Expose-Headers"),
                               SP_STR("WWW-Authenticate, X-Request-Id, Retry-After")) != NGX_OK) {
        return NGX_ERROR;
    }
    return cors->credentials
               ? sp_response_header_add(request, SP_STR("Access-Control-Allow-Credentials"), SP_STR("true"))
               : NGX_OK;
}

static struct sp_str requested_headers(ngx_http_request_t *request)
{
    static const struct sp_str name = {"access-control-request-headers", 30};
    for (const ngx_list_part_t *part = &request->headers_in.headers.part; part != NULL; part = part->next) {
        const ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (header[i].key.len == name.len && memcmp(header[i].lowcase_key, name.at, name.len) == 0) {
                return sp_str_of(header[i].value);
            }
        }
    }
    return SP_STR_NONE;
}

ngx_int_t sp_cors_answer(struct sp_call *call)
{
    const struct sp_cors *cors = &call->match.api->cors;
    ngx_http_request_t *request = call->request;
    if (!is_allowed(cors, call->headers.origin)) {
        const struct sp_finding finding = {.cause = SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED,
                                           .check = SP_CHECK_COUNT,
                                           .verified = true,
                                           .received = call->headers.origin};
        return sp_refuse_for(call, &finding);
    }
    const struct sp_str headers = cors->headers.len > 0 ? cors->headers : requested_headers(request);
    const struct sp_str methods = cors->methods.len > 0 ? cors->methods : call->headers.preflight_method;
    if (sp_response_header_add(request, SP_STR("Access-Control-Allow-Methods"), methods) != NGX_OK ||
        (headers.len > 0 &&
         sp_response_header_add(request, SP_STR("Access-Control-Allow-Headers"), headers) != NGX_OK)) {
        return NGX_ERROR;
    }
    u_char *max_age = ngx_pnalloc(request->pool, NGX_INT64_LEN);
    if (max_age == NULL) {
        return NGX_ERROR;
    }
    const u_char *end = ngx_sprintf(max_age, "%L", cors->max_age_s);
    if (cors->max_age_s > 0 && sp_response_header_add(request, SP_STR("Access-Control-Max-Age"),
                                                      sp_str((char *)max_age, (size_t)(end - max_age))) != NGX_OK) {
        return NGX_ERROR;
    }
    call->stage = SP_STAGE_PASSED;
    request->header_only = 1;
    ngx_http_finalize_request(request, sp_respond(request, NGX_HTTP_NO_CONTENT, SP_STR_NONE, SP_STR_NONE));
    return NGX_DONE;
}
