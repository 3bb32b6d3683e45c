/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of a store: the same rows run on every back end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/support/store_fixture.h"

static void a_ticket_comes_back_as_it_was_put(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket put = store_ticket_of(SP_TICKET_CODE, 1), found;
    put.family = SP_STR("fam");
    store_put_kept(f->store, &put);
    assert_int_equal(store_find(f, f->other, &put, &found), SP_OK);
    assert_true(sp_str_equal(found.family, put.family) && sp_str_equal(found.data, put.data) &&
                sp_str_equal(found.client_id, put.client_id) && sp_str_equal(found.subject, put.subject));
    assert_true(found.issued_at == 100 && found.expires_at == 200 && found.used_at == 0);
    struct sp_ticket other_kind = store_ticket_of(SP_TICKET_REFRESH, 1);
    assert_int_equal(store_find(f, f->store, &other_kind, &found), SP_NOT_FOUND);
}

static void only_the_first_use_is_first(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket ticket = store_ticket_of(SP_TICKET_CODE, 2), found;
    store_put_kept(f->store, &ticket);
    bool first = false;
    assert_int_equal(f->store->methods->use_ticket(f->store, ticket.kind, ticket.hash, 150, &first), SP_OK);
    assert_true(first);
    assert_int_equal(f->other->methods->use_ticket(f->other, ticket.kind, ticket.hash, 151, &first), SP_OK);
    assert_false(first);
    assert_int_equal(store_find(f, f->store, &ticket, &found), SP_OK);
    assert_int_equal(found.used_at, 150);
    ticket.hash[0] = 99;
    assert_int_equal(f->store->methods->use_ticket(f->store, ticket.kind, ticket.hash, 150, &first), SP_NOT_FOUND);
}

static void a_second_put_is_not_fresh(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket ticket = store_ticket_of(SP_TICKET_REPLAY, 3);
    bool fresh = false;
    assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, &fresh), SP_OK);
    assert_true(fresh);
    assert_int_equal(f->store->methods->put_ticket(f->store, &ticket, &fresh), SP_OK);
    assert_false(fresh);
}

static void one_call_is_undone_without_its_neighbours(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket kept = store_ticket_of(SP_TICKET_ACCESS, 4), undone = store_ticket_of(SP_TICKET_ACCESS, 5), found;
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &kept, NULL), SP_OK);
    assert_int_equal(m->keep(f->store), SP_OK);
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &undone, NULL), SP_OK);
    m->undo(f->store);
    assert_int_equal(store_find(f, f->other, &kept, &found), SP_NOT_FOUND); /* kept is not yet durable */
    assert_int_equal(m->flush(f->store), SP_OK);
    assert_int_equal(store_find(f, f->other, &kept, &found), SP_OK);
    assert_int_equal(store_find(f, f->other, &undone, &found), SP_NOT_FOUND);
}

static void a_turn_is_given_up_as_a_whole(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket first = store_ticket_of(SP_TICKET_ACCESS, 4), second = store_ticket_of(SP_TICKET_ACCESS, 5), found;
    m->give_up(f->store); /* nothing was begun */
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &first, NULL), SP_OK);
    assert_int_equal(m->keep(f->store), SP_OK);
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->put_ticket(f->store, &second, NULL), SP_OK);
    assert_int_equal(m->keep(f->store), SP_OK);
    m->give_up(f->store);
    assert_int_equal(store_find(f, f->store, &first, &found), SP_NOT_FOUND);
    assert_int_equal(m->flush(f->store), SP_OK);
    assert_int_equal(store_find(f, f->other, &second, &found), SP_NOT_FOUND);
    assert_int_equal(m->begin(f->store), SP_OK); /* the next turn is as any other */
    assert_int_equal(m->put_ticket(f->store, &first, NULL), SP_OK);
    assert_int_equal(m->keep(f->store), SP_OK);
    assert_int_equal(m->flush(f->store), SP_OK);
    assert_int_equal(store_find(f, f->other, &first, &found), SP_OK);
}

static void a_name_with_a_nul_or_broken_utf8_is_nobodys(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
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
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_account account = {SP_STR("id1"), SP_STR("Ann"), SP_STR("hash"), SP_STR("{}"), 1, 2, 3, false}, found;
    assert_int_equal(m->put_account(f->store, &account), SP_OK);
    account.id = SP_STR("id2");
    account.name = SP_STR("aNN");
    assert_int_equal(m->put_account(f->store, &account), SP_IO);
    assert_int_equal(m->get_account(f->store, SP_STR("id2"), f->arena, &found), SP_NOT_FOUND);
    assert_int_equal(m->get_account(f->store, SP_STR("id1"), f->arena, &found), SP_OK);
}

static void a_family_that_ends_keeps_its_code_and_refresh_tokens_as_used(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket code = store_ticket_of(SP_TICKET_CODE, 7), refresh = store_ticket_of(SP_TICKET_REFRESH, 8),
                     access = store_ticket_of(SP_TICKET_ACCESS, 6), stranger = store_ticket_of(SP_TICKET_REFRESH, 9),
                     found;
    bool first = false;
    code.family = refresh.family = access.family = SP_STR("doomed");
    stranger.family = SP_STR("other");
    store_put_kept(f->store, &code);
    store_put_kept(f->store, &refresh);
    store_put_kept(f->store, &access);
    store_put_kept(f->store, &stranger);
    assert_int_equal(m->use_ticket(f->store, SP_TICKET_CODE, code.hash, 110, &first), SP_OK);
    assert_int_equal(m->end_family(f->store, SP_STR("doomed"), 120), SP_OK);
    assert_int_equal(store_find(f, f->store, &code, &found), SP_OK);
    assert_int_equal(found.used_at, 110);
    assert_int_equal(store_find(f, f->store, &refresh, &found), SP_OK);
    assert_int_equal(found.used_at, 120);
    assert_int_equal(store_find(f, f->store, &access, &found), SP_NOT_FOUND);
    assert_int_equal(store_find(f, f->store, &stranger, &found), SP_OK);
    assert_int_equal(found.used_at, 0);
    assert_int_equal(m->drop_family(f->store, SP_STR("doomed")), SP_OK);
    assert_int_equal(store_find(f, f->store, &code, &found), SP_NOT_FOUND);
    assert_int_equal(store_find(f, f->store, &refresh, &found), SP_NOT_FOUND);
    assert_int_equal(store_find(f, f->store, &stranger, &found), SP_OK);
}

static void the_end_of_a_family_is_that_of_its_last_ticket(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket first = store_ticket_of(SP_TICKET_REFRESH, 10), last = store_ticket_of(SP_TICKET_REFRESH, 11),
                     session = store_ticket_of(SP_TICKET_SESSION, 12);
    int64_t end = -1;
    first.family = last.family = session.family = SP_STR("family");
    last.expires_at += 500;
    session.expires_at += 900;
    assert_int_equal(m->find_family_end(f->store, SP_STR("family"), SP_TICKET_REFRESH, &end), SP_OK);
    assert_int_equal(end, 0);
    store_put_kept(f->store, &last);
    store_put_kept(f->store, &first);
    store_put_kept(f->store, &session);
    assert_int_equal(m->find_family_end(f->store, SP_STR("family"), SP_TICKET_REFRESH, &end), SP_OK);
    assert_int_equal(end, last.expires_at);
}

static void a_family_is_counted_by_when_its_tickets_end(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket first = store_ticket_of(SP_TICKET_FAILURE, 40), second = store_ticket_of(SP_TICKET_FAILURE, 41),
                     other = store_ticket_of(SP_TICKET_REPLAY, 42), found;
    int64_t count = -1, first_end = -1;
    first.family = second.family = other.family = SP_STR("counted");
    first.expires_at = 1000;
    second.expires_at = 1500;
    store_put_kept(f->store, &other);
    assert_int_equal(m->count_family(f->store, first.family, first.kind, 0, 9000, &count, &first_end), SP_OK);
    assert_int_equal(count, 0);
    assert_int_equal(first_end, 0);
    assert_int_equal(m->begin(f->store), SP_OK);
    assert_int_equal(m->replace_ticket(f->store, &second), SP_OK);
    assert_int_equal(m->replace_ticket(f->store, &first), SP_OK);
    assert_int_equal(sp_store_commit(f->store, SP_OK), SP_OK);
    static const struct {
        int64_t after, until, count, first_end;
    } rows[] = {{999, 1500, 2, 1000}, {1000, 1500, 1, 1500}, {999, 1499, 1, 1000}, {1500, 9000, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(
            m->count_family(f->store, first.family, first.kind, rows[i].after, rows[i].until, &count, &first_end),
            SP_OK);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(first_end, rows[i].first_end);
    }
    first.family = SP_STR("another");
    first.expires_at = 1600;
    assert_int_equal(m->replace_ticket(f->store, &first), SP_OK);
    assert_int_equal(m->count_family(f->store, second.family, first.kind, 0, 9000, &count, &first_end), SP_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_find(f, f->store, &first, &found), SP_OK);
    assert_int_equal(found.expires_at, 1600);
}

static void what_was_used_is_not_listed(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket used = store_ticket_of(SP_TICKET_REFRESH, 13), fresh = store_ticket_of(SP_TICKET_REFRESH, 14),
                     *tickets;
    size_t count;
    bool first;
    used.subject = fresh.subject = SP_STR("uma");
    used.issued_at = 120; /* newer: it would be in the way of a list of one */
    store_put_kept(f->store, &used);
    store_put_kept(f->store, &fresh);
    assert_int_equal(m->use_ticket(f->store, SP_TICKET_REFRESH, used.hash, 130, &first), SP_OK);
    assert_int_equal(m->list_tickets(f->store, SP_TICKET_REFRESH, SP_STR("uma"), 150, 1, f->arena, &tickets, &count),
                     SP_OK);
    assert_true(count == 1 && tickets[0].hash[0] == 14);
}

static void purging_takes_the_expired_only(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_ticket old = store_ticket_of(SP_TICKET_ACCESS, 10), young = store_ticket_of(SP_TICKET_ACCESS, 11), found;
    young.expires_at = 900;
    store_put_kept(f->store, &old);
    store_put_kept(f->store, &young);
    assert_int_equal(f->store->methods->purge_tickets(f->store, 500, 100), SP_OK);
    assert_int_equal(store_find(f, f->store, &old, &found), SP_NOT_FOUND);
    assert_int_equal(store_find(f, f->store, &young, &found), SP_OK);
}

static void a_ticket_can_be_changed_and_dropped(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket ticket = store_ticket_of(SP_TICKET_SESSION, 12), found;
    store_put_kept(f->store, &ticket);
    assert_int_equal(m->change_ticket(f->store, ticket.kind, ticket.hash, 300, SP_STR("bob"), SP_STR("{}")), SP_OK);
    assert_int_equal(store_find(f, f->store, &ticket, &found), SP_OK);
    assert_true(found.expires_at == 300 && sp_str_equal(found.subject, SP_STR("bob")));
    assert_int_equal(m->drop_ticket(f->store, ticket.kind, ticket.hash), SP_OK);
    assert_int_equal(m->change_ticket(f->store, ticket.kind, ticket.hash, 1, SP_STR("x"), SP_STR("{}")), SP_NOT_FOUND);
}

static void keys_accounts_and_consents_are_kept(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
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
    for (unsigned disabled = 0; disabled < 2; disabled++) {
        bool told = disabled == 0;
        account.disabled = disabled != 0;
        assert_int_equal(m->put_account(f->store, &account), SP_OK);
        assert_int_equal(m->get_account_disabled(f->store, SP_STR("id1"), &told), SP_OK);
        assert_int_equal(told, account.disabled);
        assert_int_equal(m->get_account_disabled(f->store, SP_STR("id2"), &told), SP_NOT_FOUND);
    }

    struct sp_str scopes;
    assert_int_equal(m->put_consent(f->store, SP_STR("id1"), SP_STR("app"), SP_STR("openid"), 5), SP_OK);
    assert_int_equal(m->find_consent(f->store, SP_STR("id1"), SP_STR("app"), f->arena, &scopes), SP_OK);
    assert_true(sp_str_equal(scopes, SP_STR("openid")));
    assert_int_equal(m->find_consent(f->store, SP_STR("id1"), SP_STR("b"), f->arena, &scopes), SP_NOT_FOUND);
}

static void a_persons_sessions_accounts_and_consents_are_listed(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_store_methods *m = f->store->methods;
    struct sp_ticket first = store_ticket_of(SP_TICKET_SESSION, 20), second = store_ticket_of(SP_TICKET_SESSION, 21),
                     other = store_ticket_of(SP_TICKET_SESSION, 22), *tickets;
    size_t count;
    second.issued_at = 101;
    other.subject = SP_STR("bob");
    store_put_kept(f->store, &first);
    store_put_kept(f->store, &second);
    store_put_kept(f->store, &other);
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
    struct store_fixture *f = store_fixture_of(state);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_ROW(a_ticket_comes_back_as_it_was_put),
        STORE_ROW(only_the_first_use_is_first),
        STORE_ROW(a_second_put_is_not_fresh),
        STORE_ROW(one_call_is_undone_without_its_neighbours),
        STORE_ROW(a_turn_is_given_up_as_a_whole),
        STORE_ROW(a_name_with_a_nul_or_broken_utf8_is_nobodys),
        STORE_ROW(two_accounts_cannot_share_a_name),
        STORE_ROW(a_family_that_ends_keeps_its_code_and_refresh_tokens_as_used),
        STORE_ROW(the_end_of_a_family_is_that_of_its_last_ticket),
        STORE_ROW(a_family_is_counted_by_when_its_tickets_end),
        STORE_ROW(what_was_used_is_not_listed),
        STORE_ROW(purging_takes_the_expired_only),
        STORE_ROW(a_ticket_can_be_changed_and_dropped),
        STORE_ROW(keys_accounts_and_consents_are_kept),
        STORE_ROW(a_persons_sessions_accounts_and_consents_are_listed),
        STORE_ROW(records_are_found_by_name_owner_and_time),
    };
    return cmocka_run_group_tests(tests, store_postgres_start, store_postgres_stop);
}
