/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a claim is: what an upstream gave goes with it, what somebody here wrote over it stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/upstream_account.h"
#include "tests/support/authority_fixture.h"

static int start(void **state)
{
    *state = fixture_create("{'clients':{}}");
    return 0;
}

static const struct sp_json *parse(struct fixture *fixture, const char *text)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    assert_int_equal(sp_json_parse(fixture->arena, sp_str_from_cstr(text), &sp_json_limits_document, &json, &error),
                     SP_OK);
    return json;
}

/* The person signs in with what the upstream says; the account's claims afterwards. */
static struct sp_account sign_in(struct fixture *fixture, const struct sp_upstream_provider *upstream, const char *says)
{
    const struct sp_upstream_identity identity = {
        .upstream = upstream, .subject = SP_STR("u"), .id_token = parse(fixture, says)};
    struct sp_account account = {.id = SP_STR_NONE};
    assert_int_equal(sp_upstream_account(fixture_new_call(fixture), &identity, &account), SP_OK);
    return account;
}

static void what_came_from_there_goes_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    static const struct sp_str names[] = {{"name", 4}, {"email", 5}, {"groups", 6}};
#define GROUPS "\"groups\":[\"ops\"]"
#define EMAIL "\"email\":\"lee@corp.test\",\"email_verified\":"
    static const struct {
        const char *what, *first, *changed, *second, *left;
        bool trust_email;
    } rows[] = {
        {"a list that is gone", "{" GROUPS ",\"name\":\"Lee\"}", NULL, "{\"name\":\"Lee\"}", "{\"name\":\"Lee\"}",
         false},
        {"one that is another", "{" GROUPS "}", NULL, "{\"groups\":[]}", "{\"groups\":[]}", false},
        {"a name that became a number", "{\"name\":\"Lee\"}", NULL, "{\"name\":3}", "{}", false},
        {"what somebody changed here", "{" GROUPS "}", "{\"groups\":[\"ops\",\"law\"]}", "{}",
         "{\"groups\":[\"ops\",\"law\"]}", false},
        {"what somebody changed here while it is said", "{" GROUPS "}", "{\"groups\":[\"law\"]}", "{" GROUPS "}",
         "{" GROUPS "}", false},
        {"what somebody added here", "{}", "{\"dept\":\"sales\"," GROUPS "}", "{}", "{\"dept\":\"sales\"," GROUPS "}",
         false},
        {"an address that is gone", "{" EMAIL "true}", NULL, "{}", "{}", true},
        {"an address that is not trusted and gone", "{" EMAIL "true}", NULL, "{}", "{}", false},
        {"an address that is not trusted and another", "{" EMAIL "true}", NULL, "{\"email\":\"new@corp.test\"}",
         "{\"email\":\"new@corp.test\",\"email_verified\":false}", false},
        {"an address that the person verified here", "{" EMAIL "true}", "{" EMAIL "true}", "{}", "{" EMAIL "true}",
         false},
        {"an address of the person's own", "{" EMAIL "true}", "{\"email\":\"lee@home.test\",\"email_verified\":true}",
         "{\"email\":\"new@corp.test\"}", "{\"email\":\"lee@home.test\",\"email_verified\":true}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_upstream_provider upstream = {.id = SP_STR("corp"),
                                                .issuer = sp_arena_printf(fixture->arena, "https://%zu.example", i),
                                                .claims = {names, 3},
                                                .trust_email = rows[i].trust_email};
        struct sp_account account = sign_in(fixture, &upstream, rows[i].first);
        if (rows[i].changed != NULL)
            account.claims = sp_str_from_cstr(rows[i].changed);
        assert_int_equal(store->methods->put_account(store, &account), SP_OK);
        for (int times = 0; times < 2; times++) { /* and so it stays */
            struct sp_str left = sign_in(fixture, &upstream, rows[i].second).claims;
            if (!sp_str_equal(left, sp_str_from_cstr(rows[i].left)))
                fail_msg("%s: %.*s", rows[i].what, SP_STR_ARG(left));
        }
    }
}

/* From before the authority kept what it took: nobody knows whose it is. */
static void what_is_there_without_a_mark_stays(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    static const struct sp_str names[] = {{"groups", 6}};
    const struct sp_upstream_provider upstream = {
        .id = SP_STR("corp"), .issuer = SP_STR("https://corp.example"), .claims = {names, 1}};
    const struct sp_account old = {
        .id = SP_STR("lee"), .name = SP_STR("lee"), .password_hash = SP_STR(""), .claims = SP_STR("{" GROUPS "}")};
    assert_int_equal(store->methods->put_account(store, &old), SP_OK);
    assert_int_equal(sp_upstream_link(fixture_new_call(fixture), SP_STR("https://corp.example u"), old.id), SP_OK);
    assert_true(sp_str_equal(sign_in(fixture, &upstream, "{}").claims, old.claims));
    sign_in(fixture, &upstream, "{" GROUPS "}");
    assert_true(sp_str_equal(sign_in(fixture, &upstream, "{}").claims, SP_STR("{}")));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {ROW(what_came_from_there_goes_with_it), ROW(what_is_there_without_a_mark_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
