/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <argon2.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include "authority/denial.h"
#include "authority/errand_pool.h"
#include "authority/handle.h"
#include "authority/replay.h"
#include "core/base/limits.h"
#include "tests/support/authority_fixture.h"

/* argon2id of "right", cheap: a test waits for nothing; salted, so that what another test's remembered is not known
 * again. */
static const char *cheap_hash(char out[SP_PASSWORD_ENCODED_BYTES])
{
    unsigned char salt[12];
    sp_random_bytes(salt, sizeof salt);
    assert_int_equal(argon2id_hash_encoded(1, 64, 1, "right", 5, salt, sizeof salt, 32, out, SP_PASSWORD_ENCODED_BYTES),
                     ARGON2_OK);
    return out;
}

static int start(void **state)
{
    char section[1024], hash[SP_PASSWORD_ENCODED_BYTES];
    snprintf(section, sizeof section,
             "{'tokens':{'algorithm':'ES256'},'clients':{'app':{'secret_hash':['%s','sha256:"
             "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b']},'plain':{'secret':'s'}}}",
             cheap_hash(hash));
    *state = fixture_create(section);
    return 0;
}

static void a_call_waits_for_a_hash_and_remembers_a_match(void **state)
{
    struct fixture *fixture = *state;
    const char *body = "grant_type=client_credentials&client_id=app&client_secret=right";
    assert_int_equal(CALL(fixture, .body = body)->answer.status, 200);
    assert_int_equal(fixture->errand_count, 1);
    assert_int_equal(CALL(fixture, .body = body)->answer.status, 200);
    assert_int_equal(fixture->errand_count, 1);
    /* Its readings: as it is, trimmed, decoded twice; each once, with one hash registered. */
    struct sp_call *call =
        CALL(fixture, .body = "grant_type=client_credentials&client_id=app&client_secret=+wro%2525ng");
    assert_string_equal(fixture_cause(call), "client.secret_wrong");
    assert_int_equal(fixture->errand_count, 4);
}

static bool says_it_matches(struct fixture *fixture, struct sp_errand *errand)
{
    (void)fixture;
    errand->matches = errand->done = true;
    return true;
}

static bool has_no_memory(struct fixture *fixture, struct sp_errand *errand)
{
    (void)fixture;
    errand->status = SP_NO_MEMORY;
    errand->done = true;
    return true;
}

static void a_test_answers_an_errand_itself(void **state)
{
    struct fixture *fixture = *state;
    const char *body = "grant_type=client_credentials&client_id=app&client_secret=anything";
    fixture->answer_errand = has_no_memory;
    struct sp_call *call = CALL(fixture, .body = body);
    assert_int_equal(call->answer.status, 500);
    assert_string_equal(fixture_cause(call), "store.unavailable");
    fixture->answer_errand = says_it_matches;
    assert_int_equal(CALL(fixture, .body = body)->answer.status, 200);
}

static void an_http_request_is_asked_once_and_its_answer_kept(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = fixture_new_call(fixture);
    const struct sp_http_request request = {.url = SP_STR("https://idp.example/keys")},
                                 other = {.url = SP_STR("https://idp.example/other")};
    const struct sp_fetch_report *report = NULL, answered = {.http_status = 200, .body = SP_STR("{}")};
    assert_int_equal(sp_errand_http(call, &request, &report), SP_WAITS);
    assert_null(report);
    struct sp_errand *errand = call->waits_for;
    assert_ptr_not_equal(errand->request.url.at, request.url.at); /* a copy */
    assert_int_equal(errand->request.timeout_ms, SP_ERRAND_TIMEOUT_MS);
    /* Until it is done nothing is decided, whatever the endpoint makes of it. */
    assert_int_equal(SP_DENY(call, .cause = SP_CAUSE_CLIENT_UNKNOWN), SP_WAITS);
    assert_int_equal(call->answer.status, 0);
    errand->report = &answered;
    errand->done = true;
    sp_call_restart(call);
    assert_null(call->waits_for);
    assert_int_equal(sp_errand_http(call, &request, &report), SP_GOES_ON);
    assert_ptr_equal(report, &answered);
    assert_int_equal(sp_errand_http(call, &other, &report), SP_WAITS);
}

static void plain_http_beyond_loopback_is_evidence_at_once(void **state)
{
    struct fixture *fixture = *state;
    static const char *const urls[] = {"http://idp.example/keys", "file:///etc/passwd", "gopher://127.0.0.1/", "x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct sp_call *call = fixture_new_call(fixture);
        const struct sp_http_request request = {.url = sp_str_from_cstr(urls[i])};
        const struct sp_fetch_report *report = NULL;
        assert_int_equal(sp_errand_http(call, &request, &report), SP_GOES_ON);
        assert_int_equal(report->failure, SP_CAUSE_NETWORK_TCP_UNREACHABLE);
    }
}

static void a_call_that_asks_without_end_is_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = fixture_new_call(fixture);
    bool matches;
    enum sp_step step = SP_WAITS;
    unsigned asked = 0;
    for (; step == SP_WAITS && asked < 1000; asked++) {
        struct sp_str password = sp_arena_printf(fixture->arena, "%u", asked);
        step = sp_errand_password_verify(call, sp_password_of_nobody(), password, &matches);
        if (step == SP_WAITS)
            call->waits_for->done = true;
        call->waits_for = NULL;
    }
    assert_int_equal(step, SP_DENIED);
    assert_int_equal(asked, SP_MAX_CALL_ERRANDS + 1);
}

static void an_overloaded_authority_says_so_in_either_form(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = fixture_new_call(fixture);
    bool matches;
    assert_int_equal(sp_errand_password_verify(call, sp_password_of_nobody(), SP_STR("x"), &matches), SP_WAITS);
    assert_int_equal(sp_deny_busy(call), SP_DENIED);
    assert_int_equal(call->answer.status, 503);
    assert_string_equal(fixture_cause(call), "authority.busy");
    assert_string_equal(fixture_member(call, "error"), "temporarily_unavailable");
}

static void what_a_call_spent_itself_is_no_replay(void **state)
{
    struct fixture *fixture = *state;
    const unsigned char hash[32] = {7};
    struct sp_call *call = fixture_new_call(fixture);
    bool fresh = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sp_replay_spend(call, hash, SP_STR("app"), fixture->now + 60, &fresh), SP_GOES_ON);
        assert_true(fresh);
        sp_call_restart(call);
    }
    struct sp_call *another = fixture_new_call(fixture);
    assert_int_equal(sp_replay_spend(another, hash, SP_STR("app"), fixture->now + 60, &fresh), SP_GOES_ON);
    assert_false(fresh);
    /* The turn that held it was lost: it has to be written again – here it was not lost, so it is found. */
    fixture->authority.lost_turns++;
    assert_int_equal(sp_replay_spend(call, hash, SP_STR("app"), fixture->now + 60, &fresh), SP_GOES_ON);
    assert_false(fresh);
    assert_int_equal(fixture->authority.store->methods->flush(fixture->authority.store), SP_OK);
}

static void nobodys_password_costs_a_hash_and_matches_nothing(void **state)
{
    (void)state;
    assert_int_equal(argon2id_verify(sp_password_of_nobody().at, "x", 1), ARGON2_VERIFY_MISMATCH);
    assert_false(sp_password_matches(sp_password_of_nobody(), SP_STR("")));
    char encoded[SP_PASSWORD_ENCODED_BYTES];
    assert_int_equal(sp_password_hash_into(SP_STR("secret"), encoded), SP_OK);
    /* The same parameters as those that a new password gets. */
    const char *nobody = sp_password_of_nobody().at, *salt = strrchr(encoded, '$');
    while (salt[-1] != '$')
        salt--;
    assert_memory_equal(encoded, nobody, (size_t)(salt - encoded));
    assert_int_equal(strlen(nobody), strlen(encoded));
}

/* ---- the pool ---- */
struct tally {
    unsigned finished, right;
};

static void count(void *context, struct sp_errand *errand)
{
    struct tally *tally = context;
    assert_true(errand->done);
    tally->finished++;
    tally->right += errand->matches;
}

static void collect_all(struct sp_errand_pool *pool)
{
    while (!sp_errand_pool_is_idle(pool)) {
        struct pollfd ready = {.fd = sp_errand_pool_descriptor(pool), .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 60000), 1);
        sp_errand_pool_collect(pool);
    }
}

static void threads_run_what_was_taken_and_tell_the_loop(void **state)
{
    (void)state;
    char hash[SP_PASSWORD_ENCODED_BYTES];
    struct sp_errand_pool *pool = NULL;
    static struct sp_errand errands[100];
    struct tally tally = {0, 0};
    cheap_hash(hash);
    assert_int_equal(sp_errand_pool_create(&pool), SP_OK);
    assert_true(sp_errand_pool_is_idle(pool));
    for (unsigned i = 0; i < 100; i++) {
        errands[i] = (struct sp_errand){.kind = SP_ERRAND_PASSWORD_VERIFY,
                                        .lane = (enum sp_errand_lane)(i % SP_LANE_COUNT),
                                        .encoded = sp_str_from_cstr(hash),
                                        .password = i % 2 == 0 ? SP_STR("right") : SP_STR("wrong"),
                                        .finished = count,
                                        .context = &tally};
        assert_true(sp_errand_pool_take(pool, &errands[i]));
    }
    collect_all(pool);
    assert_int_equal(tally.finished, 100);
    assert_int_equal(tally.right, 50);
    sp_errand_pool_stop(pool);
    assert_false(sp_errand_pool_take(pool, &errands[0]));
    sp_errand_pool_destroy(&pool);
    assert_null(pool);
}

static void a_full_lane_refuses_and_the_others_do_not(void **state)
{
    (void)state;
    char hash[SP_PASSWORD_ENCODED_BYTES];
    struct sp_errand_pool *pool = NULL;
    static struct sp_errand errands[1000], other;
    struct tally tally = {0, 0};
    unsigned taken = 0;
    cheap_hash(hash);
    assert_int_equal(sp_errand_pool_create(&pool), SP_OK);
    for (unsigned i = 0; i < 1000; i++) { /* 30 ms each: the threads cannot keep up */
        errands[i] = (struct sp_errand){.kind = SP_ERRAND_PASSWORD_VERIFY,
                                        .lane = SP_LANE_COMPUTE,
                                        .encoded = sp_password_of_nobody(),
                                        .password = SP_STR("x"),
                                        .finished = count,
                                        .context = &tally};
        taken += sp_errand_pool_take(pool, &errands[i]);
    }
    assert_in_range(taken, SP_MAX_COMPUTE_ERRANDS, 999);
    other = (struct sp_errand){.kind = SP_ERRAND_PASSWORD_VERIFY,
                               .lane = SP_LANE_NETWORK,
                               .encoded = sp_str_from_cstr(hash),
                               .password = SP_STR("right"),
                               .finished = count,
                               .context = &tally};
    assert_true(sp_errand_pool_take(pool, &other));
    while (tally.right == 0) {
        struct pollfd ready = {.fd = sp_errand_pool_descriptor(pool), .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 60000), 1);
        sp_errand_pool_collect(pool);
    }
    assert_true(tally.finished < taken); /* it did not stand behind them */
    sp_errand_pool_destroy(&pool);       /* what still waits is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_waits_for_a_hash_and_remembers_a_match, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_test_answers_an_errand_itself, start, fixture_stop),
        cmocka_unit_test_setup_teardown(an_http_request_is_asked_once_and_its_answer_kept, start, fixture_stop),
        cmocka_unit_test_setup_teardown(plain_http_beyond_loopback_is_evidence_at_once, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_call_that_asks_without_end_is_stopped, start, fixture_stop),
        cmocka_unit_test_setup_teardown(an_overloaded_authority_says_so_in_either_form, start, fixture_stop),
        cmocka_unit_test_setup_teardown(what_a_call_spent_itself_is_no_replay, start, fixture_stop),
        cmocka_unit_test(nobodys_password_costs_a_hash_and_matches_nothing),
        cmocka_unit_test(threads_run_what_was_taken_and_tell_the_loop),
        cmocka_unit_test(a_full_lane_refuses_and_the_others_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
