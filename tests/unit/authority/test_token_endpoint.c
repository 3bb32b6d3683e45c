/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/key_ring.h"
#include "core/jose/crypto.h"
#include "tests/support/authority_fixture.h"

#define ALICE "&client_id=alice&client_secret=x"
#define APP "&client_id=app&client_secret=x"
#define OPAQUE "&client_id=opaque&client_secret=x"

static int start(void **state)
{
    *state = fixture_create(
        "{'tokens':{'lifetime':'1h','algorithm':'ES256'},'keys':{'overlap':'1h'},'clients':{"
        "'alice':{'secret':'x','scopes':['read','write','openid'],'audiences':['https://a.example','urn:b']},"
        "'opaque':{'secret':'x','token_format':'opaque','audiences':['https://a.example'],'token_lifetime':'10s'},"
        "'plain':{'secret':'x','scopes':['other']},"
        "'app':{'secret':'x','grants':['authorization_code','refresh_token'],'scopes':['offline_access'],"
        "'redirect_uris':['https://app.example/cb']},"
        "'web':{'secret':'x','grants':['client_credentials'],'redirect_uris':['https://w.example/cb']}}}");
    return 0;
}

static const char *claim(struct fixture *fixture, const char *token, const char *name)
{
    struct sp_call *call =
        CALL(fixture, .path = "/introspect", .body = sp_arena_printf(fixture->arena, "token=%s" ALICE, token).at);
    return fixture_member(call, name);
}

static void a_token_says_who_for_whom_and_how_long(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .body = "grant_type=client_credentials&scope=read&resource=urn:b" ALICE);
    const char *token = fixture_member(call, "access_token");
    assert_string_equal(fixture_member(call, "token_type"), "Bearer");
    assert_string_equal(fixture_member(call, "expires_in"), "3600");
    assert_string_equal(claim(fixture, token, "iss"), "https://login.example");
    assert_string_equal(claim(fixture, token, "aud"), "urn:b");
    assert_string_equal(claim(fixture, token, "sub"), "alice");
    assert_string_equal(claim(fixture, token, "scope"), "read");
}

static void what_is_not_asked_for_has_a_default(void **state)
{
    struct fixture *fixture = *state;
    const char *token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    assert_string_equal(claim(fixture, token, "aud"), "https://a.example");
    assert_string_equal(claim(fixture, token, "scope"), "read write"); /* openid is for people */
    token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials&client_id=plain&client_secret=x"),
                           "access_token");
    assert_string_equal(claim(fixture, token, "aud"), "plain");
}

static void every_refusal_names_its_cause(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        struct fixture_request request;
        const char *cause, *error;
        int status;
    } rows[] = {
        {{.body = ALICE}, "request.parameter_missing", "invalid_request", 400},
        {{.body = "grant_type=password" ALICE}, "request.grant_unknown", "unsupported_grant_type", 400},
        {{.body = "grant_type=client_credentials&scope=nope" ALICE}, "request.scope_unknown", "invalid_scope", 400},
        {{.body = "grant_type=client_credentials&scope=other" ALICE},
         "request.scope_not_allowed",
         "invalid_scope",
         400},
        {{.body = "grant_type=client_credentials&resource=urn:c" ALICE},
         "request.resource_invalid",
         "invalid_target",
         400},
        {{.body = "grant_type=client_credentials&scope=read&scope=read" ALICE},
         "request.duplicate_parameter",
         "invalid_request",
         400},
        {{.body = "grant_type=%zz" ALICE}, "request.not_form", "invalid_request", 400},
        {{.body = "{}", .content_type = "application/json"}, "request.not_form", "invalid_request", 400},
        {{.method = "GET", .query = "grant_type=client_credentials" ALICE}, "request.method", "invalid_request", 405},
        {{.path = "/tokens", .body = ""}, "request.endpoint_unknown", "invalid_request", 404},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call = fixture_call(fixture, &rows[i].request);
        assert_string_equal(fixture_cause(call), rows[i].cause);
        assert_string_equal(fixture_member(call, "error"), rows[i].error);
        assert_int_equal(call->answer.status, rows[i].status);
        assert_non_null(strstr(fixture_member(call, "error_description"), rows[i].cause));
    }
}

static void the_description_keeps_to_the_characters_of_rfc_6749(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .body = "grant_type=client_credentials&scope=%22%5C%C3%A9%0D%0A%3Cb%3E" ALICE);
    const char *text = fixture_member(call, "error_description");
    assert_non_null(strstr(text, "'/?"));
    for (; *text != '\0'; text++)
        assert_true(*text >= 0x20 && *text <= 0x7E && *text != '"' && *text != '\\');
}

static void an_opaque_token_lives_until_its_end_or_its_revocation(void **state)
{
    struct fixture *fixture = *state;
    const char *token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" OPAQUE), "access_token");
    assert_string_equal(claim(fixture, token, "client_id"), "opaque");
    fixture->now += 9;
    assert_string_equal(claim(fixture, token, "active"), "true");
    fixture->now += 1;
    assert_string_equal(claim(fixture, token, "active"), "false");
    assert_null(claim(fixture, token, "sub")); /* nothing more is told */
    token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" OPAQUE), "access_token");
    struct sp_call *revoked =
        CALL(fixture, .path = "/revoke", .body = sp_arena_printf(fixture->arena, "token=%s" OPAQUE, token).at);
    assert_int_equal(revoked->answer.status, 200);
    assert_string_equal(claim(fixture, token, "active"), "false");
}

static void a_jwt_is_revoked_by_its_owner_only(void **state)
{
    struct fixture *fixture = *state;
    const char *token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    struct sp_call *call =
        CALL(fixture, .path = "/revoke", .body = sp_arena_printf(fixture->arena, "token=%s" OPAQUE, token).at);
    assert_string_equal(fixture_cause(call), "request.token_of_other_client");
    assert_string_equal(claim(fixture, token, "active"), "true");
    for (int i = 0; i < 2; i++) { /* twice is a success too */
        call = CALL(fixture, .path = "/revoke", .body = sp_arena_printf(fixture->arena, "token=%s" ALICE, token).at);
        assert_int_equal(call->answer.status, 200);
    }
    assert_string_equal(claim(fixture, token, "active"), "false");
}

static void put_refresh_token(struct fixture *fixture, const char *token)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_ticket ticket = {
        .kind = SP_TICKET_REFRESH,
        .family = SP_STR("family"),
        .client_id = SP_STR("app"),
        .subject = SP_STR("ann"),
        .issued_at = fixture->now,
        .expires_at = fixture->now + fixture->settings.refresh_lifetime_s,
        .data = SP_STR("{\"issuer\":\"https://login.example\",\"scope\":\"offline_access\",\"audiences\":[]}")};
    sp_sha256(sp_str_from_cstr(token), ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
}

static void put_ann(struct fixture *fixture, bool disabled)
{
    struct sp_store *store = fixture->authority.store;
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{}"),
                                   .created_at = fixture->now,
                                   .disabled = disabled};
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
}

/* The request that spends it may come too late, to the second. */
static void a_code_and_a_pushed_request_end(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    put_ann(fixture, false);
    for (int64_t late = -1; late <= 0; late++) {
        struct sp_ticket ticket = {.kind = SP_TICKET_CODE,
                                   .family = SP_STR("family"),
                                   .client_id = SP_STR("app"),
                                   .subject = SP_STR("ann"),
                                   .issued_at = fixture->now,
                                   .expires_at = fixture->now + fixture->settings.code_lifetime_s,
                                   .data = SP_STR("{\"scope\":\"\",\"redirect_uri\":\"https://app.example/cb\","
                                                  "\"audiences\":[]}")};
        const char *code = late < 0 ? "spac_in-time" : "spac_too-late";
        sp_sha256(sp_str_from_cstr(code), ticket.hash);
        assert_int_equal(store->methods->begin(store), SP_OK);
        assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
        assert_int_equal(store->methods->keep(store), SP_OK);
        fixture->now = ticket.expires_at + late;
        const char *body = sp_arena_printf(fixture->arena, "grant_type=authorization_code&code=%s" APP, code).at;
        assert_string_equal(fixture_cause(CALL(fixture, .body = body)), late < 0 ? "" : "code.expired");
    }
    const char *request = "response_type=code&redirect_uri=https://app.example/cb&scope=offline_access"
                          "&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" APP;
    for (int64_t after = 89; after <= 90; after++) {
        struct sp_call *call = CALL(fixture, .path = "/par", .body = request);
        assert_int_equal(call->answer.status, 201);
        assert_string_equal(fixture_member(call, "expires_in"), "90");
        fixture->now += after;
        const char *query =
            sp_arena_printf(fixture->arena, "client_id=app&request_uri=%s", fixture_member(call, "request_uri")).at;
        call = CALL(fixture, .method = "GET", .path = "/authorize", .query = query);
        assert_int_equal(call->answer.status, after < 90 ? 303 : 400);
        assert_string_equal(fixture_cause(call), after < 90 ? "" : "request.parameter_invalid");
    }
}

/* RFC 9700 2.6: a script has no business there, whatever it is told elsewhere. */
static void the_authorization_endpoint_knows_no_other_origin(void **state)
{
    struct fixture *fixture = *state;
    static const char *const methods[] = {"GET", "OPTIONS"};
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        struct sp_call *call = CALL(fixture, .method = methods[m], .path = "/authorize",
                                    .query = "client_id=app&response_type=code", .origin = "https://spa.example");
        for (size_t i = 0; i < call->answer.header_count; i++)
            assert_null(strstr(call->answer.headers[i].name, "Access-Control"));
    }
}

/* OAuth 2.1 3.1, 3.2: without a value is as if it were not there; what nobody knows is passed over. */
static void parameters_without_a_value_or_a_meaning_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .body = "grant_type=client_credentials&scope=&resource=&whatever=x&=" ALICE);
    assert_int_equal(call->answer.status, 200);
    assert_string_equal(fixture_member(call, "scope"), "read write");
    assert_string_equal(fixture_cause(CALL(fixture, .body = "grant_type=" ALICE)), "request.parameter_missing");
}

/* A refresh token lives longer than any access token, and so must the mark of its family. */
static void a_refresh_token_that_was_given_back_stays_dead_however_late_it_comes(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    put_ann(fixture, false);
    put_refresh_token(fixture, "sprt_given-back");
    const int64_t end = fixture->now + fixture->settings.refresh_lifetime_s;
    fixture->settings.refresh_lifetime_s = 3600; /* shortened: those that were given before live on */
    struct sp_call *call = CALL(fixture, .path = "/revoke", .body = "token=sprt_given-back" APP);
    assert_int_equal(call->answer.status, 200);
    for (; fixture->now < end - 86400; fixture->now += 86400) {
        assert_int_equal(store->methods->purge_tickets(store, fixture->now - 86400, 1000), SP_OK);
        call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_given-back" APP);
        assert_string_equal(fixture_cause(call), "refresh.revoked");
    }
}

static void whoever_is_disabled_or_gone_gets_no_more_tokens(void **state)
{
    struct fixture *fixture = *state;
    put_refresh_token(fixture, "sprt_of-ann");
    struct sp_call *call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_of-ann" APP);
    assert_string_equal(fixture_cause(call), "token.revoked"); /* gone */
    put_ann(fixture, true);
    call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_of-ann" APP);
    assert_string_equal(fixture_cause(call), "token.revoked");
    assert_string_equal(fixture_member(call, "error"), "invalid_grant");
    assert_null(fixture_member(call, "access_token"));
    put_ann(fixture, false);
    call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_of-ann" APP);
    assert_int_equal(call->answer.status, 200);
}

static void set_lifetime(struct fixture *fixture, int64_t seconds)
{
    char trouble[256];
    struct sp_client *clients = (struct sp_client *)(uintptr_t)fixture->settings.clients; /* as a reload would read */
    for (size_t i = 0; i < fixture->settings.client_count; i++)
        clients[i].token_lifetime_s = seconds;
    fixture->settings.token_lifetime_s = fixture->settings.max_token_lifetime_s = seconds;
    assert_int_equal(sp_key_ring_tend(fixture->authority.keys, &fixture->settings, fixture->now, trouble), SP_OK);
}

/* The marks of what was revoked while the lifetime was short, and the keys that were retired then, last as long as
 * the tokens of before. */
static void what_was_revoked_stays_dead_when_the_lifetime_shrinks_and_grows(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    char trouble[256];
    put_ann(fixture, false);
    put_refresh_token(fixture, "sprt_of-ann");
    const char *single = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token"),
               *live = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    struct sp_call *call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_of-ann" APP);
    const char *of_family = fixture_member(call, "access_token"), *next = fixture_member(call, "refresh_token");
    const char *const revocations[] = {sp_arena_printf(fixture->arena, "token=%s" ALICE, single).at,
                                       sp_arena_printf(fixture->arena, "token=%s" APP, next).at};
    assert_string_equal(claim(fixture, of_family, "active"), "true");
    set_lifetime(fixture, 10);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(CALL(fixture, .path = "/revoke", .body = revocations[i])->answer.status, 200);
    assert_int_equal(sp_key_ring_rotate(fixture->authority.keys, &fixture->settings, SP_ALGORITHM_UNKNOWN,
                                        SP_KEYS_AT_ONCE, fixture->now, trouble),
                     SP_OK);
    fixture->now += 3590;
    assert_int_equal(store->methods->purge_tickets(store, fixture->now, 1000), SP_OK);
    set_lifetime(fixture, 3600);
    assert_string_equal(claim(fixture, live, "active"), "true"); /* a token of before, and its key */
    assert_string_equal(claim(fixture, single, "active"), "false");
    assert_string_equal(claim(fixture, of_family, "active"), "false");
}

/* Another process may have read a configuration with longer lifetimes; it says so in the store before it issues. */
static void a_mark_lasts_as_long_as_the_tokens_of_another_process(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct sp_authority_settings theirs = fixture->settings;
    const unsigned char master_key[32] = {1};
    struct sp_key_ring *ring = NULL, *ours = fixture->authority.keys;
    char trouble[256];
    theirs.max_token_lifetime_s = 7200;
    assert_int_equal(sp_key_ring_create(store, &theirs, master_key, fixture->now, &ring, trouble), SP_OK);
    assert_int_equal(sp_key_ring_longest_s(ours), 3600); /* not told yet */
    struct sp_client *clients = (struct sp_client *)(uintptr_t)fixture->settings.clients;
    for (size_t i = 0; i < fixture->settings.client_count; i++)
        clients[i].token_lifetime_s = 7200;
    put_ann(fixture, false);
    put_refresh_token(fixture, "sprt_of-ann");
    fixture->authority.keys = ring;
    struct sp_call *call = CALL(fixture, .body = "grant_type=refresh_token&refresh_token=sprt_of-ann" APP);
    assert_string_equal(fixture_member(call, "expires_in"), "7200");
    fixture->authority.keys = ours;
    assert_string_equal(fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "expires_in"),
                        "3600");
    const char *token = fixture_member(call, "access_token");
    const char *body = sp_arena_printf(fixture->arena, "token=%s" APP, fixture_member(call, "refresh_token")).at;
    assert_string_equal(claim(fixture, token, "active"), "true");
    assert_int_equal(CALL(fixture, .path = "/revoke", .body = body)->answer.status, 200);
    fixture->now += 7199;
    assert_int_equal(store->methods->purge_tickets(store, fixture->now, 1000), SP_OK);
    assert_string_equal(claim(fixture, token, "active"), "false");
    sp_key_ring_destroy(&ring);
}

/* A key whose end was set while tokens lived shorter signs the longer ones until then. */
static void a_key_that_signs_yet_lasts_as_long_as_a_lifetime_that_grows(void **state)
{
    struct fixture *fixture = *state;
    struct sp_key_ring *ring = fixture->authority.keys;
    char trouble[256];
    assert_int_equal(sp_key_ring_rotate(ring, &fixture->settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_AFTER_OVERLAP,
                                        fixture->now, trouble),
                     SP_OK);
    set_lifetime(fixture, 86400);
    const char *token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    fixture->now += 86399;
    assert_int_equal(sp_key_ring_tend(ring, &fixture->settings, fixture->now, trouble), SP_OK);
    assert_string_equal(claim(fixture, token, "active"), "true");
}

static void what_is_not_ours_is_inactive_and_revoking_it_succeeds(void **state)
{
    struct fixture *fixture = *state;
    static const char *const foreign[] = {
        "x", "a.b.c", "spat_x", "..", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "eyJhbGciOiJub25lIn0.e30.AAAA",
    };
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_string_equal(claim(fixture, foreign[i], "active"), "false");
        const char *body = sp_arena_printf(fixture->arena, "token=%s" ALICE, foreign[i]).at;
        assert_int_equal(CALL(fixture, .path = "/revoke", .body = body)->answer.status, 200);
    }
    /* Each single character changed. */
    struct sp_str token =
        sp_str_from_cstr(fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token"));
    for (size_t i = 0; i < token.len; i += 7) {
        char *changed = strndup(token.at, token.len);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_string_equal(claim(fixture, changed, "active"), "false");
        free(changed);
    }
}

static void discovery_says_what_the_tables_say_at_both_forms(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *one = CALL(fixture, .method = "GET", .path = "/.well-known/openid-configuration");
    struct sp_call *other = CALL(fixture, .method = "GET", .path = "/.well-known/oauth-authorization-server");
    assert_true(sp_str_equal(one->answer.body, other->answer.body));
    assert_string_equal(fixture_member(one, "issuer"), "https://login.example");
    assert_string_equal(fixture_member(one, "token_endpoint"), "https://login.example/token");
    static const char *const algorithms[] = {"token_endpoint_auth_signing_alg_values_supported",
                                             "introspection_endpoint_auth_signing_alg_values_supported",
                                             "revocation_endpoint_auth_signing_alg_values_supported"};
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        assert_non_null(strstr(sp_arena_printf(fixture->arena, "%.*s", SP_STR_ARG(one->answer.body)).at,
                               sp_arena_printf(fixture->arena, "\"%s\":[\"RS256\",", algorithms[i]).at));
    struct fixture *deep = fixture_create("{'issuer':'https://login.example/tenant/'}");
    assert_int_equal(CALL(deep, .method = "GET", .path = "/tenant/.well-known/openid-configuration")->answer.status,
                     200);
    struct sp_call *inserted = CALL(deep, .method = "GET", .path = "/.well-known/oauth-authorization-server/tenant");
    assert_string_equal(fixture_member(inserted, "issuer"), "https://login.example/tenant/");
    assert_string_equal(fixture_member(inserted, "token_endpoint"), "https://login.example/tenant/token");
    assert_int_equal(CALL(deep, .method = "GET", .path = "/.well-known/openid-configuration")->answer.status, 404);
    fixture_destroy(&deep);
}

static void scripts_of_any_origin_may_ask_for_tokens_but_not_introspect(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .method = "OPTIONS", .origin = "https://spa.example");
    assert_int_equal(call->answer.status, 204);
    assert_string_equal(call->answer.headers[0].name, "Access-Control-Allow-Origin");
    static const char *const others[] = {"/userinfo", "/jwks", "/revoke", "/par", "/.well-known/openid-configuration"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        call = CALL(fixture, .method = "OPTIONS", .path = others[i], .origin = "https://spa.example");
        assert_string_equal(call->answer.headers[0].name, "Access-Control-Allow-Origin");
    }
    call = CALL(fixture, .method = "OPTIONS", .path = "/introspect", .origin = "https://spa.example");
    assert_int_equal(call->answer.status, 405);
}

static void keys_rotate_with_overlap_and_old_tokens_stay_good(void **state)
{
    struct fixture *fixture = *state;
    char trouble[256];
    struct sp_key_ring *ring = fixture->authority.keys;
    const char *token = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    assert_int_equal(sp_key_ring_rotate(ring, &fixture->settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_AFTER_OVERLAP,
                                        fixture->now, trouble),
                     SP_OK);
    struct sp_call *set = CALL(fixture, .method = "GET", .path = "/jwks");
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    assert_int_equal(sp_json_parse(fixture->arena, set->answer.body, &sp_json_limits_document, &json, &error), SP_OK);
    assert_int_equal(sp_json_member(json, SP_STR("keys"))->count, 2);
    struct sp_str first = sp_str_slice(sp_str_from_cstr(token), 0, 60);
    const char *same = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    assert_true(sp_str_equal(first, sp_str_slice(sp_str_from_cstr(same), 0, 60))); /* published, not yet signing */
    fixture->now += fixture->settings.overlap_s;
    assert_int_equal(sp_key_ring_tend(ring, &fixture->settings, fixture->now, trouble), SP_OK);
    const char *next = fixture_member(CALL(fixture, .body = "grant_type=client_credentials" ALICE), "access_token");
    assert_false(
        sp_str_equal(sp_str_slice(sp_str_from_cstr(next), 0, 100), sp_str_slice(sp_str_from_cstr(token), 0, 100)));
    assert_string_equal(claim(fixture, same, "active"), "false"); /* an hour has passed: expired by itself */
    assert_string_equal(claim(fixture, next, "active"), "true");
    fixture->now += fixture->settings.max_token_lifetime_s + 200;
    assert_int_equal(sp_key_ring_tend(ring, &fixture->settings, fixture->now, trouble), SP_OK);
    set = CALL(fixture, .method = "GET", .path = "/jwks");
    assert_int_equal(sp_json_parse(fixture->arena, set->answer.body, &sp_json_limits_document, &json, &error), SP_OK);
    assert_int_equal(sp_json_member(json, SP_STR("keys"))->count, 1);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(a_token_says_who_for_whom_and_how_long),
        ROW(what_is_not_asked_for_has_a_default),
        ROW(every_refusal_names_its_cause),
        ROW(a_code_and_a_pushed_request_end),
        ROW(the_authorization_endpoint_knows_no_other_origin),
        ROW(parameters_without_a_value_or_a_meaning_change_nothing),
        ROW(the_description_keeps_to_the_characters_of_rfc_6749),
        ROW(an_opaque_token_lives_until_its_end_or_its_revocation),
        ROW(a_jwt_is_revoked_by_its_owner_only),
        ROW(a_refresh_token_that_was_given_back_stays_dead_however_late_it_comes),
        ROW(whoever_is_disabled_or_gone_gets_no_more_tokens),
        ROW(what_was_revoked_stays_dead_when_the_lifetime_shrinks_and_grows),
        ROW(a_mark_lasts_as_long_as_the_tokens_of_another_process),
        ROW(a_key_that_signs_yet_lasts_as_long_as_a_lifetime_that_grows),
        ROW(what_is_not_ours_is_inactive_and_revoking_it_succeeds),
        ROW(discovery_says_what_the_tables_say_at_both_forms),
        ROW(scripts_of_any_origin_may_ask_for_tokens_but_not_introspect),
        ROW(keys_rotate_with_overlap_and_old_tokens_stay_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
