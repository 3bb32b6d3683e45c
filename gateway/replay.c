/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/replay.h"

/* Longer than any leeway that core accepts a proof's iat within, to both sides. */
#define REMEMBERED_S 660

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
