/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store.h"

enum sp_status sp_store_settle(struct sp_store *store, enum sp_status status)
{
    if (status == SP_OK)
        return store->methods->keep(store);
    store->methods->undo(store);
    return status;
}

enum sp_status sp_store_commit(struct sp_store *store, enum sp_status status)
{
    enum sp_status settled = sp_store_settle(store, status), flushed = store->methods->flush(store);
    return settled == SP_OK ? flushed : settled;
}

enum sp_status sp_store_read_record(struct sp_store *store, enum sp_record_kind kind, struct sp_str id,
                                    struct sp_arena *arena, const struct sp_json **data)
{
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, kind, id, arena, &record);
    return status == SP_OK ? sp_json_parse(arena, record.data, &sp_json_limits_token, data, NULL) : status;
}
