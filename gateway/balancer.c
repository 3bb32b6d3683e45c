/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/balancer.h"

#include <stdlib.h>

#include "gateway/call.h"
#include "gateway/metrics.h"
#include "gateway/peers.h"
#include "gateway/snapshot.h"

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

/* What went wrong, from the state that nginx leaves the connection in. */
static enum sp_cause cause_of(const ngx_peer_connection_t *connection)
{
    const ngx_connection_t *c = connection->connection;
    if (c == NULL) {
        return SP_CAUSE_UPSTREAM_REFUSED;
    }
    if (c->read->timedout || c->write->timedout) {
        return SP_CAUSE_UPSTREAM_TIMEOUT;
    }
    if (c->ssl != NULL &&
        (!c->ssl->handshaked || c->ssl->handshake_rejected || SSL_get_verify_result(c->ssl->connection) != X509_V_OK)) {
        return SP_CAUSE_UPSTREAM_TLS;
    }
    return SP_CAUSE_UPSTREAM_REFUSED;
}

static void free_peer(ngx_peer_connection_t *connection, void *data, ngx_uint_t state)
{
    struct turn *turn = data;
    if (turn->peer != NULL) {
        const bool failed = (state & NGX_PEER_FAILED) != 0;
        sp_peers_report(turn->peers, turn->peer, failed, ngx_time());
        turn->call->upstream_cause = failed ? cause_of(connection) : SP_CAUSE_NONE;
        if (failed) {
            sp_metrics_count(sp_metrics_of(turn->call->conf), SP_COUNT_UPSTREAM_PEER_FAILED);
        }
        turn->peer = NULL;
    }
    if (connection->tries > 0) {
        connection->tries--;
    }
}

#if (NGX_HTTP_SSL)
/* Sessions are not resumed: a resumed one skips the verification of the certificate's chain against a CA that may have
 * changed. */
static ngx_int_t set_session(ngx_peer_connection_t *connection, void *data)
{
    (void)connection;
    (void)data;
    return NGX_OK;
}

static void save_session(ngx_peer_connection_t *connection, void *data)
{
    (void)connection;
    (void)data;
}
#endif

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
    SSL_CTX_set_verify(peers->tls.ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(peers->tls.ctx, 4);
    if (SSL_CTX_load_verify_locations(peers->tls.ctx, path, NULL) != 1) {
        ngx_ssl_error(NGX_LOG_ERR, log, 0, "sallyport: ca_file \"%s\" cannot be used", path);
        SSL_CTX_free(peers->tls.ctx);
        peers->tls.ctx = NULL;
        return NGX_ERROR;
    }
    return NGX_OK;
}

/* The location's upstream settings with the route's timeouts and CA in them. Made once per API and kind of location,
 * kept with the snapshot; nginx reads them all through u->conf. */
static ngx_int_t apply_settings(ngx_http_upstream_t *upstream, struct sp_peers *peers, ngx_uint_t kind)
{
    if (peers->connect_timeout_ms == 0 && peers->timeout_ms == 0 && peers->ca_file.len == 0) {
        return NGX_OK;
    }
    if (kind > SP_PROXY_KINDS) {
        kind = SP_PROXY_KINDS;
    }
    if (peers->confs[kind] == NULL) {
        ngx_http_upstream_conf_t *conf = malloc(sizeof *conf);
        if (conf == NULL) {
            return NGX_ERROR;
        }
        *conf = *upstream->conf;
        if (peers->connect_timeout_ms != 0) {
            conf->connect_timeout = peers->connect_timeout_ms;
        }
        if (peers->timeout_ms != 0) {
            conf->read_timeout = conf->send_timeout = peers->timeout_ms;
        }
        if (peers->ca_file.len > 0 && conf->ssl != NULL) {
            conf->ssl = &peers->tls;
            conf->ssl_verify = 1;
        }
        peers->confs[kind] = conf;
    }
    upstream->conf = peers->confs[kind];
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
    const struct sp_location_conf *location = ngx_http_get_module_loc_conf(request, ngx_http_sallyport_module);
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
#if (NGX_HTTP_SSL)
    upstream->peer.set_session = set_session;
    upstream->peer.save_session = save_session;
#endif
    return apply_settings(upstream, peers, location->proxy_kind);
}

ngx_int_t sp_balancer_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *upstream)
{
    (void)cf;
    upstream->peer.init = init_peer;
    return NGX_OK;
}
