/* SPDX-License-Identifier: Apache-2.0 */
/* One block of memory in an nginx shared memory zone, laid out once. When nginx reloads, a zone of the same name and
 * size keeps its memory, so what is in it survives: whether there is a block already is what the zone itself says,
 * never what nginx hands over of the old configuration. */
#ifndef SP_GATEWAY_SHARED_ZONE_H
#define SP_GATEWAY_SHARED_ZONE_H

#include "gateway/gateway.h"

struct sp_shared_zone_layout {
    /* Lays the block out, of all the bytes that the zone has for it; NULL when they are too few. */
    void *(*lay_out)(void *block, size_t bytes, const void *shape);
    /* Whether a block that was there before is laid out like this: another version of the module may have done it. */
    bool (*is_laid_out)(void *block, const void *shape);
};

/* Adds the zone to the configuration. layout, and shape, which its functions get, live as long as the program. The
 * block is the `data` of the zone's slab pool. NULL: told. */
ngx_shm_zone_t *sp_shared_zone_add(ngx_conf_t *cf, ngx_str_t name, size_t bytes,
                                   const struct sp_shared_zone_layout *layout, const void *shape);

#endif
