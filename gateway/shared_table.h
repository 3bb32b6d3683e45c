/* SPDX-License-Identifier: Apache-2.0 */
/* A core/base/table in an nginx shared memory zone, under the zone's own mutex: the one that nginx's master unlocks
 * when a worker dies holding it. Survives a reload of nginx with its contents, and its random seed, when the size
 * stays. */
#ifndef SP_GATEWAY_SHARED_TABLE_H
#define SP_GATEWAY_SHARED_TABLE_H

#include "core/base/table.h"
#include "gateway/gateway.h"

struct sp_shared_table_shape {
    size_t key_bytes, value_bytes;
};

/* Adds the zone to the configuration; shape must live as long as the program. */
ngx_shm_zone_t *sp_shared_table_add(ngx_conf_t *cf, ngx_str_t name, size_t bytes,
                                    const struct sp_shared_table_shape *shape);

/* For what needs no lock (core/base/table.h); NULL when the zone has none. */
struct sp_table *sp_shared_table_of(ngx_shm_zone_t *zone);

/* Locks; the table is valid until the unlock. NULL (and nothing locked) when the zone has none. */
struct sp_table *sp_shared_table_lock(ngx_shm_zone_t *zone);
void sp_shared_table_unlock(ngx_shm_zone_t *zone);

#endif
