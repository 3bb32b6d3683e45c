/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/subject.h"

#include "authority/handle.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"

#define PREFIX "sppw_"
#define PREFIX_BYTES (sizeof PREFIX - 1)

_Static_assert(PREFIX_BYTES + SP_BASE64URL_ENCODED(32) == SP_PAIRWISE_BYTES, "a SHA-256 behind the prefix");

struct sp_str sp_subject_of(const unsigned char secret[32], const struct sp_client *client, struct sp_str account,
                            char room[SP_PAIRWISE_BYTES])
{
    unsigned char of_all[32], of_sector[32], mac[32];
    if (client->sector.at == NULL)
        return account;
    /* One key after the other: no sector and account run into each other. */
    sp_mac(secret, SP_STR("pairwise subjects"), of_all);
    sp_mac(of_all, client->sector, of_sector);
    sp_mac(of_sector, account, mac);
    memcpy(room, PREFIX, PREFIX_BYTES);
    sp_base64url_encode_into(sp_str((const char *)mac, sizeof mac), room + PREFIX_BYTES);
    sp_wipe(of_all, sizeof of_all);
    sp_wipe(of_sector, sizeof of_sector);
    return sp_str(room, SP_PAIRWISE_BYTES);
}

enum sp_status sp_subject_tell(struct sp_call *call, const struct sp_client *client, struct sp_str account,
                               struct sp_str *told)
{
    struct sp_store *store = call->authority->store;
    char room[SP_PAIRWISE_BYTES];
    bool fresh = false;
    struct sp_str name = SP_STR_NONE;
    enum sp_status status =
        sp_arena_copy(call->arena, sp_subject_of(call->authority->process_secret, client, account, room), &name);
    const struct sp_record record = {
        .kind = SP_RECORD_PAIRWISE, .id = name, .owner = account, .data = SP_STR("{}"), .created_at = call->now};
    if (status == SP_OK && client->sector.at != NULL)
        status = store->methods->put_record(store, &record, &fresh);
    if (status == SP_OK)
        *told = name;
    return status;
}

enum sp_status sp_subject_account(struct sp_call *call, struct sp_str told, struct sp_str *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    if (told.len != SP_PAIRWISE_BYTES || !sp_str_has_prefix(told, SP_STR(PREFIX))) {
        *account = told;
        return SP_OK;
    }
    enum sp_status status = store->methods->find_record(store, SP_RECORD_PAIRWISE, told, call->arena, &record);
    if (status == SP_OK || status == SP_NOT_FOUND)
        *account = status == SP_OK ? record.owner : told;
    return status == SP_NOT_FOUND ? SP_OK : status;
}
