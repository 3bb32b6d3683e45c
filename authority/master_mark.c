/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/master_mark.h"

#include "authority/handle.h"

#define ID SP_STR("mark")

static enum sp_status check(struct sp_store *store, struct sp_str mark, struct sp_arena *arena, int64_t now,
                            int64_t *lost_names)
{
    struct sp_record found;
    int64_t names = 0;
    const struct sp_record record = {
        .kind = SP_RECORD_MASTER_KEY, .id = ID, .data = mark, .created_at = now}; /* compared as a text */
    enum sp_status status = store->methods->find_record(store, SP_RECORD_MASTER_KEY, ID, arena, &found);
    if (status == SP_OK && sp_str_equal(found.data, mark))
        return SP_OK;
    if (status == SP_OK)
        status = store->methods->count_records(store, SP_RECORD_PAIRWISE, &names);
    if (status == SP_OK || status == SP_NOT_FOUND)
        status = store->methods->put_record(store, &record, NULL);
    if (status == SP_OK)
        *lost_names = names;
    return status;
}

enum sp_status sp_master_mark_check(struct sp_store *store, const unsigned char process_secret[32],
                                    struct sp_arena *arena, int64_t now, int64_t *lost_names)
{
    unsigned char mac[32];
    int64_t names = 0;
    sp_mac(process_secret, SP_STR("mark of the master key"), mac);
    struct sp_str text =
        sp_arena_printf(arena, "{\"mark\":\"%.*s\"}", SP_STR_ARG(sp_base64url_of(arena, mac, sizeof mac)));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return status;
    status = check(store, text, arena, now, &names);
    status = sp_store_commit(store, status);
    if (status == SP_OK)
        *lost_names = names;
    return status;
}
