/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_sql.h"

enum sp_status sp_sql_put_account(struct sp_store *store, const struct sp_account *account)
{
    return SP_SQL_RUN(store, SP_SQL_PUT_ACCOUNT,
                      .values = {sp_sql_text(account->id), sp_sql_text(account->name),
                                 sp_sql_text(account->password_hash), sp_sql_text(account->claims),
                                 sp_sql_number(account->created_at), sp_sql_number(account->failed_at),
                                 sp_sql_number(account->failures), sp_sql_number(account->disabled)});
}

static enum sp_status read_account(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    struct sp_account *account = element;
    account->created_at = columns[4].number;
    account->failed_at = columns[5].number;
    account->failures = columns[6].number;
    account->disabled = columns[7].number != 0;
    return sp_sql_copy(columns, 4, arena,
                       (struct sp_str *[]){&account->id, &account->name, &account->password_hash, &account->claims});
}

static enum sp_status one_account(struct sp_store *store, enum sp_statement which, struct sp_str value,
                                  struct sp_arena *arena, struct sp_account *account)
{
    const struct sp_sql_query query = {which, .values = {sp_sql_text(value)}};
    return sp_sql_first(store, &query, read_account, sizeof *account, arena, account);
}

enum sp_status sp_sql_find_account(struct sp_store *store, struct sp_str name, struct sp_arena *arena,
                                   struct sp_account *account)
{
    return one_account(store, SP_SQL_FIND_ACCOUNT, name, arena, account);
}

enum sp_status sp_sql_get_account(struct sp_store *store, struct sp_str id, struct sp_arena *arena,
                                  struct sp_account *account)
{
    return one_account(store, SP_SQL_GET_ACCOUNT, id, arena, account);
}

static enum sp_status read_disabled(const struct sp_sql_value *columns, struct sp_arena *arena, void *element)
{
    (void)arena;
    *(bool *)element = columns[0].number != 0;
    return SP_OK;
}

enum sp_status sp_sql_get_account_disabled(struct sp_store *store, struct sp_str id, bool *disabled)
{
    const struct sp_sql_query query = {SP_SQL_ACCOUNT_DISABLED, .values = {sp_sql_text(id)}};
    return sp_sql_first(store, &query, read_disabled, sizeof *disabled, NULL, disabled);
}

enum sp_status sp_sql_list_accounts(struct sp_store *store, struct sp_str after, size_t most, struct sp_arena *arena,
                                    struct sp_account **accounts, size_t *count)
{
    const struct sp_sql_query query = {SP_SQL_LIST_ACCOUNTS,
                                       .values = {sp_sql_text(after), sp_sql_number((int64_t)most)}};
    return sp_sql_list(store, &query, read_account, sizeof **accounts, most, arena, accounts, count);
}

enum sp_status sp_sql_drop_account(struct sp_store *store, struct sp_str id)
{
    return SP_SQL_CHANGE(store, SP_SQL_DROP_ACCOUNT, .values = {sp_sql_text(id)});
}
