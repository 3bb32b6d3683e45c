/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/shared_zone.h"

struct contents {
    const struct sp_shared_zone_layout *layout;
    const void *shape;
};

static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    const struct contents *contents = zone->data;
    (void)old; /* what the old configuration kept of its zone; the memory is in this one */
    if (pool->data != NULL) {
        if (!contents->layout->is_laid_out(pool->data, contents->shape)) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "sallyport: zone \"%V\" was laid out by another version of the module: restart nginx",
                          &zone->shm.name);
            return NGX_ERROR;
        }
        return NGX_OK;
    }
    /* One page-run of the slab holds the block; what remains is the slab's own bookkeeping. */
    const size_t room = (size_t)(pool->end - pool->start);
    const size_t bytes = room > 16 * ngx_pagesize ? room - 8 * ngx_pagesize : room / 2;
    void *block = ngx_slab_alloc(pool, bytes);
    pool->log_nomem = 0;
    pool->data = block != NULL ? contents->layout->lay_out(block, bytes, contents->shape) : NULL;
    if (pool->data == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0, "sallyport: zone \"%V\" is too small", &zone->shm.name);
        return NGX_ERROR;
    }
    return NGX_OK;
}

ngx_shm_zone_t *sp_shared_zone_add(ngx_conf_t *cf, ngx_str_t name, size_t bytes,
                                   const struct sp_shared_zone_layout *layout, const void *shape)
{
    struct contents *contents = ngx_palloc(cf->pool, sizeof *contents);
    ngx_shm_zone_t *zone = ngx_shared_memory_add(cf, &name, bytes, &ngx_http_sallyport_module);
    if (zone == NULL || contents == NULL) {
        return NULL;
    }
    *contents = (struct contents){layout, shape};
    zone->init = init_zone;
    zone->data = contents;
    return zone;
}
