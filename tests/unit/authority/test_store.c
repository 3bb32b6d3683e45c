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
#include "authority/store.h"

struct fixture {
    char path[64];
    struct sp_store *store, *other; /* other: a second process's view */
    struct sp_arena *arena;
};

static int open_both(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char directory[] = "/tmp/sp-store-XXXXXX", trouble[256];
    assert_non_null(mkdtemp(directory));
    snprintf(f->path, sizeof f->path, "%s/authority.sqlite", directory);
    assert_int_equal(sp_store_open_sqlite(f->path, &f->store, trouble), SP_OK);
    assert_int_equal(sp_store_open_sqlite(f->path, &f->other, trouble), SP_OK);
    f->arena = sp_arena_create(1 << 20);
    *state = f;
    return 0;
}

static int close_both(void **state)
{
    struct fixture *f = *state;
    f->store->methods->destroy(&f->store);
    f->other->methods->destroy(&f->other);
    unlink(f->path);
    *strrchr(f->path, '/') = '\0';
    assert_int_equal(rmdir(f->path), 0); /* nothing is left lying about */
    sp_arena_destroy(&f->arena);
    free(f);
    return 0;
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
    struct sp_ticket ticket = ticket_of(SP_TICKET_REPLAY, 3);
    bool fresh = false;
    assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, &fresh), SP_OK);
    assert_true(fresh);
    assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, &fresh), SP_OK);
    assert_false(fresh);
}

static void one_call_is_undone_without_its_neighbours(void **state)
{
    struct fixture *f = *state;
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

static void a_locked_store_says_so_and_works_again_afterwards(void **state)
{
    struct fixture *f = *state;
    struct sp_ticket ticket = ticket_of(SP_TICKET_ACCESS, 6);
    assert_int_equal(f->other->methods->begin(f->other), SP_OK);
    assert_int_equal(f->store->methods->begin(f->store), SP_IO);
    assert_true(strstr(f->store->trouble, "locked") != NULL);
    assert_int_equal(f->other->methods->keep(f->other), SP_OK);
    assert_int_equal(f->other->methods->flush(f->other), SP_OK);
    put_kept(f->store, &ticket);
}

static void a_family_dies_together_but_for_the_spared_kind(void **state)
{
    struct fixture *f = *state;
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

static void purging_takes_the_expired_only(void **state)
{
    struct fixture *f = *state;
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
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
    assert_int_equal(m->list_records(f->store, put.kind, SP_STR_NONE, SP_STR(""), 2, f->arena, &list, &count), SP_OK);
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
    struct fixture *f = *state;
    int64_t before, after;
    assert_int_equal(f->store->methods->version(f->store, &before), SP_OK);
    struct sp_ticket ticket = ticket_of(SP_TICKET_ACCESS, 13);
    put_kept(f->other, &ticket);
    assert_int_equal(f->store->methods->version(f->store, &after), SP_OK);
    assert_int_not_equal(before, after);
}

static void only_the_owner_may_read_the_file(void **state)
{
    struct fixture *f = *state;
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

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, open_both, close_both)
    const struct CMUnitTest tests[] = {
        ROW(a_ticket_comes_back_as_it_was_put),
        ROW(only_the_first_use_is_first),
        ROW(a_second_put_is_not_fresh),
        ROW(one_call_is_undone_without_its_neighbours),
        ROW(a_locked_store_says_so_and_works_again_afterwards),
        ROW(a_family_dies_together_but_for_the_spared_kind),
        ROW(purging_takes_the_expired_only),
        ROW(a_ticket_can_be_changed_and_dropped),
        ROW(keys_accounts_and_consents_are_kept),
        ROW(a_persons_sessions_accounts_and_consents_are_listed),
        ROW(records_are_found_by_name_owner_and_time),
        ROW(the_version_tells_that_another_process_wrote),
        ROW(only_the_owner_may_read_the_file),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
