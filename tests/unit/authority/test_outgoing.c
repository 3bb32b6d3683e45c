/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include "authority/outbox.h"
#include "authority/outgoing.h"
#include "tests/support/authority_fixture.h"

static int start(void **state)
{
    *state = fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{"
                            "'app':{'secret':'s','backchannel_logout_uri':'http://127.0.0.1:1/nobody'},"
                            "'deaf':{'secret':'s'}}}");
    return 0;
}

static void put(struct fixture *fixture, const char *client_id)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_call call = {.authority = &fixture->authority, .arena = fixture->arena, .now = fixture->now};
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(sp_outgoing_put(&call, SP_OUTGOING_BACK_CHANNEL_LOGOUT, SP_STR_NONE, sp_str_from_cstr(client_id),
                                     SP_STR("{\"sub\":\"ann\",\"sid\":\"s1\"}")),
                     SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    assert_int_equal(store->methods->flush(store), SP_OK);
    assert_true(fixture->authority.has_outgoing);
}

static size_t list(struct fixture *fixture, struct sp_record **records)
{
    struct sp_store *store = fixture->authority.store;
    size_t count = 0;
    assert_int_equal(store->methods->list_records(store, SP_RECORD_OUTGOING, SP_STR_NONE, SP_STR(""), 100,
                                                  fixture->arena, records, &count),
                     SP_OK);
    return count;
}

static void a_message_comes_back_as_it_was_put(void **state)
{
    struct fixture *fixture = *state;
    struct sp_record *records = NULL;
    struct sp_outgoing message;
    put(fixture, "app");
    assert_int_equal(list(fixture, &records), 1);
    assert_int_equal(sp_outgoing_read(fixture->arena, &records[0], &message), SP_OK);
    assert_int_equal(message.kind, SP_OUTGOING_BACK_CHANNEL_LOGOUT);
    assert_int_equal(message.attempts, 0);
    assert_int_equal(message.expires_at, fixture->now + sp_outgoing_row(message.kind)->lifetime_s);
    message.attempts = 7;
    struct sp_record changed = records[0];
    assert_int_equal(sp_outgoing_write(fixture->arena, &message, &changed, 5), SP_OK);
    assert_int_equal(changed.due_at, 5);
    struct sp_outgoing again;
    assert_int_equal(sp_outgoing_read(fixture->arena, &changed, &again), SP_OK);
    assert_int_equal(again.attempts, 7);
    assert_true(sp_str_equal(sp_json_string(sp_json_member(again.content, SP_STR("sid"))), SP_STR("s1")));
}

static void what_is_no_message_is_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"kind\":\"carrier_pigeon\",\"attempts\":0,\"expires_at\":1,\"content\":{}}",
        "{\"kind\":\"back_channel_logout\",\"attempts\":-1,\"expires_at\":1,\"content\":{}}",
        "{\"kind\":\"back_channel_logout\",\"attempts\":99999999999,\"expires_at\":1,\"content\":{}}",
        "{\"kind\":\"back_channel_logout\",\"attempts\":0,\"content\":{}}",
        "{\"kind\":\"back_channel_logout\",\"attempts\":0,\"expires_at\":1,\"content\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_record record = {.kind = SP_RECORD_OUTGOING, .data = sp_str_from_cstr(rows[i])};
        struct sp_outgoing message;
        assert_int_not_equal(sp_outgoing_read(fixture->arena, &record, &message), SP_OK);
    }
}

static void the_wait_doubles_up_to_an_hour(void **state)
{
    (void)state;
    static const struct {
        unsigned attempts;
        int64_t wait;
    } rows[] = {{0, 2}, {1, 2}, {2, 4}, {3, 8}, {5, 32}, {11, 2048}, {12, 3600}, {4000000000u, 3600}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(sp_outgoing_wait(rows[i].attempts, 0), rows[i].wait);
        for (uint32_t jitter = 0; jitter < 5000; jitter += 7)
            assert_in_range(sp_outgoing_wait(rows[i].attempts, jitter), rows[i].wait - rows[i].wait / 4, rows[i].wait);
    }
}

/* ---- the outbox: against a port where nobody listens ---- */
struct office {
    struct sp_errand_pool *pool;
    struct sp_call_log log;
    struct sp_outbox *outbox;
    FILE *lines;
};

static void open_office(struct office *office, struct fixture *fixture)
{
    office->lines = tmpfile();
    sp_call_log_init(&office->log, fileno(office->lines), false);
    assert_int_equal(sp_errand_pool_create(&office->pool), SP_OK);
    office->outbox = sp_outbox_create(&fixture->authority, office->pool, &office->log);
    assert_non_null(office->outbox);
}

static void collect_all(struct office *office, struct fixture *fixture)
{
    while (!sp_errand_pool_is_idle(office->pool)) {
        struct pollfd ready = {.fd = sp_errand_pool_descriptor(office->pool), .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 60000), 1);
        sp_errand_pool_collect(office->pool);
    }
    assert_int_equal(fixture->authority.store->methods->flush(fixture->authority.store), SP_OK);
}

static const char *close_office(struct office *office, char text[4096])
{
    sp_errand_pool_destroy(&office->pool);
    sp_outbox_destroy(&office->outbox);
    sp_call_log_fini(&office->log);
    rewind(office->lines);
    text[fread(text, 1, 4095, office->lines)] = '\0';
    fclose(office->lines);
    return text;
}

static void an_attempt_is_leased_counted_and_made_again_later(void **state)
{
    struct fixture *fixture = *state;
    struct office office;
    struct sp_record *records = NULL;
    struct sp_outgoing message;
    char text[4096];
    int64_t now = fixture->now;
    open_office(&office, fixture);
    put(fixture, "app");
    put(fixture, "app");
    assert_int_equal(sp_outbox_tend(office.outbox, now), SP_OK);
    assert_int_equal(list(fixture, &records), 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(records[i].due_at > now);                    /* should this process die, they are found again */
    assert_int_equal(sp_outbox_tend(office.outbox, now), SP_OK); /* nothing twice */
    collect_all(&office, fixture);
    assert_int_equal(list(fixture, &records), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sp_outgoing_read(fixture->arena, &records[i], &message), SP_OK);
        assert_int_equal(message.attempts, 1);
        assert_in_range(records[i].due_at, now + 1, now + 10);
    }
    /* A third to the same place does not go: it rests. */
    put(fixture, "app");
    assert_int_equal(sp_outbox_tend(office.outbox, now), SP_OK);
    assert_true(sp_errand_pool_is_idle(office.pool));
    assert_int_equal(list(fixture, &records), 3);
    assert_string_equal(close_office(&office, text), "");
}

static void one_that_is_too_old_is_lost_with_a_line(void **state)
{
    struct fixture *fixture = *state;
    struct office office;
    struct sp_record *records = NULL;
    char text[4096];
    open_office(&office, fixture);
    put(fixture, "app");
    fixture->now += sp_outgoing_row(SP_OUTGOING_BACK_CHANNEL_LOGOUT)->lifetime_s;
    assert_int_equal(sp_outbox_tend(office.outbox, fixture->now), SP_OK);
    assert_int_equal(list(fixture, &records), 0);
    assert_non_null(strstr(close_office(&office, text), "\"logout.not_delivered\""));
    assert_non_null(strstr(text, "too old"));
}

/* A year ahead for a while, then mended: nothing is thrown away, left lying or put off. */
static void a_clock_that_is_set_ahead_throws_nothing_away(void **state)
{
    struct fixture *fixture = *state;
    const int64_t year_s = (int64_t)365 * 86400, right = fixture->now;
    struct office office;
    struct sp_record *records = NULL;
    struct sp_outgoing message;
    char text[4096];
    open_office(&office, fixture);
    fixture->authority.credible_at = fixture->authority.credible_seen = right;
    put(fixture, "app");
    fixture->now = right + year_s;
    put(fixture, "app");                             /* before the server looked at the clock … */
    fixture->authority.credible_seen = fixture->now; /* … and behind it */
    put(fixture, "app");
    assert_int_equal(sp_outbox_tend(office.outbox, fixture->now), SP_OK);
    collect_all(&office, fixture);
    assert_int_equal(list(fixture, &records), 3);
    assert_int_equal(sp_outbox_tend(office.outbox, fixture->now), SP_OK); /* what was put off is not due by it */
    collect_all(&office, fixture);
    fixture->now = right + 1;
    put(fixture, "app"); /* mended, and not looked at yet */
    fixture->authority.credible_at = fixture->authority.credible_seen = fixture->now;
    assert_int_equal(list(fixture, &records), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sp_outgoing_read(fixture->arena, &records[i], &message), SP_OK);
        assert_in_range(message.attempts, 0, 1);
        assert_in_range(records[i].due_at, right, right + 10);
        assert_in_range(message.expires_at, right + 86400, right + 86401);
    }
    assert_string_equal(close_office(&office, text), "");
}

/* A command beside the server knows no better; its message goes as long as the clock is wrong. */
static void what_was_put_by_a_wrong_clock_goes_at_once(void **state)
{
    (void)state;
    assert_true(sp_outgoing_is_due(1000, 1000));
    assert_false(sp_outgoing_is_due(1001, 1000));
    assert_false(sp_outgoing_is_due(1000 + 3600, 1000));
    assert_true(sp_outgoing_is_due(1000 + 365 * 86400, 1000));
}

/* And when the clock is right again, whoever mended it and however much it was ahead: at once, and no longer than from
 * then. */
static void what_a_command_put_by_a_clock_ahead_is_not_left_lying(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t ahead_s[] = {60, 3600, 86400, (int64_t)365 * 86400};
    const int64_t right = fixture->now, lifetime_s = sp_outgoing_row(SP_OUTGOING_BACK_CHANNEL_LOGOUT)->lifetime_s;
    for (size_t i = 0; i < sizeof ahead_s / sizeof ahead_s[0]; i++) {
        struct office office;
        struct sp_record *records = NULL;
        struct sp_outgoing message;
        char text[4096];
        fixture->authority.credible_at = fixture->authority.credible_seen = 0; /* a command looks at no other clock */
        fixture->now = right + ahead_s[i];
        put(fixture, "app");
        fixture->authority.credible_at = fixture->authority.credible_seen = fixture->now = right;
        open_office(&office, fixture);
        assert_int_equal(sp_outbox_tend(office.outbox, right), SP_OK);
        collect_all(&office, fixture);
        assert_int_equal(list(fixture, &records), 1);
        assert_int_equal(sp_outgoing_read(fixture->arena, &records[0], &message), SP_OK);
        assert_int_equal(message.attempts, 1);
        assert_int_equal(message.expires_at, right + lifetime_s);
        assert_string_equal(close_office(&office, text), "");
        struct sp_store *store = fixture->authority.store;
        assert_int_equal(store->methods->drop_record(store, SP_RECORD_OUTGOING, records[0].id), SP_OK);
    }
}

static void the_last_attempt_is_the_last(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct office office;
    struct sp_record *records = NULL;
    struct sp_outgoing message;
    char text[4096];
    put(fixture, "app");
    assert_int_equal(list(fixture, &records), 1);
    assert_int_equal(sp_outgoing_read(fixture->arena, &records[0], &message), SP_OK);
    message.attempts = sp_outgoing_row(message.kind)->max_attempts - 1;
    assert_int_equal(sp_outgoing_write(fixture->arena, &message, &records[0], fixture->now), SP_OK);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_record(store, &records[0], NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    open_office(&office, fixture);
    assert_int_equal(sp_outbox_tend(office.outbox, fixture->now), SP_OK);
    collect_all(&office, fixture);
    assert_int_equal(list(fixture, &records), 0);
    assert_non_null(strstr(close_office(&office, text), "network.tcp.refused"));
}

static void what_nobody_wants_or_understands_any_more_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct office office;
    struct sp_record *records = NULL;
    char text[4096];
    open_office(&office, fixture);
    put(fixture, "deaf"); /* it has no URI */
    put(fixture, "gone"); /* it is no client */
    const struct sp_record odd = {.kind = SP_RECORD_OUTGOING,
                                  .id = SP_STR("odd"),
                                  .data = SP_STR("{\"kind\":\"of a later version\"}"),
                                  .created_at = fixture->now,
                                  .due_at = fixture->now};
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_record(store, &odd, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    assert_int_equal(sp_outbox_tend(office.outbox, fixture->now), SP_OK);
    assert_int_equal(list(fixture, &records), 0);
    assert_string_equal(close_office(&office, text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_comes_back_as_it_was_put, start, fixture_stop),
        cmocka_unit_test_setup_teardown(what_is_no_message_is_told, start, fixture_stop),
        cmocka_unit_test(the_wait_doubles_up_to_an_hour),
        cmocka_unit_test_setup_teardown(an_attempt_is_leased_counted_and_made_again_later, start, fixture_stop),
        cmocka_unit_test_setup_teardown(one_that_is_too_old_is_lost_with_a_line, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_ahead_throws_nothing_away, start, fixture_stop),
        cmocka_unit_test(what_was_put_by_a_wrong_clock_goes_at_once),
        cmocka_unit_test_setup_teardown(what_a_command_put_by_a_clock_ahead_is_not_left_lying, start, fixture_stop),
        cmocka_unit_test_setup_teardown(the_last_attempt_is_the_last, start, fixture_stop),
        cmocka_unit_test_setup_teardown(what_nobody_wants_or_understands_any_more_is_dropped, start, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
