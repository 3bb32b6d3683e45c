/* SPDX-License-Identifier: Apache-2.0 */
/* What one back end alone has: SQLite's files, PostgreSQL's server and the way to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/private_postgres.h"
#include "tests/support/store_fixture.h"

#define LARGE_BYTES 24000u
#define LARGE_TICKETS 1600u

static struct sp_ticket numbered(unsigned number, struct sp_str data)
{
    struct sp_ticket ticket = store_ticket_of(SP_TICKET_ACCESS, 0);
    memcpy(ticket.hash, &number, sizeof number);
    ticket.data = data;
    return ticket;
}

static void copy_file(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    for (size_t len; (len = fread(block, 1, sizeof block, in)) > 0;)
        assert_int_equal(fwrite(block, 1, len, out), len);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* More pages than the cache holds, so that some are written and read again before the commit; every third call is
 * undone. Once flush has answered, everything is in the files, for whoever finds them after a crash. */
static void after_the_flush_of_a_large_turn_the_files_have_it_all(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    static char data[LARGE_BYTES];
    memset(data, 'x', sizeof data);
    struct sp_ticket found;
    for (unsigned i = 0; i < LARGE_TICKETS; i++) {
        struct sp_ticket ticket = numbered(i, sp_str(data, sizeof data));
        assert_int_equal(f->store->methods->begin(f->store), SP_OK);
        assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, NULL), SP_OK);
        if (i % 3 == 0)
            f->store->methods->undo(f->store);
        else
            assert_int_equal(f->store->methods->keep(f->store), SP_OK);
    }
    assert_int_equal(store_find(f, f->store, &(const struct sp_ticket){.kind = SP_TICKET_ACCESS, .hash = {1}}, &found),
                     SP_OK);
    assert_int_equal(f->store->methods->flush(f->store), SP_OK);
    /* As a crash leaves them: the index of the log in shared memory is lost. */
    struct store_fixture crashed = *f;
    char from[80], to[96];
    snprintf(crashed.path, sizeof crashed.path, "%.40s.crashed", f->path);
    copy_file(f->path, crashed.path);
    snprintf(from, sizeof from, "%s-wal", f->path);
    snprintf(to, sizeof to, "%s-wal", crashed.path);
    copy_file(from, to);
    struct sp_store *again = store_open_one(&crashed);
    for (unsigned i = 0; i < LARGE_TICKETS; i++) {
        struct sp_ticket ticket = numbered(i, SP_STR_NONE);
        sp_arena_reset(f->arena);
        assert_int_equal(store_find(f, again, &ticket, &found), i % 3 == 0 ? SP_NOT_FOUND : SP_OK);
        if (i % 3 != 0)
            assert_true(sp_str_equal(found.data, sp_str(data, sizeof data)));
    }
    again->methods->destroy(&again);
    assert_int_equal(unlink(crashed.path), 0);
}

static void only_the_owner_may_read_the_file(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct stat about;
    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void a_file_that_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct sp_store *store = NULL;
    char trouble[256];
    assert_int_equal(sp_store_open_sqlite("/nonexistent/x.sqlite", &store, trouble), SP_IO);
    assert_true(strstr(trouble, "/nonexistent/x.sqlite") != NULL);
    assert_null(store);
}

static enum sp_status write_one(struct sp_store *store, const struct sp_ticket *ticket)
{
    enum sp_status status = store->methods->begin(store);
    if (status == SP_OK)
        status = store->methods->put_ticket(store, ticket, NULL);
    return sp_store_commit(store, status);
}

static void a_file_that_was_deleted_moved_or_replaced_takes_nothing_and_is_named(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket before = store_ticket_of(SP_TICKET_CODE, 40), lost = store_ticket_of(SP_TICKET_CODE, 41), found;
    char away[96];
    int64_t version;
    snprintf(away, sizeof away, "%.60s.away", f->path);
    store_put_kept(f->store, &before);
    for (int is_replaced = 0; is_replaced < 2; is_replaced++) {
        assert_int_equal(rename(f->path, away), 0);
        if (is_replaced)
            copy_file(away, f->path);
        assert_int_equal(write_one(f->store, &lost), SP_IO);
        assert_non_null(strstr(f->store->trouble, f->path));
        assert_non_null(strstr(f->store->trouble, is_replaced ? "another file" : "is gone"));
        assert_int_equal(f->store->methods->begin(f->store), SP_IO);
        assert_int_equal(store_find(f, f->store, &before, &found), SP_IO);
        /* Who only reads is told from the next look on. */
        assert_int_equal(store_find(f, f->other, &before, &found), SP_OK);
        assert_int_equal(f->other->methods->version(f->other, &version), SP_IO);
        assert_int_equal(store_find(f, f->other, &before, &found), SP_IO);
        assert_int_equal(rename(away, f->path), 0);
        assert_int_equal(store_find(f, f->store, &before, &found), SP_OK);
        assert_int_equal(store_find(f, f->store, &lost, &found), SP_NOT_FOUND);
        assert_int_equal(store_find(f, f->other, &before, &found), SP_OK);
    }
    assert_int_equal(write_one(f->store, &lost), SP_OK);
    assert_int_equal(store_find(f, f->other, &lost, &found), SP_OK);
}

static void a_log_that_was_deleted_takes_nothing_and_loses_nothing(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket before = store_ticket_of(SP_TICKET_CODE, 42), lost = store_ticket_of(SP_TICKET_CODE, 43), found;
    char log[96], away[96], copy[96];
    snprintf(log, sizeof log, "%.60s-wal", f->path);
    snprintf(away, sizeof away, "%.60s.away", f->path);
    snprintf(copy, sizeof copy, "%.60s.copy", f->path);
    store_put_kept(f->store, &before);
    assert_int_equal(rename(log, away), 0);
    assert_int_equal(write_one(f->store, &lost), SP_IO);
    assert_non_null(strstr(f->store->trouble, log));
    assert_int_equal(store_find(f, f->store, &before, &found), SP_IO);
    /* Who dies now, and is started again, has all that was kept: it is in the file. */
    copy_file(f->path, copy);
    struct sp_store *restarted = NULL;
    char trouble[256];
    assert_int_equal(sp_store_open_sqlite(copy, &restarted, trouble), SP_OK);
    assert_int_equal(store_find(f, restarted, &before, &found), SP_OK);
    assert_int_equal(store_find(f, restarted, &lost, &found), SP_NOT_FOUND);
    restarted->methods->destroy(&restarted);
    assert_int_equal(rename(away, log), 0);
    assert_int_equal(write_one(f->store, &lost), SP_OK);
    assert_int_equal(store_find(f, f->other, &lost, &found), SP_OK);
    assert_int_equal(unlink(copy), 0);
}

static void a_server_that_restarts_costs_the_turn_and_no_more(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket durable = store_ticket_of(SP_TICKET_CODE, 40), doomed = store_ticket_of(SP_TICKET_CODE, 41), found;
    bool first = false;
    store_put_kept(f->store, &durable);
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->use_ticket(f->store, durable.kind, durable.hash, 150, &first), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &doomed, NULL), SP_OK);
    assert_int_equal(m->keep(f->store), SP_OK);
    private_postgres_tell("kill");
    assert_int_equal(m->begin(f->store), SP_OK); /* nobody knows yet */
    assert_int_equal(m->find_ticket(f->store, durable.kind, durable.hash, f->arena, &found), SP_IO);
    m->undo(f->store);
    assert_int_equal(m->begin(f->store), SP_IO); /* the turn is doomed */
    assert_int_equal(m->flush(f->store), SP_IO);
    assert_int_equal(store_find(f, f->store, &durable, &found), SP_IO);
    assert_true(f->store->trouble[0] != '\0');
    assert_int_equal(m->begin(f->store), SP_IO);
    assert_int_equal(m->flush(f->store), SP_OK); /* nothing was begun */
    private_postgres_tell("start");
    while (store_find(f, f->store, &durable, &found) != SP_OK)
        usleep(10000);
    assert_int_equal(found.used_at, 0); /* nothing was half-issued */
    assert_int_equal(store_find(f, f->store, &doomed, &found), SP_NOT_FOUND);
    /* An idle connection that the server ended is replaced unnoticed. */
    private_postgres_tell("stop");
    private_postgres_tell("start");
    store_put_kept(f->store, &doomed);
    assert_int_equal(store_find(f, f->other, &doomed, &found), SP_OK);
}

static void terms_that_libpq_cannot_read_are_not_quoted(void **state)
{
    (void)state;
    struct sp_store *store = NULL;
    char trouble[256];
    const struct sp_postgres_terms split = {.url = SP_STR("host=x password=open sesame")};
    assert_int_equal(sp_store_open_postgres(&split, &store, trouble), SP_MALFORMED);
    assert_true(strstr(trouble, "sesame") == NULL && strstr(trouble, "libpq") != NULL);
    const struct sp_postgres_terms schema = {.url = SP_STR("host=x"), .schema = SP_STR("a; DROP")};
    assert_int_equal(sp_store_open_postgres(&schema, &store, trouble), SP_MALFORMED);
    const struct sp_postgres_terms nobody = {.url = SP_STR("host=/nonexistent")};
    assert_int_equal(sp_store_open_postgres(&nobody, &store, trouble), SP_IO);
    assert_true(strstr(trouble, "/nonexistent") != NULL);
    assert_null(store);
}

static void over_a_network_the_server_is_verified_by_default(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool exposed;
    } rows[] = {
        {"postgresql://u@db.example/d", false},
        {"postgresql://u@db.example/d?sslmode=verify-full", false},
        {"postgresql://u@db.example/d?sslmode=require", true},
        {"postgresql://u@db.example/d?sslmode=disable", true},
        {"postgresql://u@127.0.0.1/d?sslmode=disable", false},
        {"host=localhost,db.example sslmode=prefer", true},
        {"host=/run/postgresql", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_postgres_terms terms = {.url = sp_str_from_cstr(rows[i].url)};
        if (sp_postgres_is_exposed(&terms) != rows[i].exposed)
            fail_msg("%s", rows[i].url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_SQLITE_ROW(after_the_flush_of_a_large_turn_the_files_have_it_all),
        STORE_SQLITE_ROW(only_the_owner_may_read_the_file),
        STORE_SQLITE_ROW(a_file_that_was_deleted_moved_or_replaced_takes_nothing_and_is_named),
        STORE_SQLITE_ROW(a_log_that_was_deleted_takes_nothing_and_loses_nothing),
        STORE_POSTGRES_ROW(a_server_that_restarts_costs_the_turn_and_no_more),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
        cmocka_unit_test(terms_that_libpq_cannot_read_are_not_quoted),
        cmocka_unit_test(over_a_network_the_server_is_verified_by_default),
    };
    return cmocka_run_group_tests(tests, store_postgres_start, store_postgres_stop);
}
