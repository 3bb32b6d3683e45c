/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the store: the nouns (store_tickets.c, store_keys.c, store_accounts.c, store_consents.c, store_records.c) say
 * what they want as a row of store_statements.def with values; a driver (store_sqlite.c, store_postgres.c) runs it on
 * its database and hands the rows back as values. So each noun is written once, whatever the database. */
#ifndef SP_AUTHORITY_STORE_SQL_H
#define SP_AUTHORITY_STORE_SQL_H

#include "authority/store.h"

enum sp_statement {
#define FOLDED(text) text
#define STATEMENT(name, how, text) SP_SQL_##name,
#include "authority/store_statements.def"
#undef STATEMENT
#undef FOLDED
    SP_SQL_COUNT
};

/* The widest row and the most parameters of any statement. */
#define SP_SQL_MAX_VALUES 9u

enum sp_sql_kind { SP_SQL_NONE, SP_SQL_NUMBER, SP_SQL_TEXT, SP_SQL_BYTES };

struct sp_sql_value {
    enum sp_sql_kind kind;
    int64_t number;
    struct sp_str text; /* of a row: borrowed until the reader returns; absent for NULL */
};

static inline struct sp_sql_value sp_sql_number(int64_t number)
{
    return (struct sp_sql_value){.kind = SP_SQL_NUMBER, .number = number};
}

static inline struct sp_sql_value sp_sql_text(struct sp_str text)
{
    return (struct sp_sql_value){.kind = text.at != NULL ? SP_SQL_TEXT : SP_SQL_NONE, .text = text};
}

static inline struct sp_sql_value sp_sql_bytes(const void *at, size_t len)
{
    return (struct sp_sql_value){.kind = SP_SQL_BYTES, .text = sp_str(at, len)};
}

struct sp_sql_query {
    enum sp_statement statement;
    struct sp_sql_value values[SP_SQL_MAX_VALUES];
    /* Called for each row. A status other than SP_OK ends the query with it. */
    enum sp_status (*read)(const struct sp_sql_value *columns, void *into);
    void *into;
    size_t *changed; /* when not NULL: how many rows were written */
};

struct sp_sql_store {
    struct sp_store store; /* first: a struct sp_store * is one of these */
    enum sp_status (*run)(struct sp_sql_store *self, const struct sp_sql_query *query);
    enum sp_status (*release)(struct sp_sql_store *self); /* the call's savepoint: what it wrote is the turn's */
    bool in_turn, in_call;
};

/* The method `keep` of every driver. */
SP_MUST_CHECK enum sp_status sp_sql_keep(struct sp_store *store);

/* Runs a statement; the members of struct sp_sql_query by name. */
#define SP_SQL_RUN(store, which, ...)                                                                                  \
    sp_sql_run((store), &(const struct sp_sql_query){.statement = (which), __VA_ARGS__})
enum sp_status sp_sql_run(struct sp_store *store, const struct sp_sql_query *query);
/* Like run; SP_NOT_FOUND when no row was written. */
enum sp_status sp_sql_change(struct sp_store *store, const struct sp_sql_query *query);
#define SP_SQL_CHANGE(store, which, ...)                                                                               \
    sp_sql_change((store), &(const struct sp_sql_query){.statement = (which), __VA_ARGS__})

/* Reads one row into an element. Texts are copied into the arena. */
typedef enum sp_status sp_sql_read(const struct sp_sql_value *columns, struct sp_arena *arena, void *element);
/* The first row, or SP_NOT_FOUND with *element untouched; size of an element at most SP_SQL_MAX_ELEMENT. */
#define SP_SQL_MAX_ELEMENT 256u
enum sp_status sp_sql_first(struct sp_store *store, const struct sp_sql_query *query, sp_sql_read *read, size_t size,
                            struct sp_arena *arena, void *element);
/* All rows of a statement that ends with a LIMIT of `most`: *list is an array in the arena. */
enum sp_status sp_sql_list(struct sp_store *store, const struct sp_sql_query *query, sp_sql_read *read, size_t size,
                           size_t most, struct sp_arena *arena, void *list, size_t *count);
/* Copies count texts of a row, from column `from` on, into the pointed-to texts; SP_NO_MEMORY. */
enum sp_status sp_sql_copy(const struct sp_sql_value *columns, size_t count, struct sp_arena *arena,
                           struct sp_str *const into[]);

/* The nouns' part of a driver's methods. */
#define SP_SQL_METHODS(METHOD)                                                                                         \
    METHOD(put_ticket)                                                                                                 \
    METHOD(find_ticket)                                                                                                \
    METHOD(use_ticket)                                                                                                 \
    METHOD(change_ticket)                                                                                              \
    METHOD(drop_ticket)                                                                                                \
    METHOD(drop_family)                                                                                                \
    METHOD(end_family)                                                                                                 \
    METHOD(find_family_end)                                                                                            \
    METHOD(replace_ticket)                                                                                             \
    METHOD(count_family)                                                                                               \
    METHOD(list_tickets)                                                                                               \
    METHOD(purge_tickets)                                                                                              \
    METHOD(put_key)                                                                                                    \
    METHOD(drop_key)                                                                                                   \
    METHOD(list_keys)                                                                                                  \
    METHOD(put_account)                                                                                                \
    METHOD(find_account)                                                                                               \
    METHOD(get_account)                                                                                                \
    METHOD(get_account_disabled)                                                                                       \
    METHOD(list_accounts)                                                                                              \
    METHOD(drop_account)                                                                                               \
    METHOD(put_consent)                                                                                                \
    METHOD(find_consent)                                                                                               \
    METHOD(list_consents)                                                                                              \
    METHOD(drop_consent)                                                                                               \
    METHOD(put_record)                                                                                                 \
    METHOD(find_record)                                                                                                \
    METHOD(drop_record)                                                                                                \
    METHOD(list_records)                                                                                               \
    METHOD(count_records)                                                                                              \
    METHOD(list_due)

#define SP_SQL_DECLARE(method) extern typeof(*((struct sp_store_methods *)0)->method) sp_sql_##method;
SP_SQL_METHODS(SP_SQL_DECLARE)
#undef SP_SQL_DECLARE
#define SP_SQL_METHOD(method) .method = sp_sql_##method,

#endif
