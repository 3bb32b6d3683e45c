/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9700 4.14.2: of one family never two refresh tokens are alive, whatever the requests' and the clocks' order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/token_handle.h"
#include "core/jose/crypto.h"
#include "tests/support/authority_fixture.h"

#define APP "&client_id=app&client_secret=x"
#define GRACE 10

static int start(void **state)
{
    struct fixture *fixture =
        fixture_create("{'tokens':{'algorithm':'ES256','refresh_grace':'10s'},'clients':{"
                       "'app':{'secret':'x','scopes':['offline_access'],'redirect_uris':['https://app.example/cb']}}}");
    struct sp_store *store = fixture->authority.store;
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{}"),
                                   .created_at = fixture->now};
    struct sp_ticket ticket = {
        .kind = SP_TICKET_REFRESH,
        .family = SP_STR("family"),
        .client_id = SP_STR("app"),
        .subject = SP_STR("ann"),
        .issued_at = fixture->now,
        .expires_at = fixture->now + fixture->settings.refresh_lifetime_s,
        .data = SP_STR("{\"issuer\":\"https://login.example\",\"scope\":\"offline_access\",\"audiences\":[]}")};
    sp_sha256(SP_STR("sprt_first"), ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    *state = fixture;
    return 0;
}

static struct sp_call *refresh(struct fixture *fixture, const char *token)
{
    return CALL(fixture,
                .body = sp_arena_printf(fixture->arena, "grant_type=refresh_token&refresh_token=%s" APP, token).at);
}

static const char *next_of(struct fixture *fixture, const char *token)
{
    struct sp_call *call = refresh(fixture, token);
    assert_int_equal(call->answer.status, 200);
    return fixture_member(call, "refresh_token");
}

static size_t count_alive(struct fixture *fixture)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_ticket *tickets = NULL;
    size_t count = 0;
    assert_int_equal(store->methods->list_tickets(store, SP_TICKET_REFRESH, SP_STR("ann"), fixture->now, 100,
                                                  fixture->arena, &tickets, &count),
                     SP_OK);
    return count;
}

static const char *active(struct fixture *fixture, const struct sp_call *call)
{
    const char *body = sp_arena_printf(fixture->arena, "token=%s" APP, fixture_member(call, "access_token")).at;
    return fixture_member(CALL(fixture, .path = "/introspect", .body = body), "active");
}

static void two_at_once_get_one_and_the_same(void **state)
{
    struct fixture *fixture = *state;
    const char *second = next_of(fixture, "sprt_first");
    assert_int_equal(strlen(second), 48);
    for (int since = 0; since <= GRACE; since++, fixture->now++) {
        struct sp_call *call = refresh(fixture, "sprt_first");
        assert_string_equal(fixture_cause(call), "refresh.race");
        assert_string_equal(fixture_member(call, "refresh_token"), second);
        assert_string_equal(active(fixture, call), "true");
        assert_int_equal(count_alive(fixture), 1);
    }
    assert_string_not_equal(next_of(fixture, second), second);
    assert_int_equal(count_alive(fixture), 1);
}

static void expect_end(struct fixture *fixture, const char *reused, const char *newest)
{
    struct sp_call *call = refresh(fixture, reused);
    assert_string_equal(fixture_cause(call), "refresh.reused");
    assert_string_equal(fixture_member(call, "error"), "invalid_grant");
    assert_string_equal(fixture_cause(refresh(fixture, newest)), "refresh.revoked");
}

/* Whoever copied the first one has used it and what came of it, or does so now: both cannot be the client. */
static void the_window_closes_when_the_successor_is_used(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = refresh(fixture, "sprt_first");
    const char *third = next_of(fixture, fixture_member(call, "refresh_token"));
    expect_end(fixture, "sprt_first", third);
    assert_string_equal(active(fixture, call), "false");
}

static void behind_the_window_it_is_theft(void **state)
{
    struct fixture *fixture = *state;
    const char *second = next_of(fixture, "sprt_first");
    fixture->now += GRACE + 1;
    expect_end(fixture, "sprt_first", second);
}

static void a_thief_who_came_in_time_is_found_out_at_the_next_use(void **state)
{
    struct fixture *fixture = *state;
    const char *second = next_of(fixture, "sprt_first"), *copied = next_of(fixture, "sprt_first");
    fixture->now += 3600;
    const char *third = next_of(fixture, second);
    fixture->now += 3600;
    expect_end(fixture, copied, third);
}

/* What this node read just before another one used the token. */
static const struct sp_store_methods *own_methods;
static bool is_stale;

static enum sp_status find_as_it_was(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                     struct sp_arena *arena, struct sp_ticket *ticket)
{
    enum sp_status status = own_methods->find_ticket(store, kind, hash, arena, ticket);
    if (status == SP_OK && is_stale && kind == SP_TICKET_REFRESH) {
        ticket->used_at = 0;
        is_stale = false;
    }
    return status;
}

static void a_use_on_another_node_a_moment_before_counts_by_that_nodes_clock(void **state)
{
    struct fixture *fixture = *state;
    const char *second = next_of(fixture, "sprt_first");
    struct sp_store *store = fixture->authority.store;
    own_methods = store->methods;
    struct sp_store_methods methods = *own_methods;
    methods.find_ticket = find_as_it_was;
    store->methods = &methods;
    is_stale = true;
    fixture->now += 3;
    struct sp_call *call = refresh(fixture, "sprt_first");
    store->methods = own_methods;
    assert_false(is_stale);
    assert_int_equal(call->answer.status, 200);
    assert_string_equal(fixture_member(call, "refresh_token"), second);
}

/* Another node's clock may be some seconds ahead; one that was set back by an hour opens no window of an hour. */
static void a_use_that_lies_ahead_is_within_the_window_as_far_as_one_behind(void **state)
{
    struct fixture *fixture = *state;
    fixture->now += 100; /* the key that signs is older than both */
    const char *second = next_of(fixture, "sprt_first");
    fixture->now -= GRACE;
    assert_string_equal(next_of(fixture, "sprt_first"), second);
    fixture->now -= 1;
    expect_end(fixture, "sprt_first", second);
}

static void without_a_window_the_second_use_is_theft(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.refresh_grace_s = 0;
    const char *second = next_of(fixture, "sprt_first");
    expect_end(fixture, "sprt_first", second);
}

/* The rule needs the master key: another one follows otherwise, and so does another token. */
static void what_follows_is_told_by_the_secret_the_token_and_the_time_alone(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        unsigned char secret[32];
        const char *before;
        int64_t at;
    } rows[] = {{{1}, "sprt_a", 1000}, {{2}, "sprt_a", 1000}, {{1}, "sprt_b", 1000}, {{1}, "sprt_a", 1001}};
    unsigned char hash[32], again_hash[32], found_hash[32];
    struct sp_str values[4];
    for (size_t i = 0; i < 4; i++) {
        struct sp_str before = sp_str_from_cstr(rows[i].before);
        struct sp_key *key = NULL;
        assert_int_equal(sp_token_handle_follow_key(rows[i].secret, &key), SP_OK);
        values[i] = sp_token_handle_follow(fixture->arena, "sprt_", key, before, rows[i].at, hash);
        struct sp_str again = sp_token_handle_follow(fixture->arena, "sprt_", key, before, rows[i].at, again_hash);
        sp_key_destroy(&key);
        assert_true(sp_str_equal(values[i], again));
        assert_memory_equal(hash, again_hash, sizeof hash);
        sp_sha256(values[i], found_hash);
        assert_memory_equal(hash + 6, found_hash + 6, 26); /* as token_handle.h finds it */
        for (size_t j = 0; j < i; j++)
            assert_false(sp_str_equal(values[i], values[j]));
    }
    /* Nodes of the version before and of this one have the same rule. */
    assert_true(sp_str_equal(values[0], SP_STR("sprt_AAAAD0JAK1Pte8p4TfCFAss9oG6fOo9CIHzuPbTLpAQ")));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(two_at_once_get_one_and_the_same),
        ROW(the_window_closes_when_the_successor_is_used),
        ROW(behind_the_window_it_is_theft),
        ROW(a_thief_who_came_in_time_is_found_out_at_the_next_use),
        ROW(a_use_that_lies_ahead_is_within_the_window_as_far_as_one_behind),
        ROW(a_use_on_another_node_a_moment_before_counts_by_that_nodes_clock),
        ROW(without_a_window_the_second_use_is_theft),
        ROW(what_follows_is_told_by_the_secret_the_token_and_the_time_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
