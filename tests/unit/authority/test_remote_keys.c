/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "authority/client_keys.h"
#include "authority/denial.h"
#include "authority/remote_keys.h"
#include "core/base/limits.h"
#include "probe/schedule.h"
#include "tests/support/authority_fixture.h"

#define URL "https://app.example/jwks"
#define KEY(kid)                                                                                                       \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"" kid "\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","     \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}"

/* What the client's server answers, and how often it was asked. */
static struct sp_fetch_report served;
static unsigned asked;

static bool serve(struct fixture *fixture, struct sp_errand *errand)
{
    (void)fixture;
    if (errand->kind != SP_ERRAND_HTTP)
        return false;
    assert_true(sp_str_equal(errand->request.url, SP_STR(URL)));
    assert_int_not_equal(errand->request.max_bytes, 0);
    asked++;
    errand->report = &served;
    errand->done = true;
    return true;
}

static void answer(int status, struct sp_str body, int64_t max_age_s)
{
    served = (struct sp_fetch_report){.url = SP_STR(URL),
                                      .http_status = status,
                                      .content_type = SP_STR("application/json"),
                                      .body = body,
                                      .max_age_s = max_age_s};
}

static int start(void **state)
{
    struct fixture *fixture = fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{"
                                             "'app':{'jwks_uri':'" URL "'},'none':{'secret':'s'}}}");
    fixture->answer_errand = serve;
    asked = 0;
    answer(200, SP_STR("{\"keys\":[" KEY("one") "]}"), -1);
    *state = fixture;
    return 0;
}

/* As the server does it: asked, run, asked again. */
static enum sp_step get(struct sp_call *call, struct fixture *fixture, const char *kid, const struct sp_jwk_set **keys)
{
    const struct sp_client *client = sp_client_find(&fixture->settings, SP_STR("app"));
    enum sp_step step;
    while ((step = sp_client_keys_for(call, client, sp_str_from_cstr(kid), keys)) == SP_WAITS) {
        serve(fixture, call->waits_for);
        sp_call_restart(call);
    }
    return step;
}

static bool has(struct fixture *fixture, const char *kid)
{
    const struct sp_jwk_set *keys = NULL;
    struct sp_call *call = fixture_new_call(fixture);
    return get(call, fixture, kid, &keys) == SP_GOES_ON && sp_jwk_set_find(keys, sp_str_from_cstr(kid), 0) != NULL;
}

static void keys_are_fetched_once_and_kept_for_their_time(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++)
        assert_true(has(fixture, "one"));
    assert_int_equal(asked, 1);
    fixture->now += SP_REFRESH_DEFAULT_S - 91; /* a tenth of its life ahead */
    assert_true(has(fixture, "one"));
    assert_int_equal(asked, 1);
    fixture->now += 1;
    assert_true(has(fixture, "one"));
    assert_int_equal(asked, 2);
}

static void an_unknown_kid_is_looked_for_once_in_ten_seconds(void **state)
{
    struct fixture *fixture = *state;
    assert_true(has(fixture, "one"));
    for (int i = 0; i < 5; i++)
        assert_false(has(fixture, "two"));
    assert_int_equal(asked, 1); /* just fetched */
    fixture->now += SP_LOOK_AGAIN_S;
    answer(200, SP_STR("{\"keys\":[" KEY("one") "," KEY("two") "]}"), -1);
    assert_true(has(fixture, "two"));
    assert_int_equal(asked, 2);
    for (int i = 0; i < 5; i++)
        assert_false(has(fixture, "three"));
    assert_int_equal(asked, 2);
}

static void what_fails_is_told_as_what_it_is_and_asked_again_later(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int status;
        struct sp_str body;
        const char *cause;
    } rows[] = {
        {404, {"no", 2}, "keys.http_status"},
        {200, {"<html>", 6}, "keys.html"},
        {200, {"{\"keys\":[", 9}, "keys.not_json"},
        {200, {"{\"keys\":[]}", 11}, "keys.empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_jwk_set *keys = NULL;
        struct sp_call *call = fixture_new_call(fixture);
        answer(rows[i].status, rows[i].body, -1);
        asked = 0;
        assert_int_equal(get(call, fixture, "one", &keys), SP_DENIED);
        assert_string_equal(fixture_cause(call), rows[i].cause);
        assert_int_equal(call->answer.status, 503);
        assert_null(keys);
        assert_int_equal(asked, 1);
        assert_false(has(fixture, "one"));
        assert_int_equal(asked, 1); /* not again at once */
        fixture->now += 60;
    }
    answer(200, SP_STR("{\"keys\":[" KEY("one") "]}"), -1);
    assert_true(has(fixture, "one"));
}

static void old_keys_serve_on_for_a_day_when_they_cannot_be_refreshed(void **state)
{
    struct fixture *fixture = *state;
    assert_true(has(fixture, "one"));
    answer(500, SP_STR(""), -1);
    fixture->now += 3600;
    assert_true(has(fixture, "one"));
    assert_int_equal(asked, 2);
    fixture->now += SP_STALE_MAX_S - 3600;
    assert_false(has(fixture, "one"));
}

static void all_calls_wait_for_one_fetch(void **state)
{
    struct fixture *fixture = *state;
    const struct sp_client *client = sp_client_find(&fixture->settings, SP_STR("app"));
    struct sp_call *first = fixture_new_call(fixture), *second = fixture_new_call(fixture);
    const struct sp_jwk_set *keys = NULL;
    assert_int_equal(sp_client_keys_for(first, client, SP_STR("one"), &keys), SP_WAITS);
    assert_int_equal(sp_client_keys_for(second, client, SP_STR("one"), &keys), SP_WAITS);
    assert_int_equal(second->waits_for->kind, SP_ERRAND_FOLLOW);
    assert_ptr_equal(second->waits_for->leader, first->waits_for);
    serve(fixture, first->waits_for);
    sp_call_restart(first);
    second->waits_for->done = true;
    sp_call_restart(second);
    assert_int_equal(sp_client_keys_for(second, client, SP_STR("one"), &keys), SP_GOES_ON);
    assert_int_equal(asked, 1);
}

static void a_fetch_that_was_turned_away_is_made_by_the_next(void **state)
{
    struct fixture *fixture = *state;
    const struct sp_client *client = sp_client_find(&fixture->settings, SP_STR("app"));
    struct sp_call *call = fixture_new_call(fixture);
    const struct sp_jwk_set *keys = NULL;
    assert_int_equal(sp_client_keys_for(call, client, SP_STR("one"), &keys), SP_WAITS);
    (void)sp_deny_busy(call);
    assert_int_equal(call->answer.status, 503);
    assert_true(has(fixture, "one"));
}

static void a_client_without_keys_has_none(void **state)
{
    struct fixture *fixture = *state;
    const struct sp_client *client = sp_client_find(&fixture->settings, SP_STR("none"));
    const struct sp_jwk_set *keys = NULL;
    assert_int_equal(sp_client_keys_for(fixture_new_call(fixture), client, SP_STR("one"), &keys), SP_GOES_ON);
    assert_null(keys);
    assert_false(sp_client_has_keys(client));
}

/* Whether the set behind the URL had to be fetched. */
static bool is_fetched(struct fixture *fixture, const char *url, const char *owner)
{
    const struct sp_keys_place place = {
        .url = sp_str_from_cstr(url), .public_only = owner != NULL, .owner = sp_str_from_cstr(owner)};
    const struct sp_jwk_set *keys = NULL;
    struct sp_call *call = fixture_new_call(fixture);
    unsigned before = asked;
    while (sp_remote_keys_get(call, &place, SP_STR_NONE, &keys) == SP_WAITS) {
        call->waits_for->report = &served;
        call->waits_for->done = true;
        asked++;
        sp_call_restart(call);
    }
    assert_non_null(keys);
    return asked > before;
}

static void nobody_pushes_out_the_keys_of_others(void **state)
{
    struct fixture *fixture = *state;
    char url[64], owner[32];
    assert_true(is_fetched(fixture, URL, NULL));
    assert_true(is_fetched(fixture, "https://victim.example/jwks", "victim"));
    /* One client that names one URL after the other has room for one. */
    for (unsigned i = 0; i < SP_MAX_REMOTE_KEY_SETS + 10; i++) {
        snprintf(url, sizeof url, "https://app%u.example/jwks", i);
        assert_true(is_fetched(fixture, url, "attacker"));
    }
    assert_false(is_fetched(fixture, "https://victim.example/jwks", "victim"));
    assert_false(is_fetched(fixture, URL, NULL));
    /* As many clients as there is room for push out each other, and not what the configuration names. */
    for (unsigned i = 0; i < SP_MAX_REMOTE_KEY_SETS + 10; i++) {
        snprintf(owner, sizeof owner, "client %u", i);
        assert_true(is_fetched(fixture, "https://app.example/jwks", owner));
    }
    assert_true(is_fetched(fixture, "https://victim.example/jwks", "victim"));
    assert_false(is_fetched(fixture, URL, NULL));
    /* One set of the configuration is not another's, though the URL be the same. */
    assert_true(is_fetched(fixture, URL, "client 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_fetched_once_and_kept_for_their_time, start, fixture_stop),
        cmocka_unit_test_setup_teardown(an_unknown_kid_is_looked_for_once_in_ten_seconds, start, fixture_stop),
        cmocka_unit_test_setup_teardown(what_fails_is_told_as_what_it_is_and_asked_again_later, start, fixture_stop),
        cmocka_unit_test_setup_teardown(old_keys_serve_on_for_a_day_when_they_cannot_be_refreshed, start, fixture_stop),
        cmocka_unit_test_setup_teardown(all_calls_wait_for_one_fetch, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_fetch_that_was_turned_away_is_made_by_the_next, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_client_without_keys_has_none, start, fixture_stop),
        cmocka_unit_test_setup_teardown(nobody_pushes_out_the_keys_of_others, start, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
