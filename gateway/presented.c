/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/presented.h"

#include "gateway/forwarded.h"

/* A header is taken out by making it one that every proxy module drops: moving list elements would break nginx's own
 * pointers into the list. */
void sp_header_strip(ngx_table_elt_t *header)
{
    static u_char name[] = "Keep-Alive", lower[] = "keep-alive";
    header->hash = ngx_hash_key(lower, sizeof lower - 1);
    header->key = (ngx_str_t){sizeof name - 1, name};
    header->lowcase_key = lower;
    header->value = (ngx_str_t){0, lower + sizeof lower - 1};
}

ngx_int_t sp_header_add(ngx_http_request_t *request, struct sp_str name, struct sp_str lower, struct sp_str value)
{
    ngx_table_elt_t *header = ngx_list_push(&request->headers_in.headers);
    if (header == NULL) {
        return NGX_ERROR;
    }
    const ngx_str_t lowcase = sp_ngx_str_of(lower);
    *header = (ngx_table_elt_t){
        .hash = 1, /* proxy modules look names up by it only to leave them out */
        .key = sp_ngx_str_of(name),
        .lowcase_key = lowcase.data,
        .value = sp_ngx_str_of(value),
    };
    return NGX_OK;
}

static void note(struct sp_str *places, size_t room, size_t *count, ngx_table_elt_t *header)
{
    if (*count < room) {
        places[*count] = sp_str_of(header->value);
    }
    ++*count;
}

static void note_authorization(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    note(headers->authorization, 2, &headers->authorization_count, header);
    headers->authorization_at = header;
}

static void note_api_key(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    note(headers->api_key, 2, &headers->api_key_count, header);
    headers->api_key_at = header;
}

static void note_dpop(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    note(&headers->dpop, 1, &headers->dpop_count, header);
    headers->dpop_at = header;
}

static void note_request_id(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    headers->request_id = sp_str_of(header->value);
    if (headers->request_id_at != NULL) {
        sp_header_strip(header); /* one is enough for the upstream */
        return;
    }
    headers->request_id_at = header;
}

static void note_traceparent(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    headers->traceparent = sp_str_of(header->value);
}

static void note_origin(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    headers->origin = sp_str_of(header->value);
}

static void note_preflight(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    headers->preflight_method = sp_str_of(header->value);
}

static void note_upgrade(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    if (headers->upgrade_at != NULL) {
        sp_header_strip(headers->upgrade_at);
    }
    headers->upgrade_at = header;
    headers->upgrade_count++;
}

static const struct {
    struct sp_str name;
    void (*note)(struct sp_presented_headers *headers, ngx_table_elt_t *header);
} watched[] = {
    {{"authorization", 13}, note_authorization},
    {{"x-api-key", 9}, note_api_key},
    {{"dpop", 4}, note_dpop},
    {{"x-request-id", 12}, note_request_id},
    {{"traceparent", 11}, note_traceparent},
    {{"origin", 6}, note_origin},
    {{"upgrade", 7}, note_upgrade},
    {{"access-control-request-method", 29}, note_preflight},
};
#define WATCHED (sizeof watched / sizeof watched[0])
#define LENGTH_BIT(len) (UINT64_C(1) << ((len) < 63 ? (len) : 63))
static const uint64_t watched_lengths = LENGTH_BIT(13) | LENGTH_BIT(9) | LENGTH_BIT(4) | LENGTH_BIT(12) |
                                        LENGTH_BIT(11) | LENGTH_BIT(6) | LENGTH_BIT(7) | LENGTH_BIT(29);

static void note_watched(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    for (size_t i = 0; i < WATCHED; i++) {
        if (watched[i].name.len == header->key.len &&
            memcmp(watched[i].name.at, header->lowcase_key, header->key.len) == 0) {
            watched[i].note(headers, header);
            return;
        }
    }
}

/* '_' counts as '-': CGI-like servers cannot tell them apart. */
static bool is_same_name(const u_char *lowcase, struct sp_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((lowcase[i] == '_' ? '-' : lowcase[i]) != (name.at[i] == '_' ? '-' : name.at[i])) {
            return false;
        }
    }
    return true;
}

static bool is_owned(const ngx_table_elt_t *header, const struct sp_owned_headers *owned)
{
    for (size_t i = 0; i < owned->count; i++) {
        if (owned->names[i].len == header->key.len && is_same_name(header->lowcase_key, owned->names[i])) {
            return true;
        }
    }
    return false;
}

/* ---- Upgrade ---- */
static bool offers_http(struct sp_str upgrade)
{
    struct sp_str protocol;
    while (sp_str_next_word(&upgrade, SP_STR(", \t"), &protocol)) {
        if (sp_str_equal_ignoring_case(protocol, SP_STR("h2c")) ||
            sp_str_equal_ignoring_case(sp_str_slice(protocol, 0, 5), SP_STR("http/")) ||
            sp_str_equal_ignoring_case(sp_str_slice(protocol, 0, 4), SP_STR("tls/"))) {
            return true;
        }
    }
    return false;
}

/* After a 101 nginx moves bytes and judges nothing. Calls of HTTP must not hide in them: an API that takes h2c would
 * serve any number, to every path. WebSocket is the one protocol that the gateway speaks of; a guest's nginx passes on
 * what its own configuration says, but for another HTTP. Whoever is not upgraded is served as if it had not asked (RFC
 * 9110 7.8), and in HTTP/2 there is no Upgrade (RFC 9113 8.2.2). */
static void settle_upgrade(ngx_http_request_t *request, struct sp_presented_headers *headers)
{
    const struct sp_str value = sp_str_of(headers->upgrade_at->value);
    const bool is_known =
        headers->owns_hop ? sp_str_equal_ignoring_case(value, SP_STR("websocket")) : !offers_http(value);
    if (headers->upgrade_count == 1 && is_known && request->stream == NULL) {
        return;
    }
    sp_header_strip(headers->upgrade_at);
    headers->upgrade_at = NULL;
    request->headers_in.upgrade = NULL; /* with it nginx goes over to moving bytes at any 101 */
}

/* nginx lets the value begin where the name ends when there was no colon between them. */
static bool is_without_colon(const ngx_http_request_t *request, const ngx_table_elt_t *header)
{
    return header->value.data == header->key.data + header->key.len && request->stream == NULL;
}

/* RFC 9113 8.2.2: what speaks of a connection of HTTP/1 makes a request of HTTP/2 malformed. */
static bool is_of_http1(const ngx_table_elt_t *header)
{
    static const struct sp_str names[] = {
        {"connection", 10}, {"keep-alive", 10}, {"proxy-connection", 16}, {"transfer-encoding", 17}, {"upgrade", 7}};
    const struct sp_str name = sp_str_of(header->key);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (sp_str_equal(name, names[i])) {
            return true;
        }
    }
    return sp_str_equal(name, SP_STR("te")) &&
           !sp_str_equal_ignoring_case(sp_str_of(header->value), SP_STR("trailers"));
}

void sp_presented_read(struct sp_call *call, const struct sp_owned_headers *owned, bool owns_hop)
{
    struct sp_presented_headers *headers = &call->headers;
    if (call->headers_read) {
        return;
    }
    call->headers_read = true;
    headers->owns_hop = owns_hop;
    headers->is_trusted = owns_hop && sp_forwarded_is_trusted(call);
    for (ngx_list_part_t *part = &call->request->headers_in.headers.part; part != NULL; part = part->next) {
        ngx_table_elt_t *header = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++, header++) {
            const uint64_t bit = LENGTH_BIT(header->key.len);
            if (is_without_colon(call->request, header)) {
                headers->without_colon = sp_str_of(header->key);
            }
            if (call->request->stream != NULL && is_of_http1(header)) {
                headers->of_http1 = sp_str_of(header->key);
            }
            if (owns_hop) {
                sp_forwarded_note(headers, header);
            }
            if ((watched_lengths & bit) != 0) {
                note_watched(headers, header);
            }
            if ((owned->lengths & bit) != 0 && is_owned(header, owned)) {
                sp_header_strip(header);
            }
        }
    }
    if (headers->upgrade_at != NULL) {
        settle_upgrade(call->request, headers);
    }
}
