/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/worker.h"

#include <malloc.h>

#include "core/base/limits.h"
#include "gateway/call_log.h"
#include "gateway/snapshot.h"

#define KEPT_HEAP_BYTES (32 << 20)
#define LARGE_BLOCK_BYTES (1 << 20)

/* A call takes some 30 kB and gives them back at its end. The C library would return what 64 calls gave back to the
 * kernel and ask for it again at the next ones: two page faults a call. The large header buffers are below
 * LARGE_BLOCK_BYTES, or each would be a mapping of its own. Not for a guest, whose memory is another's to decide. */
static void keep_heap(const struct sp_main_conf *conf)
{
    if (conf->proxies[SP_PROXY_HTTP] != NULL) {
        (void)mallopt(M_TRIM_THRESHOLD, KEPT_HEAP_BYTES);
        (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
    }
}

ngx_int_t sp_worker_start(ngx_cycle_t *cycle)
{
    struct sp_main_conf *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sallyport_module);
    if (conf == NULL || conf->snapshot == NULL ||
        (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)) {
        return NGX_OK;
    }
    struct sp_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL || sp_request_ids_init(&worker->request_ids) != NGX_OK) {
        free(worker);
        return NGX_ERROR;
    }
    conf->worker = worker;
    keep_heap(conf);
    sp_snapshot_watch(conf, cycle);
    return NGX_OK;
}

void sp_worker_stop(ngx_cycle_t *cycle)
{
    struct sp_main_conf *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sallyport_module);
    if (conf == NULL || conf->worker == NULL) {
        return;
    }
    struct sp_worker *worker = conf->worker;
    if (conf->call_log != NULL) {
        sp_call_log_end(conf->call_log);
    }
    conf->worker = NULL;
    while (worker->arena_count > 0) {
        sp_arena_destroy(&worker->arenas[--worker->arena_count]);
    }
    sp_snapshot_close(conf);
    free(worker);
}

struct sp_arena *sp_worker_take_arena(struct sp_worker *worker)
{
    if (worker->arena_count > 0) {
        return worker->arenas[--worker->arena_count];
    }
    return sp_arena_create(SP_MAX_EXAM_ARENA_BYTES);
}

void sp_worker_give_arena(struct sp_worker *worker, struct sp_arena **arena)
{
    if (worker == NULL || worker->arena_count == SP_KEPT_ARENAS) {
        sp_arena_destroy(arena);
        return;
    }
    sp_arena_reset(*arena);
    worker->arenas[worker->arena_count++] = *arena;
    *arena = NULL;
}
