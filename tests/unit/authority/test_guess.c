/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/account.h"
#include "authority/guess.h"
#include "authority/known_browser.h"
#include "authority/login.h"
#include "authority/password.h"
#include "authority/password_foreign.h"
#include "authority/password_kinds.h"
#include "authority/throttle.h"
#include "core/base/limits.h"
#include "tests/support/authority_fixture.h"

struct work {
    uint64_t argon2, foreign;
};

static struct work work_done(void)
{
    return (struct work){sp_password_work.argon2, sp_password_work.foreign};
}

static int start(void **state)
{
    struct fixture *fixture = fixture_create("{'clients':{'app':{'secret':'x'}}}");
    struct sp_store *store = fixture->authority.store;
    struct sp_account ann = {.id = SP_STR("id-of-ann"), .name = SP_STR("Ann"), .claims = SP_STR("{}")};
    assert_int_equal(sp_password_hash(fixture->arena, SP_STR("right"), &ann.password_hash), SP_OK);
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    *state = fixture;
    return 0;
}

static struct sp_call *call_from(struct fixture *fixture, const char *address, struct sp_str cookie)
{
    struct sp_call *call = fixture_new_call(fixture);
    call->asked.client_address = sp_str_from_cstr(address);
    call->asked.cookie = cookie;
    return call;
}

/* What is said: absent: signed in; "": wrong; else the seconds to wait; "429". */
static struct sp_str try_password(struct fixture *fixture, struct sp_call *call, const char *name, const char *password)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_account account;
    struct sp_str trouble = SP_STR_NONE;
    for (;;) {
        assert_int_equal(store->methods->begin(store), SP_OK);
        enum sp_step step = sp_login_try(call, sp_str_from_cstr(name), sp_str_from_cstr(password), &account, &trouble);
        if (call->waits_for == NULL) {
            if (step == SP_GOES_ON)
                assert_int_equal(store->methods->keep(store), SP_OK);
            else
                store->methods->undo(store);
            return step == SP_GOES_ON ? trouble : SP_STR("429");
        }
        store->methods->undo(store);
        sp_errand_run(call->waits_for);
        sp_call_restart(call);
    }
}

/* As the browser sends it back after a sign-in; kept: what it had before. */
static struct sp_str cookie_of(struct fixture *fixture, const char *account, struct sp_str kept)
{
    struct sp_call *call = call_from(fixture, "192.0.2.1", kept);
    sp_known_browser_remember(call, sp_str_from_cstr(account));
    assert_int_equal(call->answer.header_count, 1);
    struct sp_str set = call->answer.headers[0].value;
    return sp_str_slice(set, 0, sp_str_index_of(set, ';', 0));
}

static void guess_wrong(struct fixture *fixture, const char *address, const char *name, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct sp_guess guess;
        struct sp_call *call = call_from(fixture, address, SP_STR_NONE);
        assert_int_equal(sp_guess_find(call, sp_str_from_cstr(name), NULL, &guess), SP_OK);
        assert_int_equal(sp_guess_fail(call, &guess), SP_OK);
    }
}

/* From so many networks, each below its own count. */
static void guess_from_everywhere(struct fixture *fixture, const char *name, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        guess_wrong(fixture, sp_arena_printf(fixture->arena, "198.51.100.%u", i % 250).at, name, 1);
}

static int64_t wait_of(struct fixture *fixture, const char *address, struct sp_str cookie, const char *name,
                       struct sp_str account)
{
    struct sp_guess guess;
    const struct sp_account known = {.id = account};
    assert_int_equal(sp_guess_find(call_from(fixture, address, cookie), sp_str_from_cstr(name),
                                   account.at != NULL ? &known : NULL, &guess),
                     SP_OK);
    return guess.wait_s;
}

static void a_stranger_keeps_nobody_out_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    guess_wrong(fixture, "192.0.2.66", "ann", 20);
    assert_int_equal(wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ANN", SP_STR("id-of-ann")), 900);
    assert_true(try_password(fixture, call_from(fixture, "192.0.2.7", SP_STR_NONE), "Ann", "right").at == NULL);
    /* Right where somebody else was wrong: still to be waited for, since nobody can tell them apart. */
    struct sp_call *call = call_from(fixture, "192.0.2.66", SP_STR_NONE);
    assert_true(sp_str_equal(try_password(fixture, call, "Ann", "right"), SP_STR("900")));
    assert_true(sp_str_has_prefix(call->finding.detail, SP_STR("20 wrong passwords from 192.0.2.66")));
}

static void a_browser_that_was_signed_in_is_not_kept_out_from_anywhere(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str cookie = cookie_of(fixture, "id-of-ann", SP_STR_NONE);
    guess_from_everywhere(fixture, "ann", 140);
    guess_wrong(fixture, "192.0.2.7", "ann", 20);
    for (int i = 0; i < 60; i++) /* the address as a whole is refused, too */
        sp_throttle_fail(call_from(fixture, "192.0.2.7", SP_STR_NONE), SP_THROTTLE_LOGIN);
    assert_true(sp_str_equal(try_password(fixture, call_from(fixture, "192.0.2.7", SP_STR_NONE), "Ann", "right"),
                             SP_STR("429")));
    assert_true(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")) > 0);
    assert_true(try_password(fixture, call_from(fixture, "192.0.2.7", cookie), "Ann", "right").at == NULL);
    assert_int_equal(sp_known_browser_check(call_from(fixture, "192.0.2.7", cookie), SP_STR("id-of-ann")), SP_GOES_ON);
    assert_int_equal(sp_known_browser_check(call_from(fixture, "192.0.2.7", cookie), SP_STR("id-of-bob")), SP_DENIED);
}

static void a_stolen_browser_has_its_own_few_tries(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str cookie = cookie_of(fixture, "id-of-ann", SP_STR_NONE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            try_password(fixture, call_from(fixture, i % 2 != 0 ? "192.0.2.1" : "192.0.2.2", cookie), "ann", "wrong")
                .len,
            0);
    struct sp_call *call = call_from(fixture, "192.0.2.3", cookie);
    assert_true(sp_str_equal(try_password(fixture, call, "ann", "right"), SP_STR("1")));
    fixture->now += 1;
    assert_true(try_password(fixture, call_from(fixture, "192.0.2.3", cookie), "ann", "right").at == NULL);
    /* Right: its count begins anew. */
    assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.3", cookie), "ann", "wrong").len, 0);
    assert_int_equal(wait_of(fixture, "192.0.2.3", cookie, "ann", SP_STR("id-of-ann")), 0);
    assert_int_equal(wait_of(fixture, "192.0.2.3", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
}

static void no_cookie_but_that_of_the_account_counts(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str own = cookie_of(fixture, "id-of-ann", SP_STR_NONE), forged = SP_STR_NONE;
    assert_int_equal(sp_arena_copy(fixture->arena, own, &forged), SP_OK);
    char *last = (char *)(uintptr_t)&forged.at[forged.len - 2];
    *last = *last == 'A' ? 'B' : 'A';
    struct sp_str many = own;
    for (int i = 0; i < 5; i++)
        many = cookie_of(fixture, sp_arena_printf(fixture->arena, "other-%d", i).at, many);
    const struct {
        const char *name;
        struct sp_str cookie;
        bool is_known;
    } rows[] = {
        {"its own", own, true},
        {"beside a session's", sp_arena_printf(fixture->arena, "a=b; %.*s", SP_STR_ARG(own)), true},
        {"with five others'", many, true},
        {"with six others', the oldest of them", cookie_of(fixture, "other-6", many), false},
        {"another account's", cookie_of(fixture, "id-of-bob", SP_STR_NONE), false},
        {"forged", forged, false},
        {"cut", sp_str_slice(own, 0, own.len - 1), false},
        {"none", SP_STR("__Host-sp_known="), false},
        {"anything", SP_STR("__Host-sp_known=\"; drop"), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_known =
            sp_known_browser_find(call_from(fixture, "192.0.2.1", rows[i].cookie), SP_STR("id-of-ann")).at != NULL;
        if (is_known != rows[i].is_known)
            fail_msg("%s", rows[i].name);
    }
    fixture->now += 180 * 86400 - 1;
    assert_non_null(sp_known_browser_find(call_from(fixture, "192.0.2.1", own), SP_STR("id-of-ann")).at);
    fixture->now++;
    assert_null(sp_known_browser_find(call_from(fixture, "192.0.2.1", own), SP_STR("id-of-ann")).at);
}

/* An entry of one's own account is replaced, so that the others keep their places. */
static void signing_in_again_adds_no_entry(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str cookie = cookie_of(fixture, "id-of-bob", SP_STR_NONE);
    for (int i = 0; i < 10; i++)
        cookie = cookie_of(fixture, "id-of-ann", cookie);
    assert_non_null(sp_known_browser_find(call_from(fixture, "192.0.2.1", cookie), SP_STR("id-of-bob")).at);
    assert_non_null(sp_known_browser_find(call_from(fixture, "192.0.2.1", cookie), SP_STR("id-of-ann")).at);
    assert_int_equal(cookie.len, sizeof "__Host-sp_known=" - 1 + 2 * 46);
}

static void many_networks_together_are_slowed(void **state)
{
    struct fixture *fixture = *state;
    guess_from_everywhere(fixture, "ann", 119);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
    guess_from_everywhere(fixture, "ann", 1);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 1);
    guess_from_everywhere(fixture, "ann", 50);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 900);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "bob", SP_STR_NONE), 0);
    fixture->now += 900;
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
    guess_from_everywhere(fixture, "ann", 1);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 900);
    fixture->now += 86400; /* the day is over */
    guess_from_everywhere(fixture, "ann", 1);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
}

/* Whatever it does within a day. */
static void one_network_alone_slows_nobody_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    int64_t end = fixture->now + 86400, longest = 0;
    while (fixture->now < end) {
        guess_wrong(fixture, "192.0.2.66", "ann", 1);
        int64_t elsewhere = wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann"));
        longest = elsewhere > longest ? elsewhere : longest;
        int64_t own = wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ann", SP_STR("id-of-ann"));
        fixture->now += own > 0 ? own : 1;
    }
    assert_int_equal(longest, 0);
}

/* What a node has in memory is its own: a new start, or another node, has nothing of it. */
static void one_network_is_one_whichever_node_it_asks(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str cookie = cookie_of(fixture, "id-of-ann", SP_STR_NONE);
    for (int i = 0; i < 5; i++) {
        sp_throttle_destroy(&fixture->authority.throttle);
        guess_wrong(fixture, "192.0.2.66", "ann", 1);
        assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.5", cookie), "ann", "wrong").len, 0);
    }
    sp_throttle_destroy(&fixture->authority.throttle);
    assert_int_equal(wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 1);
    assert_int_equal(wait_of(fixture, "192.0.2.5", cookie, "ann", SP_STR("id-of-ann")), 1);
    assert_int_equal(wait_of(fixture, "192.0.2.7", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
    fixture->now++;
    assert_true(try_password(fixture, call_from(fixture, "192.0.2.66", SP_STR_NONE), "ann", "right").at == NULL);
    sp_throttle_destroy(&fixture->authority.throttle); /* right at one node: begun anew at all */
    guess_wrong(fixture, "192.0.2.66", "ann", 1);
    assert_int_equal(wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
    assert_int_equal(wait_of(fixture, "192.0.2.5", cookie, "ann", SP_STR("id-of-ann")), 0);
}

/* The row has room for so many; whoever is pushed out begins anew, and the name's own count goes on. */
static void a_row_holds_the_networks_that_were_wrong_last(void **state)
{
    struct fixture *fixture = *state;
    guess_wrong(fixture, "192.0.2.66", "ann", 6);
    for (unsigned i = 0; i < SP_MAX_GUESSERS - 1; i++)
        guess_wrong(fixture, sp_arena_printf(fixture->arena, "198.51.100.%u", i).at, "ann", 1);
    assert_int_equal(wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 2);
    guess_wrong(fixture, "198.51.100.0", "ann", 1); /* has its place */
    assert_int_equal(wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 2);
    guess_wrong(fixture, "198.51.100.250", "ann", 1);
    assert_int_equal(wait_of(fixture, "192.0.2.66", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
}

/* Names that are no account, and all counts across a new start of the program. */
static void a_name_that_is_no_account_is_counted_and_kept_the_same(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"ann", "nobody"};
    struct sp_str said[2][8];
    for (int restarts = 0; restarts < 2; restarts++) {
        for (int i = 0; i < 2; i++)
            for (int n = 0; n < 8; n++)
                said[i][n] = try_password(fixture, call_from(fixture, "192.0.2.1", SP_STR_NONE), names[i], "wrong");
        for (int n = 0; n < 8; n++)
            assert_true(sp_str_equal(said[0][n], said[1][n]));
        assert_int_equal(said[0][4].len == 0, restarts == 0);
        assert_int_not_equal(said[0][5].len, 0);
        sp_throttle_destroy(&fixture->authority.throttle); /* a new start, or another node */
    }
    for (int i = 0; i < 2; i++)
        guess_from_everywhere(fixture, names[i], 140);
    sp_throttle_destroy(&fixture->authority.throttle);
    int64_t wait_s = wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann"));
    assert_true(wait_s > 0);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "nobody", SP_STR_NONE), wait_s);
}

/* A clock that was years ahead when it counted. */
static void a_clock_that_is_put_right_slows_nobody(void **state)
{
    struct fixture *fixture = *state;
    fixture->now += 400 * 86400;
    guess_from_everywhere(fixture, "ann", 200);
    fixture->now -= 400 * 86400;
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 0);
    guess_from_everywhere(fixture, "ann", 121);
    assert_int_equal(wait_of(fixture, "203.0.113.9", SP_STR_NONE, "ann", SP_STR("id-of-ann")), 2);
}

/* Set by the operator, from another process: in memory and in the store, the person does not wait for what came before;
 * what comes after counts from the beginning. */
static void a_password_that_is_set_anew_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    char trouble[256];
    guess_from_everywhere(fixture, "ann", 200);
    guess_wrong(fixture, "192.0.2.7", "ann", 20);
    const struct sp_account_request request = {.name = SP_STR("ann"), .password = SP_STR("the-new-one")};
    assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.7", SP_STR_NONE), "ann", "right").len, 3);
    assert_int_equal(sp_account_put(store, fixture->arena, &request, true, fixture->now, trouble), SP_OK);
    fixture->now++;
    for (int i = 0; i < 5; i++)
        assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.7", SP_STR_NONE), "ann", "wrong").len, 0);
    assert_true(sp_str_equal(try_password(fixture, call_from(fixture, "192.0.2.7", SP_STR_NONE), "ann", "the-new-one"),
                             SP_STR("1")));
    assert_true(try_password(fixture, call_from(fixture, "192.0.2.8", SP_STR_NONE), "ann", "the-new-one").at == NULL);
}

/* Kinds of hashes cost what they cost: whose password was wrong must not be told by that. "secret", bcrypt of cost 4.
 */
static void a_wrong_password_is_hashed_by_every_kind_in_use(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    char trouble[256];
    static const struct {
        const char *name, *hash;
        bool is_disabled;
    } accounts[] = {
        {"bea", "$2b$04$....................../dCAsp4PpJoDgv6BeaLP6BKrXlBV1oi", false},
        {"sam", "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2", false},
        {"dis", "$2b$04$....................../dCAsp4PpJoDgv6BeaLP6BKrXlBV1oi", true},
    };
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        const struct sp_account_request request = {.name = sp_str_from_cstr(accounts[i].name),
                                                   .password_hash = sp_str_from_cstr(accounts[i].hash),
                                                   .disabled = accounts[i].is_disabled};
        assert_int_equal(sp_account_put(store, fixture->arena, &request, false, fixture->now, trouble), SP_OK);
    }
    static const char *const names[] = {"ann", "nobody", "bea", "sam", "dis"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct work before = work_done();
        assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.1", SP_STR_NONE), names[i], "wrong").len, 0);
        struct work after = work_done();
        assert_int_equal(after.argon2 - before.argon2, 1);
        assert_int_equal(after.foreign - before.foreign, 2);
    }
    /* A right one costs its own kind alone. */
    struct work before = work_done();
    assert_null(try_password(fixture, call_from(fixture, "192.0.2.1", SP_STR_NONE), "ann", "right").at);
    assert_int_equal(work_done().argon2 - before.argon2, 1);
    assert_int_equal(work_done().foreign, before.foreign);
    /* Nobody who signs in had one for long. */
    fixture->now += 91 * 86400;
    before = work_done();
    assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.1", SP_STR_NONE), "nobody", "wrong").len, 0);
    assert_int_equal(work_done().foreign, before.foreign);
    /* Met again: from then on. */
    assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.1", SP_STR_NONE), "bea", "wrong").len, 0);
    before = work_done();
    assert_int_equal(try_password(fixture, call_from(fixture, "192.0.2.1", SP_STR_NONE), "nobody", "wrong").len, 0);
    assert_int_equal(work_done().foreign - before.foreign, 1);
}

static void a_kind_is_what_decides_the_cost(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *encoded, *kind;
    } rows[] = {
        {"$2y$12$aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "$2b$12$"},
        {"$2a$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "$2b$10$"},
        {"$6$salt$hash", "$6$"},
        {"$6$rounds=9000$salt$hash", "$6$rounds=9000$"},
        {"$5$salt$hash", "$5$"},
        {"$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "$argon2id$v=19$m=65536,t=3,p=4$"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(sp_str_equal(sp_password_kind(fixture->arena, sp_str_from_cstr(rows[i].encoded)),
                                 sp_str_from_cstr(rows[i].kind)));
    assert_null(sp_password_kind(fixture->arena, SP_STR("plain")).at);
}

/* Decoys are hashes that can be verified, and hence cost what they should. */
static void every_decoy_is_a_hash(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct sp_str *besides = NULL;
    size_t count = 0;
    static const char *const hashes[] = {"$2y$12$x", "$6$rounds=9000$salt$hash", "$5$salt$hash",
                                         "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "$6$a$too-many"};
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
        assert_int_equal(sp_password_kinds_note(store, fixture->arena, sp_str_from_cstr(hashes[i]), fixture->now),
                         SP_OK);
    assert_int_equal(
        sp_password_kinds_besides(store, fixture->arena, sp_password_of_nobody(), fixture->now, &besides, &count),
        SP_OK);
    assert_int_equal(count, SP_MAX_PASSWORD_KINDS);
    for (size_t i = 0; i < count; i++)
        assert_null(sp_password_hash_trouble(besides[i]));
}

/* Whoever writes holds the store, so the hash is made before. */
static struct work at_begin;
static enum sp_status (*real_begin)(struct sp_store *store);

static enum sp_status noting_begin(struct sp_store *store)
{
    at_begin = work_done();
    return real_begin(store);
}

static void a_password_is_hashed_before_the_store_is_held(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    const struct sp_store_methods *methods = store->methods;
    struct sp_store_methods noting = *methods;
    char trouble[256];
    real_begin = methods->begin;
    noting.begin = noting_begin;
    store->methods = &noting;
    for (int changes = 0; changes < 2; changes++) {
        struct work before = work_done();
        const struct sp_account_request request = {.name = SP_STR("zoe"), .password = SP_STR("a-password")};
        assert_int_equal(sp_account_put(store, fixture->arena, &request, changes != 0, fixture->now, trouble), SP_OK);
        assert_int_equal(at_begin.argon2 - before.argon2, 1);
        assert_int_equal(work_done().argon2, at_begin.argon2);
    }
    store->methods = methods;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stranger_keeps_nobody_out_elsewhere),
        TEST(a_browser_that_was_signed_in_is_not_kept_out_from_anywhere),
        TEST(a_stolen_browser_has_its_own_few_tries),
        TEST(no_cookie_but_that_of_the_account_counts),
        TEST(signing_in_again_adds_no_entry),
        TEST(many_networks_together_are_slowed),
        TEST(one_network_alone_slows_nobody_elsewhere),
        TEST(one_network_is_one_whichever_node_it_asks),
        TEST(a_row_holds_the_networks_that_were_wrong_last),
        TEST(a_name_that_is_no_account_is_counted_and_kept_the_same),
        TEST(a_clock_that_is_put_right_slows_nobody),
        TEST(a_password_that_is_set_anew_is_not_waited_for),
        TEST(a_wrong_password_is_hashed_by_every_kind_in_use),
        TEST(a_kind_is_what_decides_the_cost),
        TEST(every_decoy_is_a_hash),
        TEST(a_password_is_hashed_before_the_store_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
