/* SPDX-License-Identifier: Apache-2.0 */
/* Every endpoint that programs call and that writes, and signing in and out, in a store that fails (fault_scene.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/session.h"
#include "authority/upstream_account.h"
#include "authority/upstream_sign_out.h"
#include "tests/support/fault_scene.h"

#define APP "&client_id=app&client_secret=x"
#define AUTHORIZE                                                                                                      \
    "client_id=app&response_type=code&scope=openid%20offline_access&redirect_uri=" SCENE_CALLBACK                      \
    "&code_challenge_method=S256&code_challenge=" SCENE_CHALLENGE

/* Nothing that says so much is sealed. */
#define FIVE(text) text text text text text
#define MUCH FIVE(FIVE(FIVE("much:to:")))

static const char section[] =
    "{'tokens':{'algorithm':'ES256'},'registration':{'open':true},"
    "'assertion_issuers':{'work':{'issuer':'https://work.example','jwks_uri':'https://work.example/"
    "jwks','subject':'id'}},"
    "'upstreams':{'corp':{'issuer':'https://idp.example','client_id':'us','client_secret':'s'}},'clients':{"
    "'opaque':{'secret':'x','token_format':'opaque','audiences':['urn:" MUCH "']},"
    "'bearer':{'secret':'x','token_format':'opaque','grants':['urn:ietf:params:oauth:grant-type:jwt-bearer']},"
    "'app':{'secret':'x','token_format':'opaque','grants':['authorization_code','refresh_token',"
    "'urn:ietf:params:oauth:grant-type:device_code'],'scopes':['openid','offline_access'],'skip_consent':true,"
    "'redirect_uris':['https://app.example/cb'],'post_logout_redirect_uris':['https://app.example/bye']}}}";

/* ---- the scenes ---- */
static void sign_in_form(struct scene *scene)
{
    scene_fill_sign_in(scene, AUTHORIZE);
}

static void opaque_token(struct scene *scene)
{
    scene->request.body = "grant_type=client_credentials&client_id=opaque&client_secret=x";
}

static const char *serve_keys(struct scene *scene, struct sp_str url)
{
    (void)scene;
    (void)url;
    return "{\"keys\":[{" SCENE_PUBLIC_KEY "}]}";
}

static void bearer(struct scene *scene)
{
    const char *claims = scene_text(scene,
                                    "{\"iss\":\"https://work.example\",\"aud\":\"https://login.example\","
                                    "\"sub\":\"ann\",\"jti\":\"1\",\"exp\":%lld}",
                                    (long long)scene->fixture->now + 60);
    scene->serve = serve_keys;
    scene->request.body = scene_text(
        scene, "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&client_id=bearer&client_secret=x&assertion=%s",
        scene_sign(scene, "{\"alg\":\"ES256\",\"kid\":\"k\"}", claims));
}

static void code(struct scene *scene)
{
    const char *value = scene_sign_in(scene, AUTHORIZE);
    scene->request =
        (struct fixture_request){.body = scene_text(scene,
                                                    "grant_type=authorization_code&code=%s&redirect_uri=" SCENE_CALLBACK
                                                    "&code_verifier=" SCENE_VERIFIER APP,
                                                    value)};
}

static void code_again(struct scene *scene)
{
    code(scene);
    assert_int_equal(fixture_call(scene->fixture, &scene->request)->answer.status, 200);
}

static void code_with_another_verifier(struct scene *scene)
{
    const char *value = scene_sign_in(scene, AUTHORIZE);
    scene->request =
        (struct fixture_request){.body = scene_text(scene,
                                                    "grant_type=authorization_code&code=%s&redirect_uri=" SCENE_CALLBACK
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
        .body = scene_text(scene, "grant_type=refresh_token&refresh_token=%s" APP, tokens(scene, "refresh_token"))};
}

static void refresh_again(struct scene *scene)
{
    refresh(scene);
    assert_int_equal(fixture_call(scene->fixture, &scene->request)->answer.status, 200);
    scene->fixture->now += 3600;
}

static void revoke_refresh(struct scene *scene)
{
    scene->request = (struct fixture_request){
        .path = "/revoke", .body = scene_text(scene, "token=%s" APP, tokens(scene, "refresh_token"))};
}

static void revoke_access(struct scene *scene)
{
    scene->request = (struct fixture_request){.path = "/revoke",
                                              .body = scene_text(scene, "token=%s" APP, tokens(scene, "access_token"))};
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
        .body =
            scene_text(scene, "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=%s" APP, device)};
}

static void device_allow(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE);
    device_begin(scene);
    const char *user_code = fixture_member(fixture_call(scene->fixture, &scene->request), "user_code");
    struct sp_call *page = scene_get(scene, "/device", scene_text(scene, "user_code=%s", user_code));
    scene->request = (struct fixture_request){
        .path = "/device",
        .cookie = scene_cookies(scene),
        .body = scene_text(scene, "user_code=%s&step=allow&form_token=%s", user_code, scene_form_token(scene, page))};
}

static void device_redeem(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE);
    device_begin(scene);
    struct sp_call *begun = fixture_call(scene->fixture, &scene->request);
    const char *user_code = fixture_member(begun, "user_code");
    struct sp_call *page = scene_get(scene, "/device", scene_text(scene, "user_code=%s", user_code));
    struct sp_call *allowed = CALL(
        scene->fixture, .path = "/device", .cookie = scene_cookies(scene),
        .body = scene_text(scene, "user_code=%s&step=allow&form_token=%s", user_code, scene_form_token(scene, page)));
    assert_int_equal(allowed->answer.status, 200);
    scene->request = (struct fixture_request){
        .body = scene_text(scene, "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=%s" APP,
                           fixture_member(begun, "device_code"))};
}

/* One that does not fit into its handle: any other is not stored. */
static void authorize_at_length(struct scene *scene)
{
    struct sp_arena *arena = scene->fixture->arena;
    const char *query = sp_arena_printf(arena, "%s&unknown=%04000d&other=%0500d", AUTHORIZE, 1, 1).at;
    scene->request = (struct fixture_request){.method = "GET", .path = "/authorize", .query = query};
}

static void authorize_signed_in(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE);
    scene->request = (struct fixture_request){
        .method = "GET", .path = "/authorize", .query = AUTHORIZE, .cookie = scene_cookies(scene)};
}

static void sign_out(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE);
    struct sp_call *page = scene_get(scene, "/logout", "client_id=app");
    scene->request = (struct fixture_request){
        .path = "/logout",
        .cookie = scene_cookies(scene),
        .body = scene_text(scene, "client_id=app&step=signout&form_token=%s", scene_form_token(scene, page))};
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
        .query = scene_text(scene, "client_id=%s", fixture_member(call, "client_id")),
        .authorization = scene_text(scene, "Bearer %s", fixture_member(call, "registration_access_token"))};
    return call;
}

static void client_change(struct scene *scene)
{
    struct sp_call *call = registered(scene);
    scene->request.method = "PUT";
    scene->request.content_type = "application/json";
    scene->request.body = scene_text(scene, "{\"client_id\":\"%s\",\"redirect_uris\":[\"https://m.example/cb\"]}",
                                     fixture_member(call, "client_id"));
}

static void client_remove(struct scene *scene)
{
    (void)registered(scene);
    scene->request.method = "DELETE";
}

static const char *logout_token(struct scene *scene)
{
    const char *claims =
        scene_text(scene,
                   "{\"iss\":\"https://idp.example\",\"aud\":\"us\",\"iat\":%lld,\"exp\":%lld,\"jti\":\"1\","
                   "\"sub\":\"theirs\",\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}}}",
                   (long long)scene->fixture->now, (long long)scene->fixture->now + 60);
    return scene_sign(scene, "{\"alg\":\"ES256\",\"typ\":\"logout+jwt\",\"kid\":\"k\"}", claims);
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
    scene->serve = serve_keys;
    scene->request = (struct fixture_request){.path = "/backchannel/corp",
                                              .body = scene_text(scene, "logout_token=%s", logout_token(scene))};
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
    scene_sign_in(scene, AUTHORIZE);
    admin(scene, "PATCH", "/admin/accounts/ann",
          "{\"name\":\"anna\",\"disabled\":true,\"claims\":{\"email\":\"a@b.test\"}}");
}

static void admin_remove(struct scene *scene)
{
    (void)tokens(scene, "refresh_token");
    admin(scene, "DELETE", "/admin/accounts/ann", "");
}

static const struct fault_scene scenes[] = {
    {.name = "an opaque token", .prepare = opaque_token, .status = 200},
    {.name = "an assertion is traded", .prepare = bearer, .status = 200, .status_once_spent = 400},
    {.name = "a code is redeemed", .prepare = code, .status = 200},
    {.name = "a code is used twice", .prepare = code_again, .status = 400},
    {.name = "a code with another verifier", .prepare = code_with_another_verifier, .status = 400},
    {.name = "a refresh token is rotated", .prepare = refresh, .status = 200},
    {.name = "a refresh token is used twice", .prepare = refresh_again, .status = 400},
    {.name = "a refresh token is revoked", .prepare = revoke_refresh, .status = 200},
    {.name = "an access token is revoked", .prepare = revoke_access, .status = 200},
    {.name = "a request is pushed", .prepare = push, .status = 201},
    {.name = "a device asks for its codes", .prepare = device_begin, .status = 200},
    {.name = "a device asks too early", .prepare = device_pending, .status = 400},
    {.name = "a person allows a device", .prepare = device_allow, .status = 200},
    {.name = "a device gets its tokens", .prepare = device_redeem, .status = 200},
    {.name = "a large request waits", .prepare = authorize_at_length, .status = 303},
    {.name = "a code at once", .prepare = authorize_signed_in, .status = 303},
    {.name = "a person signs in", .prepare = sign_in_form, .status = 303},
    {.name = "a person signs out", .prepare = sign_out, .status = 200, .ends_sessions = true},
    {.name = "an upstream ends its session", .prepare = upstream_logout, .status = 200, .ends_sessions = true},
    {.name = "a client registers", .prepare = client_register, .status = 201},
    {.name = "a client changes", .prepare = client_change, .status = 200},
    {.name = "a client leaves", .prepare = client_remove, .status = 204},
    {.name = "an operator adds an account", .prepare = admin_add, .status = 201},
    {.name = "an operator disables an account", .prepare = admin_change, .status = 200, .ends_sessions = true},
    {.name = "an operator removes an account", .prepare = admin_remove, .status = 204, .ends_sessions = true},
};

int main(void)
{
    return fault_scenes_main(section, scenes, sizeof scenes / sizeof scenes[0]);
}
