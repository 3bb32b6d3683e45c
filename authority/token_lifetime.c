/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/token_lifetime.h"

#include "core/base/json.h"

enum sp_status sp_token_lifetime_find(struct sp_store *store, struct sp_arena *arena, int64_t *longest_s)
{
    struct sp_record *records = NULL;
    size_t count = 0;
    const struct sp_json *data = NULL;
    enum sp_status status =
        store->methods->list_records(store, SP_RECORD_LIFETIME, SP_STR_NONE, SP_STR(""), 1, arena, &records, &count);
    if (status != SP_OK)
        return status;
    if (count == 0) {
        *longest_s = 0;
        return SP_OK;
    }
    status = sp_json_parse(arena, records[0].data, &sp_json_limits_token, &data, NULL);
    return status == SP_OK ? sp_json_int64(sp_json_member(data, SP_STR("seconds")), longest_s) : status;
}

enum sp_status sp_token_lifetime_put(struct sp_store *store, struct sp_arena *arena, int64_t longest_s, int64_t now)
{
    const struct sp_record record = {.kind = SP_RECORD_LIFETIME,
                                     .id = SP_STR("access_token"),
                                     .data = sp_arena_printf(arena, "{\"seconds\":%lld}", (long long)longest_s),
                                     .created_at = now};
    return record.data.at != NULL ? store->methods->put_record(store, &record, NULL) : SP_NO_MEMORY;
}
