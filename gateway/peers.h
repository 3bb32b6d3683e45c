/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of one API as this worker sees them: addresses ready to connect to, smooth weighted round robin, passive
 * health (max_fails within fail_timeout takes a server out for fail_timeout; when all are out, all are tried). Counted:
 * they outlive a swap of the keys, and of the policy while calls use them; those of the new policy inherit. */
#ifndef SP_GATEWAY_PEERS_H
#define SP_GATEWAY_PEERS_H

#include "gateway/gateway.h"

#define SP_MAX_PEERS 64u /* one bit each in a call's set of those tried */

struct sp_peer {
    ngx_sockaddr_t address;
    socklen_t address_len;
    ngx_str_t name;                 /* "10.0.0.1:9000", for nginx's log */
    const struct sp_server *server; /* of the policy */
    ngx_int_t weight, current_weight, effective_weight;
    ngx_uint_t fails;
    time_t failed_at, checked_at;
};

struct sp_peers {
    unsigned references;
    struct sp_policy *policy; /* counted: servers point into it */
    size_t count;
    ngx_uint_t tries;
    ngx_uint_t max_fails;
    time_t fail_timeout_s;
    ngx_msec_t connect_timeout_ms, timeout_ms; /* 0: the location's */
    struct sp_str ca_file;
    ngx_http_upstream_conf_t
        *confs[SP_PROXY_KINDS + 1]; /* the location's settings with ours in them; made when needed */
    ngx_ssl_t tls;                  /* with the route's own CA; ctx NULL: not made (yet) */
    struct sp_peer *at;
};

/* What is known of the servers of `before` (their health, whose turn it is) goes to those here with the same URL and
 * address: a new policy does not make a dead one look alive. */
void sp_peers_inherit(struct sp_peers *peers, const struct sp_peers *before);
/* NULL without memory. count is 0 when no server has an address. */
struct sp_peers *sp_peers_create(struct sp_policy *policy, const struct sp_upstream *upstream);
struct sp_peers *sp_peers_ref(struct sp_peers *peers);
void sp_peers_unref(struct sp_peers **peers);

/* The server whose turn it is, without those whose bit is set in tried; NULL when all were. */
struct sp_peer *sp_peers_choose(struct sp_peers *peers, uint64_t tried, time_t now);
void sp_peers_report(struct sp_peers *peers, struct sp_peer *peer, bool failed, time_t now);

#endif
