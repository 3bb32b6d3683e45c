/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_sql.h"

#include <assert.h>

enum sp_status sp_sql_run(struct sp_store *store, const struct sp_sql_query *query)
{
    struct sp_sql_store *self = (struct sp_sql_store *)store;
    return self->run(self, query);
}

enum sp_status sp_sql_keep(struct sp_store *store)
{
    struct sp_sql_store *self = (struct sp_sql_store *)store;
    assert(self->in_call);
    enum sp_status status = self->release(self);
    if (status != SP_OK)
        store->methods->undo(store);
    else
        store->kept++;
    self->in_call = false;
    return status;
}

enum sp_status sp_sql_change(struct sp_store *store, const struct sp_sql_query *like)
{
    size_t changed = 0;
    struct sp_sql_query query = *like;
    query.changed = &changed;
    enum sp_status status = sp_sql_run(store, &query);
    return status == SP_OK && changed == 0 ? SP_NOT_FOUND : status;
}

struct collecting {
    sp_sql_read *read;
    struct sp_arena *arena;
    char *at;
    size_t size, most, count;
};

static enum sp_status collect(const struct sp_sql_value *columns, void *into)
{
    struct collecting *collecting = into;
    if (collecting->count == collecting->most)
        return SP_OK;
    void *element = collecting->at + collecting->size * collecting->count++;
    return collecting->read(columns, collecting->arena, element);
}

enum sp_status sp_sql_first(struct sp_store *store, const struct sp_sql_query *like, sp_sql_read *read, size_t size,
                            struct sp_arena *arena, void *element)
{
    _Alignas(max_align_t) char found[SP_SQL_MAX_ELEMENT] = {0};
    assert(size <= sizeof found);
    struct collecting collecting = {read, arena, found, size, 1, 0};
    struct sp_sql_query query = *like;
    query.read = collect;
    query.into = &collecting;
    enum sp_status status = sp_sql_run(store, &query);
    if (status == SP_OK && collecting.count == 0)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        memcpy(element, found, size);
    return status;
}

enum sp_status sp_sql_list(struct sp_store *store, const struct sp_sql_query *like, sp_sql_read *read, size_t size,
                           size_t most, struct sp_arena *arena, void *list, size_t *count)
{
    struct collecting collecting = {read, arena, sp_arena_calloc(arena, most, size), size, most, 0};
    if (collecting.at == NULL)
        return SP_NO_MEMORY;
    struct sp_sql_query query = *like;
    query.read = collect;
    query.into = &collecting;
    enum sp_status status = sp_sql_run(store, &query);
    if (status == SP_OK) {
        memcpy(list, &collecting.at, sizeof collecting.at);
        *count = collecting.count;
    }
    return status;
}

enum sp_status sp_sql_copy(const struct sp_sql_value *columns, size_t count, struct sp_arena *arena,
                           struct sp_str *const into[])
{
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < count; i++)
        status = sp_arena_copy(arena, columns[i].text, into[i]);
    return status;
}
