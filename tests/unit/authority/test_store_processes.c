/* SPDX-License-Identifier: Apache-2.0 */
/* What several processes with one store may rely on: whatever each of them decides on is as the others left it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/store_fixture.h"

static void whoever_waits_for_another_process_is_told_so_and_goes_on_afterwards(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket code = store_ticket_of(SP_TICKET_CODE, 6), ticket = store_ticket_of(SP_TICKET_ACCESS, 7), found;
    bool first = false;
    store_put_kept(f->store, &code);
    assert_int_equal(m->begin(f->other), SP_OK);
    assert_int_equal(store_find(f, f->other, &code, &found), SP_OK); /* held from here on */
    enum sp_status status = m->begin(f->store);
    if (status == SP_OK) {
        assert_int_equal(m->put_ticket(f->store, &ticket, NULL), SP_OK);
        status = m->use_ticket(f->store, code.kind, code.hash, 150, &first);
        assert_int_equal(m->keep(f->store), SP_IO); /* a call that failed is not kept */
    }
    assert_int_equal(status, SP_IO);
    assert_true(strstr(f->store->trouble, "lock") != NULL);
    assert_int_equal(m->flush(f->store), SP_OK); /* its neighbours are not to suffer */
    assert_int_equal(store_find(f, f->store, &ticket, &found), SP_NOT_FOUND);
    assert_int_equal(m->use_ticket(f->other, code.kind, code.hash, 140, &first), SP_OK);
    assert_true(first);
    assert_int_equal(m->keep(f->other), SP_OK);
    assert_int_equal(m->flush(f->other), SP_OK);
    store_put_kept(f->store, &ticket);
    assert_int_equal(m->use_ticket(f->store, code.kind, code.hash, 150, &first), SP_OK);
    assert_false(first);
}

/* Two processes read a number, add one, write it back. */
#define ROUNDS 60
static int count_up(const struct store_fixture *f)
{
    struct sp_store *store = store_open_in_child(f);
    struct sp_arena *arena = sp_arena_create(1 << 20);
    const struct sp_store_methods *m = store->methods;
    for (int done = 0, tries = 0; done < ROUNDS && tries < 100 * ROUNDS; tries++) {
        struct sp_account account;
        if (m->begin(store) == SP_OK) {
            enum sp_status status = m->get_account(store, SP_STR("id1"), arena, &account);
            account.failures++;
            if (status == SP_OK)
                status = m->put_account(store, &account);
            if (status == SP_OK)
                status = m->keep(store);
            else
                m->undo(store);
            if (m->flush(store) == SP_OK && status == SP_OK)
                done++;
        }
        sp_arena_reset(arena);
    }
    m->destroy(&store);
    sp_arena_destroy(&arena);
    return 0;
}

static void what_is_read_decided_and_written_by_two_processes_loses_nothing(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_account account = {SP_STR("id1"), SP_STR("Ann"), SP_STR("hash"), SP_STR("{}"), 1, 2, 0, false}, found;
    assert_int_equal(f->store->methods->put_account(f->store, &account), SP_OK);
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(count_up(f));
    }
    for (int i = 0; i < 2; i++) {
        int status = 1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(f->store->methods->get_account(f->store, SP_STR("id1"), f->arena, &found), SP_OK);
    assert_int_equal(found.failures, 2 * ROUNDS);
}

/* Many processes want one code: exactly one has it. */
#define RACERS 8
static void of_many_processes_one_redeems_a_code(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    int start[2], winners = 0;
    struct sp_ticket code = store_ticket_of(SP_TICKET_CODE, 30);
    store_put_kept(f->store, &code);
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < RACERS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid != 0)
            continue;
        struct sp_store *mine = store_open_in_child(f);
        const struct sp_store_methods *m = mine->methods;
        char byte;
        bool first = false;
        close(start[1]);
        if (read(start[0], &byte, 1) != 0)
            _exit(2);
        for (int tries = 0; tries < 100; tries++) {
            if (m->begin(mine) != SP_OK)
                continue;
            enum sp_status status = m->use_ticket(mine, code.kind, code.hash, 100 + i, &first);
            if (status == SP_OK)
                status = m->keep(mine);
            else
                m->undo(mine);
            if (m->flush(mine) == SP_OK && status == SP_OK)
                _exit(first ? 1 : 0);
        }
        _exit(2);
    }
    close(start[0]);
    close(start[1]); /* go */
    for (int i = 0; i < RACERS; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        winners += WEXITSTATUS(status);
    }
    assert_int_equal(winners, 1);
}

/* Two nodes that start together must not both make the first key. */
static void an_empty_list_of_keys_is_held_too(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_stored_key *keys;
    size_t count;
    assert_int_equal(m->begin(f->other), SP_OK);
    assert_int_equal(m->list_keys(f->other, f->arena, &keys, &count), SP_OK);
    enum sp_status status = m->begin(f->store);
    if (status == SP_OK) {
        status = m->list_keys(f->store, f->arena, &keys, &count);
        m->undo(f->store);
        assert_int_equal(m->flush(f->store), SP_OK);
    }
    assert_int_equal(status, SP_IO);
    m->undo(f->other);
    assert_int_equal(m->flush(f->other), SP_OK);
}

static void the_version_tells_that_another_process_wrote(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    int64_t before, after;
    assert_int_equal(f->store->methods->version(f->store, &before), SP_OK);
    struct sp_stored_key key = {SP_STR("k1"), SP_STR("ES256"), 10, 20, 0, 0, {"x", 1}};
    for (int i = 0; i < 2; i++) {
        key.active_until++;
        assert_int_equal(f->other->methods->put_key(f->other, &key), SP_OK);
        assert_int_equal(f->store->methods->version(f->store, &after), SP_OK);
        assert_int_not_equal(before, after);
        before = after;
    }
    assert_int_equal(f->other->methods->drop_key(f->other, key.kid), SP_OK);
    assert_int_equal(f->store->methods->version(f->store, &after), SP_OK);
    assert_int_not_equal(before, after);
    /* And clients that registered themselves: made, changed, removed. */
    struct sp_record client = {.kind = SP_RECORD_CLIENT, .id = SP_STR("spdc_x"), .data = SP_STR("{}")};
    for (int i = 0; i < 3; i++) {
        before = after;
        client.data = i == 0 ? SP_STR("{}") : SP_STR("{\"a\":1}"); /* the same again would be no change to SQLite */
        assert_int_equal(f->other->methods->begin(f->other), SP_OK);
        assert_int_equal(i < 2 ? f->other->methods->put_record(f->other, &client, NULL)
                               : f->other->methods->drop_record(f->other, client.kind, client.id),
                         SP_OK);
        assert_int_equal(f->other->methods->keep(f->other), SP_OK);
        assert_int_equal(f->other->methods->flush(f->other), SP_OK);
        assert_int_equal(f->store->methods->version(f->store, &after), SP_OK);
        assert_int_not_equal(before, after);
    }
}

static void start_turn(struct sp_store *store)
{
    if (store->methods->share_reads != NULL)
        store->methods->share_reads(store);
}

/* What another process wrote meanwhile may be unseen until the flush; one's own is not, and never what is decided on.
 */
static void a_turn_that_shares_its_reads_sees_what_it_must(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket mine = store_ticket_of(SP_TICKET_REFRESH, 1), theirs = store_ticket_of(SP_TICKET_REFRESH, 2),
                     found;
    bool first = true;
    start_turn(f->store);
    assert_int_equal(store_find(f, f->store, &mine, &found), SP_NOT_FOUND);
    store_put_kept(f->other, &theirs); /* a reader keeps nobody from writing */
    assert_int_equal(f->store->methods->begin(f->store), SP_OK);
    assert_int_equal(store_find(f, f->store, &theirs, &found), SP_OK);
    assert_int_equal(f->store->methods->use_ticket(f->store, theirs.kind, theirs.hash, 150, &first), SP_OK);
    assert_true(first);
    assert_int_equal(f->store->methods->put_ticket(f->store, &mine, NULL), SP_OK);
    assert_int_equal(f->store->methods->keep(f->store), SP_OK);
    assert_int_equal(store_find(f, f->store, &mine, &found), SP_OK);
    assert_int_equal(f->store->methods->flush(f->store), SP_OK);
    /* A turn without a write ends as well: the next one sees what the other process wrote, and so does a writer without
     * a call around it. */
    for (int turn = 0; turn < 3; turn++) {
        start_turn(f->store);
        assert_int_equal(store_find(f, f->store, &mine, &found), turn < 2 ? SP_OK : SP_NOT_FOUND);
        if (turn == 1)
            assert_int_equal(f->other->methods->drop_ticket(f->other, mine.kind, mine.hash), SP_OK);
        assert_int_equal(f->store->methods->drop_ticket(f->store, theirs.kind, theirs.hash), SP_OK);
        assert_int_equal(f->store->methods->flush(f->store), SP_OK);
    }
    assert_int_equal(store_find(f, f->other, &theirs, &found), SP_NOT_FOUND);
    start_turn(f->store); /* and may be left as it is */
    assert_int_equal(store_find(f, f->store, &mine, &found), SP_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_ROW(whoever_waits_for_another_process_is_told_so_and_goes_on_afterwards),
        STORE_ROW(what_is_read_decided_and_written_by_two_processes_loses_nothing),
        STORE_ROW(of_many_processes_one_redeems_a_code),
        STORE_ROW(an_empty_list_of_keys_is_held_too),
        STORE_ROW(the_version_tells_that_another_process_wrote),
        STORE_ROW(a_turn_that_shares_its_reads_sees_what_it_must),
    };
    return cmocka_run_group_tests(tests, store_postgres_start, store_postgres_stop);
}
