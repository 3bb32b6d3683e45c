/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's issuer: what it publishes, and what it says of tokens that it gave. Signing in is issuer_authorize.c,
 * tokens are issuer_token.c. */
#include "lab/possession.h"
#include "lab/token.h"

#include "core/jose/base64url.h"
#include "core/jose/jws.h"

static void note(struct sp_lab_call *call, unsigned changes)
{
    if (changes > 0)
        sp_lab_committed(call->lab);
}

/* ---- metadata ---- */

/* Endpoint members of the metadata, below the issuer. */
static const struct {
    const char *member, *path;
} endpoints[] = {
    {"authorization_endpoint", "/authorize"},
    {"pushed_authorization_request_endpoint", "/par"},
    {"token_endpoint", "/token"},
    {"jwks_uri", "/jwks"},
    {"userinfo_endpoint", "/userinfo"},
    {"introspection_endpoint", "/introspect"},
    {"revocation_endpoint", "/revoke"},
    {"device_authorization_endpoint", "/device_authorization"},
    {"end_session_endpoint", "/logout"},
};

static const struct {
    const char *member, *json;
} abilities[] = {
    {"response_types_supported", "[\"code\"]"},
    {"response_modes_supported", "[\"query\",\"form_post\"]"},
    {"grant_types_supported", "[\"authorization_code\",\"refresh_token\",\"client_credentials\","
                              "\"urn:ietf:params:oauth:grant-type:device_code\"]"},
    {"subject_types_supported", "[\"public\"]"},
    {"scopes_supported", "[\"openid\",\"profile\",\"email\",\"offline_access\",\"read\",\"write\"]"},
    {"token_endpoint_auth_methods_supported", "[\"client_secret_basic\",\"client_secret_post\",\"none\"]"},
    {"introspection_endpoint_auth_methods_supported", "[\"client_secret_basic\",\"client_secret_post\"]"},
    {"revocation_endpoint_auth_methods_supported", "[\"client_secret_basic\",\"client_secret_post\"]"},
    {"code_challenge_methods_supported", "[\"S256\"]"},
    {"dpop_signing_alg_values_supported", "[\"ES256\",\"RS256\",\"PS256\",\"EdDSA\"]"},
    {"authorization_response_iss_parameter_supported", "true"},
};

static void put_metadata(struct sp_lab_object *object, struct sp_lab_call *call, struct sp_str issuer)
{
    sp_lab_put_text(object, "issuer", issuer);
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
        sp_lab_put_text(object, endpoints[i].member,
                        sp_arena_printf(call->arena, "%.*s%s", SP_STR_ARG(issuer), endpoints[i].path));
    for (size_t i = 0; i < sizeof abilities / sizeof abilities[0]; i++)
        sp_lab_put(object, abilities[i].member, sp_str_from_cstr(abilities[i].json));
    sp_lab_put(object, "id_token_signing_alg_values_supported",
               call->fault == SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED ? SP_STR("[\"RS256\"]")
                                                                        : SP_STR("[\"RS256\",\"ES256\"]"));
}

void sp_lab_serve_discovery(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_str issuer = call->lab->facts.issuer;
    if (call->fault == SP_CAUSE_DISCOVERY_HOST_REFLECTED && call->host.len > 0) {
        issuer = sp_arena_printf(call->arena, "%s://%.*s/lab", call->lab->terms.tls ? "https" : "http",
                                 SP_STR_ARG(call->host));
        note(call, !sp_str_equal(issuer, call->lab->facts.issuer));
    }
    sp_lab_object_init(&object, call->arena);
    put_metadata(&object, call, issuer);
    note(call, sp_lab_apply(&object, call->fault, SP_LAB_METADATA, &call->words));
    sp_lab_answer_object(call, 200, &object);
}

void sp_lab_serve_keys(struct sp_lab_call *call)
{
    bool committed = false;
    struct sp_str keys = sp_lab_key_set_text(&call->lab->keys, call->arena, call->fault, &committed);
    note(call, committed);
    sp_lab_answer(call, 200, "application/json", keys);
    /* A lab's keys may change at any moment. */
    sp_lab_answer_header(call, "Cache-Control", SP_STR("no-cache"));
}

void sp_lab_serve_other(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    if (sp_str_has_suffix(call->path, SP_STR("/jwks"))) {
        sp_lab_answer(call, 200, "application/json", sp_lab_other_key_set_text(&call->lab->keys, call->arena));
        return;
    }
    sp_lab_object_init(&object, call->arena);
    put_metadata(&object, call, call->lab->facts.other_issuer);
    sp_lab_answer_object(call, 200, &object);
}

/* ---- of tokens that were given ---- */

/* The claims of a token that MAIN signed, whatever they say; NULL when it did not. */
static const struct sp_json *claims_of(struct sp_lab_call *call, struct sp_str token)
{
    struct sp_str piece[3] = {SP_STR_NONE, SP_STR_NONE, SP_STR_NONE}, rest = token, signature, payload;
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    for (size_t i = 0; i < 3 && sp_str_next_word(&rest, SP_STR("."), &piece[i]); i++) {
    }
    struct sp_str front = sp_str_slice(token, 0, piece[0].len + 1 + piece[1].len);
    const struct sp_key *key = sp_lab_key_get(&call->lab->keys, SP_LAB_KEY_MAIN);
    if (piece[2].len == 0 || rest.len > 0 || key == NULL ||
        sp_base64url_decode(call->arena, piece[2], &signature) != SP_OK ||
        sp_base64url_decode(call->arena, piece[1], &payload) != SP_OK ||
        sp_key_verify(key, SP_ALGORITHM_RS256, front, signature) != SP_VERIFICATION_HOLDS ||
        sp_json_parse(call->arena, payload, &sp_json_limits_token, &claims, &error) != SP_OK)
        return NULL;
    return claims;
}

static bool is_alive(const struct sp_lab_call *call, const struct sp_json *claims)
{
    int64_t exp = 0;
    return claims != NULL && sp_json_int64(sp_json_member(claims, SP_STR("exp")), &exp) == SP_OK && exp > call->now;
}

void sp_lab_serve_introspection(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_str token = sp_form_value(&call->form, SP_STR("token"));
    if (!sp_lab_authenticate(call, false))
        return;
    const struct sp_json *claims = claims_of(call, token);
    sp_lab_object_init(&object, call->arena);
    bool active = is_alive(call, claims);
    sp_lab_put(&object, "active", active ? SP_STR("true") : SP_STR("false"));
    for
        SP_JSON_EACH(claim, active ? claims : NULL)
        {
            bool text = claim->type == SP_JSON_STRING;
            const char *name = sp_arena_printf(call->arena, "%.*s", SP_STR_ARG(claim->name)).at;
            if (text)
                sp_lab_put_text(&object, name, claim->text);
            else if (claim->type != SP_JSON_TRUE && claim->type != SP_JSON_FALSE && claim->type != SP_JSON_NULL)
                sp_lab_put(&object, name, claim->text);
        }
    sp_lab_answer_object(call, 200, &object);
}

void sp_lab_serve_revocation(struct sp_lab_call *call)
{
    struct sp_lab_grant *grant =
        sp_lab_grant_find(&call->lab->grants, SP_LAB_GRANT_REFRESH, sp_form_value(&call->form, SP_STR("token")));
    if (!sp_lab_authenticate(call, grant != NULL))
        return;
    if (grant != NULL)
        sp_lab_grant_forget(grant);
    sp_lab_answer(call, 200, "application/json", SP_STR("{}"));
}

/* ---- userinfo ---- */

void sp_lab_serve_userinfo(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_str token = sp_lab_bearer(call), jwt;
    if (token.at == NULL) {
        sp_lab_answer(call, 401, "text/plain", SP_STR(""));
        sp_lab_answer_header(call, "WWW-Authenticate", SP_STR("Bearer"));
        return;
    }
    const struct sp_json *claims = claims_of(call, token);
    if (!sp_lab_is_possessed(call, claims, token, "/userinfo"))
        return;
    struct sp_str sub = sp_json_string(sp_json_member(claims, SP_STR("sub")));
    sp_lab_object_init(&object, call->arena);
    sp_lab_put_text(&object, "sub", sub.len > 0 ? sub : SP_STR("lab-user"));
    sp_lab_put_text(&object, "email", SP_STR("lab@lab.example"));
    sp_lab_put(&object, "email_verified", SP_STR("true"));
    note(call, sp_lab_apply(&object, call->fault, SP_LAB_USERINFO, &call->words));
    if (call->fault != SP_CAUSE_USERINFO_SIGNED_UNEXPECTEDLY) {
        sp_lab_answer_object(call, 200, &object);
    } else if (sp_lab_signed(call, sp_lab_object_text(&object), &jwt) == SP_OK) {
        note(call, 1);
        sp_lab_answer(call, 200, "application/jwt", jwt);
    }
}
