/* SPDX-License-Identifier: Apache-2.0 */
/* What one nginx worker process keeps for itself, from its start to its end. */
#ifndef SP_GATEWAY_WORKER_H
#define SP_GATEWAY_WORKER_H

#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/request_id.h"

#define SP_KEPT_ARENAS 16u

/* The time as the call log writes it, kept for a second. */
struct sp_record_clock {
    time_t second;
    char text[24];
};

struct sp_worker {
    struct sp_record_clock clock;
    struct sp_request_ids request_ids;
    struct sp_arena *arenas[SP_KEPT_ARENAS]; /* idle ones, emptied */
    size_t arena_count;
    struct sp_file policy_file, keys_file; /* as last looked at */
    uint64_t jwks_mark;                    /* likewise, of the issuers' jwks_file */
    ngx_event_t watch;                     /* looks for a new policy or new keys */
    ngx_connection_t watch_connection;     /* gives the timer's event a log context, as nginx wants it */
};

ngx_int_t sp_worker_start(ngx_cycle_t *cycle);
void sp_worker_stop(ngx_cycle_t *cycle);

/* An empty arena; NULL without memory. Give it back when nothing of it is used any more. */
struct sp_arena *sp_worker_take_arena(struct sp_worker *worker);
void sp_worker_give_arena(struct sp_worker *worker, struct sp_arena **arena);

#endif
