/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/token_lifetime.h"

#include "core/base/json.h"

#define RECORD_ID SP_STR("access_token")

enum sp_status sp_token_lifetime_find(struct sp_store *store, struct sp_arena *arena, int64_t *longest_s)
{
    const struct sp_json *data = NULL;
    enum sp_status status = sp_store_read_record(store, SP_RECORD_LIFETIME, RECORD_ID, arena, &data);
    if (status == SP_NOT_FOUND) {
        *longest_s = 0;
        return SP_OK;
    }
    return status == SP_OK ? sp_json_int64(sp_json_member(data, SP_STR("seconds")), longest_s) : status;
}

enum sp_status sp_token_lifetime_put(struct sp_store *store, struct sp_arena *arena, int64_t longest_s, int64_t now)
{
    const struct sp_record record = {.kind = SP_RECORD_LIFETIME,
                                     .id = RECORD_ID,
                                     .data = sp_arena_printf(arena, "{\"seconds\":%lld}", (long long)longest_s),
                                     .created_at = now};
    return record.data.at != NULL ? store->methods->put_record(store, &record, NULL) : SP_NO_MEMORY;
}
