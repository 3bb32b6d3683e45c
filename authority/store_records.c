/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_sql.h"

enum sp_status sp_sql_put_record(struct sp_store *store, const struct sp_record *record, bool *fresh)
{
    size_t changed = 0;
    enum sp_status status = SP_SQL_RUN(store, fresh != NULL ? SP_SQL_ADD_RECORD : SP_SQL_PUT_RECORD,
                                       .values = {sp_sql_number((int64_t)record->kind), sp_sql_text(record->id),
                                                  sp_sql_text(record->owner), sp_sql_text(record->data),
                                                  sp_sql_number(record->created_at), sp_sql_number(record->due_at)},
                                       .changed = fresh != NULL ? &changed : NULL);
    if (status == SP_OK && fresh != NULL)
        *fresh = changed == 1;
    return status;
}

static enum sp_status read_record(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    struct sp_record *record = element;
    record->created_at = columns[3].number;
    record->due_at = columns[4].number;
    return sp_sql_copy(columns, 3, arena, (struct sp_str *[]){&record->id, &record->owner, &record->data});
}

enum sp_status sp_sql_find_record(struct sp_store *store, enum sp_record_kind kind, struct sp_str id,
                                  struct sp_arena *arena, struct sp_record *record)
{
    const struct sp_sql_query query = {SP_SQL_FIND_RECORD, .values = {sp_sql_number((int64_t)kind), sp_sql_text(id)}};
    enum sp_status status = sp_sql_first(store, &query, read_record, sizeof *record, arena, record);
    if (status == SP_OK)
        record->kind = kind;
    return status;
}

enum sp_status sp_sql_drop_record(struct sp_store *store, enum sp_record_kind kind, struct sp_str id)
{
    return SP_SQL_CHANGE(store, SP_SQL_DROP_RECORD, .values = {sp_sql_number((int64_t)kind), sp_sql_text(id)});
}

static enum sp_status read_records(struct sp_store *store, const struct sp_sql_query *query, enum sp_record_kind kind,
                                   size_t most, struct sp_arena *arena, struct sp_record **records, size_t *count)
{
    struct sp_record *list = NULL;
    enum sp_status status = sp_sql_list(store, query, read_record, sizeof *list, most, arena, &list, count);
    for (size_t i = 0; status == SP_OK && i < *count; i++)
        list[i].kind = kind;
    if (status == SP_OK)
        *records = list;
    return status;
}

enum sp_status sp_sql_list_records(struct sp_store *store, enum sp_record_kind kind, struct sp_str owner,
                                   struct sp_str after, size_t most, struct sp_arena *arena, struct sp_record **records,
                                   size_t *count)
{
    struct sp_sql_value first = sp_sql_number((int64_t)kind),
                        behind = sp_sql_text(after.at != NULL ? after : SP_STR("")),
                        limit = sp_sql_number((int64_t)most);
    const struct sp_sql_query all = {SP_SQL_LIST_RECORDS, .values = {first, behind, limit}},
                              owned = {SP_SQL_LIST_OWNED, .values = {first, behind, sp_sql_text(owner), limit}};
    return read_records(store, owner.at != NULL ? &owned : &all, kind, most, arena, records, count);
}

enum sp_status sp_sql_list_due(struct sp_store *store, enum sp_record_kind kind, int64_t now, size_t most,
                               struct sp_arena *arena, struct sp_record **records, size_t *count)
{
    const struct sp_sql_query query = {
        SP_SQL_LIST_DUE, .values = {sp_sql_number((int64_t)kind), sp_sql_number(now), sp_sql_number((int64_t)most)}};
    return read_records(store, &query, kind, most, arena, records, count);
}

static enum sp_status read_count(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    (void)arena;
    *(int64_t *)element = columns[0].number;
    return SP_OK;
}

enum sp_status sp_sql_count_records(struct sp_store *store, enum sp_record_kind kind, int64_t *count)
{
    const struct sp_sql_query query = {SP_SQL_COUNT_RECORDS, .values = {sp_sql_number((int64_t)kind)}};
    return sp_sql_first(store, &query, read_count, sizeof *count, NULL, count);
}
