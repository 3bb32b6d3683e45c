/* SPDX-License-Identifier: Apache-2.0 */
/* What was granted to a client, and what it gets of it once the configuration says less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"
#include "tests/support/authority_fixture.h"

#define APP "&client_id=app&client_secret=x"
#define DEVICE "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
#define GRANTED "openid email read write offline_access"
#define DATA(more)                                                                                                     \
    "{\"issuer\":\"https://login.example\",\"scope\":\"" GRANTED "\",\"userinfo_claims\":\"email name\","              \
    "\"id_token_claims\":\"email\",\"redirect_uri\":\"https://app.example/"                                            \
    "cb\",\"state\":\"allowed\",\"interval\":5,\"polled_at\":0,"                                                       \
    "\"audiences\":[\"https://a.example\",\"urn:b\"]" more "}"

static int start(void **state)
{
    struct fixture *fixture =
        fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{"
                       "'app':{'secret':'x','grants':['authorization_code','refresh_token','"
                       "urn:ietf:params:oauth:"
                       "grant-type:device_code'],'scopes':['openid','email','profile','read','write','offline_access'],"
                       "'audiences':['https://a.example','urn:b'],'redirect_uris':['https://app.example/cb']}}}");
    struct sp_store *store = fixture->authority.store;
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{\"name\":\"Ann\",\"email\":\"ann@example.test\"}"),
                                   .created_at = fixture->now};
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    *state = fixture;
    return 0;
}

static void put(struct fixture *fixture, enum sp_ticket_kind kind, const char *value, const char *data)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_ticket ticket = {.kind = kind,
                               .family = sp_str_from_cstr(value),
                               .client_id = SP_STR("app"),
                               .subject = SP_STR("ann"),
                               .issued_at = fixture->now,
                               .expires_at = fixture->now + 60,
                               .data = sp_str_from_cstr(data)};
    sp_sha256(sp_str_from_cstr(value), ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
}

/* As a reload would leave the client; words and audiences separated by spaces. */
static struct sp_str_list list_of(struct fixture *fixture, const char *words)
{
    struct sp_str rest = sp_str_from_cstr(words), word;
    struct sp_str *list = sp_arena_calloc(fixture->arena, 10, sizeof *list);
    size_t count = 0;
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        list[count++] = word;
    return (struct sp_str_list){list, count};
}

static void allow(struct fixture *fixture, const char *scopes, const char *audiences)
{
    struct sp_client *client = (struct sp_client *)(uintptr_t)fixture->settings.clients;
    client->scopes = list_of(fixture, scopes);
    client->audiences = list_of(fixture, audiences);
}

static const struct way {
    const char *name;
    enum sp_ticket_kind kind;
    const char *value, *body;
} ways[] = {
    {"refresh token", SP_TICKET_REFRESH, "sprt_x", "grant_type=refresh_token&refresh_token=sprt_x" APP},
    {"code", SP_TICKET_CODE, "spac_x", "grant_type=authorization_code&code=spac_x" APP},
    {"device code", SP_TICKET_DEVICE, "spdc_x", "grant_type=" DEVICE "&device_code=spdc_x" APP},
};
#define WAYS (sizeof ways / sizeof ways[0])

static const char *claim(struct fixture *fixture, const struct sp_call *call, const char *name)
{
    const char *body = sp_arena_printf(fixture->arena, "token=%s" APP, fixture_member(call, "access_token")).at;
    return fixture_member(CALL(fixture, .path = "/introspect", .body = body), name);
}

static void what_the_client_may_have_no_more_is_left_out_however_it_was_granted(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < WAYS; i++) {
        put(fixture, ways[i].kind, ways[i].value, DATA(""));
        allow(fixture, "openid profile read offline_access", "urn:b urn:c");
        struct sp_call *call = CALL(fixture, .body = ways[i].body);
        print_message("%s\n", ways[i].name);
        assert_int_equal(call->answer.status, 200);
        assert_string_equal(fixture_member(call, "scope"), "openid read offline_access");
        assert_string_equal(claim(fixture, call, "scope"), "openid read offline_access");
        assert_string_equal(claim(fixture, call, "aud"), "urn:b");
        const char *authorization =
            sp_arena_printf(fixture->arena, "Bearer %s", fixture_member(call, "access_token")).at;
        struct sp_call *info = CALL(fixture, .method = "GET", .path = "/userinfo", .authorization = authorization);
        assert_string_equal(fixture_member(info, "name"), "Ann");
        assert_null(fixture_member(info, "email"));
        const struct sp_str id_token = sp_str_from_cstr(fixture_member(call, "id_token"));
        const size_t first = sp_str_index_of(id_token, '.', 0) + 1;
        struct sp_str payload;
        assert_int_equal(sp_base64url_decode(fixture->arena,
                                             sp_str_slice(id_token, first, sp_str_index_of(id_token, '.', first)),
                                             &payload),
                         SP_OK);
        assert_false(sp_str_contains(payload, SP_STR("email")));
    }
}

/* RFC 6749 6: the next refresh token has the scope of the one before. */
static void what_was_taken_away_by_mistake_is_there_with_the_next_refresh(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, SP_TICKET_REFRESH, "sprt_x", DATA(""));
    allow(fixture, "read offline_access", "urn:b");
    struct sp_call *call = CALL(fixture, .body = ways[0].body);
    assert_string_equal(fixture_member(call, "scope"), "read offline_access");
    assert_null(fixture_member(call, "id_token"));
    allow(fixture, GRANTED " profile", "https://a.example urn:b");
    const char *body = sp_arena_printf(fixture->arena, "grant_type=refresh_token&refresh_token=%s" APP,
                                       fixture_member(call, "refresh_token"))
                           .at;
    call = CALL(fixture, .body = body);
    assert_string_equal(fixture_member(call, "scope"), GRANTED);
    assert_non_null(strstr(claim(fixture, call, "aud"), "https://a.example"));
}

static void a_scope_that_is_asked_for_is_left_out_as_well(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, SP_TICKET_REFRESH, "sprt_x", DATA(""));
    allow(fixture, "read offline_access", "urn:b");
    const char *body = "grant_type=refresh_token&refresh_token=sprt_x&scope=write%20read" APP;
    assert_string_equal(fixture_member(CALL(fixture, .body = body), "scope"), "read");
}

static void of_which_nothing_is_left_is_refused_and_kept(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *scopes, *audiences, *cause;
    } rows[] = {{"other", "urn:b", "request.scope_not_allowed"},
                {GRANTED, "urn:c", "request.resource_invalid"},
                {GRANTED, "", "request.resource_invalid"}};
    for (size_t i = 0; i < WAYS; i++) {
        put(fixture, ways[i].kind, ways[i].value, DATA(""));
        for (size_t j = 0; j < sizeof rows / sizeof rows[0]; j++) {
            allow(fixture, rows[j].scopes, rows[j].audiences);
            struct sp_call *call = CALL(fixture, .body = ways[i].body);
            assert_string_equal(fixture_cause(call), rows[j].cause);
            assert_string_equal(fixture_member(call, "error"), "invalid_grant");
        }
        allow(fixture, GRANTED, "urn:b"); /* the operator saw the line in the log */
        assert_int_equal(CALL(fixture, .body = ways[i].body)->answer.status, 200);
    }
}

static void offline_access_that_was_taken_away_ends_what_lives_by_it(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, SP_TICKET_REFRESH, "sprt_x", DATA(""));
    allow(fixture, "openid read", "urn:b");
    struct sp_call *call = CALL(fixture, .body = ways[0].body);
    assert_string_equal(fixture_cause(call), "request.scope_not_allowed");
    assert_string_equal(fixture_member(call, "error"), "invalid_grant");
    struct sp_client *client = (struct sp_client *)(uintptr_t)fixture->settings.clients;
    allow(fixture, GRANTED, "urn:b");
    client->grants &= ~(unsigned)SP_GRANT_REFRESH_TOKEN;
    assert_string_equal(fixture_cause(CALL(fixture, .body = ways[0].body)), "request.grant_not_allowed");
}

/* A code that was made a moment before offline_access was taken away: its refresh token ends with the session. */
static void without_offline_access_a_refresh_token_is_the_sessions(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, SP_TICKET_CODE, "spac_x", DATA(",\"session\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""));
    allow(fixture, "openid read", "urn:b");
    struct sp_call *call = CALL(fixture, .body = ways[1].body);
    assert_int_equal(call->answer.status, 200);
    const char *body = sp_arena_printf(fixture->arena, "grant_type=refresh_token&refresh_token=%s" APP,
                                       fixture_member(call, "refresh_token"))
                           .at;
    assert_string_equal(fixture_cause(CALL(fixture, .body = body)), "refresh.session_ended"); /* there is none */
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(what_the_client_may_have_no_more_is_left_out_however_it_was_granted),
        ROW(what_was_taken_away_by_mistake_is_there_with_the_next_refresh),
        ROW(a_scope_that_is_asked_for_is_left_out_as_well),
        ROW(of_which_nothing_is_left_is_refused_and_kept),
        ROW(offline_access_that_was_taken_away_ends_what_lives_by_it),
        ROW(without_offline_access_a_refresh_token_is_the_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
