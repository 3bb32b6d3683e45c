/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call.h"

#include "gateway/snapshot.h"
#include "gateway/worker.h"

static void end(void *data)
{
    struct sp_call *call = data;
    if (call->arena != NULL) {
        sp_worker_give_arena(call->conf->worker, &call->arena);
    }
    sp_snapshot_unref(&call->renewed);
    sp_snapshot_unref(&call->snapshot);
}

struct sp_call *sp_call_find(ngx_http_request_t *request)
{
    request = request->main;
    struct sp_call *call = ngx_http_get_module_ctx(request, ngx_http_sallyport_module);
    if (call != NULL || !(request->internal || request->filter_finalize)) {
        return call;
    }
    /* An internal redirect (an error page, a named location) cleared the contexts. */
    for (const ngx_pool_cleanup_t *cleanup = request->pool->cleanup; cleanup != NULL; cleanup = cleanup->next) {
        if (cleanup->handler == end) {
            ngx_http_set_ctx(request, cleanup->data, ngx_http_sallyport_module);
            return cleanup->data;
        }
    }
    return NULL;
}

struct sp_call *sp_call_get(ngx_http_request_t *request)
{
    struct sp_call *call = sp_call_find(request);
    if (call != NULL) {
        return call;
    }
    request = request->main;
    struct sp_main_conf *conf = sp_main_conf_of(request);
    if (conf->snapshot == NULL || conf->worker == NULL) {
        return NULL;
    }
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(request->pool, sizeof *call);
    if (cleanup == NULL) {
        return NULL;
    }
    call = cleanup->data;
    ngx_memzero(call, sizeof *call);
    call->request = request;
    call->conf = conf;
    call->snapshot = sp_snapshot_ref(conf->snapshot);
    cleanup->handler = end;
    ngx_http_set_ctx(request, call, ngx_http_sallyport_module);
    return call;
}

const ngx_http_upstream_state_t *sp_last_attempt(const ngx_http_request_t *request)
{
    const ngx_array_t *states = request->upstream_states;
    return states != NULL && states->nelts > 0 ? (const ngx_http_upstream_state_t *)states->elts + states->nelts - 1
                                               : NULL;
}

struct sp_arena *sp_call_arena(struct sp_call *call)
{
    if (call->arena == NULL) {
        call->arena = sp_worker_take_arena(call->conf->worker);
    }
    return call->arena;
}
