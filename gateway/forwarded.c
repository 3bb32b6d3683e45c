/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/forwarded.h"

#include "gateway/presented.h"
#include "gateway/snapshot.h"

/* ---- who is trusted ---- */
enum sp_status sp_forwarded_networks(struct sp_str_list texts, ngx_array_t *networks)
{
    ngx_cidr_t *all = calloc(texts.count + 1, sizeof *all);
    if (all == NULL) {
        return SP_NO_MEMORY;
    }
    *networks = (ngx_array_t){.elts = all, .size = sizeof *all, .nalloc = texts.count + 1};
    for (size_t i = 0; i < texts.count; i++) {
        ngx_str_t text = sp_ngx_str_of(texts.at[i]);
        networks->nelts += ngx_ptocidr(&text, &all[networks->nelts]) != NGX_ERROR;
    }
    return SP_OK;
}

/* nginx's realip module puts the client's address in the place of the peer's and keeps this one. */
static struct sp_str peer_of(ngx_http_request_t *request)
{
    static u_char name[] = "realip_remote_addr";
    ngx_str_t variable = {sizeof name - 1, name};
    const ngx_http_variable_value_t *value =
        ngx_http_get_variable(request, &variable, ngx_hash_key(name, sizeof name - 1));
    return value != NULL && !value->not_found ? sp_str((const char *)value->data, value->len)
                                              : sp_str_of(request->connection->addr_text);
}

static bool is_of(ngx_pool_t *pool, struct sp_str address, ngx_array_t *networks)
{
    const ngx_str_t text = sp_ngx_str_of(address);
    ngx_addr_t parsed;
    return ngx_parse_addr_port(pool, &parsed, text.data, text.len) == NGX_OK &&
           ngx_cidr_match(parsed.sockaddr, networks) == NGX_OK;
}

bool sp_forwarded_is_trusted(const struct sp_call *call)
{
    ngx_array_t *networks = &call->snapshot->trusted;
    return networks->nelts > 0 && is_of(call->request->pool, peer_of(call->request), networks);
}

/* ---- the headers ---- */
enum trust {
    NEVER,    /* nobody's word */
    FROM_ONE, /* a trusted proxy's, which sets it or takes the client's out */
};

static const struct {
    struct sp_str name;
    enum trust trust;
} rows[] = {
    {{"forwarded", 9}, NEVER},
    {{"x-real-ip", 9}, NEVER},
    {{"x-url-scheme", 12}, NEVER},
    {{"x-rewrite-url", 13}, NEVER},
    {{"x-original-url", 14}, NEVER},
    {{"x-original-uri", 14}, NEVER},
    {{"x-original-host", 15}, NEVER},
    {{"front-end-https", 15}, NEVER},
    {{"x-original-method", 17}, NEVER},
    {{"x-http-host-override", 20}, NEVER},
    {{"x-client-ip", 11}, FROM_ONE},
    {{"true-client-ip", 14}, FROM_ONE},
    {{"cf-connecting-ip", 16}, FROM_ONE},
    {{"fastly-client-ip", 16}, FROM_ONE},
    {{"x-azure-clientip", 16}, FROM_ONE},
    {{"x-cluster-client-ip", 19}, FROM_ONE},
};

static const struct sp_str prefix = {"x-forwarded-", 12};

/* The part behind the prefix of what a trusted proxy may say. All others of the prefix are nobody's word: some proxies
 * tell an identity by them (X-Forwarded-User, X-Forwarded-Client-Cert). */
static const struct sp_str kept[SP_FORWARDED_KEPT] = {
    [SP_FORWARDED_FOR] = {"for", 3},   [SP_FORWARDED_PROTO] = {"proto", 5},   [SP_FORWARDED_HOST] = {"host", 4},
    [SP_FORWARDED_PORT] = {"port", 4}, [SP_FORWARDED_PREFIX] = {"prefix", 6},
};

/* Of two of one name the last one is nearer to us. */
static void keep(struct sp_presented_headers *headers, struct sp_str rest, ngx_table_elt_t *header)
{
    for (size_t i = 0; i < SP_FORWARDED_KEPT && headers->is_trusted; i++) {
        if (sp_str_equal(kept[i], rest)) {
            if (headers->forwarded_at[i] != NULL) {
                sp_header_strip(headers->forwarded_at[i]);
            }
            headers->forwarded_at[i] = header;
            return;
        }
    }
    sp_header_strip(header);
}

/* Most headers are told by their first letter to be none of these. */
static bool may_be_one(struct sp_str name)
{
    switch (name.len < 9 ? '\0' : name.at[0]) {
    case 'x':
        return name.at[1] == '-';
    case 'c':
        return name.at[1] == 'f';
    case 'f':
    case 't':
        return true;
    default:
        return false;
    }
}

void sp_forwarded_note(struct sp_presented_headers *headers, ngx_table_elt_t *header)
{
    const struct sp_str name = sp_str((const char *)header->lowcase_key, header->key.len);
    if (!may_be_one(name)) {
        return;
    }
    if (sp_str_has_prefix(name, prefix)) {
        keep(headers, sp_str_slice(name, prefix.len, name.len), header);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (sp_str_equal(rows[i].name, name)) {
            if (rows[i].trust == NEVER || !headers->is_trusted) {
                sp_header_strip(header);
            }
            return;
        }
    }
}

/* ---- the chain ---- */
/* The trusted proxies at the end of the list, without the first address of it: that is the client's own then. */
static struct sp_str trusted_end(const struct sp_call *call, struct sp_str list)
{
    size_t from = list.len;
    while (from > 0) {
        size_t start = from;
        while (start > 0 && list.at[start - 1] != ',') {
            start--;
        }
        if (start == 0 ||
            !is_of(call->request->pool, sp_str_trim(sp_str_slice(list, start, from)), &call->snapshot->trusted)) {
            break;
        }
        from = start - 1;
    }
    return sp_str_slice(list, from, list.len);
}

ngx_int_t sp_forwarded_extend(struct sp_call *call)
{
    ngx_table_elt_t *header = call->headers.forwarded_at[SP_FORWARDED_FOR];
    if (header == NULL) {
        return NGX_OK;
    }
    const ngx_str_t client = call->request->connection->addr_text,
                    between = sp_ngx_str_of(trusted_end(call, sp_str_of(header->value))),
                    peer = sp_ngx_str_of(peer_of(call->request));
    const size_t room = client.len + between.len + 2 + peer.len;
    u_char *text = ngx_pnalloc(call->request->pool, room + 1);
    if (text == NULL) {
        return NGX_ERROR;
    }
    const u_char *end = ngx_sprintf(text, "%V%V, %V", &client, &between, &peer);
    header->value = (ngx_str_t){(size_t)(end - text), text};
    return NGX_OK;
}
