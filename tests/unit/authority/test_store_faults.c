/* SPDX-License-Identifier: Apache-2.0 */
/* Every endpoint that writes, with a store that fails at its first step, its second, … up to its last: our failure is
 * said, nothing is kept and nothing handed out, and the same request succeeds once the store can be written again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "authority/admin.h"
#include "authority/password.h"
#include "authority/session.h"
#include "authority/upstream_account.h"
#include "authority/upstream_sign_out.h"
#include "core/jose/jws.h"
#include "tests/support/authority_fixture.h"
#include "tests/support/faulty_store.h"

#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define APP "&client_id=app&client_secret=x"
#define CALLBACK "https://app.example/cb"
#define AUTHORIZE                                                                                                      \
    "client_id=app&response_type=code&scope=openid%20offline_access&redirect_uri=" CALLBACK                            \
    "&code_challenge_method=S256&code_challenge=" CHALLENGE

static const char section[] =
    "{'tokens':{'algorithm':'ES256'},'registration':{'open':true},"
    "'upstreams':{'corp':{'issuer':'https://idp.example','client_id':'us','client_secret':'s'}},'clients':{"
    "'opaque':{'secret':'x','token_format':'opaque'},"
    "'app':{'secret':'x','token_format':'opaque','grants':['authorization_code','refresh_token',"
    "'urn:ietf:params:oauth:grant-type:device_code'],'scopes':['openid','offline_access'],'skip_consent':true,"
    "'redirect_uris':['https://app.example/cb'],'post_logout_redirect_uris':['https://app.example/bye']}}}";

struct scene {
    struct fixture *fixture;
    char cookies[2048];
    struct fixture_request request; /* what is tried */
    bool is_admin;
};

/* ---- a browser, as far as it takes ---- */
static const char *text(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *text(struct scene *scene, const char *format, ...)
{
    char line[4096];
    va_list arguments;
    struct sp_str copy;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_int_equal(sp_arena_copy(scene->fixture->arena, sp_str_from_cstr(line), &copy), SP_OK);
    return copy.at;
}

static const char *header(struct scene *scene, const struct sp_call *call, const char *name)
{
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, name) == 0)
            return text(scene, "%.*s", SP_STR_ARG(call->answer.headers[i].value));
    return NULL;
}

static void keep_cookies(struct scene *scene, const struct sp_call *call)
{
    for (size_t i = 0; i < call->answer.header_count; i++) {
        struct sp_str value = call->answer.headers[i].value;
        if (strcmp(call->answer.headers[i].name, "Set-Cookie") != 0)
            continue;
        struct sp_str pair = sp_str_slice(value, 0, sp_str_index_of(value, ';', 0));
        size_t len = strlen(scene->cookies);
        snprintf(scene->cookies + len, sizeof scene->cookies - len, "%s%.*s", len > 0 ? "; " : "", SP_STR_ARG(pair));
    }
}

static struct sp_call *get(struct scene *scene, const char *path, const char *query)
{
    struct sp_call *call = CALL(scene->fixture, .method = "GET", .path = path, .query = query,
                                .cookie = scene->cookies[0] != '\0' ? text(scene, "%s", scene->cookies) : NULL);
    keep_cookies(scene, call);
    return call;
}

/* What stands between `before` and the next of `ends`. */
static const char *between(struct scene *scene, struct sp_str in, const char *before, const char *ends)
{
    size_t len = strlen(before), from = 0;
    while (from < in.len && !sp_str_has_prefix(sp_str_slice(in, from, in.len), sp_str_from_cstr(before)))
        from++;
    if (from == in.len)
        fail_msg("no %s in %.*s", before, SP_STR_ARG(in));
    size_t end = from + len;
    while (end < in.len && strchr(ends, in.at[end]) == NULL)
        end++;
    return text(scene, "%.*s", SP_STR_ARG(sp_str_slice(in, from + len, end)));
}

static const char *form_token(struct scene *scene, const struct sp_call *call)
{
    return between(scene, call->answer.body, "name=\"form_token\" value=\"", "\"");
}

static const char *with_cookies(struct scene *scene)
{
    return text(scene, "%s", scene->cookies);
}

/* The request that waits, with the password in its form. */
static void fill_sign_in(struct scene *scene)
{
    struct sp_call *call = get(scene, "/authorize", AUTHORIZE);
    const char *visit = between(scene, sp_str_from_cstr(header(scene, call, "Location")), "visit=", "&");
    call = get(scene, "/signin", text(scene, "visit=%s", visit));
    scene->request = (struct fixture_request){
        .path = "/signin",
        .cookie = with_cookies(scene),
        .body = text(scene, "visit=%s&form_token=%s&step=login&username=ann&password=right-password", visit,
                     form_token(scene, call))};
}

static const char *sign_in(struct scene *scene)
{
    fill_sign_in(scene);
    struct sp_call *call = fixture_call(scene->fixture, &scene->request);
    assert_int_equal(call->answer.status, 303);
    keep_cookies(scene, call);
    return between(scene, sp_str_from_cstr(header(scene, call, "Location")), "code=", "&");
}

/* ---- the scenes ---- */
static void opaque_token(struct scene *scene)
{
    scene->request.body = "grant_type=client_credentials&client_id=opaque&client_secret=x";
}

static void code(struct scene *scene)
{
    const char *value = sign_in(scene);
    scene->request = (struct fixture_request){
        .body =
            text(scene, "grant_type=authorization_code&code=%s&redirect_uri=" CALLBACK "&code_verifier=" VERIFIER APP,
                 value)};
}

static void code_again(struct scene *scene)
{
    code(scene);
    assert_int_equal(fixture_call(scene->fixture, &scene->request)->answer.status, 200);
}

static void code_with_another_verifier(struct scene *scene)
{
    const char *value = sign_in(scene);
    scene->request =
        (struct fixture_request){.body = text(scene,
                                              "grant_type=authorization_code&code=%s&redirect_uri=" CALLBACK
                                              "&code_verifier=another-verifier-that-is-long-enough-to-be-one" APP,
                                              value)};
}

static const char *tokens(struct scene *scene, const char *name)
{
    code(scene);
    return fixture_member(fixture_call(scene->fixture, &scene->request), name);
}

static void refresh(struct scene *scene)
{
    scene->request = (struct fixture_request){
        .body = text(scene, "grant_type=refresh_token&refresh_token=%s" APP, tokens(scene, "refresh_token"))};
}

static void refresh_again(struct scene *scene)
{
    refresh(scene);
    assert_int_equal(fixture_call(scene->fixture, &scene->request)->answer.status, 200);
    scene->fixture->now += 3600;
}

static void revoke_refresh(struct scene *scene)
{
    scene->request = (struct fixture_request){.path = "/revoke",
                                              .body = text(scene, "token=%s" APP, tokens(scene, "refresh_token"))};
}

static void revoke_access(struct scene *scene)
{
    scene->request =
        (struct fixture_request){.path = "/revoke", .body = text(scene, "token=%s" APP, tokens(scene, "access_token"))};
}

static void push(struct scene *scene)
{
    scene->request = (struct fixture_request){.path = "/par", .body = AUTHORIZE "&client_secret=x"};
}

static void device_begin(struct scene *scene)
{
    scene->request = (struct fixture_request){.path = "/device_authorization", .body = "scope=openid" APP};
}

static void device_pending(struct scene *scene)
{
    device_begin(scene);
    const char *device = fixture_member(fixture_call(scene->fixture, &scene->request), "device_code");
    scene->request = (struct fixture_request){
        .body = text(scene, "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=%s" APP, device)};
}

static void device_allow(struct scene *scene)
{
    sign_in(scene);
    device_begin(scene);
    const char *user_code = fixture_member(fixture_call(scene->fixture, &scene->request), "user_code");
    struct sp_call *page = get(scene, "/device", text(scene, "user_code=%s", user_code));
    scene->request = (struct fixture_request){
        .path = "/device",
        .cookie = with_cookies(scene),
        .body = text(scene, "user_code=%s&step=allow&form_token=%s", user_code, form_token(scene, page))};
}

static void device_redeem(struct scene *scene)
{
    sign_in(scene);
    device_begin(scene);
    struct sp_call *begun = fixture_call(scene->fixture, &scene->request);
    const char *user_code = fixture_member(begun, "user_code");
    struct sp_call *page = get(scene, "/device", text(scene, "user_code=%s", user_code));
    struct sp_call *allowed =
        CALL(scene->fixture, .path = "/device", .cookie = with_cookies(scene),
             .body = text(scene, "user_code=%s&step=allow&form_token=%s", user_code, form_token(scene, page)));
    assert_int_equal(allowed->answer.status, 200);
    scene->request = (struct fixture_request){
        .body = text(scene, "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=%s" APP,
                     fixture_member(begun, "device_code"))};
}

static void authorize(struct scene *scene)
{
    scene->request = (struct fixture_request){.method = "GET", .path = "/authorize", .query = AUTHORIZE};
}

static void authorize_signed_in(struct scene *scene)
{
    sign_in(scene);
    scene->request = (struct fixture_request){
        .method = "GET", .path = "/authorize", .query = AUTHORIZE, .cookie = with_cookies(scene)};
}

static void sign_out(struct scene *scene)
{
    sign_in(scene);
    struct sp_call *page = get(scene, "/logout", "client_id=app");
    scene->request = (struct fixture_request){
        .path = "/logout",
        .cookie = with_cookies(scene),
        .body = text(scene, "client_id=app&step=signout&form_token=%s", form_token(scene, page))};
}

static void client_register(struct scene *scene)
{
    scene->request = (struct fixture_request){.path = "/register",
                                              .content_type = "application/json",
                                              .body = "{\"redirect_uris\":[\"https://n.example/cb\"]}"};
}

static struct sp_call *registered(struct scene *scene)
{
    client_register(scene);
    struct sp_call *call = fixture_call(scene->fixture, &scene->request);
    assert_int_equal(call->answer.status, 201);
    scene->request = (struct fixture_request){
        .path = "/register",
        .query = text(scene, "client_id=%s", fixture_member(call, "client_id")),
        .authorization = text(scene, "Bearer %s", fixture_member(call, "registration_access_token"))};
    return call;
}

static void client_change(struct scene *scene)
{
    struct sp_call *call = registered(scene);
    scene->request.method = "PUT";
    scene->request.content_type = "application/json";
    scene->request.body = text(scene, "{\"client_id\":\"%s\",\"redirect_uris\":[\"https://m.example/cb\"]}",
                               fixture_member(call, "client_id"));
}

static void client_remove(struct scene *scene)
{
    (void)registered(scene);
    scene->request.method = "DELETE";
}

/* RFC 7515 A.3's key. */
#define PUBLIC_KEY                                                                                                     \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","            \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static bool serve_keys(struct fixture *fixture, struct sp_errand *errand)
{
    static const struct sp_fetch_report keys = {.url = {"https://idp.example/jwks", 24},
                                                .http_status = 200,
                                                .content_type = {"application/json", 16},
                                                .body = {"{\"keys\":[{" PUBLIC_KEY "}]}", sizeof PUBLIC_KEY + 12},
                                                .max_age_s = -1};
    (void)fixture;
    if (errand->kind != SP_ERRAND_HTTP)
        return false;
    errand->report = &keys;
    errand->done = true;
    return true;
}

static const char *logout_token(struct scene *scene)
{
    struct sp_jwk_set *keys = NULL;
    struct sp_str compact;
    const char *claims = text(scene,
                              "{\"iss\":\"https://idp.example\",\"aud\":\"us\",\"iat\":%lld,\"exp\":%lld,\"jti\":\"1\","
                              "\"sub\":\"theirs\",\"events\":{\"http://schemas.openid.net/event/"
                              "backchannel-logout\":{}}}",
                              (long long)scene->fixture->now, (long long)scene->fixture->now + 60);
    assert_int_equal(
        sp_jwk_set_parse(SP_STR("{" PUBLIC_KEY ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}"), &keys, NULL),
        SP_OK);
    assert_int_equal(sp_jws_sign(scene->fixture->arena, keys->keys[0].key, SP_ALGORITHM_ES256,
                                 SP_STR("{\"alg\":\"ES256\",\"typ\":\"logout+jwt\",\"kid\":\"k\"}"),
                                 sp_str_from_cstr(claims), &compact),
                     SP_OK);
    sp_jwk_set_unref(&keys);
    return text(scene, "%.*s", SP_STR_ARG(compact));
}

static enum sp_step come_from_upstream(struct sp_call *call, void *context)
{
    const struct sp_upstream_provider *corp = context;
    struct sp_session session;
    const struct sp_session known = {
        .subject = SP_STR("ann"),
        .amr = SP_STR("fed"),
        .auth_time = call->now,
        .origin = {.upstream = corp->id, .issuer = corp->issuer, .subject = SP_STR("theirs")}};
    assert_int_equal(sp_upstream_link(call, SP_STR("https://idp.example theirs"), SP_STR("ann")), SP_OK);
    assert_int_equal(sp_upstream_remember_keys(call, corp, SP_STR("https://idp.example/jwks")), SP_OK);
    assert_int_equal(sp_session_start_as(call, &known, &session), SP_OK);
    return SP_GOES_ON;
}

static void upstream_logout(struct scene *scene)
{
    struct sp_call *call = CALL(scene->fixture, .method = "GET", .path = "/jwks");
    const struct sp_upstream_provider *corp = sp_upstream_find(&scene->fixture->settings, SP_STR("corp"));
    assert_int_equal(sp_call_in_write(call, come_from_upstream, (void *)(uintptr_t)corp), SP_GOES_ON);
    assert_int_equal(call->authority->store->methods->flush(call->authority->store), SP_OK);
    scene->fixture->answer_errand = serve_keys;
    scene->request = (struct fixture_request){.path = "/backchannel/corp",
                                              .body = text(scene, "logout_token=%s", logout_token(scene))};
}

static void admin(struct scene *scene, const char *method, const char *path, const char *body)
{
    scene->is_admin = true;
    scene->request = (struct fixture_request){
        .method = method, .path = path, .body = body, .content_type = "application/json", .query = ""};
}

static void admin_add(struct scene *scene)
{
    admin(scene, "POST", "/admin/accounts",
          "{\"name\":\"bob\",\"claims\":{\"email\":\"bob@example.test\",\"email_verified\":true}}");
}

static void admin_change(struct scene *scene)
{
    sign_in(scene);
    admin(scene, "PATCH", "/admin/accounts/ann",
          "{\"name\":\"anna\",\"disabled\":true,\"claims\":{\"email\":\"a@b.test\"}}");
}

static void admin_remove(struct scene *scene)
{
    (void)tokens(scene, "refresh_token");
    admin(scene, "DELETE", "/admin/accounts/ann", "");
}

static const struct {
    const char *name;
    void (*prepare)(struct scene *scene);
    int status;
    bool ends_sessions;
} scenes[] = {
    {"an opaque token", opaque_token, 200, false},
    {"a code is redeemed", code, 200, false},
    {"a code is used twice", code_again, 400, false},
    {"a code with another verifier", code_with_another_verifier, 400, false},
    {"a refresh token is rotated", refresh, 200, false},
    {"a refresh token is used twice", refresh_again, 400, false},
    {"a refresh token is revoked", revoke_refresh, 200, false},
    {"an access token is revoked", revoke_access, 200, false},
    {"a request is pushed", push, 201, false},
    {"a device asks for its codes", device_begin, 200, false},
    {"a device asks too early", device_pending, 400, false},
    {"a person allows a device", device_allow, 200, false},
    {"a device gets its tokens", device_redeem, 200, false},
    {"a request waits", authorize, 303, false},
    {"a code at once", authorize_signed_in, 303, false},
    {"a person signs in", fill_sign_in, 303, false},
    {"a person signs out", sign_out, 200, true},
    {"an upstream ends its session", upstream_logout, 200, true},
    {"a client registers", client_register, 201, false},
    {"a client changes", client_change, 200, false},
    {"a client leaves", client_remove, 204, false},
    {"an operator adds an account", admin_add, 201, false},
    {"an operator disables an account", admin_change, 200, true},
    {"an operator removes an account", admin_remove, 204, true},
};

/* ---- what has to hold ---- */
static struct sp_call *act(struct scene *scene)
{
    if (!scene->is_admin)
        return fixture_call(scene->fixture, &scene->request);
    struct sp_call *call = SP_ARENA_NEW(scene->fixture->arena, struct sp_call);
    *call = (struct sp_call){
        .authority = &scene->fixture->authority, .arena = scene->fixture->arena, .now = scene->fixture->now};
    call->asked.method = sp_str_from_cstr(scene->request.method);
    call->asked.path = sp_str_from_cstr(scene->request.path);
    call->asked.query = SP_STR("");
    call->asked.content_type = sp_str_from_cstr(scene->request.content_type);
    call->asked.body = sp_str_from_cstr(scene->request.body);
    while (sp_admin_answer(call) == SP_WAITS)
        sp_errand_run(call->waits_for);
    assert_int_equal(call->authority->store->methods->flush(call->authority->store), SP_OK);
    return call;
}

/* To the client by its redirect URI, as RFC 6749 4.1.2.1 has it; else by status. */
static bool says_our_failure(struct scene *scene, const struct sp_call *call)
{
    const char *location = header(scene, call, "Location");
    if (call->answer.status == 503)
        return header(scene, call, "Retry-After") != NULL || scene->request.cookie != NULL;
    return location != NULL && strstr(location, "error=temporarily_unavailable") != NULL &&
           strstr(location, "code=") == NULL;
}

static void begin_scene(struct scene *scene, struct sp_str hash, void (*prepare)(struct scene *))
{
    *scene = (struct scene){.fixture = fixture_create(section)};
    struct sp_store *store = scene->fixture->authority.store;
    const struct sp_account ann = {
        .id = SP_STR("ann"), .name = SP_STR("ann"), .password_hash = hash, .claims = SP_STR("{}")};
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    prepare(scene);
}

/* Success is not said twice for what was done once at most. */
static void check_sessions(const struct scene *scene)
{
    struct sp_store *store = scene->fixture->authority.store;
    struct sp_ticket *tickets = NULL;
    size_t count = 1;
    assert_int_equal(store->methods->list_tickets(store, SP_TICKET_SESSION, SP_STR("ann"), scene->fixture->now, 10,
                                                  scene->fixture->arena, &tickets, &count),
                     SP_OK);
    assert_int_equal(count, 0);
}

/* False: it has fewer steps. */
static bool try_with_fault(size_t row, struct sp_str hash, unsigned step)
{
    struct scene scene;
    begin_scene(&scene, hash, scenes[row].prepare);
    struct sp_store *store = scene.fixture->authority.store;
    const uint64_t kept = store->kept;
    faulty_store_fail_at(store, step);
    struct sp_call *call = act(&scene);
    const bool has_failed = faulty_store_has_failed();
    if (!has_failed && call->answer.status != scenes[row].status)
        fail_msg("%s: %d %.*s", scenes[row].name, call->answer.status, SP_STR_ARG(call->answer.body));
    if (has_failed && (!says_our_failure(&scene, call) || store->kept != kept))
        fail_msg("%s, fault at step %u: %d, %u kept: %.*s", scenes[row].name, step, call->answer.status,
                 (unsigned)(store->kept - kept), SP_STR_ARG(call->answer.body));
    faulty_store_fail_at(store, 0);
    struct sp_call *again = has_failed ? act(&scene) : call;
    if (again->answer.status != scenes[row].status)
        fail_msg("%s, again after a fault at step %u: %d %.*s", scenes[row].name, step, again->answer.status,
                 SP_STR_ARG(again->answer.body));
    if (scenes[row].ends_sessions)
        check_sessions(&scene);
    fixture_destroy(&scene.fixture);
    return has_failed;
}

static void our_failure_leaves_nothing_behind(void **state)
{
    struct sp_arena *arena = sp_arena_create(64 << 20);
    struct sp_str hash = SP_STR_NONE;
    (void)state;
    assert_int_equal(sp_password_hash(arena, SP_STR("right-password"), &hash), SP_OK);
    for (size_t row = 0; row < sizeof scenes / sizeof scenes[0]; row++) {
        unsigned step = 1;
        while (try_with_fault(row, hash, step))
            step++;
        assert_true(step > 1);
        print_message("%s: %u steps\n", scenes[row].name, step - 1);
    }
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(our_failure_leaves_nothing_behind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
