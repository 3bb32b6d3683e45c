/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/balancer.h"

#include <stdlib.h>

#include "core/base/host.h"
#include "gateway/call.h"
#include "gateway/metrics.h"
#include "gateway/peers.h"
#include "gateway/snapshot.h"
#include "gateway/upstream_failure.h"

/* One call's way through its servers. */
struct turn {
    struct sp_call *call;
    struct sp_peers *peers;
    struct sp_peer *peer; /* in use */
    uint64_t tried;
};

static ngx_int_t get_peer(ngx_peer_connection_t *connection, void *data)
{
    struct turn *turn = data;
    turn->peer = sp_peers_choose(turn->peers, turn->tried, ngx_time());
    if (turn->peer == NULL) {
        connection->name = &turn->peers->at[0].name;
        return NGX_BUSY;
    }
    const size_t index = (size_t)(turn->peer - turn->peers->at);
    if (turn->peers->count > 1) {
        turn->tried |= UINT64_C(1) << index;
    }
    turn->call->upstream_tries++;
    connection->cached = 0;
    connection->connection = NULL;
    connection->sockaddr = &turn->peer->address.sockaddr;
    connection->socklen = turn->peer->address_len;
    connection->name = &turn->peer->name;
    return NGX_OK;
}

static void free_peer(ngx_peer_connection_t *connection, void *data, ngx_uint_t state)
{
    struct turn *turn = data;
    if (turn->peer != NULL) {
        const bool failed = (state & NGX_PEER_FAILED) != 0;
        sp_peers_report(turn->peers, turn->peer, failed, ngx_time());
        turn->call->upstream_cause = SP_CAUSE_NONE;
        if (failed) {
            sp_upstream_failure_note(turn->call, turn->peer, connection);
            sp_metrics_count(sp_metrics_of(turn->call->conf), SP_COUNT_UPSTREAM_PEER_FAILED);
        } else {
            sp_upstream_failure_note_cut(turn->call, turn->peer, connection);
        }
        turn->peer = NULL;
    }
    if (connection->tries > 0) {
        connection->tries--;
    }
}

/* nginx calls this between creating a TLS connection and its handshake, which is the moment to say whom we expect: the
 * name or address of this very server (nginx knows one name per location, and no addresses), verified by OpenSSL within
 * the handshake. Sessions are not resumed: a resumed one skips the verification against a CA that may have changed. */
static ngx_int_t expect_server(ngx_peer_connection_t *connection, void *data)
{
    const struct turn *turn = data;
    const struct sp_str host = turn->peer != NULL ? turn->peer->server->host : SP_STR_NONE;
    SSL *ssl = connection->connection->ssl->connection;
    char name[256];
    if (host.len == 0 || host.len >= sizeof name) {
        return NGX_ERROR;
    }
    const bool is_bracketed = host.at[0] == '[';
    const struct sp_str bare = is_bracketed ? sp_str_slice(host, 1, host.len - 1) : host;
    memcpy(name, bare.at, bare.len);
    name[bare.len] = '\0';
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (sp_host_is_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 ? NGX_OK : NGX_ERROR;
    }
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1 ? NGX_OK : NGX_ERROR;
}

static void save_session(ngx_peer_connection_t *connection, void *data)
{
    (void)connection;
    (void)data;
}

/* A TLS context that trusts the route's own CA and nothing else. Read once per worker and policy. */
static ngx_int_t make_tls(struct sp_peers *peers, ngx_log_t *log)
{
    char path[NGX_MAX_PATH];
    if (peers->ca_file.len == 0 || peers->tls.ctx != NULL) {
        return NGX_OK;
    }
    if (peers->ca_file.len >= sizeof path) {
        return NGX_ERROR;
    }
    memcpy(path, peers->ca_file.at, peers->ca_file.len);
    path[peers->ca_file.len] = '\0';
    peers->tls.log = log;
    if (ngx_ssl_create(&peers->tls, NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }
    if (SSL_CTX_load_verify_locations(peers->tls.ctx, path, NULL) != 1) {
        ngx_ssl_error(NGX_LOG_ERR, log, 0, "sallyport: ca_file \"%s\" cannot be used", path);
        SSL_CTX_free(peers->tls.ctx);
        peers->tls.ctx = NULL;
        return NGX_ERROR;
    }
    return NGX_OK;
}

/* The chain is verified by OpenSSL within the handshake, the name by expect_server: nginx's own check afterwards knows
 * no addresses. */
static void verify_in_handshake(ngx_http_upstream_conf_t *conf, struct sp_peers *peers)
{
    if (peers->ca_file.len > 0) {
        conf->ssl = &peers->tls;
    }
    SSL_CTX_set_verify(conf->ssl->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(conf->ssl->ctx, 4);
    conf->ssl_session_reuse = 1; /* or nginx would not call expect_server */
    conf->ssl_verify = 0;
}

static void apply_settings(ngx_http_upstream_conf_t *conf, struct sp_peers *peers, bool is_tls)
{
    if (peers->connect_timeout_ms != 0) {
        conf->connect_timeout = peers->connect_timeout_ms;
    }
    if (peers->timeout_ms != 0) {
        conf->read_timeout = conf->send_timeout = peers->timeout_ms;
    }
    if (is_tls) {
        verify_in_handshake(conf, peers);
    }
}

/* The location's upstream settings with the route's in them; nginx reads them all through u->conf. Made once per API
 * and kind of location and kept with the servers. A guest's locations differ among themselves: there it is the call's
 * own. */
static ngx_int_t choose_settings(ngx_http_request_t *request, struct sp_peers *peers)
{
    ngx_http_upstream_t *upstream = request->upstream;
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
    ngx_http_upstream_conf_t *conf;
    if (peers->connect_timeout_ms == 0 && peers->timeout_ms == 0 && !upstream->ssl) {
        return NGX_OK;
    }
    if (location->proxy_kind == SP_PROXY_NONE) {
        conf = ngx_palloc(request->pool, sizeof *conf);
    } else {
        conf = peers->confs[location->proxy_kind];
        if (conf != NULL) {
            upstream->conf = conf;
            return NGX_OK;
        }
        conf = peers->confs[location->proxy_kind] = malloc(sizeof *conf);
    }
    if (conf == NULL) {
        return NGX_ERROR;
    }
    *conf = *upstream->conf;
    apply_settings(conf, peers, upstream->ssl);
    upstream->conf = conf;
    return NGX_OK;
}

static ngx_int_t init_peer(ngx_http_request_t *request, ngx_http_upstream_srv_conf_t *block)
{
    (void)block;
    struct sp_call *call = sp_call_find(request);
    /* Nothing goes upstream that did not pass: a proxy_pass reached by any other way ends here. */
    if (call == NULL || call->stage != SP_STAGE_PASSED) {
        ngx_log_error(NGX_LOG_ERR, request->connection->log, 0,
                      "sallyport: a call that was not judged does not go upstream");
        return NGX_ERROR;
    }
    struct sp_peers *peers = sp_snapshot_peers(call->snapshot, call->match.api);
    struct turn *turn = ngx_palloc(request->pool, sizeof *turn);
    if (peers == NULL || turn == NULL) {
        return NGX_ERROR;
    }
    if (peers->count == 0) {
        call->upstream_cause = SP_CAUSE_UPSTREAM_DNS;
        return NGX_ERROR;
    }
    if (make_tls(peers, ngx_cycle->log) != NGX_OK) {
        call->upstream_cause = SP_CAUSE_UPSTREAM_TLS;
        return NGX_ERROR;
    }
    *turn = (struct turn){.call = call, .peers = peers};
    ngx_http_upstream_t *upstream = request->upstream;
    upstream->peer.get = get_peer;
    upstream->peer.free = free_peer;
    upstream->peer.data = turn;
    upstream->peer.tries = peers->tries;
    upstream->peer.set_session = expect_server;
    upstream->peer.save_session = save_session;
    return choose_settings(request, peers);
}

ngx_int_t sp_balancer_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *upstream)
{
    (void)cf;
    upstream->peer.init = init_peer;
    return NGX_OK;
}
