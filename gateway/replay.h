/* SPDX-License-Identifier: Apache-2.0 */
/* DPoP proofs that were used (RFC 9449 11.1): a proof's id is remembered for as long as a proof may be accepted. All
 * workers share one table; when a set of it is full the oldest gives way, so replay=SIZE must hold the proofs of one
 * such time (48 bytes each: 4m is 87,000). */
#ifndef SP_GATEWAY_REPLAY_H
#define SP_GATEWAY_REPLAY_H

#include "gateway/gateway.h"
#include "gateway/shared_table.h"

extern const struct sp_shared_table_shape sp_replay_shape;

/* True when this id (32 bytes) was given before and is still remembered, or when there is no memory to know it. */
bool sp_replay_seen(ngx_shm_zone_t *zone, const unsigned char *proof_id, int64_t now_s);

#endif
