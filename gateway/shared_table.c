/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/shared_table.h"

#include "core/jose/crypto.h"
#include "gateway/shared_zone.h"

static void *lay_out(void *block, size_t bytes, const void *data)
{
    const struct sp_shared_table_shape *shape = data;
    struct sp_table *table = sp_table_init(block, bytes, shape->key_bytes, shape->value_bytes);
    return table != NULL && sp_random(sp_table_seed(table), SP_TABLE_SEED_BYTES) == SP_OK ? table : NULL;
}

static bool is_laid_out(void *block, const void *data)
{
    const struct sp_shared_table_shape *shape = data;
    return sp_table_of(block, shape->key_bytes, shape->value_bytes) != NULL;
}

ngx_shm_zone_t *sp_shared_table_add(ngx_conf_t *cf, ngx_str_t name, size_t bytes,
                                    const struct sp_shared_table_shape *shape)
{
    static const struct sp_shared_zone_layout layout = {lay_out, is_laid_out};
    return sp_shared_zone_add(cf, name, bytes, &layout, shape);
}

struct sp_table *sp_shared_table_of(ngx_shm_zone_t *zone)
{
    const ngx_slab_pool_t *pool = zone != NULL ? (const ngx_slab_pool_t *)zone->shm.addr : NULL;
    return pool != NULL ? pool->data : NULL;
}

struct sp_table *sp_shared_table_lock(ngx_shm_zone_t *zone)
{
    struct sp_table *table = sp_shared_table_of(zone);
    if (table != NULL) {
        ngx_shmtx_lock(&((ngx_slab_pool_t *)zone->shm.addr)->mutex);
    }
    return table;
}

void sp_shared_table_unlock(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    ngx_shmtx_unlock(&pool->mutex);
}
