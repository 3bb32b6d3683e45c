/* SPDX-License-Identifier: Apache-2.0 */
/* How a store comes by its tables: made once, brought up to date, refused when newer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "authority/store_sql.h"
#include "tests/support/private_postgres.h"
#include "tests/support/store_fixture.h"

/* As the first release wrote it. */
static const char old_sqlite[] =
    "CREATE TABLE tickets(kind INTEGER NOT NULL, hash BLOB NOT NULL, family TEXT, client_id TEXT, subject TEXT,"
    " issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL DEFAULT 0, data TEXT,"
    " PRIMARY KEY(kind,hash)) WITHOUT ROWID;"
    "CREATE INDEX tickets_by_end ON tickets(expires_at);"
    "CREATE INDEX tickets_by_family ON tickets(family) WHERE family IS NOT NULL;"
    "CREATE TABLE signing_keys(kid TEXT PRIMARY KEY, algorithm TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " active_from INTEGER NOT NULL, active_until INTEGER NOT NULL, forget_at INTEGER NOT NULL, sealed BLOB NOT NULL);"
    "CREATE TABLE accounts(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, password_hash TEXT NOT NULL,"
    " claims TEXT NOT NULL, created_at INTEGER NOT NULL, failed_at INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " disabled INTEGER NOT NULL);"
    "CREATE TABLE consents(subject TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,"
    " granted_at INTEGER NOT NULL, PRIMARY KEY(subject,client_id)) WITHOUT ROWID;"
    "INSERT INTO accounts VALUES('id1','Ann','hash','{}',1,2,3,0);"
    "INSERT INTO tickets VALUES(4,zeroblob(32),'f','app','id1',10,9000,0,'{\\\"scope\\\":\\\"read\\\"}'),"
    "(3,zeroblob(32),'f','app','id1',9,70,11,NULL);"
    "INSERT INTO signing_keys VALUES('k1','ES256',10,20,0,0,X'0001ff');"
    "PRAGMA user_version=1";
/* A schema that an administrator made for a role that may make none, with nothing in it. */
static const char old_postgres[] =
    "CREATE SCHEMA prepared; CREATE TABLE prepared.schema_version(version BIGINT NOT NULL);"
    "INSERT INTO prepared.schema_version VALUES(0)";

static void make_old(struct store_fixture *f)
{
    char command[3000];
    if (f->back_end == STORE_SQLITE) {
        snprintf(f->path + strlen(f->path) - 6, 7, "%s", "older."); /* beside the file of store_fixture_open */
        snprintf(command, sizeof command,
                 "python3 -c 'import sqlite3,sys; sqlite3.connect(\"%s\").executescript(sys.argv[1])' \"%s\"", f->path,
                 old_sqlite);
    } else {
        snprintf(f->schema, sizeof f->schema, "prepared");
        snprintf(command, sizeof command, "psql -q '%s' -c '%s'", private_postgres_url(), old_postgres);
    }
    assert_int_equal(system(command), 0);
}

static void expect_old_tickets(struct store_fixture *f, struct sp_store *store)
{
    static const unsigned char zeros[32] = {0};
    struct sp_ticket ticket, *list;
    size_t count;
    assert_int_equal(store->methods->find_ticket(store, SP_TICKET_REFRESH, zeros, f->arena, &ticket), SP_OK);
    assert_true(sp_str_equal(ticket.family, SP_STR("f")) && sp_str_equal(ticket.client_id, SP_STR("app")));
    assert_true(sp_str_equal(ticket.data, SP_STR("{\"scope\":\"read\"}")));
    assert_true(ticket.issued_at == 10 && ticket.expires_at == 9000 && ticket.used_at == 0);
    assert_int_equal(store->methods->find_ticket(store, SP_TICKET_CODE, zeros, f->arena, &ticket), SP_OK);
    assert_true(ticket.used_at == 11 && ticket.data.at == NULL);
    assert_int_equal(
        store->methods->list_tickets(store, SP_TICKET_REFRESH, SP_STR("id1"), 100, 8, f->arena, &list, &count), SP_OK);
    assert_int_equal(count, 1);
}

static void an_older_schema_is_brought_up_to_date_and_keeps_what_it_holds(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    char first_path[sizeof f->path];
    memcpy(first_path, f->path, sizeof first_path);
    make_old(f);
    for (int twice = 0; twice < 2; twice++) {
        struct sp_store *store = store_open_one(f);
        const struct sp_store_methods *m = store->methods;
        struct sp_record record = {SP_RECORD_TOTP, SP_STR("id1"), SP_STR("id1"), SP_STR("{}"), 1, 0};
        struct sp_account account;
        struct sp_stored_key *keys;
        size_t count;
        assert_int_equal(m->put_record(store, &record, NULL), SP_OK);
        if (f->back_end == STORE_SQLITE) {
            assert_int_equal(m->find_account(store, SP_STR("ANN"), f->arena, &account), SP_OK);
            assert_int_equal(account.failures, 3);
            assert_int_equal(m->list_keys(store, f->arena, &keys, &count), SP_OK);
            assert_true(count == 1 && sp_str_equal(keys[0].sealed, sp_str("\0\x01\xff", 3)));
            expect_old_tickets(f, store);
        }
        m->destroy(&store);
    }
    if (f->back_end == STORE_SQLITE) {
        unlink(f->path);
        memcpy(f->path, first_path, sizeof first_path);
    }
}

static void a_schema_of_a_newer_version_is_refused(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    char trouble[256] = "", command[256];
    struct sp_store *store = NULL;
    snprintf(command, sizeof command, "psql -q '%s' -c 'UPDATE %s.schema_version SET version=999'",
             private_postgres_url(), f->schema);
    assert_int_equal(system(command), 0);
    const struct sp_postgres_terms terms = {.url = sp_str_from_cstr(private_postgres_url()),
                                            .schema = sp_str_from_cstr(f->schema)};
    assert_int_equal(sp_store_open_postgres(&terms, &store, trouble), SP_UNSUPPORTED);
    assert_true(strstr(trouble, "newer version") != NULL);
}

static void nodes_that_start_together_make_the_schema_once(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    snprintf(f->schema, sizeof f->schema, "together");
    for (int i = 0; i < 6; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct sp_store *store = store_open_in_child(f);
            struct sp_ticket ticket = store_ticket_of(SP_TICKET_ACCESS, (unsigned char)i);
            _exit(store->methods->put_ticket(store, &ticket, NULL) == SP_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status = 1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

/* What each write of a ticket and the list of a person's cost, by SQLite's own plan. */
static void no_write_of_a_ticket_makes_a_table_and_lists_use_their_index(void **state)
{
#define FOLDED(text) text
#define STATEMENT(name, how, text) [SP_SQL_##name] = text,
    static const char *const texts[] = {
#include "authority/store_statements.def"
    };
#undef STATEMENT
#undef FOLDED
    static const struct {
        enum sp_statement statement;
        const char *explain, *expected;
    } rows[] = {
        {SP_SQL_PUT_TICKET, "EXPLAIN", "\"OpenEphemeral\" not in plan"},
        {SP_SQL_ADD_TICKET, "EXPLAIN", "\"OpenEphemeral\" not in plan"},
        {SP_SQL_USE_TICKET, "EXPLAIN", "\"OpenEphemeral\" not in plan"},
        {SP_SQL_LIST_TICKETS, "EXPLAIN QUERY PLAN", "\"USING INDEX tickets_by_subject\" in plan"},
    };
    struct store_fixture *f = store_fixture_of(state);
    struct sp_store *store = store_open_one(f);
    store->methods->destroy(&store);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char command[2000];
        snprintf(command, sizeof command,
                 "python3 -c 'import re,sqlite3,sys; sql=sys.argv[2]; "
                 "plan=str(sqlite3.connect(sys.argv[1]).execute(sql, [None]*len(set(re.findall(r\"[$]\\d\", "
                 "sql)))).fetchall()); assert %s, plan' '%s' '%s %s'",
                 rows[i].expected, f->path, rows[i].explain, texts[rows[i].statement]);
        assert_int_equal(system(command), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_ROW(an_older_schema_is_brought_up_to_date_and_keeps_what_it_holds),
        STORE_SQLITE_ROW(no_write_of_a_ticket_makes_a_table_and_lists_use_their_index),
        STORE_POSTGRES_ROW(a_schema_of_a_newer_version_is_refused),
        STORE_POSTGRES_ROW(nodes_that_start_together_make_the_schema_once),
    };
    return cmocka_run_group_tests(tests, store_postgres_start, store_postgres_stop);
}
