/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/shared_table.h"

static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    const struct sp_shared_table_shape *shape = zone->data;
    if (old != NULL || zone->shm.exists) {
        /* A reload after an upgrade of the module meets memory that the old one laid out. */
        if (pool->data != NULL && sp_table_of(pool->data, shape->key_bytes, shape->value_bytes) == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "sallyport: zone \"%V\" was laid out by another version of the module: restart nginx",
                          &zone->shm.name);
            return NGX_ERROR;
        }
        return NGX_OK;
    }
    /* One page-run of the slab holds the table; what remains is the slab's own bookkeeping. */
    const size_t room = (size_t)(pool->end - pool->start);
    const size_t bytes = room > 16 * ngx_pagesize ? room - 8 * ngx_pagesize : room / 2;
    void *block = ngx_slab_alloc(pool, bytes);
    if (block == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0, "sallyport: zone \"%V\" is too small", &zone->shm.name);
        return NGX_ERROR;
    }
    pool->data = sp_table_init(block, bytes, shape->key_bytes, shape->value_bytes);
    pool->log_nomem = 0;
    return pool->data != NULL ? NGX_OK : NGX_ERROR;
}

ngx_shm_zone_t *sp_shared_table_add(ngx_conf_t *cf, ngx_str_t name, size_t bytes,
                                    const struct sp_shared_table_shape *shape)
{
    ngx_shm_zone_t *zone = ngx_shared_memory_add(cf, &name, bytes, &ngx_http_sallyport_module);
    if (zone == NULL) {
        return NULL;
    }
    zone->init = init_zone;
    zone->data = (void *)(uintptr_t)shape;
    return zone;
}

struct sp_table *sp_shared_table_lock(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t *pool = zone != NULL ? (ngx_slab_pool_t *)zone->shm.addr : NULL;
    if (pool == NULL || pool->data == NULL) {
        return NULL;
    }
    ngx_shmtx_lock(&pool->mutex);
    return pool->data;
}

void sp_shared_table_unlock(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    ngx_shmtx_unlock(&pool->mutex);
}
