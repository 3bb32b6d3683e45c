/* SPDX-License-Identifier: Apache-2.0 */
/* What this worker judges by at the moment: a policy and what is known of its issuers. Read at nginx's start by the
 * master (a broken policy stops it; the workers inherit the parsed one, pages shared), then watched by each worker: a
 * file whose inode, size or time changed is read and parsed; what is broken is refused with its cause in the error log
 * and the old one serves on. A call holds a reference, so a swap disturbs none. */
#ifndef SP_GATEWAY_SNAPSHOT_H
#define SP_GATEWAY_SNAPSHOT_H

#include "core/diagnosis/refusal.h"
#include "core/policy/knowledge.h"
#include "gateway/call.h"
#include "gateway/metrics.h"
#include "gateway/peers.h"
#include "gateway/presented.h"

/* After a question about an issuer's keys: until when its answer stands for all. */
struct sp_quiet {
    ngx_msec_t until;
    bool was_reachable;
};

/* generation: of the content that decides; it changes with the policy (but for its servers' addresses) and with the
 * keys' bytes, and is the same in every worker. */
struct sp_snapshot {
    unsigned references;
    struct sp_policy *policy;
    struct sp_knowledge *knowledge;
    uint64_t generation;
    struct sp_owned_headers owned;
    ngx_array_t trusted;                 /* trusted_proxies, as ngx_cidr_t */
    struct sp_peers **peers;             /* by API, made when needed */
    struct sp_route_counters **counters; /* by API, found when needed */
    struct sp_quiet *quiet;              /* by issuer */
    unsigned char policy_sha256[32];     /* but for the addresses */
};

ngx_int_t sp_snapshot_open(ngx_conf_t *cf, struct sp_main_conf *conf);
void sp_snapshot_close(struct sp_main_conf *conf);
void sp_snapshot_watch(struct sp_main_conf *conf, ngx_cycle_t *cycle);
/* Looks for new files now, as when a control answer named a newer generation. */
void sp_snapshot_refresh(struct sp_main_conf *conf);
/* The policy of `old` with the keys as they are on the disk now, counted, in force for nobody but who asks; NULL when
 * they cannot be read (and logged). */
struct sp_snapshot *sp_snapshot_renew(const struct sp_main_conf *conf, const struct sp_snapshot *old);

struct sp_snapshot *sp_snapshot_ref(struct sp_snapshot *snapshot);
void sp_snapshot_unref(struct sp_snapshot **snapshot);

/* The servers of the API, ready to connect to; NULL without memory. */
struct sp_peers *sp_snapshot_peers(struct sp_snapshot *snapshot, const struct sp_api *api);

/* The API's counters; of api NULL: of calls without a route. */
struct sp_route_counters *sp_snapshot_counters(struct sp_snapshot *snapshot, struct sp_metrics *metrics,
                                               const struct sp_api *api);

#endif
