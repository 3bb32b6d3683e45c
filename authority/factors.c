/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/factors.h"

#include "authority/passkeys.h"
#include "authority/recovery_codes.h"

enum sp_status sp_factors_find(struct sp_store *store, struct sp_arena *arena, struct sp_str account,
                               struct sp_factors *factors)
{
    struct sp_factors found = {0};
    struct sp_record record, *passkeys = NULL;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_TOTP, account, arena, &record);
    if (status == SP_OK) {
        status = sp_json_parse(arena, record.data, &sp_json_limits_token, &data, &error);
        found.has_app = sp_json_is(sp_json_member(data, SP_STR("confirmed")), SP_JSON_TRUE);
        found.app_since = record.created_at;
    } else if (status == SP_NOT_FOUND) {
        status = SP_OK;
    }
    if (status == SP_OK)
        status = store->methods->list_records(store, SP_RECORD_PASSKEY, account, SP_STR(""), SP_MAX_PASSKEYS, arena,
                                              &passkeys, &found.passkeys);
    if (status == SP_OK)
        status = sp_recovery_codes_count(store, arena, account, &found.recovery_codes);
    if (status == SP_OK)
        *factors = found;
    return status;
}

/* Recovery codes recover nothing once there is no factor left: then they are forgotten. The caller has begun a write.
 */
static enum sp_status tidy(struct sp_store *store, struct sp_arena *arena, struct sp_str account)
{
    struct sp_factors factors;
    enum sp_status status = sp_factors_find(store, arena, account, &factors);
    if (status == SP_OK && !sp_factors_any(&factors) && factors.recovery_codes > 0)
        status = sp_recovery_codes_drop(store, arena, account);
    return status;
}

enum sp_status sp_factors_drop_app(struct sp_store *store, struct sp_arena *arena, struct sp_str account)
{
    enum sp_status status = store->methods->drop_record(store, SP_RECORD_TOTP, account);
    return status == SP_OK ? tidy(store, arena, account) : status;
}

enum sp_status sp_factors_drop_passkey(struct sp_store *store, struct sp_arena *arena, struct sp_str account,
                                       struct sp_str id)
{
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_PASSKEY, id, arena, &record);
    if (status == SP_OK && !sp_str_equal(record.owner, account))
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = store->methods->drop_record(store, SP_RECORD_PASSKEY, id);
    return status == SP_OK ? tidy(store, arena, account) : status;
}

enum sp_status sp_factors_drop_all(struct sp_store *store, struct sp_arena *arena, struct sp_str account)
{
    struct sp_record *passkeys = NULL;
    size_t count = 0;
    enum sp_status status = store->methods->list_records(store, SP_RECORD_PASSKEY, account, SP_STR(""), SP_MAX_PASSKEYS,
                                                         arena, &passkeys, &count);
    for (size_t i = 0; status == SP_OK && i < count; i++)
        status = store->methods->drop_record(store, SP_RECORD_PASSKEY, passkeys[i].id);
    if (status == SP_OK) {
        status = store->methods->drop_record(store, SP_RECORD_TOTP, account);
        status = status == SP_NOT_FOUND ? SP_OK : status;
    }
    return status == SP_OK ? sp_recovery_codes_drop(store, arena, account) : status;
}
