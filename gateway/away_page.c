/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/away_page.h"

#include "core/jose/base64url.h"
#include "core/jose/crypto.h"
#include "gateway/response_headers.h"

#define STYLE                                                                                                          \
    "body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;background:#eef1f4;"        \
    "color:#1b2530;font:1rem/1.5 system-ui,sans-serif}"                                                                \
    "main{max-width:26rem;margin:1rem;background:#fff;border-radius:.75rem;padding:2rem 1.75rem}"                      \
    "h1{margin:0 0 .25rem;font-size:1.5rem;line-height:1.2}a{color:#1d5fbf}.quiet{color:#56636f;font-size:.875rem}"    \
    "@media(prefers-color-scheme:dark){body{background:#12181f;color:#e8edf2}main{background:#1d2630}"                 \
    "a{color:#8ab8ff}.quiet{color:#a9b6c2}}"

bool sp_away_page_is_wanted(const ngx_http_request_t *request)
{
    static u_char wanted[] = "text/html";
    for (const ngx_list_part_t *part = &request->headers_in.headers.part; part != NULL; part = part->next) {
        const ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++, header++) {
            if (header->key.len == 6 && ngx_strncasecmp(header->key.data, (u_char *)"accept", 6) == 0 &&
                ngx_strlcasestrn(header->value.data, header->value.data + header->value.len, wanted,
                                 sizeof wanted - 2) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static ngx_int_t add_headers(struct sp_call *call, struct sp_arena *arena)
{
    unsigned char sha256[32];
    struct sp_str hash;
    sp_sha256(SP_STR(STYLE), sha256);
    if (sp_base64url_encode(arena, sp_str((const char *)sha256, sizeof sha256), &hash) != SP_OK) {
        return NGX_ERROR;
    }
    const struct sp_str policy = sp_arena_printf(arena,
                                                 "default-src 'none'; style-src 'sha256-%.*s='; form-action 'none'; "
                                                 "frame-ancestors 'none'; base-uri 'none'",
                                                 SP_STR_ARG(hash));
    const struct {
        struct sp_str name, value;
    } headers[] = {{SP_STR("Content-Security-Policy"), policy},
                   {SP_STR("X-Frame-Options"), SP_STR("DENY")},
                   {SP_STR("X-Content-Type-Options"), SP_STR("nosniff")},
                   {SP_STR("Referrer-Policy"), SP_STR("no-referrer")},
                   {SP_STR("Content-Language"), SP_STR("en")}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (headers[i].value.at == NULL ||
            sp_response_header_add(call->request, headers[i].name, headers[i].value) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}

/* The request's number is of letters that need no escape (request_id.c). A form that was sent is not sent again by a
 * link. */
ngx_int_t sp_away_page_make(struct sp_call *call, struct sp_arena *arena, struct sp_str *html)
{
    const struct sp_str line = sp_str_of(call->request->request_line);
    const bool is_get = sp_str_has_prefix(line, SP_STR("GET "));
    *html = sp_arena_printf(
        arena,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">"
        "<title>Signing in is not possible at the moment</title><style>" STYLE "</style></head><body><main>"
        "<h1>Signing in is not possible at the moment</h1><p>The service that signs you in does not answer. Nothing "
        "is wrong with your account, and nothing was changed. It is started again by itself; %s</p>"
        "<p class=\"quiet\">If it stays so, tell whoever runs it this number: %.*s (authority.unreachable)</p>"
        "</main></body></html>\n",
        is_get ? "please <a href=\"\">try again</a> in a few seconds."
               : "please go back and try again in a few seconds.",
        SP_STR_ARG(call->request_id));
    return html->at != NULL ? add_headers(call, arena) : NGX_ERROR;
}
