/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_sql.h"

/* Far more than a ring ever holds. */
#define MAX_STORED_KEYS 64u

enum sp_status sp_sql_put_key(struct sp_store *store, const struct sp_stored_key *key)
{
    return SP_SQL_RUN(store, SP_SQL_PUT_KEY,
                      .values = {sp_sql_text(key->kid), sp_sql_text(key->algorithm), sp_sql_number(key->created_at),
                                 sp_sql_number(key->active_from), sp_sql_number(key->active_until),
                                 sp_sql_number(key->forget_at), sp_sql_bytes(key->sealed.at, key->sealed.len)});
}

enum sp_status sp_sql_drop_key(struct sp_store *store, struct sp_str kid)
{
    return SP_SQL_RUN(store, SP_SQL_DROP_KEY, .values = {sp_sql_text(kid)});
}

static enum sp_status read_key(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    struct sp_stored_key *key = element;
    key->created_at = columns[2].number;
    key->active_from = columns[3].number;
    key->active_until = columns[4].number;
    key->forget_at = columns[5].number;
    enum sp_status status = sp_sql_copy(columns, 2, arena, (struct sp_str *[]){&key->kid, &key->algorithm});
    return status == SP_OK ? sp_arena_copy(arena, columns[6].text, &key->sealed) : status;
}

enum sp_status sp_sql_list_keys(struct sp_store *store, struct sp_arena *arena, struct sp_stored_key **keys,
                                size_t *count)
{
    const struct sp_sql_query query = {.statement = SP_SQL_LIST_KEYS};
    return sp_sql_list(store, &query, read_key, sizeof **keys, MAX_STORED_KEYS, arena, keys, count);
}
