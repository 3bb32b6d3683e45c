/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/replay.h"

#include "core/oauth/dpop_proof.h"

#define REMEMBERED_S 660
_Static_assert(REMEMBERED_S > SP_DPOP_MAX_AGE_S + SP_DPOP_MAX_AHEAD_S + 2 * SP_DPOP_MAX_LEEWAY_S,
               "a proof is forgotten when it is good for nothing any more");

const struct sp_shared_table_shape sp_replay_shape = {.key_bytes = 32, .value_bytes = sizeof(int64_t)};

bool sp_replay_seen(ngx_shm_zone_t *zone, const unsigned char *proof_id, int64_t now_s)
{
    struct sp_table *table = sp_shared_table_lock(zone);
    if (table == NULL) {
        return true;
    }
    int64_t *until = sp_table_find(table, proof_id);
    const bool seen = until != NULL && *until > now_s;
    if (!seen) {
        until = sp_table_claim(table, proof_id);
        *until = now_s + REMEMBERED_S;
        sp_table_commit(table, proof_id, until);
    }
    sp_shared_table_unlock(zone);
    return seen;
}
