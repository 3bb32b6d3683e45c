/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of a store: the same rows run on every back end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include "authority/store.h"
#include "tests/support/private_postgres.h"

enum back_end { SQLITE, POSTGRES };

struct fixture {
    enum back_end back_end;
    char path[64];                  /* SQLite's file */
    char schema[32];                /* PostgreSQL's, one a test */
    struct sp_store *store, *other; /* other: a second process's view */
    struct sp_arena *arena;
};

static bool has_postgres;

static enum sp_status try_open(const struct fixture *f, struct sp_store **store, char trouble[256])
{
    const struct sp_postgres_terms terms = {.url = sp_str_from_cstr(private_postgres_url()),
                                            .schema = sp_str_from_cstr(f->schema)};
    return f->back_end == SQLITE ? sp_store_open_sqlite(f->path, store, trouble)
                                 : sp_store_open_postgres(&terms, store, trouble);
}

static struct sp_store *open_one(const struct fixture *f)
{
    char trouble[256] = "";
    struct sp_store *store = NULL;
    if (try_open(f, &store, trouble) != SP_OK)
        fail_msg("the store does not open: %s", trouble);
    return store;
}

/* In a child, which must not go on with the parent's tests. */
static struct sp_store *open_in_child(const struct fixture *f)
{
    char trouble[256] = "";
    struct sp_store *store = NULL;
    if (try_open(f, &store, trouble) == SP_OK)
        return store;
    fprintf(stderr, "the store does not open: %s\n", trouble);
    _exit(3);
}

/* *state is the back end before the test. */
static int open_both(void **state)
{
    static int count;
    struct fixture *f = calloc(1, sizeof *f);
    f->back_end = *(const enum back_end *)*state;
    *state = NULL;
    if (f->back_end == POSTGRES && !has_postgres) {
        free(f);
        return 0;
    }
    char directory[] = "/tmp/sp-store-XXXXXX";
    if (f->back_end == SQLITE) {
        assert_non_null(mkdtemp(directory));
        snprintf(f->path, sizeof f->path, "%s/authority.sqlite", directory);
    }
    snprintf(f->schema, sizeof f->schema, "test_%d", ++count);
    f->store = open_one(f);
    f->other = open_one(f);
    f->arena = sp_arena_create(1 << 20);
    *state = f;
    return 0;
}

static int close_both(void **state)
{
    struct fixture *f = *state;
    if (f == NULL)
        return 0;
    f->store->methods->destroy(&f->store);
    f->other->methods->destroy(&f->other);
    if (f->back_end == SQLITE) {
        unlink(f->path);
        *strrchr(f->path, '/') = '\0';
        assert_int_equal(rmdir(f->path), 0); /* nothing is left lying about */
    }
    sp_arena_destroy(&f->arena);
    free(f);
    return 0;
}

/* The fixture; skips the test where there is no PostgreSQL. */
static struct fixture *fixture_of(void **state)
{
    if (*state == NULL)
        skip();
    return *state;
}

static struct sp_ticket ticket_of(enum sp_ticket_kind kind, unsigned char id)
{
    struct sp_ticket ticket = {.kind = kind,
                               .client_id = SP_STR("app"),
                               .subject = SP_STR("ann"),
                               .issued_at = 100,
                               .expires_at = 200,
                               .data = SP_STR("{\"scope\":\"a\"}")};
    memset(ticket.hash, id, sizeof ticket.hash);
    return ticket;
}

static void put_kept(struct sp_store *store, const struct sp_ticket *ticket)
{
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    assert_int_equal(store->methods->flush(store), SP_OK);
}

static enum sp_status find(struct fixture *f, struct sp_store *store, const struct sp_ticket *like,
                           struct sp_ticket *out)
{
    return store->methods->find_ticket(store, like->kind, like->hash, f->arena, out);
}

static void a_ticket_comes_back_as_it_was_put(void **state)
{
    struct fixture *f = fixture_of(state);
    struct sp_ticket put = ticket_of(SP_TICKET_CODE, 1), found;
    put.family = SP_STR("fam");
    put_kept(f->store, &put);
    assert_int_equal(find(f, f->other, &put, &found), SP_OK);
    assert_true(sp_str_equal(found.family, put.family) && sp_str_equal(found.data, put.data) &&
                sp_str_equal(found.client_id, put.client_id) && sp_str_equal(found.subject, put.subject));
    assert_true(found.issued_at == 100 && found.expires_at == 200 && found.used_at == 0);
    struct sp_ticket other_kind = ticket_of(SP_TICKET_REFRESH, 1);
    assert_int_equal(find(f, f->store, &other_kind, &found), SP_NOT_FOUND);
}

static void only_the_first_use_is_first(void **state)
{
    struct fixture *f = fixture_of(state);
    struct sp_ticket ticket = ticket_of(SP_TICKET_CODE, 2), found;
    put_kept(f->store, &ticket);
    bool first = false;
    assert_int_equal(f->store->methods->use_ticket(f->store, ticket.kind, ticket.hash, 150, &first), SP_OK);
    assert_true(first);
    assert_int_equal(f->other->methods->use_ticket(f->other, ticket.kind, ticket.hash, 151, &first), SP_OK);
    assert_false(first);
    assert_int_equal(find(f, f->store, &ticket, &found), SP_OK);
    assert_int_equal(found.used_at, 150);
    ticket.hash[0] = 99;
    assert_int_equal(f->store->methods->use_ticket(f->store, ticket.kind, ticket.hash, 150, &first), SP_NOT_FOUND);
}

static void a_second_put_is_not_fresh(void **state)
{
    struct fixture *f = fixture_of(state);
    struct sp_ticket ticket = ticket_of(SP_TICKET_REPLAY, 3);
    bool fresh = false;
    assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, &fresh), SP_OK);
    assert_true(fresh);
    assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, &fresh), SP_OK);
    assert_false(fresh);
}

static void one_call_is_undone_without_its_neighbours(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket kept = ticket_of(SP_TICKET_ACCESS, 4), undone = ticket_of(SP_TICKET_ACCESS, 5), found;
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &kept, NULL), SP_OK);
    assert_int_equal(m->keep(f->store), SP_OK);
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &undone, NULL), SP_OK);
    m->undo(f->store);
    assert_int_equal(find(f, f->other, &kept, &found), SP_NOT_FOUND); /* kept is not yet durable */
    assert_int_equal(m->flush(f->store), SP_OK);
    assert_int_equal(find(f, f->other, &kept, &found), SP_OK);
    assert_int_equal(find(f, f->other, &undone, &found), SP_NOT_FOUND);
}

static void whoever_waits_for_another_process_is_told_so_and_goes_on_afterwards(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket code = ticket_of(SP_TICKET_CODE, 6), ticket = ticket_of(SP_TICKET_ACCESS, 7), found;
    bool first = false;
    put_kept(f->store, &code);
    assert_int_equal(m->begin(f->other), SP_OK);
    assert_int_equal(find(f, f->other, &code, &found), SP_OK); /* held from here on */
    enum sp_status status = m->begin(f->store);
    if (status == SP_OK) {
        assert_int_equal(m->put_ticket(f->store, &ticket, NULL), SP_OK);
        status = m->use_ticket(f->store, code.kind, code.hash, 150, &first);
        assert_int_equal(m->keep(f->store), SP_IO); /* a call that failed is not kept */
    }
    assert_int_equal(status, SP_IO);
    assert_true(strstr(f->store->trouble, "lock") != NULL);
    assert_int_equal(m->flush(f->store), SP_OK); /* its neighbours are not to suffer */
    assert_int_equal(find(f, f->store, &ticket, &found), SP_NOT_FOUND);
    assert_int_equal(m->use_ticket(f->other, code.kind, code.hash, 140, &first), SP_OK);
    assert_true(first);
    assert_int_equal(m->keep(f->other), SP_OK);
    assert_int_equal(m->flush(f->other), SP_OK);
    put_kept(f->store, &ticket);
    assert_int_equal(m->use_ticket(f->store, code.kind, code.hash, 150, &first), SP_OK);
    assert_false(first);
}

/* Two processes read a number, add one, write it back. */
#define ROUNDS 60
static int count_up(const struct fixture *f)
{
    struct sp_store *store = open_in_child(f);
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
    struct fixture *f = fixture_of(state);
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
    struct fixture *f = fixture_of(state);
    int start[2], winners = 0;
    struct sp_ticket code = ticket_of(SP_TICKET_CODE, 30);
    put_kept(f->store, &code);
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < RACERS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid != 0)
            continue;
        struct sp_store *mine = open_in_child(f);
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
    struct fixture *f = fixture_of(state);
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

static void a_name_with_a_nul_or_broken_utf8_is_nobodys(void **state)
{
    struct fixture *f = fixture_of(state);
    struct sp_account found;
    const struct sp_store_methods *m = f->store->methods;
    assert_int_equal(m->find_account(f->store, sp_str("ann\0", 4), f->arena, &found), SP_NOT_FOUND);
    assert_int_equal(m->find_account(f->store, sp_str("\xff\xfe", 2), f->arena, &found), SP_NOT_FOUND);
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->find_account(f->store, sp_str("ann\0", 4), f->arena, &found), SP_NOT_FOUND);
    assert_int_equal(m->keep(f->store), SP_OK);
    assert_int_equal(m->flush(f->store), SP_OK);
}

static void two_accounts_cannot_share_a_name(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_account account = {SP_STR("id1"), SP_STR("Ann"), SP_STR("hash"), SP_STR("{}"), 1, 2, 3, false}, found;
    assert_int_equal(m->put_account(f->store, &account), SP_OK);
    account.id = SP_STR("id2");
    account.name = SP_STR("aNN");
    assert_int_equal(m->put_account(f->store, &account), SP_IO);
    assert_int_equal(m->get_account(f->store, SP_STR("id2"), f->arena, &found), SP_NOT_FOUND);
    assert_int_equal(m->get_account(f->store, SP_STR("id1"), f->arena, &found), SP_OK);
}

static void a_family_dies_together_but_for_the_spared_kind(void **state)
{
    struct fixture *f = fixture_of(state);
    struct sp_ticket code = ticket_of(SP_TICKET_CODE, 7), refresh = ticket_of(SP_TICKET_REFRESH, 8),
                     stranger = ticket_of(SP_TICKET_REFRESH, 9), found;
    code.family = refresh.family = SP_STR("doomed");
    stranger.family = SP_STR("other");
    put_kept(f->store, &code);
    put_kept(f->store, &refresh);
    put_kept(f->store, &stranger);
    assert_int_equal(f->store->methods->drop_family(f->store, SP_STR("doomed"), SP_TICKET_CODE), SP_OK);
    assert_int_equal(find(f, f->store, &code, &found), SP_OK);
    assert_int_equal(find(f, f->store, &refresh, &found), SP_NOT_FOUND);
    assert_int_equal(find(f, f->store, &stranger, &found), SP_OK);
}

static void the_end_of_a_family_is_that_of_its_last_ticket(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket first = ticket_of(SP_TICKET_REFRESH, 10), last = ticket_of(SP_TICKET_REFRESH, 11),
                     session = ticket_of(SP_TICKET_SESSION, 12);
    int64_t end = -1;
    first.family = last.family = session.family = SP_STR("family");
    last.expires_at += 500;
    session.expires_at += 900;
    assert_int_equal(m->find_family_end(f->store, SP_STR("family"), SP_TICKET_REFRESH, &end), SP_OK);
    assert_int_equal(end, 0);
    put_kept(f->store, &last);
    put_kept(f->store, &first);
    put_kept(f->store, &session);
    assert_int_equal(m->find_family_end(f->store, SP_STR("family"), SP_TICKET_REFRESH, &end), SP_OK);
    assert_int_equal(end, last.expires_at);
}

static void what_was_used_is_not_listed(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket used = ticket_of(SP_TICKET_REFRESH, 13), fresh = ticket_of(SP_TICKET_REFRESH, 14), *tickets;
    size_t count;
    bool first;
    used.subject = fresh.subject = SP_STR("uma");
    used.issued_at = 120; /* newer: it would be in the way of a list of one */
    put_kept(f->store, &used);
    put_kept(f->store, &fresh);
    assert_int_equal(m->use_ticket(f->store, SP_TICKET_REFRESH, used.hash, 130, &first), SP_OK);
    assert_int_equal(m->list_tickets(f->store, SP_TICKET_REFRESH, SP_STR("uma"), 150, 1, f->arena, &tickets, &count),
                     SP_OK);
    assert_true(count == 1 && tickets[0].hash[0] == 14);
}

static void purging_takes_the_expired_only(void **state)
{
    struct fixture *f = fixture_of(state);
    struct sp_ticket old = ticket_of(SP_TICKET_ACCESS, 10), young = ticket_of(SP_TICKET_ACCESS, 11), found;
    young.expires_at = 900;
    put_kept(f->store, &old);
    put_kept(f->store, &young);
    assert_int_equal(f->store->methods->purge_tickets(f->store, 500, 100), SP_OK);
    assert_int_equal(find(f, f->store, &old, &found), SP_NOT_FOUND);
    assert_int_equal(find(f, f->store, &young, &found), SP_OK);
}

static void a_ticket_can_be_changed_and_dropped(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket ticket = ticket_of(SP_TICKET_SESSION, 12), found;
    put_kept(f->store, &ticket);
    assert_int_equal(m->change_ticket(f->store, ticket.kind, ticket.hash, 300, SP_STR("bob"), SP_STR("{}")), SP_OK);
    assert_int_equal(find(f, f->store, &ticket, &found), SP_OK);
    assert_true(found.expires_at == 300 && sp_str_equal(found.subject, SP_STR("bob")));
    assert_int_equal(m->drop_ticket(f->store, ticket.kind, ticket.hash), SP_OK);
    assert_int_equal(m->change_ticket(f->store, ticket.kind, ticket.hash, 1, SP_STR("x"), SP_STR("{}")), SP_NOT_FOUND);
}

static void keys_accounts_and_consents_are_kept(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_stored_key key = {SP_STR("k1"), SP_STR("ES256"), 10, 20, 0, 0, {"\0\x01\xff", 3}}, *keys;
    size_t count;
    assert_int_equal(m->put_key(f->store, &key), SP_OK);
    key.active_until = 30;
    assert_int_equal(m->put_key(f->store, &key), SP_OK);
    assert_int_equal(m->list_keys(f->store, f->arena, &keys, &count), SP_OK);
    assert_int_equal(count, 1);
    assert_true(keys[0].active_until == 30 && sp_str_equal(keys[0].sealed, key.sealed));
    assert_int_equal(m->drop_key(f->store, SP_STR("k1")), SP_OK);

    struct sp_account account = {SP_STR("id1"), SP_STR("Ann"), SP_STR("hash"), SP_STR("{}"), 1, 2, 3, false}, found;
    assert_int_equal(m->put_account(f->store, &account), SP_OK);
    assert_int_equal(m->find_account(f->store, SP_STR("ann"), f->arena, &found), SP_OK);
    assert_true(sp_str_equal(found.id, SP_STR("id1")) && found.failures == 3);
    assert_int_equal(m->get_account(f->store, SP_STR("id2"), f->arena, &found), SP_NOT_FOUND);

    struct sp_str scopes;
    assert_int_equal(m->put_consent(f->store, SP_STR("id1"), SP_STR("app"), SP_STR("openid"), 5), SP_OK);
    assert_int_equal(m->find_consent(f->store, SP_STR("id1"), SP_STR("app"), f->arena, &scopes), SP_OK);
    assert_true(sp_str_equal(scopes, SP_STR("openid")));
    assert_int_equal(m->find_consent(f->store, SP_STR("id1"), SP_STR("b"), f->arena, &scopes), SP_NOT_FOUND);
}

static void a_persons_sessions_accounts_and_consents_are_listed(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket first = ticket_of(SP_TICKET_SESSION, 20), second = ticket_of(SP_TICKET_SESSION, 21),
                     other = ticket_of(SP_TICKET_SESSION, 22), *tickets;
    size_t count;
    second.issued_at = 101;
    other.subject = SP_STR("bob");
    put_kept(f->store, &first);
    put_kept(f->store, &second);
    put_kept(f->store, &other);
    assert_int_equal(m->list_tickets(f->store, SP_TICKET_SESSION, SP_STR("ann"), 150, 10, f->arena, &tickets, &count),
                     SP_OK);
    assert_int_equal(count, 2);
    assert_true(tickets[0].hash[0] == 21 && tickets[1].hash[0] == 20 && tickets[1].kind == SP_TICKET_SESSION &&
                sp_str_equal(tickets[1].data, first.data));
    assert_int_equal(m->list_tickets(f->store, SP_TICKET_SESSION, SP_STR("ann"), 200, 10, f->arena, &tickets, &count),
                     SP_OK);
    assert_int_equal(count, 0);

    struct sp_account account = {SP_STR("id1"), SP_STR("Ann"), SP_STR("hash"), SP_STR("{}"), 1, 2, 3, false}, *accounts;
    assert_int_equal(m->put_account(f->store, &account), SP_OK);
    account.id = SP_STR("id2");
    account.name = SP_STR("bob");
    assert_int_equal(m->put_account(f->store, &account), SP_OK);
    assert_int_equal(m->list_accounts(f->store, SP_STR(""), 1, f->arena, &accounts, &count), SP_OK);
    assert_true(count == 1 && sp_str_equal(accounts[0].name, SP_STR("Ann")));
    assert_int_equal(m->list_accounts(f->store, accounts[0].name, 10, f->arena, &accounts, &count), SP_OK);
    assert_true(count == 1 && sp_str_equal(accounts[0].id, SP_STR("id2")));
    assert_int_equal(m->drop_account(f->store, SP_STR("id2")), SP_OK);
    assert_int_equal(m->drop_account(f->store, SP_STR("id2")), SP_NOT_FOUND);

    struct sp_consent *consents;
    assert_int_equal(m->put_consent(f->store, SP_STR("id1"), SP_STR("a"), SP_STR("openid"), 5), SP_OK);
    assert_int_equal(m->put_consent(f->store, SP_STR("id1"), SP_STR("b"), SP_STR("email"), 6), SP_OK);
    assert_int_equal(m->list_consents(f->store, SP_STR("id1"), 10, f->arena, &consents, &count), SP_OK);
    assert_true(count == 2 && sp_str_equal(consents[0].client_id, SP_STR("b")) && consents[1].granted_at == 5);
    assert_int_equal(m->drop_consent(f->store, SP_STR("id1"), SP_STR("a")), SP_OK);
    assert_int_equal(m->drop_consent(f->store, SP_STR("id1"), SP_STR("a")), SP_NOT_FOUND);
}

static void records_are_found_by_name_owner_and_time(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_record put = {SP_RECORD_OUTGOING, SP_STR("b"), SP_STR("ann"), SP_STR("{\"n\":1}"), 10, 50}, found, *list;
    bool fresh = false;
    size_t count;
    assert_int_equal(m->put_record(f->store, &put, &fresh), SP_OK);
    assert_true(fresh);
    put.data = SP_STR("{}");
    assert_int_equal(m->put_record(f->store, &put, &fresh), SP_OK);
    assert_false(fresh);
    assert_int_equal(m->find_record(f->store, put.kind, put.id, f->arena, &found), SP_OK);
    assert_true(sp_str_equal(found.data, SP_STR("{\"n\":1}")) && sp_str_equal(found.owner, put.owner) &&
                found.created_at == 10 && found.due_at == 50 && found.kind == SP_RECORD_OUTGOING);
    assert_int_equal(m->put_record(f->store, &put, NULL), SP_OK);
    assert_int_equal(m->find_record(f->store, put.kind, put.id, f->arena, &found), SP_OK);
    assert_true(sp_str_equal(found.data, put.data));
    assert_int_equal(m->find_record(f->store, SP_RECORD_PASSKEY, put.id, f->arena, &found), SP_NOT_FOUND);

    struct sp_record early = {SP_RECORD_OUTGOING, SP_STR("c"), SP_STR("bob"), SP_STR("{}"), 10, 20},
                     never = {SP_RECORD_OUTGOING, SP_STR("a"), SP_STR_NONE, SP_STR_NONE, 10, 0};
    assert_int_equal(m->put_record(f->store, &early, NULL), SP_OK);
    assert_int_equal(m->put_record(f->store, &never, NULL), SP_OK);
    int64_t total = -1;
    assert_int_equal(m->list_records(f->store, put.kind, SP_STR_NONE, SP_STR(""), 2, f->arena, &list, &count), SP_OK);
    assert_int_equal(m->count_records(f->store, put.kind, &total), SP_OK);
    assert_true(total >= (int64_t)count && count > 0);
    assert_int_equal(m->count_records(f->store, (enum sp_record_kind)999, &total), SP_OK);
    assert_int_equal(total, 0);
    assert_true(count == 2 && sp_str_equal(list[0].id, SP_STR("a")) && sp_str_equal(list[1].id, SP_STR("b")));
    assert_null(list[0].owner.at);
    assert_int_equal(m->list_records(f->store, put.kind, SP_STR_NONE, list[1].id, 2, f->arena, &list, &count), SP_OK);
    assert_true(count == 1 && sp_str_equal(list[0].id, SP_STR("c")));
    assert_int_equal(m->list_records(f->store, put.kind, SP_STR("ann"), SP_STR(""), 9, f->arena, &list, &count), SP_OK);
    assert_true(count == 1 && sp_str_equal(list[0].id, SP_STR("b")));
    assert_int_equal(m->list_due(f->store, put.kind, 49, 9, f->arena, &list, &count), SP_OK);
    assert_true(count == 1 && sp_str_equal(list[0].id, SP_STR("c")));
    assert_int_equal(m->list_due(f->store, put.kind, 50, 9, f->arena, &list, &count), SP_OK);
    assert_true(count == 2 && sp_str_equal(list[0].id, SP_STR("c")) && list[1].kind == SP_RECORD_OUTGOING);
    assert_int_equal(m->drop_record(f->store, put.kind, put.id), SP_OK);
    assert_int_equal(m->drop_record(f->store, put.kind, put.id), SP_NOT_FOUND);
}

static void the_version_tells_that_another_process_wrote(void **state)
{
    struct fixture *f = fixture_of(state);
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
    struct fixture *f = fixture_of(state);
    struct sp_ticket mine = ticket_of(SP_TICKET_REFRESH, 1), theirs = ticket_of(SP_TICKET_REFRESH, 2), found;
    bool first = true;
    start_turn(f->store);
    assert_int_equal(find(f, f->store, &mine, &found), SP_NOT_FOUND);
    put_kept(f->other, &theirs); /* a reader keeps nobody from writing */
    assert_int_equal(f->store->methods->begin(f->store), SP_OK);
    assert_int_equal(find(f, f->store, &theirs, &found), SP_OK);
    assert_int_equal(f->store->methods->use_ticket(f->store, theirs.kind, theirs.hash, 150, &first), SP_OK);
    assert_true(first);
    assert_int_equal(f->store->methods->put_ticket(f->store, &mine, NULL), SP_OK);
    assert_int_equal(f->store->methods->keep(f->store), SP_OK);
    assert_int_equal(find(f, f->store, &mine, &found), SP_OK);
    assert_int_equal(f->store->methods->flush(f->store), SP_OK);
    /* A turn without a write ends as well: the next one sees what the other process wrote, and so does a writer without
     * a call around it. */
    for (int turn = 0; turn < 3; turn++) {
        start_turn(f->store);
        assert_int_equal(find(f, f->store, &mine, &found), turn < 2 ? SP_OK : SP_NOT_FOUND);
        if (turn == 1)
            assert_int_equal(f->other->methods->drop_ticket(f->other, mine.kind, mine.hash), SP_OK);
        assert_int_equal(f->store->methods->drop_ticket(f->store, theirs.kind, theirs.hash), SP_OK);
        assert_int_equal(f->store->methods->flush(f->store), SP_OK);
    }
    assert_int_equal(find(f, f->other, &theirs, &found), SP_NOT_FOUND);
    start_turn(f->store); /* and may be left as it is */
    assert_int_equal(find(f, f->store, &mine, &found), SP_NOT_FOUND);
}

#define LARGE_BYTES 24000u
#define LARGE_TICKETS 1600u

static struct sp_ticket numbered(unsigned number, struct sp_str data)
{
    struct sp_ticket ticket = ticket_of(SP_TICKET_ACCESS, 0);
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
    struct fixture *f = fixture_of(state);
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
    assert_int_equal(find(f, f->store, &(const struct sp_ticket){.kind = SP_TICKET_ACCESS, .hash = {1}}, &found),
                     SP_OK);
    assert_int_equal(f->store->methods->flush(f->store), SP_OK);
    /* As a crash leaves them: the index of the log in shared memory is lost. */
    struct fixture crashed = *f;
    char from[80], to[96];
    snprintf(crashed.path, sizeof crashed.path, "%.40s.crashed", f->path);
    copy_file(f->path, crashed.path);
    snprintf(from, sizeof from, "%s-wal", f->path);
    snprintf(to, sizeof to, "%s-wal", crashed.path);
    copy_file(from, to);
    struct sp_store *again = open_one(&crashed);
    for (unsigned i = 0; i < LARGE_TICKETS; i++) {
        struct sp_ticket ticket = numbered(i, SP_STR_NONE);
        sp_arena_reset(f->arena);
        assert_int_equal(find(f, again, &ticket, &found), i % 3 == 0 ? SP_NOT_FOUND : SP_OK);
        if (i % 3 != 0)
            assert_true(sp_str_equal(found.data, sp_str(data, sizeof data)));
    }
    again->methods->destroy(&again);
    assert_int_equal(unlink(crashed.path), 0);
}

static void only_the_owner_may_read_the_file(void **state)
{
    struct fixture *f = fixture_of(state);
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

static void make_old(struct fixture *f)
{
    char command[3000];
    if (f->back_end == SQLITE) {
        snprintf(f->path + strlen(f->path) - 6, 7, "%s", "older."); /* beside the file of open_both */
        snprintf(command, sizeof command,
                 "python3 -c 'import sqlite3,sys; sqlite3.connect(\"%s\").executescript(sys.argv[1])' \"%s\"", f->path,
                 old_sqlite);
    } else {
        snprintf(f->schema, sizeof f->schema, "prepared");
        snprintf(command, sizeof command, "psql -q '%s' -c '%s'", private_postgres_url(), old_postgres);
    }
    assert_int_equal(system(command), 0);
}

static void expect_old_tickets(struct fixture *f, struct sp_store *store)
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
    struct fixture *f = fixture_of(state);
    char first_path[sizeof f->path];
    memcpy(first_path, f->path, sizeof first_path);
    make_old(f);
    for (int twice = 0; twice < 2; twice++) {
        struct sp_store *store = open_one(f);
        const struct sp_store_methods *m = store->methods;
        struct sp_record record = {SP_RECORD_TOTP, SP_STR("id1"), SP_STR("id1"), SP_STR("{}"), 1, 0};
        struct sp_account account;
        struct sp_stored_key *keys;
        size_t count;
        assert_int_equal(m->put_record(store, &record, NULL), SP_OK);
        if (f->back_end == SQLITE) {
            assert_int_equal(m->find_account(store, SP_STR("ANN"), f->arena, &account), SP_OK);
            assert_int_equal(account.failures, 3);
            assert_int_equal(m->list_keys(store, f->arena, &keys, &count), SP_OK);
            assert_true(count == 1 && sp_str_equal(keys[0].sealed, sp_str("\0\x01\xff", 3)));
            expect_old_tickets(f, store);
        }
        m->destroy(&store);
    }
    if (f->back_end == SQLITE) {
        unlink(f->path);
        memcpy(f->path, first_path, sizeof first_path);
    }
}

static void a_schema_of_a_newer_version_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
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
    struct fixture *f = fixture_of(state);
    snprintf(f->schema, sizeof f->schema, "together");
    for (int i = 0; i < 6; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct sp_store *store = open_in_child(f);
            struct sp_ticket ticket = ticket_of(SP_TICKET_ACCESS, (unsigned char)i);
            _exit(store->methods->put_ticket(store, &ticket, NULL) == SP_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status = 1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

static void a_server_that_restarts_costs_the_turn_and_no_more(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket durable = ticket_of(SP_TICKET_CODE, 40), doomed = ticket_of(SP_TICKET_CODE, 41), found;
    bool first = false;
    put_kept(f->store, &durable);
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
    assert_int_equal(find(f, f->store, &durable, &found), SP_IO);
    assert_true(f->store->trouble[0] != '\0');
    assert_int_equal(m->begin(f->store), SP_IO);
    assert_int_equal(m->flush(f->store), SP_OK); /* nothing was begun */
    private_postgres_tell("start");
    while (find(f, f->store, &durable, &found) != SP_OK)
        usleep(10000);
    assert_int_equal(found.used_at, 0); /* nothing was half-issued */
    assert_int_equal(find(f, f->store, &doomed, &found), SP_NOT_FOUND);
    /* An idle connection that the server ended is replaced unnoticed. */
    private_postgres_tell("stop");
    private_postgres_tell("start");
    put_kept(f->store, &doomed);
    assert_int_equal(find(f, f->other, &doomed, &found), SP_OK);
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

static int start_postgres(void **state)
{
    (void)state;
    has_postgres = private_postgres_start();
    return 0;
}

static int stop_postgres(void **state)
{
    (void)state;
    private_postgres_stop();
    return 0;
}

static enum back_end sqlite = SQLITE, postgres = POSTGRES;

int main(void)
{
#define ON(test, title, back_end)                                                                                      \
    {                                                                                                                  \
        title #test, test, open_both, close_both, &back_end                                                            \
    }
#define ROW(test) ON(test, "SQLite: ", sqlite), ON(test, "PostgreSQL: ", postgres)
    const struct CMUnitTest tests[] = {
        ROW(a_ticket_comes_back_as_it_was_put),
        ROW(only_the_first_use_is_first),
        ROW(a_second_put_is_not_fresh),
        ROW(one_call_is_undone_without_its_neighbours),
        ROW(whoever_waits_for_another_process_is_told_so_and_goes_on_afterwards),
        ROW(what_is_read_decided_and_written_by_two_processes_loses_nothing),
        ROW(of_many_processes_one_redeems_a_code),
        ROW(an_empty_list_of_keys_is_held_too),
        ROW(a_name_with_a_nul_or_broken_utf8_is_nobodys),
        ROW(two_accounts_cannot_share_a_name),
        ROW(a_family_dies_together_but_for_the_spared_kind),
        ROW(the_end_of_a_family_is_that_of_its_last_ticket),
        ROW(what_was_used_is_not_listed),
        ROW(purging_takes_the_expired_only),
        ROW(a_ticket_can_be_changed_and_dropped),
        ROW(keys_accounts_and_consents_are_kept),
        ROW(a_persons_sessions_accounts_and_consents_are_listed),
        ROW(records_are_found_by_name_owner_and_time),
        ROW(the_version_tells_that_another_process_wrote),
        ROW(a_turn_that_shares_its_reads_sees_what_it_must),
        ROW(an_older_schema_is_brought_up_to_date_and_keeps_what_it_holds),
        ON(after_the_flush_of_a_large_turn_the_files_have_it_all, "SQLite: ", sqlite),
        ON(only_the_owner_may_read_the_file, "SQLite: ", sqlite),
        ON(a_schema_of_a_newer_version_is_refused, "PostgreSQL: ", postgres),
        ON(nodes_that_start_together_make_the_schema_once, "PostgreSQL: ", postgres),
        ON(a_server_that_restarts_costs_the_turn_and_no_more, "PostgreSQL: ", postgres),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
        cmocka_unit_test(terms_that_libpq_cannot_read_are_not_quoted),
        cmocka_unit_test(over_a_network_the_server_is_verified_by_default),
    };
    return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
