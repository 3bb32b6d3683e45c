/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream_headers.h"

#include "core/base/buffer.h"
#include "gateway/forwarded.h"
#include "gateway/presented.h"
#include "gateway/snapshot.h"
#include "gateway/upstream_request.h"

#define MAX_HEADER_VALUE (8u * 1024)

/* A claim's value comes from a verified token, yet whoever chose a user's name chose it too: what could end a header
 * line, or begin another, is not passed on. */
static bool is_header_safe(struct sp_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.at[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return value.len <= MAX_HEADER_VALUE;
}

/* ---- claims as header values ---- */
static const struct sp_json *claims_of(struct sp_call *call)
{
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    struct sp_arena *arena = call->facts.claims.len > 0 ? sp_call_arena(call) : NULL;
    if (arena == NULL || sp_json_parse(arena, call->facts.claims, &sp_json_limits_token, &claims, &error) != SP_OK) {
        return NULL;
    }
    return claims;
}

/* One of a list: with ',' as "%2C" and '%' as "%25", so that whoever has a group "users,admins" is in neither of two.
 */
static void append_element(struct sp_buffer *out, struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c == ',' || c == '%') {
            sp_buffer_append(out, c == ',' ? SP_STR("%2C") : SP_STR("%25"));
        } else {
            sp_buffer_append_char(out, c);
        }
    }
}

/* Texts as they are, numbers and booleans as written, lists joined by a comma; objects as JSON. */
static struct sp_str text_of(struct sp_arena *arena, const struct sp_json *value)
{
    static const struct sp_str words[] = {
        [SP_JSON_NULL] = {"", 0}, [SP_JSON_FALSE] = {"false", 5}, [SP_JSON_TRUE] = {"true", 4}};
    if (value->type <= SP_JSON_TRUE) {
        return words[value->type];
    }
    if (value->type != SP_JSON_ARRAY) {
        return value->text;
    }
    struct sp_buffer out;
    sp_buffer_init(&out, arena, MAX_HEADER_VALUE);
    for
        SP_JSON_EACH(element, value)
        {
            if (out.len > 0) {
                sp_buffer_append_char(&out, ',');
            }
            append_element(&out, element->type <= SP_JSON_TRUE ? words[element->type] : element->text);
        }
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}

/* The facts that have a place of their own need no JSON. */
static bool from_facts(const struct sp_call *call, struct sp_str claim, struct sp_str *value)
{
    const struct {
        struct sp_str name, value;
    } known[] = {
        {{"sub", 3}, call->facts.subject},
        {{"client_id", 9}, call->facts.client_id},
        {{"scope", 5}, call->facts.scope},
        {{"iss", 3}, call->snapshot->policy->issuers[call->facts.issuer].issuer},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (sp_str_equal(known[i].name, claim) && known[i].value.len > 0) {
            *value = known[i].value;
            return true;
        }
    }
    return false;
}

static ngx_int_t add_identity(struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    const struct sp_json *claims = NULL;
    bool looked = false;
    for (size_t i = 0; call->has_facts && i < api->identity_header_count; i++) {
        const struct sp_identity_header *header = &api->identity_headers[i];
        struct sp_str value = SP_STR_NONE;
        if (!from_facts(call, header->claim, &value)) {
            claims = looked ? claims : claims_of(call);
            looked = true;
            const struct sp_json *claim = sp_json_member(claims, header->claim);
            value = claim != NULL && claim->type != SP_JSON_NULL ? text_of(call->arena, claim) : SP_STR_NONE;
        }
        if (value.at != NULL && is_header_safe(value) &&
            sp_header_add(call->request, header->name, header->lower, value) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    if (call->consumer != NULL && is_header_safe(call->consumer->name)) {
        return sp_header_add(call->request, SP_STR("X-Sallyport-Consumer"), SP_STR("x-sallyport-consumer"),
                             call->consumer->name);
    }
    return NGX_OK;
}

static void strip_all(ngx_http_request_t *request, struct sp_str name)
{
    for (ngx_list_part_t *part = &request->headers_in.headers.part; part != NULL; part = part->next) {
        ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (sp_str_equal(sp_str((const char *)header[i].lowcase_key, header[i].key.len), name)) {
                sp_header_strip(&header[i]);
            }
        }
    }
}

/* Several of one name are refused where they count; where the API takes no such credential they come this far. */
static void drop_credential(struct sp_call *call)
{
    const struct sp_presented_headers *headers = &call->headers;
    const struct {
        struct sp_str name;
        size_t count;
        ngx_table_elt_t *at;
    } credentials[] = {
        {{"authorization", 13}, headers->authorization_count, headers->authorization_at},
        {{"x-api-key", 9}, headers->api_key_count, headers->api_key_at},
        {{"dpop", 4}, headers->dpop_count, headers->dpop_at},
    };
    for (size_t i = 0; i < sizeof credentials / sizeof credentials[0]; i++) {
        if (credentials[i].count == 1) {
            sp_header_strip(credentials[i].at);
        } else if (credentials[i].count > 1) {
            strip_all(call->request, credentials[i].name);
        }
    }
    call->request->headers_in.authorization = NULL;
}

/* ---- what every call carries: its id, and whom it comes from ---- */
struct sp_str sp_upstream_headers_host(const struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    if (api == NULL || api->upstream.server_count == 0) {
        return SP_STR("");
    }
    return api->upstream.host.len > 0 ? api->upstream.host : api->upstream.servers[0].authority;
}

/* The client's own X-Forwarded-* were taken out when the headers were read; those that a trusted proxy said go on. */
size_t sp_upstream_headers_own(const struct sp_call *call, struct sp_own_header own[SP_OWN_HEADERS])
{
    const ngx_http_request_t *request = call->request;
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    ngx_table_elt_t *const *forwarded_at = call->headers.forwarded_at;
    size_t count = 0;
    if (call->headers.request_id_at == NULL) {
        own[count++] = (struct sp_own_header){SP_STR("X-Request-Id"), SP_STR("x-request-id"), call->request_id};
    }
    if (location->proxy_kind == SP_PROXY_NONE) {
        return count;
    }
    if (forwarded_at[SP_FORWARDED_FOR] == NULL) {
        own[count++] = (struct sp_own_header){SP_STR("X-Forwarded-For"), SP_STR("x-forwarded-for"),
                                              sp_str_of(request->connection->addr_text)};
    }
    if (forwarded_at[SP_FORWARDED_PROTO] == NULL) {
        own[count++] = (struct sp_own_header){SP_STR("X-Forwarded-Proto"), SP_STR("x-forwarded-proto"),
                                              request->connection->ssl != NULL ? SP_STR("https") : SP_STR("http")};
    }
    if (forwarded_at[SP_FORWARDED_HOST] == NULL && request->headers_in.host != NULL) {
        own[count++] = (struct sp_own_header){SP_STR("X-Forwarded-Host"), SP_STR("x-forwarded-host"),
                                              sp_str_of(request->headers_in.host->value)};
    }
    return count;
}

static ngx_int_t add_own(struct sp_call *call)
{
    struct sp_own_header own[SP_OWN_HEADERS];
    const size_t count = sp_upstream_headers_own(call, own);
    for (size_t i = 0; i < count; i++) {
        if (sp_header_add(call->request, own[i].name, own[i].lower, own[i].value) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}

/* ---- the URL ---- */
/* args without its access_token parameter(s), in the pool. */
static ngx_int_t without_token(ngx_pool_t *pool, ngx_str_t args, ngx_str_t *out)
{
    static const struct sp_str name = {"access_token=", 13};
    u_char *text = ngx_pnalloc(pool, args.len + 1);
    if (text == NULL) {
        return NGX_ERROR;
    }
    size_t len = 0;
    struct sp_str rest = sp_str_of(args), parameter;
    while (sp_str_next_word(&rest, SP_STR("&"), &parameter)) {
        if (!sp_str_has_prefix(parameter, name)) {
            if (len > 0) {
                text[len++] = '&';
            }
            memcpy(text + len, parameter.at, parameter.len);
            len += parameter.len;
        }
    }
    *out = (ngx_str_t){len, text};
    return NGX_OK;
}

static ngx_int_t set_url(struct sp_call *call, struct sp_str base)
{
    ngx_http_request_t *request = call->request;
    if (call->credential.from_query && without_token(request->pool, request->args, &request->args) != NGX_OK) {
        return NGX_ERROR;
    }
    struct sp_str path = sp_str_of(request->unparsed_uri);
    path = sp_str_slice(path, 0, sp_str_index_of(path, '?', 0));
    const size_t room = base.len + path.len + 1 + request->args.len;
    u_char *text = ngx_pnalloc(request->pool, room);
    if (text == NULL) {
        return NGX_ERROR;
    }
    u_char *end = ngx_cpymem(text, base.at != NULL ? base.at : "", base.len);
    end = ngx_cpymem(end, path.at, path.len);
    if (request->args.len > 0) {
        *end++ = '?';
        end = ngx_cpymem(end, request->args.data, request->args.len);
    }
    request->unparsed_uri = (ngx_str_t){(size_t)(end - text), text};
    request->valid_unparsed_uri = 1;
    return NGX_OK;
}

/* nginx's own log line must not carry the token either. */
static ngx_int_t rewrite_request_line(ngx_http_request_t *request)
{
    const size_t room = request->method_name.len + request->unparsed_uri.len + request->http_protocol.len + 2;
    u_char *text = ngx_pnalloc(request->pool, room);
    if (text == NULL) {
        return NGX_ERROR;
    }
    const u_char *end =
        ngx_sprintf(text, "%V %V %V", &request->method_name, &request->unparsed_uri, &request->http_protocol);
    request->request_line = (ngx_str_t){(size_t)(end - text), text};
    return NGX_OK;
}

ngx_int_t sp_upstream_headers_set(struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(call->request, ngx_http_sallyport_module);
    const struct sp_str base = api->upstream.server_count > 0 ? api->upstream.servers[0].path : SP_STR_NONE;
    if (!api->forwards_token) {
        drop_credential(call);
    }
    if (call->headers.request_id_at != NULL) {
        call->headers.request_id_at->value = sp_ngx_str_of(call->request_id);
    }
    if (base.len > 0 || call->credential.from_query) {
        if (set_url(call, location->proxy_kind != SP_PROXY_NONE ? base : SP_STR_NONE) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    if (call->credential.from_query && rewrite_request_line(call->request) != NGX_OK) {
        return NGX_ERROR;
    }
    if (sp_forwarded_extend(call) != NGX_OK) {
        return NGX_ERROR;
    }
    if (!sp_upstream_request_take(call) && add_own(call) != NGX_OK) {
        return NGX_ERROR;
    }
    return add_identity(call);
}
