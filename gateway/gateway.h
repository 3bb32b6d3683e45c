/* SPDX-License-Identifier: Apache-2.0 */
/* The nginx module: it moves bytes between nginx and the judgement in core/, and decides nothing by itself but this:
 * what was not accepted is refused. It may include nginx's headers (no other room does) and core's.
 *
 *   config.c            directives                      snapshot.c      policy and keys: load, watch, swap
 *   access.c            the way of one call             presented.c     one pass over the request's headers
 *   examination.c       drives sp_exam, parks           control_call.c  questions to the control plane (subrequests)
 *   verdict_cache.c     facts of tokens seen            replay.c        DPoP proofs seen
 *   call_log.c          a line a call
 *   limits.c            rate limits                     refusal.c       401, 403, 429, 503 with their cause
 *   balancer.c          peers of the route              upstream_headers.c  what the API gets to see
 *   shared_zone.c       memory that survives reloads    shared_table.c  a table in it
 *   cut_off.c           half a request                  request_form.c      what is no HTTP and nginx took
 *   rewrite_phase.c     what nobody judges, told when nginx reads its configuration
 *   cors.c  resource_metadata.c  record.c  metrics.c  status.c  variables.c  request_id.c  client_certificate.c
 *
 * One `struct sp_call` a request, in its pool; found again after an internal redirect (which clears nginx's contexts)
 * by its cleanup. A call holds a reference on the snapshot it began with. */
#ifndef SP_GATEWAY_GATEWAY_H
#define SP_GATEWAY_GATEWAY_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/base/arena.h"
#include "core/base/str.h"
#include "core/diagnosis/cause.h"
#include "core/diagnosis/credential.h"
#include "core/diagnosis/exam.h"
#include "core/diagnosis/facts.h"
#include "core/policy/policy.h"
#include "gateway/file.h"

extern ngx_module_t ngx_http_sallyport_module;

struct sp_snapshot;
struct sp_metrics;
struct sp_worker;
struct sp_call_log;

/* What kind of upstream a location speaks to (sallyport_proxy KIND). */
enum sp_proxy_kind {
    SP_PROXY_HTTP,
    SP_PROXY_HTTPS,
    SP_PROXY_UPGRADE,
    SP_PROXY_HTTPS_UPGRADE,
    SP_PROXY_GRPC,
    SP_PROXY_GRPCS,
    SP_PROXY_KINDS,
    SP_PROXY_NONE = SP_PROXY_KINDS, /* a guest's own proxy_pass */
};

enum sp_question { SP_ASK_KEYS, SP_ASK_INTROSPECTION, SP_QUESTIONS };

struct sp_main_conf {
    ngx_str_t policy_path, keys_path;
    size_t cache_bytes, limits_bytes, replay_bytes, metrics_bytes;
    ngx_shm_zone_t *cache_zone, *cache_large_zone, *limits_zone, *replay_zone, *metrics_zone;
    void **proxies[SP_PROXY_KINDS];        /* location configurations by kind; NULL: not declared */
    struct sp_file policy_file, keys_file; /* as the master read them */
    struct sp_snapshot *snapshot;          /* the present one; NULL without sallyport_policy */
    struct sp_worker *worker;              /* of this process; NULL in the master */
    struct sp_call_log *call_log;          /* NULL: none is written */
    bool was_in_force;
    ngx_http_output_header_filter_pt first_filter_before; /* of the configuration before; NULL: there is none */
};

struct sp_server_conf {
    ngx_str_t question_uri[SP_QUESTIONS]; /* of the exact internal locations; empty: no control plane */
    bool answers_errors;                  /* has a sallyport_error location: what nginx refuses is ours to answer */
    ngx_flag_t takes_any_certificate;     /* of a client, at the handshake */
};

struct sp_location_conf {
    ngx_flag_t on;
    ngx_flag_t logs_calls; /* in the call log */
    ngx_uint_t proxy_kind; /* enum sp_proxy_kind */
};

static inline struct sp_main_conf *sp_main_conf_of(ngx_http_request_t *request)
{
    return ngx_http_get_module_main_conf(request, ngx_http_sallyport_module);
}

static inline struct sp_str sp_str_of(ngx_str_t text)
{
    return sp_str((const char *)text.data, text.len);
}

/* The bytes are nginx's to read only; its API has no const. */
static inline ngx_str_t sp_ngx_str_of(struct sp_str text)
{
    return (ngx_str_t){text.len, (u_char *)(uintptr_t)text.at};
}

#endif
