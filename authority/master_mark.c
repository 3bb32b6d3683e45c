/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/master_mark.h"

#include <stdio.h>
#include "authority/handle.h"

#define ID SP_STR("mark")
/* Times that one key was in use, and names looked at in one go. */
#define MAX_TIMES 64u
#define PORTION 256u
#define PORTION_BYTES (256u * 1024)

/* The key in use is the record "mark", since its created_at. An earlier one is a record for each of its times, owned by
 * its mark: from created_at to due_at. */
static enum sp_status keep_time(struct sp_store *store, const struct sp_record *left, struct sp_arena *arena,
                                int64_t now)
{
    const struct sp_record record = {
        .kind = SP_RECORD_MASTER_KEY,
        .id = sp_arena_printf(arena, "until %020lld %.*s", (long long)now, SP_STR_ARG(left->data)),
        .owner = left->data,
        .data = SP_STR("{}"),
        .created_at = left->created_at,
        .due_at = now,
    };
    return record.id.at != NULL ? store->methods->put_record(store, &record, NULL) : SP_NO_MEMORY;
}

struct times {
    struct sp_record *at;
    size_t count;
};

static bool is_within(const struct times *times, int64_t told_at)
{
    for (size_t i = 0; i < times->count; i++)
        if (told_at >= times->at[i].created_at && told_at <= times->at[i].due_at)
            return true;
    return false;
}

/* In portions: there may be more names than an arena holds. */
static enum sp_status count_names_outside(struct sp_store *store, const struct times *times, int64_t *names)
{
    char last[256];
    struct sp_str after = SP_STR("");
    enum sp_status status = SP_OK;
    for (size_t count = PORTION; status == SP_OK && count == PORTION;) {
        struct sp_record *records = NULL;
        struct sp_arena *arena = sp_arena_create(PORTION_BYTES);
        if (arena == NULL)
            return SP_NO_MEMORY;
        status = store->methods->list_records(store, SP_RECORD_PAIRWISE, SP_STR_NONE, after, PORTION, arena, &records,
                                              &count);
        for (size_t i = 0; status == SP_OK && i < count; i++)
            *names += is_within(times, records[i].created_at) ? 0 : 1;
        if (status == SP_OK && count == PORTION) {
            int len = snprintf(last, sizeof last, "%.*s", SP_STR_ARG(records[count - 1].id));
            after = sp_str(last, (size_t)len);
        }
        sp_arena_destroy(&arena);
    }
    return status;
}

static enum sp_status look_back(struct sp_store *store, struct sp_str mark, struct sp_arena *arena,
                                struct sp_master_change *change)
{
    struct times times = {NULL, 0};
    enum sp_status status = store->methods->list_records(store, SP_RECORD_MASTER_KEY, mark, SP_STR(""), MAX_TIMES,
                                                         arena, &times.at, &times.count);
    change->is_known_again = times.count > 0;
    if (status != SP_OK)
        return status;
    return times.count > 0 ? count_names_outside(store, &times, &change->lost_names)
                           : store->methods->count_records(store, SP_RECORD_PAIRWISE, &change->lost_names);
}

static enum sp_status check(struct sp_store *store, struct sp_str mark, struct sp_arena *arena, int64_t now,
                            struct sp_master_change *change)
{
    struct sp_record found;
    struct sp_record record = {.kind = SP_RECORD_MASTER_KEY, .id = ID, .data = mark}; /* compared as a text */
    enum sp_status status = store->methods->find_record(store, SP_RECORD_MASTER_KEY, ID, arena, &found);
    if (status == SP_OK && sp_str_equal(found.data, mark))
        return SP_OK;
    if (status == SP_NOT_FOUND) /* the first one: whatever was told, was told under it */
        return store->methods->put_record(store, &record, NULL);
    record.created_at = now;
    if (status == SP_OK)
        status = keep_time(store, &found, arena, now);
    if (status == SP_OK)
        status = look_back(store, mark, arena, change);
    return status == SP_OK ? store->methods->put_record(store, &record, NULL) : status;
}

enum sp_status sp_master_mark_check(struct sp_store *store, const unsigned char process_secret[32],
                                    struct sp_arena *arena, int64_t now, struct sp_master_change *change)
{
    unsigned char mac[32];
    struct sp_master_change found = {0, false};
    sp_mac(process_secret, SP_STR("mark of the master key"), mac);
    struct sp_str text =
        sp_arena_printf(arena, "{\"mark\":\"%.*s\"}", SP_STR_ARG(sp_base64url_of(arena, mac, sizeof mac)));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return status;
    status = check(store, text, arena, now, &found);
    status = sp_store_commit(store, status);
    if (status == SP_OK)
        *change = found;
    return status;
}
