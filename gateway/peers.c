/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/peers.h"

#include <stdlib.h>

/* nginx's keepalive cache compares whole socket addresses. Two names at one address must not share a TLS connection (it
 * was verified for one of them), nor two protocols a plain one, so what the connection is for goes into bytes of the
 * address that the kernel does not read. */
static void mark_identity(ngx_sockaddr_t *address, enum sp_upstream_scheme scheme, struct sp_str name,
                          struct sp_str ca_file)
{
    uint32_t mark[2] = {ngx_crc32_long((u_char *)(uintptr_t)name.at, name.len),
                        (ca_file.len > 0 ? ngx_crc32_long((u_char *)(uintptr_t)ca_file.at, ca_file.len) : 0) ^
                            (uint32_t)scheme};
    if (address->sockaddr.sa_family == AF_INET) {
        memcpy(address->sockaddr_in.sin_zero, mark, sizeof address->sockaddr_in.sin_zero);
    }
#if (NGX_HAVE_INET6)
    if (address->sockaddr.sa_family == AF_INET6) {
        address->sockaddr_in6.sin6_flowinfo = mark[0] ^ mark[1] * 2654435761u;
    }
#endif
}

static bool set_unix_address(struct sp_peer *peer, struct sp_str path)
{
    struct sockaddr_un *address = &peer->address.sockaddr_un;
    if (path.len == 0 || path.len >= sizeof address->sun_path) {
        return false;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path.at, path.len);
    peer->address_len = sizeof *address;
    return true;
}

/* "1.2.3.4:80" or "[::1]:80". */
static bool set_inet_address(struct sp_peer *peer, struct sp_str text)
{
    size_t colon = text.len;
    while (colon > 0 && text.at[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return false;
    }
    struct sp_str host = sp_str_slice(text, 0, colon - 1);
    const ngx_str_t port_text = sp_ngx_str_of(sp_str_slice(text, colon, text.len));
    const ngx_int_t port = ngx_atoi(port_text.data, port_text.len);
    if (port < 1 || port > 65535) {
        return false;
    }
    if (host.len > 2 && host.at[0] == '[') {
#if (NGX_HAVE_INET6)
        host = sp_str_slice(host, 1, host.len - 1);
        peer->address.sockaddr_in6.sin6_family = AF_INET6;
        peer->address.sockaddr_in6.sin6_port = htons((in_port_t)port);
        peer->address_len = sizeof peer->address.sockaddr_in6;
        return ngx_inet6_addr((u_char *)(uintptr_t)host.at, host.len, peer->address.sockaddr_in6.sin6_addr.s6_addr) ==
               NGX_OK;
#else
        return false;
#endif
    }
    peer->address.sockaddr_in.sin_family = AF_INET;
    peer->address.sockaddr_in.sin_port = htons((in_port_t)port);
    peer->address.sockaddr_in.sin_addr.s_addr = ngx_inet_addr((u_char *)(uintptr_t)host.at, host.len);
    peer->address_len = sizeof peer->address.sockaddr_in;
    return peer->address.sockaddr_in.sin_addr.s_addr != INADDR_NONE;
}

static bool set_address(struct sp_peer *peer, struct sp_str text)
{
    static const struct sp_str unix_prefix = {"unix:", 5};
    return sp_str_has_prefix(text, unix_prefix) ? set_unix_address(peer, sp_str_slice(text, unix_prefix.len, text.len))
                                                : set_inet_address(peer, text);
}

static void add_server(struct sp_peers *peers, const struct sp_upstream *upstream, const struct sp_server *server)
{
    for (size_t i = 0; i < server->addresses.count && peers->count < SP_MAX_PEERS; i++) {
        struct sp_peer *peer = &peers->at[peers->count];
        *peer = (struct sp_peer){
            .name = sp_ngx_str_of(server->addresses.at[i]),
            .server = server,
            .weight = server->weight > 0 && server->weight <= 65535 ? (ngx_int_t)server->weight : 1,
        };
        peer->effective_weight = peer->weight;
        if (set_address(peer, server->addresses.at[i])) {
            if (upstream->scheme != SP_UPSTREAM_HTTP) {
                mark_identity(&peer->address, upstream->scheme, server->host, upstream->ca_file);
            }
            peers->count++;
        }
    }
}

struct sp_peers *sp_peers_create(struct sp_policy *policy, const struct sp_upstream *upstream)
{
    size_t room = 0;
    for (size_t i = 0; i < upstream->server_count; i++) {
        room += upstream->servers[i].addresses.count;
    }
    struct sp_peers *peers = calloc(1, sizeof *peers);
    if (peers == NULL || (peers->at = calloc(room + 1, sizeof *peers->at)) == NULL) {
        free(peers);
        return NULL;
    }
    peers->references = 1;
    peers->policy = sp_policy_ref(policy);
    peers->max_fails = upstream->max_fails;
    peers->fail_timeout_s = (time_t)upstream->fail_timeout_s;
    peers->connect_timeout_ms = (ngx_msec_t)upstream->connect_timeout_ms;
    peers->timeout_ms = (ngx_msec_t)upstream->timeout_ms;
    peers->ca_file = upstream->ca_file;
    for (size_t i = 0; i < upstream->server_count; i++) {
        add_server(peers, upstream, &upstream->servers[i]);
    }
    peers->tries = upstream->retries < 0 ? peers->count : (ngx_uint_t)upstream->retries + 1;
    return peers;
}

static const struct sp_peer *find_peer(const struct sp_peers *peers, const struct sp_peer *wanted)
{
    for (size_t i = 0; i < peers->count; i++) {
        const struct sp_peer *peer = &peers->at[i];
        if (sp_str_equal(sp_str_of(peer->name), sp_str_of(wanted->name)) &&
            sp_str_equal(peer->server->url, wanted->server->url)) {
            return peer;
        }
    }
    return NULL;
}

void sp_peers_inherit(struct sp_peers *peers, const struct sp_peers *before)
{
    for (size_t i = 0; i < peers->count; i++) {
        struct sp_peer *peer = &peers->at[i];
        const struct sp_peer *known = find_peer(before, peer);
        if (known == NULL) {
            continue;
        }
        peer->fails = known->fails;
        peer->failed_at = known->failed_at;
        peer->checked_at = known->checked_at;
        if (peer->weight == known->weight) {
            peer->effective_weight = known->effective_weight;
            peer->current_weight = known->current_weight;
        }
    }
}

struct sp_peers *sp_peers_ref(struct sp_peers *peers)
{
    peers->references++;
    return peers;
}

void sp_peers_unref(struct sp_peers **pointer)
{
    struct sp_peers *peers = *pointer;
    *pointer = NULL;
    if (peers == NULL || --peers->references > 0) {
        return;
    }
    for (size_t kind = 0; kind < SP_PROXY_KINDS; kind++) {
        free(peers->confs[kind]);
    }
    if (peers->tls.ctx != NULL) {
        SSL_CTX_free(peers->tls.ctx);
    }
    free(peers->at);
    sp_policy_unref(&peers->policy);
    free(peers);
}

static bool is_out(const struct sp_peers *peers, const struct sp_peer *peer, time_t now)
{
    return peers->max_fails != 0 && peer->fails >= peers->max_fails && now - peer->checked_at <= peers->fail_timeout_s;
}

static struct sp_peer *choose(struct sp_peers *peers, uint64_t tried, time_t now, bool with_failed)
{
    struct sp_peer *best = NULL;
    ngx_int_t total = 0;
    for (size_t i = 0; i < peers->count; i++) {
        struct sp_peer *peer = &peers->at[i];
        if ((tried >> i & 1) != 0 || (!with_failed && is_out(peers, peer, now))) {
            continue;
        }
        peer->current_weight += peer->effective_weight;
        total += peer->effective_weight;
        if (peer->effective_weight < peer->weight) {
            peer->effective_weight++;
        }
        if (best == NULL || peer->current_weight > best->current_weight) {
            best = peer;
        }
    }
    if (best != NULL) {
        best->current_weight -= total;
        if (now - best->checked_at > peers->fail_timeout_s) {
            best->checked_at = now;
        }
    }
    return best;
}

struct sp_peer *sp_peers_choose(struct sp_peers *peers, uint64_t tried, time_t now)
{
    if (peers->count == 1) {
        return &peers->at[0];
    }
    struct sp_peer *peer = choose(peers, tried, now, false);
    /* All that are left are out: better one that may have come back than none. */
    return peer != NULL ? peer : choose(peers, tried, now, true);
}

void sp_peers_report(struct sp_peers *peers, struct sp_peer *peer, bool failed, time_t now)
{
    if (failed) {
        peer->fails++;
        peer->failed_at = peer->checked_at = now;
        if (peers->max_fails != 0) {
            peer->effective_weight -= peer->weight / (ngx_int_t)peers->max_fails;
        }
        if (peer->effective_weight < 0) {
            peer->effective_weight = 0;
        }
    } else if (peer->failed_at < peer->checked_at) {
        peer->fails = 0;
    }
}
