/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/authorization.h"
#include "authority/password.h"
#include "core/diagnosis/redirect_uri.h"
#include "tests/support/authority_fixture.h"

static const struct sp_client asks = {.id = {"a", 1}}, trusted = {.id = {"b", 1}, .skip_consent = true},
                              dated = {.id = {"c", 1}, .skip_consent = true, .require_auth_time = true};
#define PASSWORD                                                                                                       \
    {                                                                                                                  \
        "urn:sallyport:acr:password", 26                                                                               \
    }
static const struct sp_str mfa[] = {{"urn:sallyport:acr:mfa", 21}}, unknown[] = {{"gold", 4}};
static const struct sp_json bobs = {.type = SP_JSON_STRING, .name = {"value", 5}, .text = {"b", 1}},
                            sub = {.type = SP_JSON_OBJECT, .name = {"sub", 3}, .first = &bobs},
                            asks_bob = {.type = SP_JSON_OBJECT, .first = &sub};
static const struct {
    const char *name;
    struct sp_authorization request;
    struct sp_session session;
    struct sp_str consented;
    bool signed_in;
    enum sp_authorization_need need;
} needs[] = {
    {"nobody", {.client = &trusted, .max_age_s = -1}, {.auth_time = 0}, {"", 0}, false, SP_NEEDS_LOGIN},
    {"a session",
     {.client = &trusted, .max_age_s = -1},
     {.subject = {"s", 1}, .auth_time = 1},
     {"", 0},
     false,
     SP_NEEDS_NOTHING},
    {"consent missing",
     {.client = &asks, .consent = {"x y", 3}, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"x", 1},
     false,
     SP_NEEDS_CONSENT},
    {"consent given",
     {.client = &asks, .consent = {"x y", 3}, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"y z x", 5},
     false,
     SP_NEEDS_NOTHING},
    {"consent asked for",
     {.client = &trusted, .prompt_consent = true, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     false,
     SP_NEEDS_CONSENT},
    {"a wish for a stronger login",
     {.client = &trusted, .acr = {{mfa, 1}, false}, .max_age_s = -1},
     {.subject = {"s", 1}, .acr = PASSWORD},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"a wish for a stronger login that came to nothing",
     {.client = &trusted, .acr = {{mfa, 1}, false}, .max_age_s = -1},
     {.subject = {"s", 1}, .acr = PASSWORD},
     {"", 0},
     true,
     SP_NEEDS_NOTHING},
    {"a wish for a stronger login, without asking anybody",
     {.client = &trusted, .acr = {{mfa, 1}, false}, .prompt_none = true, .max_age_s = -1},
     {.subject = {"s", 1}, .acr = PASSWORD},
     {"", 0},
     false,
     SP_NEEDS_NOTHING},
    {"a demand for a stronger login",
     {.client = &trusted, .acr = {{mfa, 1}, true}, .prompt_none = true, .max_age_s = -1},
     {.subject = {"s", 1}, .acr = PASSWORD},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"a demand for a stronger login that came to nothing",
     {.client = &trusted, .acr = {{mfa, 1}, true}, .max_age_s = -1},
     {.subject = {"s", 1}, .acr = PASSWORD},
     {"", 0},
     true,
     SP_NEEDS_TOO_MUCH},
    {"a demand that nobody here can meet",
     {.client = &trusted, .acr = {{unknown, 1}, true}, .max_age_s = -1},
     {.auth_time = 0},
     {"", 0},
     false,
     SP_NEEDS_TOO_MUCH},
    {"a wish that nobody here can meet",
     {.client = &trusted, .acr = {{unknown, 1}, false}, .max_age_s = -1},
     {.subject = {"s", 1}, .acr = PASSWORD},
     {"", 0},
     false,
     SP_NEEDS_NOTHING},
    {"another person asked for by value",
     {.client = &trusted, .claims = {.id_token = &asks_bob}, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     true,
     SP_NEEDS_LOGIN},
    {"this person asked for by value",
     {.client = &trusted, .claims = {.id_token = &asks_bob}, .max_age_s = -1},
     {.subject = {"b", 1}},
     {"", 0},
     false,
     SP_NEEDS_NOTHING},
    {"an account to choose, and nobody signed in",
     {.client = &trusted, .prompt_select = true, .max_age_s = -1},
     {.auth_time = 0},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"an account to choose",
     {.client = &trusted, .prompt_select = true, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     false,
     SP_NEEDS_ACCOUNT},
    {"an account chosen by signing in",
     {.client = &trusted, .prompt_select = true, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     true,
     SP_NEEDS_NOTHING},
    {"max_age=0 is a login now",
     {.client = &trusted, .max_age_s = 0},
     {.subject = {"s", 1}, .auth_time = 100},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"max_age=0 and a login now",
     {.client = &trusted, .max_age_s = 0},
     {.subject = {"s", 1}, .auth_time = 100},
     {"", 0},
     true,
     SP_NEEDS_NOTHING},
    {"a client that needs the time of the login",
     {.client = &dated, .max_age_s = -1},
     {.subject = {"s", 1}, .auth_time = 1},
     {"", 0},
     false,
     SP_NEEDS_NOTHING},
    {"a client that needs the time of a login whose time is not known",
     {.client = &dated, .max_age_s = -1},
     {.subject = {"s", 1}, .auth_time = 0},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"login asked for",
     {.client = &trusted, .prompt_login = true, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"login asked for and done",
     {.client = &trusted, .prompt_login = true, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     true,
     SP_NEEDS_NOTHING},
    {"too old",
     {.client = &trusted, .max_age_s = 9},
     {.subject = {"s", 1}, .auth_time = 90},
     {"", 0},
     false,
     SP_NEEDS_LOGIN},
    {"just young enough",
     {.client = &trusted, .max_age_s = 10},
     {.subject = {"s", 1}, .auth_time = 90},
     {"", 0},
     false,
     SP_NEEDS_NOTHING},
    {"somebody else is meant",
     {.client = &trusted, .hint_subject = {"t", 1}, .max_age_s = -1},
     {.subject = {"s", 1}},
     {"", 0},
     true,
     SP_NEEDS_LOGIN},
};

static void what_is_missing_is_decided_by_one_function(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (sp_authorization_need(&needs[i].request, &needs[i].session, needs[i].consented, needs[i].signed_in, 100) !=
            needs[i].need)
            fail_msg("%s", needs[i].name);
}

static void redirect_uris_are_told_apart_by_the_finest_difference(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        enum sp_cause cause;
        bool https;
    } rows[] = {
        {"https://a.example/cb/", SP_CAUSE_REDIRECT_URI_TRAILING_SLASH, false},
        {"http://a.example/cb", SP_CAUSE_REDIRECT_URI_SCHEME, false},
        {"http://a.example/cb", SP_CAUSE_REDIRECT_URI_BEHIND_PROXY, true},
        {"https://www.a.example/cb", SP_CAUSE_REDIRECT_URI_WWW, false},
        {"https://a.example:444/cb", SP_CAUSE_REDIRECT_URI_PORT, false},
        {"https://A.example/CB", SP_CAUSE_REDIRECT_URI_CASE, false},
        {"https://a.example/%63b", SP_CAUSE_REDIRECT_URI_ENCODING, false},
        {"https://a.example/cb?a=1", SP_CAUSE_REDIRECT_URI_QUERY, false},
        {"https://a.example/other", SP_CAUSE_REDIRECT_URI_PATH, false},
        {"https://a.example/cb#f", SP_CAUSE_REDIRECT_URI_FRAGMENT, false},
        {"http://localhost:80/x", SP_CAUSE_REDIRECT_URI_HOST_ALIAS, false},
        {"http://localhost:5555/x", SP_CAUSE_REDIRECT_URI_HOST_ALIAS, false},
        {"http://127.0.0.1:5555/x", SP_CAUSE_REDIRECT_URI_PORT, false},
        {"http://127.0.0.1:5555/x/", SP_CAUSE_REDIRECT_URI_TRAILING_SLASH, false},
        {"http://127.0.0.1:5555/y", SP_CAUSE_REDIRECT_URI_PATH, false},
        {"http://127.0.0.1/x?a=1", SP_CAUSE_REDIRECT_URI_QUERY, false},
        {"https://evil.example/cb", SP_CAUSE_REDIRECT_URI_MISMATCH, false},
        {"", SP_CAUSE_REDIRECT_URI_MISMATCH, false},
        {"not a uri", SP_CAUSE_REDIRECT_URI_MISMATCH, false},
    };
    static const struct sp_str registered[] = {{"https://a.example/cb", 20}, {"http://127.0.0.1:80/x", 21}};
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_str_list list = {registered, 2}, none = {NULL, 0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str sent = sp_str_from_cstr(rows[i].sent);
        assert_false(sp_redirect_uri_is_registered(list, sent, false));
        struct sp_redirect_uri_finding found = sp_redirect_uri_explain(arena, list, sent, rows[i].https);
        if (found.cause != rows[i].cause)
            fail_msg("%s", rows[i].sent);
    }
    assert_int_equal(sp_redirect_uri_explain(arena, none, SP_STR("https://a.example/cb"), false).cause,
                     SP_CAUSE_REDIRECT_URI_UNREGISTERED);
    sp_arena_destroy(&arena);
}

static void what_has_a_fragment_is_nearest_to_what_it_is_without_it(void **state)
{
    (void)state;
    static const struct sp_str registered[] = {
        {"https://a.example/cb2?x=1", 25}, {"https://a.example/cb/", 21}, {"https://a.example/cb", 20}};
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_redirect_uri_finding found =
        sp_redirect_uri_explain(arena, (struct sp_str_list){registered, 3}, SP_STR("https://a.example/cb#f"), false);
    assert_int_equal(found.cause, SP_CAUSE_REDIRECT_URI_FRAGMENT);
    assert_true(sp_str_equal(found.nearest, registered[2]));
    assert_int_equal(found.differs_at, 20);
    found =
        sp_redirect_uri_explain(arena, (struct sp_str_list){registered, 2}, SP_STR("https://a.example/cb#f"), false);
    assert_int_equal(found.cause, SP_CAUSE_REDIRECT_URI_FRAGMENT);
    assert_true(sp_str_equal(found.nearest, registered[1]));
    sp_arena_destroy(&arena);
}

static void only_native_apps_choose_a_loopback_port(void **state)
{
    (void)state;
    static const struct sp_str registered[] = {
        {"http://127.0.0.1/cb", 19}, {"http://localhost/cb", 19}, {"https://a.example/cb", 20}};
    static const struct {
        const char *sent;
        bool native;
    } rows[] = {{"http://127.0.0.1:5123/cb", true},    {"http://127.0.0.1:5123/other", false},
                {"https://127.0.0.1:5123/cb", false},  {"http://localhost:5123/cb", false},
                {"https://a.example:444/cb", false},   {"http://127.0.0.1:5123/cb?x", false},
                {"http://u@127.0.0.1:5123/cb", false}, {"http://127.0.0.1.evil.example/cb", false}};
    struct sp_str_list list = {registered, 3};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str sent = sp_str_from_cstr(rows[i].sent);
        assert_false(sp_redirect_uri_is_registered(list, sent, false));
        if (sp_redirect_uri_is_registered(list, sent, true) != rows[i].native)
            fail_msg("%s", rows[i].sent);
    }
}

static struct sp_str header(const struct sp_call *call, const char *name)
{
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, name) == 0)
            return call->answer.headers[i].value;
    return SP_STR_NONE;
}

#define CLIENTS                                                                                                        \
    "'tokens':{'algorithm':'ES256'},'clients':{'web':{'secret':'s','redirect_uris':['https://w.example/cb']}}"
#define REQUEST                                                                                                        \
    "client_id=web&response_type=code&code_challenge_method=S256&code_challenge="                                      \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void cookies_are_confined_to_the_host_or_to_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *section, *path, *starts, *has;
    } rows[] = {
        {"{" CLIENTS "}", "/authorize", "__Host-sp_browser=", "; Path=/; HttpOnly; SameSite=Lax; Secure"},
        {"{'issuer':'https://api.example/oauth2'," CLIENTS "}", "/oauth2/authorize",
         "__Secure-sp_browser=", "; Path=/oauth2; HttpOnly; SameSite=Lax; Secure"},
        {"{'issuer':'http://127.0.0.1:1'," CLIENTS "}", "/authorize",
         "sp_browser=", "; Path=/; HttpOnly; SameSite=Lax"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *fixture = fixture_create(rows[i].section);
        struct sp_str cookie =
            header(CALL(fixture, .method = "GET", .path = rows[i].path, .query = REQUEST), "Set-Cookie");
        assert_true(sp_str_has_prefix(cookie, sp_str_from_cstr(rows[i].starts)));
        assert_true(sp_str_has_suffix(cookie, sp_str_from_cstr(rows[i].has)));
        fixture_destroy(&fixture);
    }
}

static void text_from_outside_is_escaped_on_pages(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create("{" CLIENTS "}");
    struct sp_call *call = CALL(fixture, .method = "GET", .path = "/authorize",
                                .query = "client_id=web&redirect_uri=%3Cscript%3E%22%27%26");
    assert_int_equal(call->answer.status, 400);
    assert_null(header(call, "Location").at);
    assert_false(sp_str_contains(call->answer.body, SP_STR("<script>")));
    assert_true(sp_str_contains(call->answer.body, SP_STR("script&gt;&quot;&#39;&amp;")));
    fixture_destroy(&fixture);
}

static void guessing_a_password_gets_slower(void **state)
{
    (void)state;
    assert_int_equal(sp_password_wait(4, 100, 100), 0);
    assert_int_equal(sp_password_wait(5, 100, 100), 1);
    assert_int_equal(sp_password_wait(8, 100, 100), 8);
    assert_int_equal(sp_password_wait(8, 100, 108), 0);
    assert_int_equal(sp_password_wait(1000, 100, 100), 900);
    assert_int_equal(sp_password_wait(8, 103, 100), 11); /* another node's clock is a little ahead */
}

static void a_clock_that_is_put_right_locks_nobody_out(void **state)
{
    (void)state;
    assert_int_equal(sp_password_wait(6, 100 + 86400, 100), 0);
    assert_int_equal(sp_password_wait(1000, 100 + 86400, 100), 0);
    assert_int_equal(sp_password_wait(1000, INT64_MAX / 2, 100), 0);
    assert_int_equal(sp_password_wait(1000, 1000, 100), 1800); /* the longest ever */
    assert_int_equal(sp_password_wait(1000, 1001, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_decided_by_one_function),
        cmocka_unit_test(redirect_uris_are_told_apart_by_the_finest_difference),
        cmocka_unit_test(what_has_a_fragment_is_nearest_to_what_it_is_without_it),
        cmocka_unit_test(only_native_apps_choose_a_loopback_port),
        cmocka_unit_test(cookies_are_confined_to_the_host_or_to_the_path),
        cmocka_unit_test(text_from_outside_is_escaped_on_pages),
        cmocka_unit_test(guessing_a_password_gets_slower),
        cmocka_unit_test(a_clock_that_is_put_right_locks_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
