/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "authority/throttle.h"
#include "tests/support/authority_fixture.h"

static int start(void **state)
{
    *state = fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{'app':{'secret':'s'}}}");
    return 0;
}

static struct sp_call *call_from(struct fixture *fixture, const char *address)
{
    struct sp_call *call = SP_ARENA_NEW(fixture->arena, struct sp_call);
    *call = (struct sp_call){.authority = &fixture->authority, .arena = fixture->arena, .now = fixture->now};
    call->asked.client_address = sp_str_from_cstr(address);
    return call;
}

static void an_ipv6_network_counts_as_one_and_an_ipv4_address_alone(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *address, *network;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"2001:db8:1:2::9", "2001:db8:1:2::/64"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::1", "::/64"},
        {"no address", "no address"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str network = sp_throttle_network(fixture->arena, sp_str_from_cstr(rows[i].address));
        assert_true(sp_str_equal(network, sp_str_from_cstr(rows[i].network)));
    }
}

static unsigned failures_until_refused(struct fixture *fixture, const char *address, enum sp_throttle_class class)
{
    for (unsigned n = 0; n < 1000; n++) {
        struct sp_call *call = call_from(fixture, address);
        if (sp_throttle_check(call, class) != SP_GOES_ON)
            return n;
        sp_throttle_fail(call, class);
    }
    return 1000;
}

static void after_its_failures_an_address_waits_for_the_window(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(failures_until_refused(fixture, "192.0.2.1", SP_THROTTLE_LOGIN), 50);
    struct sp_call *call = call_from(fixture, "192.0.2.1");
    assert_int_equal(sp_throttle_check(call, SP_THROTTLE_LOGIN), SP_DENIED);
    assert_int_equal(call->answer.status, 429);
    assert_string_equal(fixture_cause(call), "login.throttled");
    assert_string_equal(call->answer.headers[0].name, "Retry-After");
    assert_true(sp_str_equal(call->answer.headers[0].value, SP_STR("600")));
    /* Another class, another address, the other half of a /64 as the case may be. */
    assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.1"), SP_THROTTLE_USER_CODE), SP_GOES_ON);
    assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.2"), SP_THROTTLE_LOGIN), SP_GOES_ON);
    assert_int_equal(failures_until_refused(fixture, "2001:db8::1", SP_THROTTLE_USER_CODE), 20);
    assert_int_equal(sp_throttle_check(call_from(fixture, "2001:db8::2"), SP_THROTTLE_USER_CODE), SP_DENIED);
    fixture->now += 599;
    assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.1"), SP_THROTTLE_LOGIN), SP_DENIED);
    fixture->now += 1;
    assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.1"), SP_THROTTLE_LOGIN), SP_GOES_ON);
}

/* What a node has in memory is its own: a new start, or another node, has nothing of it. */
static void guesses_are_counted_over_all_nodes(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum sp_throttle_class class;
        unsigned failures, at_one_node;
        bool is_shared;
    } rows[] = {
        {SP_THROTTLE_LOGIN, 50, 49, true},
        {SP_THROTTLE_USER_CODE, 20, 7, true},
        {SP_THROTTLE_CLIENT_SECRET, 300, 150, false},
        {SP_THROTTLE_PUSHED, 300, 150, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned n = 0; n < rows[i].failures; n++) {
            assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.1"), rows[i].class), SP_GOES_ON);
            sp_throttle_fail(call_from(fixture, "192.0.2.1"), rows[i].class);
            if (n % rows[i].at_one_node == 0)
                sp_throttle_destroy(&fixture->authority.throttle);
        }
        struct sp_call *call = call_from(fixture, "192.0.2.1");
        assert_int_equal(sp_throttle_check(call, rows[i].class), rows[i].is_shared ? SP_DENIED : SP_GOES_ON);
        if (rows[i].is_shared)
            assert_true(sp_str_equal(call->answer.headers[0].value, SP_STR("600")));
        assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.2"), rows[i].class), SP_GOES_ON);
    }
    fixture->now += 600;
    assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.1"), SP_THROTTLE_LOGIN), SP_GOES_ON);
}

/* A node whose clock was far ahead told the others so. */
static void a_clock_that_is_put_right_refuses_nobody(void **state)
{
    struct fixture *fixture = *state;
    fixture->now += 86400;
    assert_int_equal(failures_until_refused(fixture, "192.0.2.1", SP_THROTTLE_LOGIN), 50);
    fixture->now -= 86400;
    sp_throttle_destroy(&fixture->authority.throttle);
    assert_int_equal(sp_throttle_check(call_from(fixture, "192.0.2.1"), SP_THROTTLE_LOGIN), SP_GOES_ON);
}

static void clients_that_register_themselves_are_counted_by_address(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.registration.enabled = fixture->settings.registration.open = true;
    fixture->settings.registration.max_clients = 1000;
    const struct fixture_request request = {.path = "/register",
                                            .content_type = "application/json",
                                            .body = "{\"redirect_uris\":[\"https://app.example/cb\"]}",
                                            .client_address = "2001:db8::7"};
    unsigned n = 0;
    struct sp_call *call = fixture_call(fixture, &request);
    for (; call->answer.status != 429 && n < 1000; n++)
        call = fixture_call(fixture, &request);
    assert_int_equal(n, 40);
    assert_string_equal(fixture_cause(call), "registration.throttled");
    assert_int_equal(sp_throttle_check(call_from(fixture, "2001:db8::7"), SP_THROTTLE_LOGIN), SP_GOES_ON);
    fixture->now += 3600;
    assert_int_not_equal(fixture_call(fixture, &request)->answer.status, 429);
}

static void a_call_without_an_address_is_judged(void **state)
{
    assert_int_equal(failures_until_refused(*state, "", SP_THROTTLE_USER_CODE), 1000);
}

static void the_tables_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(failures_until_refused(fixture, "192.0.2.1", SP_THROTTLE_USER_CODE), 20);
    assert_int_equal(failures_until_refused(fixture, "192.0.2.2", SP_THROTTLE_LOGIN), 50);
    for (unsigned i = 0; i < 200000; i++) {
        struct sp_arena *arena = sp_arena_create(4096);
        struct sp_call call = {.authority = &fixture->authority, .arena = arena, .now = fixture->now};
        call.asked.client_address = sp_arena_printf(arena, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        sp_throttle_fail(&call, SP_THROTTLE_LOGIN);
        sp_arena_destroy(&arena);
    }
    assert_true(sp_throttle_check(call_from(fixture, "10.0.0.1"), SP_THROTTLE_LOGIN) == SP_GOES_ON);
    /* In the store, too, the oldest gave way. */
    sp_throttle_destroy(&fixture->authority.throttle);
    assert_true(sp_throttle_check(call_from(fixture, "192.0.2.2"), SP_THROTTLE_LOGIN) == SP_GOES_ON);
}

static void a_wrong_client_secret_counts_and_a_right_one_does_not(void **state)
{
    struct fixture *fixture = *state;
    static const char right[] = "grant_type=client_credentials&client_id=app&client_secret=s",
                      wrong[] = "grant_type=client_credentials&client_id=app&client_secret=t";
    for (int i = 0; i < 400; i++)
        assert_int_equal(CALL(fixture, .body = right, .client_address = "192.0.2.1")->answer.status, 200);
    for (int i = 0; i < 300; i++)
        assert_int_equal(CALL(fixture, .body = wrong, .client_address = "192.0.2.1")->answer.status, 400);
    struct sp_call *call = CALL(fixture, .body = right, .client_address = "192.0.2.1");
    assert_int_equal(call->answer.status, 429); /* right or wrong: nothing is judged */
    assert_string_equal(fixture_cause(call), "login.throttled");
    assert_int_equal(CALL(fixture, .body = right, .client_address = "192.0.2.2")->answer.status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_ipv6_network_counts_as_one_and_an_ipv4_address_alone, start, fixture_stop),
        cmocka_unit_test_setup_teardown(after_its_failures_an_address_waits_for_the_window, start, fixture_stop),
        cmocka_unit_test_setup_teardown(guesses_are_counted_over_all_nodes, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_clock_that_is_put_right_refuses_nobody, start, fixture_stop),
        cmocka_unit_test_setup_teardown(clients_that_register_themselves_are_counted_by_address, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_call_without_an_address_is_judged, start, fixture_stop),
        cmocka_unit_test_setup_teardown(the_tables_are_bounded, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_wrong_client_secret_counts_and_a_right_one_does_not, start, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
