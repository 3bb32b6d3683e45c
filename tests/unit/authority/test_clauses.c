/* SPDX-License-Identifier: Apache-2.0 */
/* Single clauses of OAuth 2.1, RFC 9700 and OpenID Connect that no flow happens to pass (docs/conformance). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "core/jose/crypto.h"
#include "tests/support/authority_fixture.h"

#define ASK "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fa%3D1%26b%3D2&scope=openid"
#define CHALLENGE "&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define APP "&client_id=app&client_secret=x"

static int start(void **state)
{
    *state =
        fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{"
                       "'app':{'secret':'x','scopes':['openid','offline_access'],'audiences':['https://api.example'],"
                       "'redirect_uris':['https://app.example/cb?a=1&b=2']},"
                       "'other':{'secret':'x','grants':['refresh_token']}}}");
    return 0;
}

static struct sp_str header(const struct sp_call *call, const char *name)
{
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, name) == 0)
            return call->answer.headers[i].value;
    return SP_STR_NONE;
}

static struct sp_call *get(struct fixture *fixture, const char *path, const char *query)
{
    return CALL(fixture, .method = "GET", .path = path, .query = query);
}

static void a_registered_query_stays_and_the_answer_is_added(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = get(fixture, "/authorize", ASK CHALLENGE "&prompt=none&state=%26%3D+%25");
    assert_int_equal(call->answer.status, 303);
    struct sp_str location = header(call, "Location");
    assert_true(sp_str_has_prefix(location, SP_STR("https://app.example/cb?a=1&b=2&error=login_required&")));
    assert_true(sp_str_contains(location, SP_STR("&state=%26%3D%20%25&")) ||
                sp_str_contains(location, SP_STR("&state=%26%3D+%25&")));
    assert_true(sp_str_contains(location, SP_STR("&iss=https%3A%2F%2Flogin.example")));
    assert_true(sp_str_equal(header(call, "Cache-Control"), SP_STR("no-store")));
    assert_true(sp_str_equal(header(call, "Referrer-Policy"), SP_STR("no-referrer")));
}

/* 303 turns a POST into a GET, and what was typed goes no further (OAuth 2.1 7.5.4). */
static void after_a_post_the_browser_gets(void **state)
{
    struct fixture *fixture = *state;
    const char *cookie = "__Host-sp_session=ended";
    struct sp_call *call = CALL(fixture, .path = "/authorize", .body = ASK CHALLENGE "&prompt=none", .cookie = cookie);
    assert_int_equal(call->answer.status, 303);
    assert_true(sp_str_contains(header(call, "Location"), SP_STR("error=login_required")));
    call = CALL(fixture, .path = "/authorize", .body = ASK CHALLENGE "&prompt=none&response_mode=form_post",
                .cookie = cookie);
    assert_int_equal(call->answer.status, 200);
    assert_true(sp_str_equal(header(call, "Cache-Control"), SP_STR("no-store")));
}

/* OIDC Discovery 4, RFC 8414 3.1: below an issuer's path, and between its host and its path. */
static void the_metadata_of_an_issuer_with_a_path(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create("{'issuer':'https://login.example/op','clients':{}}");
    static const char *const places[] = {"/op/.well-known/openid-configuration",
                                         "/.well-known/oauth-authorization-server/op"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct sp_call *call = get(fixture, places[i], "");
        assert_int_equal(call->answer.status, 200);
        assert_string_equal(fixture_member(call, "issuer"), "https://login.example/op");
        assert_string_equal(fixture_member(call, "token_endpoint"), "https://login.example/op/token");
    }
    assert_int_equal(get(fixture, "/.well-known/openid-configuration", "")->answer.status, 404);
    fixture_destroy(&fixture);
}

/* Discovery 4.2: a list without members is left out. */
static void metadata_have_no_empty_list(void **state)
{
    static const char *const sections[] = {
        "{}",
        "{'clients':{'a':{'secret':'x'}}}",
        "{'clients':{'a':{'redirect_uris':['https://a.example/']}},'login':{'passkeys':false,'second_factor':'off'}}",
        "{'registration':{},'mtls':{},'tokens':{'algorithm':'EdDSA'}}",
        "{'registration':{'open':true,'scopes':[]},'clients':{'a':{'secret':'x','scopes':[]}}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        struct fixture *fixture = fixture_create(sections[i]);
        const struct sp_json *json = NULL;
        struct sp_json_error error;
        struct sp_call *call = get(fixture, "/.well-known/openid-configuration", "");
        assert_int_equal(sp_json_parse(fixture->arena, call->answer.body, &sp_json_limits_document, &json, &error),
                         SP_OK);
        assert_true(json->count > 10);
        for
            SP_JSON_EACH(member, json)
            {
                if (sp_json_is(member, SP_JSON_ARRAY) && member->count == 0)
                    fail_msg("%s: %.*s is empty", sections[i], SP_STR_ARG(member->name));
            }
        fixture_destroy(&fixture);
    }
}

/* RFC 6749 4.1.2.1: said to the client, where it is known which one and where. */
static void a_repeated_parameter_is_told_to_the_client(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *twice;
        const char *location; /* begins; NULL: a page */
        bool has_state;
    } rows[] = {
        {"&state=s&scope=openid", "https://app.example/cb?a=1&b=2&error=invalid_request&", true},
        {"&state=s" CHALLENGE, "https://app.example/cb?a=1&b=2&error=invalid_request&", true},
        {"&state=s&response_mode=fragment&max_age=1&max_age=1", "https://app.example/cb?a=1&b=2#error=invalid_request&",
         true},
        /* Which of the two is not known. */
        {"&state=a&state=b", "https://app.example/cb?a=1&b=2&error=invalid_request&", false},
        {"&state=s&response_mode=fragment&response_mode=form_post",
         "https://app.example/cb?a=1&b=2&error=invalid_request&", true},
        {"&state=s&client_id=app", NULL, false},
        {"&state=s&client_id=other", NULL, false},
        {"&state=s&redirect_uri=https://evil.example/", NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call =
            get(fixture, "/authorize", sp_arena_printf(fixture->arena, "%s%s%s", ASK, CHALLENGE, rows[i].twice).at);
        struct sp_str location = header(call, "Location");
        assert_string_equal(fixture_cause(call), "request.duplicate_parameter");
        assert_int_equal(call->answer.status, rows[i].location != NULL ? 303 : 400);
        assert_true(rows[i].location == NULL ? location.at == NULL
                                             : sp_str_has_prefix(location, sp_str_from_cstr(rows[i].location)));
        assert_int_equal(sp_str_contains(location, SP_STR("&state=s&")), rows[i].has_state);
        assert_int_equal(sp_str_contains(location, SP_STR("state=")), rows[i].has_state);
        assert_true(rows[i].location != NULL || sp_str_has_prefix(call->answer.body, SP_STR("<!doctype html>")));
    }
    struct sp_call *foreign =
        get(fixture, "/authorize", "client_id=app&redirect_uri=https://evil.example/&scope=a&scope=a");
    assert_int_equal(foreign->answer.status, 400);
    assert_null(header(foreign, "Location").at);
}

/* RFC 9700 4.16, 4.2.4; OAuth 2.1 7.11. */
static void pages_are_framed_by_nobody_and_tell_nobody_where_they_are(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = get(fixture, "/authorize", ASK CHALLENGE);
    assert_int_equal(call->answer.status, 303); /* to the sign-in page */
    struct sp_str location = header(call, "Location"), cookie = header(call, "Set-Cookie");
    size_t query = sp_str_index_of(location, '?', 0) + 1;
    struct sp_call *pages[] = {
        CALL(fixture, .method = "GET", .path = "/signin", .query = location.at + query, .cookie = cookie.at),
        get(fixture, "/authorize", "client_id=nobody"), get(fixture, "/device", "")};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (header(pages[i], "Location").at != NULL)
            continue;
        assert_true(sp_str_equal(header(pages[i], "X-Frame-Options"), SP_STR("DENY")));
        /* Where there is a form of ours its Origin is told, to ourselves alone. */
        bool has_form = sp_str_contains(pages[i]->answer.body, SP_STR("<form"));
        assert_true(sp_str_equal(header(pages[i], "Referrer-Policy"),
                                 has_form ? SP_STR("same-origin") : SP_STR("no-referrer")));
        struct sp_str policy = header(pages[i], "Content-Security-Policy");
        assert_true(sp_str_contains(policy, SP_STR("frame-ancestors 'none'")));
        assert_true(sp_str_contains(policy, SP_STR("default-src 'none'")));
    }
    assert_int_equal(pages[0]->answer.status, 200);
    assert_int_equal(pages[1]->answer.status, 400); /* OAuth 2.1 4.1.2.1: never 401 there */
}

/* OIDC Core 7.2.1, 3.1.2.6. */
static void a_client_does_not_register_by_a_request(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = get(fixture, "/authorize", ASK CHALLENGE "&registration=%7B%7D");
    assert_true(sp_str_contains(header(call, "Location"), SP_STR("error=registration_not_supported")));
}

/* OAuth 2.1 5.1: resource servers ignore it there. */
static void an_access_token_in_the_url_is_not_looked_at(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = get(fixture, "/userinfo", "access_token=eyJhbGciOiJFUzI1NiJ9.e30.AAAA");
    assert_string_equal(fixture_cause(call), "token.in_query");
    assert_int_equal(call->answer.status, 401);
    assert_true(
        sp_str_has_prefix(header(call, "WWW-Authenticate"), SP_STR("Bearer realm=\"authority\", DPoP algs=\"RS256 ")));
    assert_false(sp_str_contains(header(call, "WWW-Authenticate"), SP_STR("error")));
}

static void put(struct fixture *fixture, const char *token, int64_t expires_at, const char *data)
{
    struct sp_store *store = fixture->authority.store;
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{}"),
                                   .created_at = fixture->now};
    struct sp_ticket ticket = {.kind = SP_TICKET_REFRESH,
                               .family = SP_STR("family"),
                               .client_id = SP_STR("app"),
                               .subject = SP_STR("ann"),
                               .issued_at = fixture->now,
                               .expires_at = expires_at,
                               .data = sp_str_from_cstr(data)};
    sp_sha256(sp_str_from_cstr(token), ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
}

#define DATA(issuer, audience)                                                                                         \
    "{\"issuer\":\"" issuer "\",\"scope\":\"offline_access\",\"audiences\":[\"" audience "\"]}"

/* OAuth 2.1 3.2.3, 4.3, 4.3.3. */
static void a_refresh_token_is_one_clients_for_what_was_granted_and_ends(void **state)
{
    struct fixture *fixture = *state;
    int64_t end = fixture->now + 100;
    put(fixture, "sprt_here", end, DATA("https://login.example", "https://api.example"));
    put(fixture, "sprt_elsewhere", end, DATA("https://old.example", "https://api.example"));
    struct sp_call *call =
        CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_here&client_id=other&client_secret=x");
    assert_string_equal(fixture_cause(call), "refresh.other_client");
    assert_string_equal(fixture_member(call, "error"), "invalid_grant");
    call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_elsewhere" APP);
    assert_string_equal(fixture_cause(call), "refresh.issuer_changed");
    call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_here&scope=offline_access+openid" APP);
    assert_string_equal(fixture_cause(call), "refresh.scope_grew");
    assert_string_equal(fixture_member(call, "error"), "invalid_scope");
    call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_here" APP);
    assert_int_equal(call->answer.status, 200);
    assert_true(sp_str_equal(header(call, "Cache-Control"), SP_STR("no-store")));
    const char *token = fixture_member(call, "access_token"), *next = fixture_member(call, "refresh_token");
    call = CALL(fixture, .path = "/introspect", .body = sp_arena_printf(fixture->arena, "token=%s" APP, token).at);
    assert_string_equal(fixture_member(call, "aud"), "https://api.example");
    /* Whoever does not come back in time starts anew. */
    fixture->now += fixture->settings.refresh_lifetime_s;
    call = CALL(fixture,
                .body = sp_arena_printf(fixture->arena, "grant_type=refresh_token&refresh_token=%s" APP, next).at);
    assert_string_equal(fixture_cause(call), "refresh.expired");
    assert_string_equal(fixture_member(call, "error"), "invalid_grant");
}

/* RFC 6749 5.2: a client that came by a header is told so by one. */
static void whoever_came_by_basic_is_challenged_by_basic(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call =
        CALL(fixture, .authorization = fixture_basic(fixture, "app", "wrong"), .body = "grant_type=client_credentials");
    assert_int_equal(call->answer.status, 401);
    assert_string_equal(fixture_member(call, "error"), "invalid_client");
    assert_true(sp_str_has_prefix(header(call, "WWW-Authenticate"), SP_STR("Basic ")));
    /* 2.3.1: nor are credentials taken from a URL. */
    call = CALL(fixture, .query = "client_id=app&client_secret=x", .body = "grant_type=client_credentials");
    assert_int_not_equal(call->answer.status, 200);
    assert_null(fixture_member(call, "access_token"));
}

/* Cookies are SameSite=Lax: the GET of the same has them. One hop, whoever asks. */
static void a_silent_post_without_cookies_is_asked_again_by_get(void **state)
{
    struct fixture *fixture = *state;
    const char *body = ASK CHALLENGE "&prompt=none&state=%26%3D+%25";
    struct sp_call *call = CALL(fixture, .path = "/authorize", .body = body);
    struct sp_str again = header(call, "Location"), start = SP_STR("https://login.example/authorize?");
    assert_int_equal(call->answer.status, 303);
    assert_true(sp_str_has_prefix(again, start));
    assert_true(sp_str_contains(again, SP_STR("&state=%26%3D%20%25")));
    assert_null(header(call, "Set-Cookie").at);
    call = get(fixture, "/authorize",
               sp_arena_printf(fixture->arena, "%.*s", SP_STR_ARG(sp_str_slice(again, start.len, again.len))).at);
    assert_true(sp_str_contains(header(call, "Location"), SP_STR("error=login_required&")));
    /* It has sent them: there is nothing to wait for. */
    call = CALL(fixture, .path = "/authorize", .body = body, .cookie = "__Host-sp_session=none-of-ours");
    assert_true(sp_str_contains(header(call, "Location"), SP_STR("error=login_required&")));
    /* What has no room in a URL is decided as it is. */
    struct sp_buffer large;
    sp_buffer_init(&large, fixture->arena, 32 * 1024);
    sp_buffer_printf(&large, "%s&unknown=", body);
    for (size_t i = 0; i < 7 * 1024; i++)
        sp_buffer_append_char(&large, 'x');
    call = CALL(fixture, .path = "/authorize",
                .body = sp_arena_printf(fixture->arena, "%.*s", SP_STR_ARG(sp_buffer_str(&large))).at);
    assert_true(sp_str_contains(header(call, "Location"), SP_STR("error=login_required&")));
}

/* RFC 6749 5.2, RFC 9110 15.5.2: libraries read a body's error where no challenge stands in front of it. RFC 7662 2.3
 * wants 401 all the same; and nobody is told by one whose browser would ask for a password. */
static void who_tried_in_the_body_is_told_there_and_every_401_has_a_challenge(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path;
        int status;
    } paths[] = {
        {"/token", 400}, {"/introspect", 401}, {"/revoke", 400}, {"/par", 400}, {"/device_authorization", 400}};
    static const struct {
        const char *body, *says;
        bool tried;
    } rows[] = {
        {"grant_type=client_credentials&token=x&client_id=app&client_secret=wrong", "(client.secret_wrong)", true},
        {"grant_type=client_credentials&token=x&client_id=nobody", "(client.unknown)", true},
        {"grant_type=client_credentials&token=x&client_id=app", "(client.authentication_missing)", true},
        {"grant_type=client_credentials&token=x&client_assertion=x.y.z", "invalid_client", true},
        {"grant_type=client_credentials&token=x", "(client.authentication_missing)", false},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        for (size_t j = 0; j < sizeof rows / sizeof rows[0]; j++) {
            struct sp_call *call = CALL(fixture, .path = paths[i].path, .body = rows[j].body);
            struct sp_str challenge = header(call, "WWW-Authenticate");
            assert_int_equal(call->answer.status, rows[j].tried ? paths[i].status : 401);
            assert_string_equal(fixture_member(call, "error"), "invalid_client");
            assert_true(sp_str_contains(call->answer.body, sp_str_from_cstr(rows[j].says)));
            assert_int_equal(challenge.at != NULL, call->answer.status == 401);
            if (challenge.at != NULL) {
                assert_true(sp_str_has_prefix(challenge, SP_STR("Basic realm=\"authority\", ")));
                assert_true(sp_str_contains(challenge, sp_str_from_cstr(rows[j].says)));
            }
            call = CALL(fixture, .path = paths[i].path, .body = rows[j].body, .origin = "https://app.example",
                        .fetch_site = "cross-site");
            assert_int_equal(call->answer.status, 400);
            assert_string_equal(fixture_member(call, "error"), "invalid_client");
            assert_null(header(call, "WWW-Authenticate").at);
        }
    /* Who brought the header is told by one (RFC 6749 5.2): it has its password. */
    struct sp_call *call = CALL(fixture, .authorization = fixture_basic(fixture, "app", "wrong"),
                                .body = "grant_type=client_credentials&client_id=app", .fetch_site = "same-origin");
    assert_int_equal(call->answer.status, 401);
    assert_true(sp_str_has_prefix(header(call, "WWW-Authenticate"), SP_STR("Basic ")));
    assert_true(sp_str_contains(header(call, "WWW-Authenticate"), SP_STR("(client.secret_wrong)\"")));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(a_registered_query_stays_and_the_answer_is_added),
        ROW(after_a_post_the_browser_gets),
        ROW(the_metadata_of_an_issuer_with_a_path),
        ROW(metadata_have_no_empty_list),
        ROW(a_repeated_parameter_is_told_to_the_client),
        ROW(pages_are_framed_by_nobody_and_tell_nobody_where_they_are),
        ROW(a_client_does_not_register_by_a_request),
        ROW(an_access_token_in_the_url_is_not_looked_at),
        ROW(a_refresh_token_is_one_clients_for_what_was_granted_and_ends),
        ROW(a_silent_post_without_cookies_is_asked_again_by_get),
        ROW(whoever_came_by_basic_is_challenged_by_basic),
        ROW(who_tried_in_the_body_is_told_there_and_every_401_has_a_challenge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
