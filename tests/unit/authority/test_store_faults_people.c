/* SPDX-License-Identifier: Apache-2.0 */
/* What people do that writes – consent, the account page, links by e-mail, second steps, sign-ins by another provider –
 * in a store that fails (fault_scene.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "authority/authenticator_app.h"
#include "authority/handle.h"
#include "authority/mail.h"
#include "authority/person.h"
#include "authority/recovery_codes.h"
#include "core/factor/totp.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"
#include "core/jose/jwk_set.h"
#include "tests/support/fault_scene.h"

#define AUTHORIZE(client)                                                                                              \
    "client_id=" client "&response_type=code&scope=openid%20offline_access&redirect_uri=" SCENE_CALLBACK               \
    "&code_challenge_method=S256&code_challenge=" SCENE_CHALLENGE

static const char section[] =
    "{'tokens':{'algorithm':'ES256','format':'opaque'},'mail':{'url':'smtp://127.0.0.1:9','from':'us@login.example'},"
    "'upstreams':{'corp':{'issuer':'https://idp.example','client_id':'us','client_secret':'s','userinfo':false}},"
    "'clients':{"
    "'app':{'secret':'x','grants':['authorization_code','refresh_token'],'scopes':['openid','offline_access'],"
    "'skip_consent':true,'redirect_uris':['https://app.example/cb']},"
    "'asks':{'secret':'x','grants':['authorization_code','refresh_token'],'scopes':['openid','offline_access'],"
    "'redirect_uris':['https://app.example/cb']}}}";

/* ---- consent ---- */
static void consent(struct scene *scene, const char *step)
{
    scene_fill_sign_in(scene, AUTHORIZE("asks"));
    struct sp_call *page = scene_send(scene, 200);
    scene_fill(scene, "/signin",
               scene_text(scene, "visit=%s&form_token=%s&step=%s",
                          scene_between(scene, page->answer.body, "name=\"visit\" value=\"", "\""),
                          scene_form_token(scene, page), step));
}

static void consent_given(struct scene *scene)
{
    consent(scene, "allow");
}

static void consent_refused(struct scene *scene)
{
    consent(scene, "cancel");
}

/* ---- the account page ---- */
static void account_form(struct scene *scene, const char *fields)
{
    struct sp_call *page = scene_get(scene, "/account", "");
    assert_int_equal(page->answer.status, 200);
    scene_fill(scene, "/account", scene_text(scene, "form_token=%s&%s", scene_form_token(scene, page), fields));
}

static void account(struct scene *scene, const char *fields)
{
    scene_sign_in(scene, AUTHORIZE("app"));
    account_form(scene, fields);
}

static void account_sign_out(struct scene *scene)
{
    account(scene, "section=profile&step=signout");
}

static void account_password(struct scene *scene)
{
    account(scene, "section=password&step=change&old_password=right-password&new_password=another-password");
}

static void account_wrong_password(struct scene *scene)
{
    account(scene, "section=password&step=change&old_password=wrong-password&new_password=another-password");
}

static void account_email(struct scene *scene)
{
    account(scene, "section=email&step=change&email=new%40example.test");
}

static void account_other_sessions(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE("app"));
    scene->cookies[0] = '\0'; /* another browser */
    account(scene, "section=sessions&step=end_others");
}

static void account_grant(struct scene *scene)
{
    consent_given(scene);
    scene_send(scene, 303);
    account_form(scene, "section=grants&step=revoke&item=asks");
}

/* ---- second factors ---- */
static struct sp_call *write_call(struct scene *scene)
{
    struct sp_call *call = SP_ARENA_NEW(scene->fixture->arena, struct sp_call);
    *call = (struct sp_call){
        .authority = &scene->fixture->authority, .arena = scene->fixture->arena, .now = scene->fixture->now};
    return call;
}

static const char *code_of(struct scene *scene, const struct sp_authenticator_app *app)
{
    return scene_text(
        scene, "%06u",
        sp_hotp(SP_HASH_SHA1, app->secret, (uint64_t)scene->fixture->now / SP_TOTP_STEP_S, SP_TOTP_DIGITS));
}

/* An app that is confirmed; the next code is another. */
static struct sp_authenticator_app confirmed_app(struct scene *scene)
{
    struct sp_authenticator_app app, later;
    enum sp_code_verdict verdict = SP_CODE_WRONG;
    int64_t wait_s = 0;
    assert_int_equal(sp_authenticator_app_begin(write_call(scene), SP_STR("ann"), SP_STR("sid"), &app), SP_OK);
    later = app;
    assert_int_equal(
        sp_authenticator_app_try(write_call(scene), &later, sp_str_from_cstr(code_of(scene, &app)), &verdict, &wait_s),
        SP_OK);
    assert_int_equal(verdict, SP_CODE_RIGHT);
    scene->fixture->now += SP_TOTP_STEP_S;
    return app;
}

static void app_begin(struct scene *scene)
{
    account(scene, "section=second_factor&step=app_begin");
}

static struct sp_str sid_of(struct scene *scene)
{
    struct sp_store *store = scene->fixture->authority.store;
    struct sp_ticket *sessions;
    size_t count = 0;
    assert_int_equal(store->methods->list_tickets(store, SP_TICKET_SESSION, SP_STR("ann"), scene->fixture->now, 1,
                                                  scene->fixture->arena, &sessions, &count),
                     SP_OK);
    assert_int_equal(count, 1);
    return sessions[0].family;
}

static void app_confirm(struct scene *scene)
{
    struct sp_authenticator_app app;
    scene_sign_in(scene, AUTHORIZE("app"));
    assert_int_equal(sp_authenticator_app_begin(write_call(scene), SP_STR("ann"), sid_of(scene), &app), SP_OK);
    account_form(scene, scene_text(scene, "section=second_factor&step=app_confirm&code=%s", code_of(scene, &app)));
}

static void app_remove(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE("app"));
    struct sp_authenticator_app app = confirmed_app(scene);
    account_form(scene, scene_text(scene, "section=second_factor&step=app_remove&code=%s", code_of(scene, &app)));
}

static void app_wrong_code(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE("app"));
    (void)confirmed_app(scene);
    account_form(scene, "section=second_factor&step=app_remove&code=000000");
}

static void recovery_codes_anew(struct scene *scene)
{
    scene_sign_in(scene, AUTHORIZE("app"));
    (void)confirmed_app(scene);
    account_form(scene, "section=second_factor&step=recovery");
}

/* The page of the second step, after a right password. */
static struct sp_call *second_step(struct scene *scene, const char **visit)
{
    scene_fill_sign_in(scene, AUTHORIZE("app"));
    struct sp_call *page = scene_send(scene, 200);
    *visit = scene_between(scene, page->answer.body, "name=\"visit\" value=\"", "\"");
    return page;
}

static void sign_in_by_code(struct scene *scene)
{
    struct sp_authenticator_app app = confirmed_app(scene);
    const char *visit = NULL;
    struct sp_call *page = second_step(scene, &visit);
    scene_fill(scene, "/signin",
               scene_text(scene, "visit=%s&form_token=%s&step=code&code=%s", visit, scene_form_token(scene, page),
                          code_of(scene, &app)));
}

static void sign_in_by_recovery_code(struct scene *scene)
{
    struct sp_str codes[SP_RECOVERY_CODES];
    const char *visit = NULL;
    (void)confirmed_app(scene);
    assert_int_equal(sp_recovery_codes_make(write_call(scene), SP_STR("ann"), codes), SP_OK);
    struct sp_call *page = second_step(scene, &visit);
    scene_fill(scene, "/signin",
               scene_text(scene, "visit=%s&form_token=%s&step=recovery&recovery=%.*s", visit,
                          scene_form_token(scene, page), SP_STR_ARG(codes[0])));
}

/* ---- passkeys: an authenticator that holds RFC 7515 A.3's key ---- */
#define CREDENTIAL "cred"

static const char *encoded(struct scene *scene, struct sp_str bytes)
{
    return scene_text(scene, "%.*s", SP_STR_ARG(sp_base64url_of(scene->fixture->arena, bytes.at, bytes.len)));
}

static struct sp_str client_data(struct scene *scene, const char *type, const char *challenge)
{
    return sp_str_from_cstr(scene_text(
        scene, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"https://login.example\",\"crossOrigin\":false}",
        type, challenge));
}

/* WebAuthn 6.1: hash of the relying party, flags, counter. */
static void put_head(struct sp_buffer *out, unsigned char flags)
{
    unsigned char hash[32];
    const char rest[] = {(char)flags, 0, 0, 0, 0};
    sp_sha256(SP_STR("login.example"), hash);
    sp_buffer_append(out, sp_str((const char *)hash, sizeof hash));
    sp_buffer_append(out, sp_str(rest, sizeof rest));
}

static void put_coordinate(struct sp_buffer *out, struct sp_arena *arena, char label, struct sp_str text)
{
    struct sp_str bytes;
    const char head[] = {label, 0x58, 0x20};
    assert_int_equal(sp_base64url_decode(arena, text, &bytes), SP_OK);
    sp_buffer_append(out, sp_str(head, sizeof head));
    sp_buffer_append(out, bytes);
}

/* {"fmt":"none","attStmt":{},"authData":…} with the key as COSE has it. */
static struct sp_str attestation(struct scene *scene)
{
    static const char form[] = "\xa3\x63"
                               "fmt\x64none\x67"
                               "attStmt\xa0\x68"
                               "authData\x58\x88";
    static const char key_head[] = {(char)0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01};
    static const char credential_head[18] = {[17] = sizeof CREDENTIAL - 1}; /* AAGUID, length */
    struct sp_buffer out;
    sp_buffer_init(&out, scene->fixture->arena, 1024);
    sp_buffer_append(&out, sp_str(form, sizeof form - 1));
    put_head(&out, 0x45); /* present, verified, with a credential */
    sp_buffer_append(&out, sp_str(credential_head, sizeof credential_head));
    sp_buffer_append(&out, SP_STR(CREDENTIAL));
    sp_buffer_append(&out, sp_str(key_head, sizeof key_head));
    put_coordinate(&out, scene->fixture->arena, 0x21, SP_STR("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
    put_coordinate(&out, scene->fixture->arena, 0x22, SP_STR("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
    return sp_buffer_str(&out);
}

static void passkey_begin(struct scene *scene)
{
    account(scene, "section=passkeys&step=begin");
}

static void passkey_add(struct scene *scene)
{
    passkey_begin(scene);
    struct sp_call *page = scene_send(scene, 200);
    const char *challenge = scene_between(scene, page->answer.body, "name=\"challenge\" value=\"", "\"");
    scene_fill(scene, "/account",
               scene_text(scene,
                          "form_token=%s&section=passkeys&step=add&challenge=%s&name=Phone&credential=%s"
                          "&client_data=%s&attestation=%s",
                          scene_form_token(scene, page), challenge, encoded(scene, SP_STR(CREDENTIAL)),
                          encoded(scene, client_data(scene, "webauthn.create", challenge)),
                          encoded(scene, attestation(scene))));
}

static void passkey_remove(struct scene *scene)
{
    passkey_add(scene);
    scene_send(scene, 200);
    account_form(scene, scene_text(scene, "section=passkeys&step=remove&item=%s", encoded(scene, SP_STR(CREDENTIAL))));
}

static void put_integer(struct sp_buffer *out, struct sp_str half)
{
    const bool pads = (half.at[0] & 0x80) != 0;
    const char head[] = {0x02, (char)(half.len + pads), 0};
    sp_buffer_append(out, sp_str(head, pads ? 3 : 2));
    sp_buffer_append(out, half);
}

/* As DER; halves that begin with a zero byte, one in 128, are signed again. */
static struct sp_str signature_of(struct scene *scene, struct sp_str text)
{
    struct sp_arena *arena = scene->fixture->arena;
    struct sp_jwk_set *keys = NULL;
    struct sp_str raw = SP_STR("\0"),
                  secret = SP_STR("{" SCENE_PUBLIC_KEY ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}");
    struct sp_buffer der;
    assert_int_equal(sp_jwk_set_parse(secret, &keys, NULL), SP_OK);
    do
        assert_int_equal(sp_key_sign(keys->keys[0].key, SP_ALGORITHM_ES256, text, arena, &raw), SP_OK);
    while (raw.at[0] == 0 || raw.at[32] == 0);
    sp_jwk_set_unref(&keys);
    const char head[] = {0x30, (char)(68 + ((raw.at[0] & 0x80) != 0) + ((raw.at[32] & 0x80) != 0))};
    sp_buffer_init(&der, arena, 80);
    sp_buffer_append(&der, sp_str(head, sizeof head));
    put_integer(&der, sp_str_slice(raw, 0, 32));
    put_integer(&der, sp_str_slice(raw, 32, 64));
    return sp_buffer_str(&der);
}

static void sign_in_by_passkey(struct scene *scene)
{
    unsigned char hash[32];
    const char *visit = NULL;
    struct sp_buffer data, text;
    passkey_add(scene);
    scene_send(scene, 200);
    scene->cookies[0] = '\0';
    struct sp_call *page = second_step(scene, &visit);
    struct sp_str seen =
        client_data(scene, "webauthn.get", scene_between(scene, page->answer.body, "data-challenge=\"", "\""));
    sp_buffer_init(&data, scene->fixture->arena, 64);
    put_head(&data, 0x05);
    sp_sha256(seen, hash);
    sp_buffer_init(&text, scene->fixture->arena, 128);
    sp_buffer_append(&text, sp_buffer_str(&data));
    sp_buffer_append(&text, sp_str((const char *)hash, sizeof hash));
    scene_fill(scene, "/signin",
               scene_text(scene,
                          "visit=%s&form_token=%s&step=passkey&credential=%s&user_handle=&client_data=%s"
                          "&authenticator_data=%s&signature=%s",
                          visit, scene_form_token(scene, page), encoded(scene, SP_STR(CREDENTIAL)),
                          encoded(scene, seen), encoded(scene, sp_buffer_str(&data)),
                          encoded(scene, signature_of(scene, sp_buffer_str(&text)))));
}

/* ---- links by e-mail ---- */
/* As if it had been sent: the store keeps its hash alone. */
static void put_link(struct scene *scene, const char *data)
{
    struct sp_store *store = scene->fixture->authority.store;
    struct sp_ticket ticket = {.kind = SP_TICKET_MAIL,
                               .subject = SP_STR("ann"),
                               .issued_at = scene->fixture->now,
                               .expires_at = scene->fixture->now + SP_MAIL_LINK_LIFETIME_S,
                               .data = sp_str_from_cstr(data)};
    sp_sha256(SP_STR("the-link"), ticket.hash);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
}

static void link_form(struct scene *scene, const char *path, const char *fields)
{
    struct sp_call *page = scene_get(scene, path, "ticket=the-link");
    assert_int_equal(page->answer.status, 200);
    scene_fill(scene, path,
               scene_text(scene, "ticket=the-link&form_token=%s&%s", scene_form_token(scene, page), fields));
}

static void verify_address(struct scene *scene)
{
    struct sp_account ann;
    struct sp_store *store = scene->fixture->authority.store;
    struct sp_str mark;
    assert_int_equal(store->methods->get_account(store, SP_STR("ann"), scene->fixture->arena, &ann), SP_OK);
    assert_int_equal(sp_person_address_mark(write_call(scene), &ann, &mark), SP_OK);
    put_link(scene, scene_text(scene, "{\"purpose\":\"verify\",\"email\":\"new@example.test\",\"mark\":\"%.*s\"}",
                               SP_STR_ARG(mark)));
    link_form(scene, "/email", "step=confirm");
}

static void forget_password_of(struct scene *scene, const char *who)
{
    struct sp_call *page = scene_get(scene, "/reset", "");
    scene_fill(scene, "/reset",
               scene_text(scene, "form_token=%s&step=send&who=%s", scene_form_token(scene, page), who));
    scene->request.client_address = "192.0.2.1";
}

static void forget_password(struct scene *scene)
{
    forget_password_of(scene, "ann");
}

static void forget_password_of_nobody(struct scene *scene)
{
    forget_password_of(scene, "nobody");
}

static void reset_password(struct scene *scene)
{
    struct sp_account ann;
    struct sp_store *store = scene->fixture->authority.store;
    scene_sign_in(scene, AUTHORIZE("app"));
    assert_int_equal(store->methods->get_account(store, SP_STR("ann"), scene->fixture->arena, &ann), SP_OK);
    put_link(scene, scene_text(scene, "{\"purpose\":\"reset\",\"email\":\"ann@example.test\",\"mark\":\"%.*s\"}",
                               SP_STR_ARG(sp_person_password_mark(write_call(scene), &ann))));
    link_form(scene, "/reset", "step=set&new_password=another-password");
}

/* ---- another provider ---- */
static char nonce[128];

static const char *serve_corp(struct scene *scene, struct sp_str url)
{
    const char *body = "{\"keys\":[{" SCENE_PUBLIC_KEY "}]}";
    if (sp_str_contains(url, SP_STR("openid-configuration"))) {
        body = "{\"issuer\":\"https://idp.example\",\"authorization_endpoint\":\"https://idp.example/authorize\","
               "\"token_endpoint\":\"https://idp.example/token\",\"jwks_uri\":\"https://idp.example/jwks\","
               "\"response_types_supported\":[\"code\"],\"subject_types_supported\":[\"public\"],"
               "\"id_token_signing_alg_values_supported\":[\"ES256\"]}";
    } else if (sp_str_contains(url, SP_STR("/token"))) {
        const char *claims = scene_text(scene,
                                        "{\"iss\":\"https://idp.example\",\"aud\":\"us\",\"sub\":\"theirs\","
                                        "\"iat\":%lld,\"exp\":%lld,\"nonce\":\"%s\"}",
                                        (long long)scene->fixture->now, (long long)scene->fixture->now + 60, nonce);
        body = scene_text(scene, "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"id_token\":\"%s\"}",
                          scene_sign(scene, "{\"alg\":\"ES256\",\"kid\":\"k\"}", claims));
    }
    return body;
}

static void upstream_start(struct scene *scene)
{
    scene->serve = serve_corp;
    scene_fill_sign_in(scene, AUTHORIZE("app"));
    const char *visit = scene_between(scene, sp_str_from_cstr(scene->request.body), "visit=", "&");
    scene->request = (struct fixture_request){.method = "GET",
                                              .path = "/upstream/corp",
                                              .cookie = scene_cookies(scene),
                                              .query = scene_text(scene, "visit=%s", visit)};
}

static void upstream_callback(struct scene *scene)
{
    upstream_start(scene);
    struct sp_call *call = scene_send(scene, 303);
    struct sp_str location = sp_str_from_cstr(scene_header(scene, call, "Location"));
    snprintf(nonce, sizeof nonce, "%s", scene_between(scene, location, "&nonce=", "&"));
    scene->request = (struct fixture_request){
        .method = "GET",
        .path = "/callback/corp",
        .cookie = scene_cookies(scene),
        .query = scene_text(scene, "code=c&state=%s", scene_between(scene, location, "&state=", "&"))};
}

static const struct fault_scene scenes[] = {
    {.name = "consent is given", .prepare = consent_given, .status = 303},
    {.name = "consent is refused", .prepare = consent_refused, .status = 303},
    {.name = "the account page signs out", .prepare = account_sign_out, .status = 200, .ends_sessions = true},
    {.name = "a password is changed", .prepare = account_password, .status = 200},
    {.name = "a wrong old password counts", .prepare = account_wrong_password, .status = 200},
    {.name = "an address is to be verified", .prepare = account_email, .status = 200},
    {.name = "other browsers are signed out", .prepare = account_other_sessions, .status = 200},
    {.name = "access is taken from an application", .prepare = account_grant, .status = 200},
    {.name = "an authenticator app is shown", .prepare = app_begin, .status = 200},
    {.name = "an authenticator app is confirmed", .prepare = app_confirm, .status = 200},
    {.name = "an authenticator app is removed", .prepare = app_remove, .status = 200},
    {.name = "a wrong code counts", .prepare = app_wrong_code, .status = 200},
    {.name = "recovery codes are made anew", .prepare = recovery_codes_anew, .status = 200},
    {.name = "a code ends the sign-in", .prepare = sign_in_by_code, .status = 303},
    {.name = "a recovery code ends the sign-in", .prepare = sign_in_by_recovery_code, .status = 303},
    {.name = "a passkey is begun", .prepare = passkey_begin, .status = 200},
    {.name = "a passkey is added", .prepare = passkey_add, .status = 200},
    {.name = "a passkey is removed", .prepare = passkey_remove, .status = 200},
    {.name = "a passkey ends the sign-in", .prepare = sign_in_by_passkey, .status = 303},
    {.name = "an address is verified", .prepare = verify_address, .status = 200},
    {.name = "a password is forgotten", .prepare = forget_password, .status = 200},
    {.name = "the password of nobody is forgotten", .prepare = forget_password_of_nobody, .status = 200},
    {.name = "a password is reset", .prepare = reset_password, .status = 200, .ends_sessions = true},
    {.name = "a person goes to another provider", .prepare = upstream_start, .status = 303},
    {.name = "a person comes back from there", .prepare = upstream_callback, .status = 303, .status_once_spent = 400},
};

int main(void)
{
    return fault_scenes_main(section, scenes, sizeof scenes / sizeof scenes[0]);
}
