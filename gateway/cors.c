/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cors.h"

#include "gateway/refusal.h"
#include "gateway/response_headers.h"

#define MAX_LISTED_BYTES (16u * 1024)

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

static ngx_int_t open_to(ngx_http_request_t *request, struct sp_str origin)
{
    return sp_response_header_add(request, SP_STR("Access-Control-Allow-Origin"), origin) == NGX_OK
               ? sp_response_header_add(request, SP_STR("Access-Control-Expose-Headers"),
                                        SP_STR("WWW-Authenticate, X-Request-Id, Retry-After"))
               : NGX_ERROR;
}

ngx_int_t sp_cors_add_headers(struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    if (call->is_for_anybody) {
        return open_to(call->request, SP_STR("*"));
    }
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
    if (open_to(request, origin) != NGX_OK) {
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

/* ---- what the browser will hold against the lists (Fetch 4.8, step 7) ---- */
/* GET, HEAD and POST need no listing: browsers do not look for them, and the call comes anyway. */
static bool needs_listing(struct sp_str method)
{
    return !sp_str_equal(method, SP_STR("GET")) && !sp_str_equal(method, SP_STR("HEAD")) &&
           !sp_str_equal(method, SP_STR("POST"));
}

static bool names_header(struct sp_str list, struct sp_str header)
{
    struct sp_str word;
    while (sp_str_next_word(&list, SP_STR(", "), &word)) {
        if (sp_str_equal_ignoring_case(word, header)) {
            return true;
        }
    }
    return false;
}

/* The first header that is asked for and not allowed; absent: there is none. */
static struct sp_str header_left_out(struct sp_str allowed, struct sp_str asked)
{
    struct sp_str header;
    while (sp_str_next_word(&asked, SP_STR(", \t"), &header)) {
        if (!names_header(allowed, header)) {
            return header;
        }
    }
    return SP_STR_NONE;
}

/* Told in the log and counted: the browser makes no call of it, so nothing else ever would. The answer says what is
 * allowed all the same, for then the browser's console names what is missing; a status that is none of success would
 * be all that it shows. */
static ngx_int_t note_rejection(struct sp_call *call, const char *header, struct sp_str missing, struct sp_str allowed)
{
    struct sp_arena *arena = sp_call_arena(call);
    if (arena == NULL) {
        return NGX_ERROR;
    }
    const struct sp_finding finding = {
        .cause = SP_CAUSE_CORS_PREFLIGHT_REJECTED,
        .check = SP_CHECK_COUNT,
        .verified = true,
        .expected = sp_arena_printf(arena, "%s: %.*s", header, SP_STR_ARG(missing)),
        .received = allowed,
        .detail = sp_arena_printf(arena, "The page is of %.*s.", SP_STR_ARG(call->headers.origin))};
    call->verdict = sp_verdict_of(arena, &finding);
    if (call->verdict == NULL) {
        return NGX_ERROR;
    }
    call->stage = SP_STAGE_REFUSED;
    call->cause = finding.cause;
    return NGX_OK;
}

static ngx_int_t judge_lists(struct sp_call *call, struct sp_str asked_headers)
{
    const struct sp_cors *cors = &call->match.api->cors;
    const struct sp_str method = call->headers.preflight_method;
    const struct sp_str header = cors->headers.len > 0 ? header_left_out(cors->headers, asked_headers) : SP_STR_NONE;
    if (cors->methods.len > 0 && needs_listing(method) && !sp_str_has_word(cors->methods, SP_STR(", "), method)) {
        return note_rejection(call, "Access-Control-Allow-Methods", method, cors->methods);
    }
    if (header.len > 0) {
        return note_rejection(call, "Access-Control-Allow-Headers", header, cors->headers);
    }
    call->stage = SP_STAGE_PASSED;
    return NGX_OK;
}

static ngx_int_t refuse_origin(struct sp_call *call)
{
    const struct sp_str_list origins = call->match.api->cors.origins;
    struct sp_buffer list;
    struct sp_arena *arena = sp_call_arena(call);
    if (arena == NULL) {
        return NGX_ERROR;
    }
    sp_buffer_init(&list, arena, MAX_LISTED_BYTES);
    for (size_t i = 0; i < origins.count; i++) {
        sp_buffer_printf(&list, "%s%.*s", i > 0 ? ", " : "", SP_STR_ARG(origins.at[i]));
    }
    const struct sp_finding finding = {.cause = SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED,
                                       .check = SP_CHECK_COUNT,
                                       .verified = true,
                                       .expected = origins.count > 0 ? sp_buffer_str(&list) : SP_STR("none"),
                                       .received = call->headers.origin};
    return sp_refuse_for(call, &finding);
}

static ngx_int_t add_max_age(struct sp_call *call)
{
    const int64_t max_age_s = call->match.api->cors.max_age_s;
    if (max_age_s <= 0) {
        return NGX_OK;
    }
    u_char *text = ngx_pnalloc(call->request->pool, NGX_INT64_LEN);
    if (text == NULL) {
        return NGX_ERROR;
    }
    const u_char *end = ngx_sprintf(text, "%L", max_age_s);
    return sp_response_header_add(call->request, SP_STR("Access-Control-Max-Age"),
                                  sp_str((char *)text, (size_t)(end - text)));
}

static ngx_int_t answer_without_body(ngx_http_request_t *request)
{
    request->header_only = 1;
    ngx_http_finalize_request(request, sp_respond(request, NGX_HTTP_NO_CONTENT, SP_STR_NONE, SP_STR_NONE));
    return NGX_DONE;
}

ngx_int_t sp_cors_answer_for_anybody(struct sp_call *call)
{
    ngx_http_request_t *request = call->request;
    const struct sp_str headers = requested_headers(request);
    call->is_for_anybody = true;
    call->stage = SP_STAGE_PASSED;
    if (sp_response_header_add(request, SP_STR("Access-Control-Allow-Methods"), SP_STR("GET, HEAD")) != NGX_OK ||
        (headers.len > 0 &&
         sp_response_header_add(request, SP_STR("Access-Control-Allow-Headers"), headers) != NGX_OK)) {
        return NGX_ERROR;
    }
    return answer_without_body(request);
}

ngx_int_t sp_cors_answer(struct sp_call *call)
{
    const struct sp_cors *cors = &call->match.api->cors;
    ngx_http_request_t *request = call->request;
    if (!is_allowed(cors, call->headers.origin)) {
        return refuse_origin(call);
    }
    const struct sp_str asked = requested_headers(request);
    const struct sp_str headers = cors->headers.len > 0 ? cors->headers : asked;
    const struct sp_str methods = cors->methods.len > 0 ? cors->methods : call->headers.preflight_method;
    if (judge_lists(call, asked) != NGX_OK ||
        sp_response_header_add(request, SP_STR("Access-Control-Allow-Methods"), methods) != NGX_OK ||
        (headers.len > 0 &&
         sp_response_header_add(request, SP_STR("Access-Control-Allow-Headers"), headers) != NGX_OK) ||
        add_max_age(call) != NGX_OK) {
        return NGX_ERROR;
    }
    return answer_without_body(request);
}
