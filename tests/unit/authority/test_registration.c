/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that register themselves (RFC 7591, 7592): what may be registered, who may, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/client_directory.h"
#include "authority/handle.h"
#include "authority/redirect_uri_policy.h"
#include "core/jose/crypto.h"
#include "tests/support/authority_fixture.h"

/* RFC 7515 A.3's. */
#define PUBLIC_KEY                                                                                                     \
    "{'kty':'EC','crv':'P-256','x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',"                                     \
    "'y':'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'}"
#define URI "'redirect_uris':['https://app.example/cb']"
#define FOUR_KEYS PUBLIC_KEY "," PUBLIC_KEY "," PUBLIC_KEY "," PUBLIC_KEY
#define SIXTEEN_KEYS FOUR_KEYS "," FOUR_KEYS "," FOUR_KEYS "," FOUR_KEYS

static int start(void **state)
{
    *state = fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{'rs':{'secret':'s'}},"
                            "'registration':{'open':true,'max_clients':60,'scopes':['openid','read'],"
                            "'grants':['authorization_code','refresh_token','client_credentials'],"
                            "'audiences':['https://api.example']}}");
    return 0;
}

static const char *quoted(struct fixture *fixture, const char *json)
{
    struct sp_str copy;
    assert_int_equal(sp_arena_copy(fixture->arena, sp_str_from_cstr(json), &copy), SP_OK);
    for (char *at = (char *)(uintptr_t)copy.at; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    return copy.at;
}

static struct sp_call *post(struct fixture *fixture, const char *json, const char *token)
{
    return CALL(fixture, .path = "/register", .content_type = "application/json", .body = quoted(fixture, json),
                .authorization = token != NULL ? sp_arena_printf(fixture->arena, "Bearer %s", token).at : NULL);
}

static struct sp_call *manage(struct fixture *fixture, const char *method, const char *id, const char *token,
                              const char *json)
{
    return CALL(fixture, .method = method, .path = "/register", .content_type = "application/json",
                .query = sp_arena_printf(fixture->arena, "client_id=%s", id).at,
                .body = json != NULL ? quoted(fixture, json) : NULL,
                .authorization = token != NULL ? sp_arena_printf(fixture->arena, "Bearer %s", token).at : NULL);
}

static void only_uris_of_the_application_itself_may_be_registered(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        bool web, native, development; /* fine for… */
    } rows[] = {
        {"https://app.example/cb", true, true, true},
        {"https://app.example:8443/cb?x=1", true, true, true},
        {"HTTPS://app.example/cb", true, true, true},
        {"http://127.0.0.1/cb", false, true, true},
        {"http://[::1]:4711/cb", false, true, true},
        {"http://localhost/cb", false, true, true},
        {"com.example.app:/cb", false, true, false},
        {"com.example.app://cb", false, true, false},
        {"http://app.example/cb", false, false, false},
        {"http://127.0.0.1.evil.example/cb", false, false, false},
        {"https://user@app.example/cb", false, false, false},
        {"https://app.example@evil.example/cb", false, false, false},
        {"https://app.example/cb#x", false, false, false},
        {"https://*.app.example/cb", false, false, false},
        {"https://app.example/c b", false, false, false},
        {"https://app.example/\\evil.example", false, false, false},
        {"https:///cb", false, false, false},
        {"https://", false, false, false},
        {"https:app.example", false, false, false},
        {"https://app.example:99999/", false, false, false},
        {"//app.example/cb", false, false, false},
        {"/cb", false, false, false},
        {"", false, false, false},
        {"app.example/cb", false, false, false},
        {"javascript:alert(1)", false, false, false},
        {"data:text/html,x", false, false, false},
        {"file:///etc/passwd", false, false, false},
        {"myapp:/cb", false, false, false},
        {"com.example.app:", false, false, false},
        {"ja\tvascript:x", false, false, false},
        {"https://\xC3\xA4.example/", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str uri = sp_str_from_cstr(rows[i].uri);
        bool web = sp_redirect_uri_fault(uri, (struct sp_redirect_uri_policy){false, false}) == NULL,
             native = sp_redirect_uri_fault(uri, (struct sp_redirect_uri_policy){true, false}) == NULL,
             development = sp_redirect_uri_fault(uri, (struct sp_redirect_uri_policy){false, true}) == NULL;
        if (web != rows[i].web || native != rows[i].native || development != rows[i].development)
            fail_msg("%s: %d %d %d", rows[i].uri, web, native, development);
    }
}

/* RFC 7591 has no application_type: clients of MCP, for one, register their loopback URI alone. */
static void an_application_type_that_is_not_told_follows_from_the_uris(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *json, *type; /* NULL: refused */
    } rows[] = {
        {"{'redirect_uris':['http://localhost:6274/cb'],'token_endpoint_auth_method':'none'}", "native"},
        {"{'redirect_uris':['https://vscode.example/cb','http://127.0.0.1/']}", "native"},
        {"{'redirect_uris':['com.example.app:/cb']}", "native"},
        {"{'redirect_uris':['http://localhost/cb'],'application_type':'native'}", "native"},
        {"{'redirect_uris':['https://app.example/cb']}", "web"},
        {"{'redirect_uris':['http://localhost/cb'],'application_type':'web'}", NULL},
        {"{'redirect_uris':['http://localhost/cb','http://app.example/cb']}", NULL},
        {"{'redirect_uris':['http://localhost.evil.example/cb']}", NULL},
        {"{'redirect_uris':['myapp:/cb']}", NULL},
        {"{'redirect_uris':['javascript:x','http://localhost/cb']}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call = post(fixture, rows[i].json, NULL);
        if (rows[i].type == NULL)
            assert_string_equal(fixture_cause(call), "registration.redirect_uri");
        else {
            assert_int_equal(call->answer.status, 201);
            assert_string_equal(fixture_member(call, "application_type"), rows[i].type);
            call = manage(fixture, "GET", fixture_member(call, "client_id"),
                          fixture_member(call, "registration_access_token"), NULL);
            assert_string_equal(fixture_member(call, "application_type"), rows[i].type);
        }
    }
}

static void each_member_is_taken_or_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *json, *cause, *tells;
    } rows[] = {
        {"{" URI "}", "", ""},
        {"{" URI ",'unknown':{'a':[1]},'client_name':'Fotos \xC3\xBC'}", "", ""},
        {"{" URI ",'token_endpoint_auth_method':'none'}", "", ""},
        {"{'grant_types':['client_credentials'],'response_types':[]}", "", ""},
        {"{" URI ",'scope':'openid','grant_types':['authorization_code','refresh_token']}", "", ""},
        {"{" URI ",'require_auth_time':true,'contacts':['a@b.example'],'software_id':'x'}", "", ""},
        {"{" URI ",'token_endpoint_auth_method':'private_key_jwt','jwks_uri':'https://keys.example/'}", "", ""},
        {"{}", "registration.redirect_uri", "redirect URI"},
        {"{'redirect_uris':[]}", "registration.redirect_uri", ""},
        {"{'redirect_uris':'https://a.example/'}", "registration.redirect_uri", "list"},
        {"{'redirect_uris':['https://a.example/#f']}", "registration.redirect_uri", "fragment"},
        {"{'redirect_uris':['https://a.example/','javascript:x']}", "registration.redirect_uri", "https"},
        {"{'redirect_uris':[7]}", "registration.redirect_uri", ""},
        {"{" URI ",'post_logout_redirect_uris':['http://a.example/']}", "registration.metadata", "http"},
        {"{" URI ",'token_endpoint_auth_method':'client_secret_jwt'}", "registration.metadata", "auth_method"},
        {"{" URI ",'token_endpoint_auth_method':'tls_client_auth','tls_client_auth_san_dns':'a'}",
         "registration.metadata", "certificates"},
        {"{" URI ",'token_endpoint_auth_method':'private_key_jwt'}", "registration.metadata", "key"},
        {"{" URI ",'token_endpoint_auth_method':7}", "registration.metadata", ""},
        {"{" URI ",'jwks_uri':'http://127.0.0.1/'}", "registration.metadata", "public host"},
        {"{" URI ",'jwks_uri':'https://keys.internal/'}", "registration.metadata", "public host"},
        {"{" URI ",'jwks':{'keys':[]}}", "registration.metadata", "jwks"},
        {"{" URI ",'jwks':{'keys':[" PUBLIC_KEY "]}}", "", ""},
        {"{" URI ",'jwks':{'keys':[" SIXTEEN_KEYS "]}}", "", ""},
        {"{" URI ",'jwks':{'keys':[" SIXTEEN_KEYS "," PUBLIC_KEY "]}}", "registration.metadata",
         "17 keys. Write at most 16"},
        {"{" URI ",'jwks':{'keys':[" PUBLIC_KEY "]},'jwks_uri':'https://keys.example/'}", "registration.metadata",
         "Keep one of"},
        {"{" URI ",'grant_types':[]}", "registration.metadata", "grant_types"},
        {"{" URI ",'scope':''}", "", ""},
        {"{" URI ",'contacts':[],'default_acr_values':[],'post_logout_redirect_uris':[]}", "", ""},
        {"{" URI ",'jwks':{'keys':[{'kty':'oct','k':'AAAA'}]}}", "registration.metadata", "jwks"},
        {"{" URI ",'grant_types':['password']}", "registration.metadata", "grant_types"},
        {"{" URI ",'grant_types':['urn:ietf:params:oauth:grant-type:token-exchange']}", "registration.metadata",
         "grant_types"},
        {"{" URI ",'grant_types':['client_credentials'],'token_endpoint_auth_method':'none'}", "registration.metadata",
         "grant_types"},
        {"{" URI ",'grant_types':['client_credentials'],'response_types':['code']}", "registration.metadata",
         "response_types"},
        {"{" URI ",'response_types':['id_token']}", "registration.metadata", "code"},
        {"{" URI ",'response_types':[]}", "registration.metadata", "together"},
        {"{" URI ",'scope':'openid admin'}", "registration.metadata", "'admin'"},
        {"{" URI ",'scope':['openid']}", "registration.metadata", "scope"},
        {"{" URI ",'subject_type':'pairwise'}", "", ""},
        {"{" URI ",'subject_type':'public'}", "", ""},
        {"{" URI ",'subject_type':'secret'}", "registration.metadata", "pairwise"},
        {"{'redirect_uris':['https://a.example/','https://b.example/'],'subject_type':'pairwise'}",
         "registration.metadata", "sector_identifier_uri"},
        {"{'grant_types':['client_credentials'],'response_types':[],'subject_type':'pairwise'}",
         "registration.metadata", "sector_identifier_uri"},
        {"{" URI ",'sector_identifier_uri':'http://127.0.0.1/'}", "registration.metadata", "public host"},
        {"{" URI ",'sector_identifier_uri':'https://sector.internal/'}", "registration.metadata", "public host"},
        {"{" URI ",'sector_identifier_uri':'https://[::ffff:127.0.0.1]:9/'}", "registration.metadata", "public host"},
        {"{" URI ",'sector_identifier_uri':'https://[2001:db8::1]:9/'}", "registration.metadata",
         "could not be fetched"},
        {"{" URI ",'frontchannel_logout_uri':'https://app.example/out'}", "", ""},
        {"{" URI ",'frontchannel_logout_uri':'https://other.example/out'}", "registration.metadata", "redirect_uris"},
        {"{" URI ",'backchannel_logout_uri':'https://other.example/out#x'}", "registration.metadata", "https"},
        {"{" URI ",'default_max_age':60,'default_acr_values':['a','b']}", "", ""},
        {"{" URI ",'default_max_age':-1}", "registration.metadata", "default_max_age"},
        {"{" URI ",'default_max_age':1000000000}", "registration.metadata", "default_max_age"},
        {"{" URI ",'default_max_age':'1m'}", "registration.metadata", "default_max_age"},
        {"{" URI ",'default_acr_values':'a'}", "registration.metadata", "default_acr_values"},
        {"{" URI ",'require_auth_time':1}", "registration.metadata", "require_auth_time"},
        {"{" URI ",'application_type':'desktop'}", "registration.metadata", "native"},
        {"{" URI ",'id_token_signed_response_alg':'RS256'}", "registration.metadata", "No key"},
        {"{" URI ",'id_token_signed_response_alg':'none'}", "registration.metadata", ""},
        {"{" URI ",'id_token_encrypted_response_alg':'RSA-OAEP'}", "registration.metadata", "encrypted"},
        {"{" URI ",'logo_uri':'http://127.0.0.1:631/'}", "registration.metadata", "public host"},
        {"{" URI ",'tos_uri':'https://intranet/'}", "registration.metadata", "public host"},
        {"{" URI ",'tos_uri':'https://localhost./'}", "registration.metadata", "public host"},
        {"{" URI ",'logo_uri':'https://0177.0.0.1/a.png'}", "registration.metadata", "public host"},
        {"{" URI ",'logo_uri':'https://[::ffff:192.168.0.1]/a.png'}", "registration.metadata", "public host"},
        {"{" URI ",'policy_uri':'https://192.168.257/'}", "registration.metadata", "public host"},
        {"{" URI ",'logo_uri':'https://[::1]evil.com/a.png'}", "registration.metadata", "https"},
        {"{'redirect_uris':['https://app.example/cb','https://a.com;frame-ancestors/cb']}", "registration.redirect_uri",
         "a character that no name has"},
        {"{" URI ",'logo_uri':'https://pictures.example/a.png','policy_uri':'https://app.example/p'}", "", ""},
        {"{" URI ",'logo_uri':'javascript:x'}", "registration.metadata", "https"},
        {"{" URI ",'client_name':'a\\u0007'}", "registration.metadata", "client_name"},
        {"{" URI ",'client_name':'a\\u202Eb'}", "registration.metadata", "client_name"},
        {"{" URI ",'client_name':'Pay\\u200BPal'}", "registration.metadata", "invisible"},
        {"{" URI ",'client_name':'Photos\\u200F'}", "registration.metadata", "turn the direction"},
        {"{" URI ",'client_name':'\\u0645\\u06CC\\u200C\\u062E'}", "", ""},
        {"{" URI ",'software_statement':'a.b.c'}", "registration.software_statement", "leave it out"},
        {"[]", "registration.metadata", "JSON object"},
        {"{" URI, "registration.metadata", "JSON object"},
        {"{" URI "," URI "}", "registration.metadata", "JSON object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call = post(fixture, rows[i].json, NULL);
        bool accepted = rows[i].cause[0] == '\0';
        if (strcmp(fixture_cause(call), rows[i].cause) != 0 || call->answer.status != (accepted ? 201 : 400) ||
            (!accepted && !sp_str_contains(call->answer.body, sp_str_from_cstr(rows[i].tells))))
            fail_msg("%s: '%s' %d: %.*s", rows[i].json, fixture_cause(call), call->answer.status,
                     SP_STR_ARG(call->answer.body));
        if (!accepted) {
            const char *error = strstr(rows[i].cause, "redirect_uri") != NULL         ? "invalid_redirect_uri"
                                : strstr(rows[i].cause, "software_statement") != NULL ? "unapproved_software_statement"
                                                                                      : "invalid_client_metadata";
            assert_string_equal(fixture_member(call, "error"), error);
        }
    }
}

static void a_registered_client_works_until_it_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call =
        post(fixture, "{'grant_types':['client_credentials'],'response_types':[],'scope':'read'}", NULL);
    const char *id = fixture_member(call, "client_id"), *secret = fixture_member(call, "client_secret"),
               *token = fixture_member(call, "registration_access_token");
    assert_int_equal(call->answer.status, 201);
    assert_non_null(secret);
    assert_string_equal(fixture_member(call, "token_endpoint_auth_method"), "client_secret_basic");
    assert_true(sp_str_contains(call->answer.body, SP_STR("\"client_secret_expires_at\":0")));
    const char *basic = fixture_basic(fixture, id, secret), *body = "grant_type=client_credentials";
    call = CALL(fixture, .authorization = basic, .body = body);
    assert_int_equal(call->answer.status, 200);
    assert_string_equal(fixture_member(call, "scope"), "read");
    const char *ask = sp_arena_printf(fixture->arena, "token=%s", fixture_member(call, "access_token")).at;
    call = CALL(fixture, .path = "/introspect", .authorization = fixture_basic(fixture, "rs", "s"), .body = ask);
    assert_true(sp_str_contains(call->answer.body, SP_STR("\"active\":true")));
    assert_true(sp_str_contains(call->answer.body, SP_STR("https://api.example")));
    assert_string_equal(
        fixture_cause(CALL(fixture, .authorization = fixture_basic(fixture, id, "other"), .body = body)),
        "client.secret_wrong");

    /* Read: everything but the secret. */
    call = manage(fixture, "GET", id, token, NULL);
    assert_int_equal(call->answer.status, 200);
    assert_string_equal(fixture_member(call, "client_id"), id);
    assert_string_equal(fixture_member(call, "registration_access_token"), token);
    assert_string_equal(fixture_member(call, "scope"), "read");
    assert_null(fixture_member(call, "client_secret"));

    /* Changed: at once, in memory too. */
    call = manage(fixture, "PUT", id, token,
                  sp_arena_printf(fixture->arena,
                                  "{'client_id':'%s','client_secret':'%s'," URI
                                  ",'token_endpoint_auth_method':'client_secret_post'}",
                                  id, secret)
                      .at);
    assert_int_equal(call->answer.status, 200);
    assert_string_equal(fixture_cause(CALL(fixture, .authorization = basic, .body = body)), "client.method_mismatch");
    call =
        CALL(fixture, .body = sp_arena_printf(fixture->arena, "%s&client_id=%s&client_secret=%s", body, id, secret).at);
    assert_string_equal(fixture_cause(call), "request.grant_not_allowed");

    static const struct {
        const char *json, *tells;
    } wrong[] = {{"{" URI "}", "client_id"},
                 {"{'client_id':'x'," URI "}", "client_id"},
                 {"{'client_id':'%s','client_secret':'chosen'," URI "}", "client_secret"},
                 {"{'client_id':'%s','registration_access_token':'x'," URI "}", "registration_access_token"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[512];
        const char *place = strstr(wrong[i].json, "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(place != NULL ? place - wrong[i].json : 0), wrong[i].json,
                 place != NULL ? id : "", place != NULL ? place + 2 : wrong[i].json);
        call = manage(fixture, "PUT", id, token, text);
        if (call->answer.status != 400 || !sp_str_contains(call->answer.body, sp_str_from_cstr(wrong[i].tells)))
            fail_msg("%s: %.*s", text, SP_STR_ARG(call->answer.body));
    }

    /* Somebody else's token is good for nothing. */
    struct sp_call *other = post(fixture, "{" URI "}", NULL);
    const char *methods[] = {"GET", "PUT", "DELETE"};
    for (size_t i = 0; i < 3; i++) {
        call = manage(fixture, methods[i], id, fixture_member(other, "registration_access_token"), "{}");
        assert_int_equal(call->answer.status, 401);
        assert_string_equal(fixture_cause(call), "registration.token_invalid");
        assert_string_equal(fixture_cause(manage(fixture, methods[i], id, NULL, "{}")), "registration.token_missing");
        assert_string_equal(fixture_cause(manage(fixture, methods[i], "rs", token, "{}")),
                            "registration.token_invalid");
    }

    call = manage(fixture, "DELETE", id, token, NULL);
    assert_int_equal(call->answer.status, 204);
    assert_int_equal(manage(fixture, "GET", id, token, NULL)->answer.status, 401);
    assert_string_equal(fixture_cause(CALL(fixture, .authorization = basic, .body = body)), "client.unknown");
    call = CALL(fixture, .path = "/introspect", .authorization = fixture_basic(fixture, "rs", "s"), .body = ask);
    assert_true(sp_str_equal(call->answer.body, SP_STR("{\"active\":false}")));
}

/* What another process wrote is seen once the directory forgets; what was undone never was. */
static void memory_follows_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct sp_call *call = post(fixture, "{" URI "}", NULL);
    struct sp_str id = sp_str_from_cstr(fixture_member(call, "client_id"));
    assert_non_null(sp_client_look_up_or_none(call, id));
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->drop_record(store, SP_RECORD_CLIENT, id), SP_OK);
    sp_client_directory_forget(&fixture->authority, SP_STR_NONE);
    assert_null(sp_client_look_up_or_none(call, id));
    store->methods->undo(store);
    fixture->authority.lost_turns++;
    assert_non_null(sp_client_look_up_or_none(call, id));
    /* A client that nobody holds any more is let go, one that a call holds is not. */
    const struct sp_client *held = sp_client_look_up_or_none(call, id);
    sp_client_directory_forget(&fixture->authority, id);
    assert_true(sp_str_equal(held->id, id));
    assert_null(sp_client_look_up_or_none(call, SP_STR("spdc_nobody")));
}

static const char *header_of(struct fixture *fixture, const struct sp_call *call, const char *name)
{
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, name) == 0)
            return sp_arena_printf(fixture->arena, "%.*s", SP_STR_ARG(call->answer.headers[i].value)).at;
    return "";
}

/* A single-page application may register itself: what it does there needs a token that no browser sends by itself, or
 * none at all, so any origin may ask – without credentials. */
static void scripts_of_any_origin_may_register_and_manage_without_credentials(void **state)
{
    struct fixture *fixture = *state;
    static const char *const methods[] = {"POST", "GET", "PUT", "DELETE"};
    struct sp_call *call = CALL(fixture, .method = "OPTIONS", .path = "/register", .origin = "https://spa.example");
    assert_int_equal(call->answer.status, 204);
    assert_string_equal(header_of(fixture, call, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(header_of(fixture, call, "Access-Control-Allow-Credentials"), "");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        assert_non_null(strstr(header_of(fixture, call, "Access-Control-Allow-Methods"), methods[i]));
    assert_non_null(strstr(header_of(fixture, call, "Access-Control-Allow-Headers"), "Authorization"));
    assert_non_null(strstr(header_of(fixture, call, "Access-Control-Allow-Headers"), "Content-Type"));
    static const char *const bodies[] = {"{" URI "}", "{}"}; /* a refusal can be read too */
    for (size_t i = 0; i < 2; i++) {
        call = CALL(fixture, .path = "/register", .content_type = "application/json", .origin = "https://spa.example",
                    .body = quoted(fixture, bodies[i]));
        assert_int_equal(call->answer.status, i == 0 ? 201 : 400);
        assert_string_equal(header_of(fixture, call, "Access-Control-Allow-Origin"), "*");
        assert_string_equal(header_of(fixture, call, "Access-Control-Allow-Credentials"), "");
    }
    call = CALL(fixture, .path = "/register", .content_type = "application/json", .body = quoted(fixture, bodies[0]));
    assert_string_equal(header_of(fixture, call, "Access-Control-Allow-Origin"), ""); /* nobody's script */
}

static void put_initial(struct fixture *fixture, const char *token, int64_t expires_at, const char *data)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_ticket ticket = {.kind = SP_TICKET_INITIAL_ACCESS,
                               .issued_at = FIXTURE_NOW,
                               .expires_at = expires_at,
                               .data = sp_str_from_cstr(data)};
    sp_sha256(sp_str_from_cstr(token), ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
}

static int register_open(struct fixture *fixture)
{
    return post(fixture, "{" URI "}", NULL)->answer.status;
}

static int64_t count_clients(struct fixture *fixture)
{
    int64_t count = 0;
    struct sp_store *store = fixture->authority.store;
    assert_int_equal(store->methods->count_records(store, SP_RECORD_CLIENT, &count), SP_OK);
    return count;
}

#define OPEN                                                                                                           \
    "{'tokens':{'algorithm':'ES256'},'clients':{},'registration':{'open':true,'max_clients':3,'scopes':['read'],"      \
    "'grants':['client_credentials']}}"

/* What got a token stays; that of a machine, which anybody gets, as long again. */
static void a_client_that_nobody_uses_is_forgotten(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(OPEN);
    put_initial(fixture, "invited", FIXTURE_NOW + 60, "{\"uses\":1}");
    struct sp_call *used = post(fixture, "{'grant_types':['client_credentials'],'scope':'read'}", NULL);
    assert_int_equal(used->answer.status, 201);
    assert_int_equal(post(fixture, "{'grant_types':['client_credentials']}", "invited")->answer.status, 201);
    struct sp_call *idle = post(fixture, "{'grant_types':['client_credentials']}", NULL);
    assert_int_equal(idle->answer.status, 201);
    const char *basic =
        fixture_basic(fixture, fixture_member(used, "client_id"), fixture_member(used, "client_secret"));
    assert_int_equal(CALL(fixture, .body = "grant_type=client_credentials", .authorization = basic)->answer.status,
                     200);
    /* Changed, it is as unused as before. */
    assert_int_equal(manage(fixture, "PUT", fixture_member(idle, "client_id"),
                            fixture_member(idle, "registration_access_token"),
                            sp_arena_printf(fixture->arena, "{'client_id':'%s','grant_types':['client_credentials']}",
                                            fixture_member(idle, "client_id"))
                                .at)
                         ->answer.status,
                     200);
    assert_int_equal(sp_client_directory_purge(&fixture->authority, fixture->now + 86400 - 1), SP_OK);
    assert_int_equal(count_clients(fixture), 3);
    fixture->now += 86400 - 3600;
    assert_int_equal(CALL(fixture, .body = "grant_type=client_credentials", .authorization = basic)->answer.status,
                     200);
    assert_int_equal(sp_client_directory_purge(&fixture->authority, fixture->now + 86400 - 1), SP_OK);
    assert_int_equal(count_clients(fixture), 2);
    assert_int_equal(sp_client_directory_purge(&fixture->authority, fixture->now + 86400), SP_OK);
    assert_int_equal(count_clients(fixture), 1); /* who was invited */
    assert_int_equal(sp_client_directory_purge(&fixture->authority, fixture->now + 400 * 86400), SP_OK);
    assert_int_equal(count_clients(fixture), 1);
    assert_int_equal(CALL(fixture, .body = "grant_type=client_credentials", .authorization = basic)->answer.status,
                     401);
    fixture_destroy(&fixture);
}

static void a_directory_full_of_unused_clients_makes_room(void **state)
{
    (void)state;
    struct fixture *fixture =
        fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{},'registration':{'open':true,'max_clients':3}}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(register_open(fixture), 201);
    struct sp_call *call = post(fixture, "{" URI "}", NULL);
    assert_int_equal(call->answer.status, 403); /* they have just come */
    assert_string_equal(fixture_cause(call), "registration.full");
    assert_true(sp_str_contains(call->finding.expected, SP_STR("authority.registration.max_clients")));
    fixture->now += 3600;
    for (int i = 0; i < 3; i++)
        assert_int_equal(register_open(fixture), 201);
    assert_int_equal(register_open(fixture), 403);
    assert_int_equal(count_clients(fixture), 3);
    fixture_destroy(&fixture);
}

static void without_an_initial_access_token_nobody_registers(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create("{'clients':{},'registration':{'max_clients':3}}");
    put_initial(fixture, "twice", FIXTURE_NOW + 60, "{\"uses\":2}");
    put_initial(fixture, "old", FIXTURE_NOW, "{\"uses\":1}");
    struct sp_call *call = post(fixture, "{" URI "}", NULL);
    assert_int_equal(call->answer.status, 401);
    assert_string_equal(fixture_cause(call), "registration.token_missing");
    assert_string_equal(fixture_cause(post(fixture, "{" URI "}", "unknown")), "registration.token_invalid");
    assert_string_equal(fixture_cause(post(fixture, "{" URI "}", "old")), "registration.token_invalid");
    /* A refused registration spends nothing. */
    assert_int_equal(post(fixture, "{}", "twice")->answer.status, 400);
    assert_int_equal(post(fixture, "{" URI "}", "twice")->answer.status, 201);
    assert_int_equal(post(fixture, "{" URI "}", "twice")->answer.status, 201);
    call = post(fixture, "{" URI "}", "twice");
    assert_string_equal(fixture_cause(call), "registration.token_invalid");
    assert_true(sp_str_contains(call->finding.received, SP_STR("used up")));
    put_initial(fixture, "many", FIXTURE_NOW + 60, "{\"uses\":9}");
    assert_int_equal(post(fixture, "{" URI "}", "many")->answer.status, 201);
    call = post(fixture, "{" URI "}", "many");
    assert_string_equal(fixture_cause(call), "registration.full");
    assert_int_equal(call->answer.status, 403);
    fixture_destroy(&fixture);
}

static void where_it_is_not_configured_it_is_not_there(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create("{'clients':{}}");
    assert_string_equal(fixture_cause(post(fixture, "{" URI "}", NULL)), "request.endpoint_unknown");
    struct sp_call *call = CALL(fixture, .method = "GET", .path = "/.well-known/openid-configuration");
    assert_false(sp_str_contains(call->answer.body, SP_STR("registration_endpoint")));
    fixture_destroy(&fixture);
    fixture = *state;
    call = CALL(fixture, .method = "GET", .path = "/.well-known/openid-configuration");
    assert_true(
        sp_str_contains(call->answer.body, SP_STR("\"registration_endpoint\":\"https://login.example/register\"")));
    call = CALL(fixture, .path = "/register", .body = "redirect_uris=x");
    assert_string_equal(fixture_cause(call), "request.not_json");
    call = CALL(fixture, .method = "PATCH", .path = "/register");
    assert_int_equal(call->answer.status, 405);
}

/* What the configuration allows no more, a client has no more. */
static void narrower_rules_hold_for_those_that_are_there(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = post(fixture, "{" URI ",'scope':'openid read'}", NULL);
    struct sp_str id = sp_str_from_cstr(fixture_member(call, "client_id"));
    assert_int_equal(sp_client_look_up_or_none(call, id)->scopes.count, 2);
    static const struct sp_str only_openid = {"openid", 6}; /* the settings keep it */
    fixture->settings.registration.scopes = (struct sp_str_list){&only_openid, 1};
    sp_client_directory_forget(&fixture->authority, SP_STR_NONE);
    assert_int_equal(sp_client_look_up_or_none(call, id)->scopes.count, 1);
}

static void a_name_that_nobody_sees_and_that_was_kept_is_not_shown(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    struct sp_call *call = post(fixture, "{" URI ",'client_name':'Pay***Pal'}", NULL);
    struct sp_str id = sp_str_from_cstr(fixture_member(call, "client_id")), data;
    struct sp_record record;
    assert_true(sp_str_equal(sp_client_look_up_or_none(call, id)->name, SP_STR("Pay***Pal")));
    assert_int_equal(store->methods->find_record(store, SP_RECORD_CLIENT, id, fixture->arena, &record), SP_OK);
    assert_int_equal(sp_arena_copy(fixture->arena, record.data, &data), SP_OK);
    memcpy((char *)(uintptr_t)data.at + sp_str_index_of(data, '*', 0), "\u200B", 3);
    record.data = data;
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(sp_store_commit(store, store->methods->put_record(store, &record, NULL)), SP_OK);
    sp_client_directory_forget(&fixture->authority, SP_STR_NONE);
    const struct sp_client *client = sp_client_look_up_or_none(call, id);
    assert_non_null(client);
    assert_true(sp_str_equal(client->name, id));
}

static void who_needs_no_pkce_has_a_secret_and_the_operators_word(void **state)
{
    static const struct {
        const char *section, *metadata, *cause;
    } rows[] = {
        {"{'registration':{'open':true}}", "{" URI "}", "pkce.required"},
        {"{'registration':{'open':true,'require_pkce':false}}", "{" URI "}", ""},
        {"{'registration':{'open':true,'require_pkce':false}}", "{" URI ",'token_endpoint_auth_method':'none'}",
         "pkce.required"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *fixture = fixture_create(rows[i].section);
        struct sp_call *made = post(fixture, rows[i].metadata, NULL);
        struct sp_call *call = CALL(
            fixture, .method = "GET", .path = "/authorize",
            .query = sp_arena_printf(fixture->arena,
                                     "response_type=code&scope=openid&redirect_uri=https%%3A%%2F%%2Fapp.example%%2Fcb&"
                                     "client_id=%s",
                                     fixture_member(made, "client_id"))
                         .at);
        assert_string_equal(fixture_cause(call), rows[i].cause);
        fixture_destroy(&fixture);
    }
}

/* Whatever its name says, where it leads is known once it is connected to. The name is not judged again: it was taken
 * while the rules were others. */
static void keys_of_strangers_are_not_looked_for_inside(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.is_https = false;
    struct sp_call *made =
        post(fixture,
             "{'token_endpoint_auth_method':'private_key_jwt','jwks_uri':'https://[::ffff:127.0.0.1]:9/',"
             "'grant_types':['client_credentials'],'response_types':[]}",
             NULL);
    assert_int_equal(made->answer.status, 201);
    fixture->settings.is_https = true;
    sp_client_directory_forget(&fixture->authority, SP_STR_NONE);
    const char *claims = sp_arena_printf(fixture->arena, "{\"sub\":\"%s\"}", fixture_member(made, "client_id")).at;
    struct sp_str encoded = sp_base64url_of(fixture->arena, claims, strlen(claims));
    struct sp_call *call =
        CALL(fixture, .body = sp_arena_printf(fixture->arena,
                                              "grant_type=client_credentials&client_assertion="
                                              "eyJhbGciOiJFUzI1NiJ9.%.*s.AAAA&client_assertion_type="
                                              "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                                              SP_STR_ARG(encoded))
                                  .at);
    assert_string_equal(fixture_cause(call), "keys.unreachable");
    assert_true(sp_str_contains(call->finding.received, SP_STR("127.0.0.1 is not a public address")));
    assert_int_equal(call->answer.status, 503);
}

static void browsers_are_not_sent_inside_by_what_was_kept(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.is_https = false;
    struct sp_call *made =
        post(fixture, "{" URI ",'logo_uri':'https://10.0.0.1/a.png','tos_uri':'https://app.example/t'}", NULL);
    assert_int_equal(made->answer.status, 201);
    struct sp_str id = sp_str_from_cstr(fixture_member(made, "client_id"));
    fixture->settings.is_https = true;
    sp_client_directory_forget(&fixture->authority, SP_STR_NONE);
    const struct sp_client *client = sp_client_look_up_or_none(made, id);
    assert_non_null(client);
    assert_int_equal(client->logo_uri.len, 0);
    assert_true(client->tos_uri.len > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_uris_of_the_application_itself_may_be_registered),
        cmocka_unit_test(an_application_type_that_is_not_told_follows_from_the_uris),
        cmocka_unit_test(each_member_is_taken_or_refused_by_name),
        cmocka_unit_test(a_registered_client_works_until_it_is_removed),
        cmocka_unit_test(memory_follows_the_store),
        cmocka_unit_test(scripts_of_any_origin_may_register_and_manage_without_credentials),
        cmocka_unit_test(without_an_initial_access_token_nobody_registers),
        cmocka_unit_test(a_client_that_nobody_uses_is_forgotten),
        cmocka_unit_test(a_directory_full_of_unused_clients_makes_room),
        cmocka_unit_test(where_it_is_not_configured_it_is_not_there),
        cmocka_unit_test(browsers_are_not_sent_inside_by_what_was_kept),
        cmocka_unit_test(keys_of_strangers_are_not_looked_for_inside),
        cmocka_unit_test(narrower_rules_hold_for_those_that_are_there),
        cmocka_unit_test(a_name_that_nobody_sees_and_that_was_kept_is_not_shown),
        cmocka_unit_test(who_needs_no_pkce_has_a_secret_and_the_operators_word),
    };
    return cmocka_run_group_tests(tests, start, fixture_stop);
}
