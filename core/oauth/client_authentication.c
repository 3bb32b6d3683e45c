/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/client_authentication.h"

#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk.h"
#include "core/jose/jws.h"
#include "core/oauth/form.h"

#define ASSERTION_LIFE_S 60
#define MAX_CLAIMS_BYTES ((size_t)16 * 1024)
/* RFC 7518 3.2: a key of HS256 has at least the hash's size. */
#define MIN_HMAC_SECRET_BYTES 32u

void sp_client_add_parameter(struct sp_buffer *form, const char *name, struct sp_str value)
{
    if (value.len == 0)
        return;
    if (form->len > 0)
        sp_buffer_append_char(form, '&');
    sp_buffer_append(form, sp_str_from_cstr(name));
    sp_buffer_append_char(form, '=');
    sp_form_encode(form, value);
}

enum sp_status sp_random_text(struct sp_arena *arena, struct sp_str *text)
{
    unsigned char bytes[32];
    enum sp_status status = sp_random(bytes, sizeof bytes);
    return status == SP_OK ? sp_base64url_encode(arena, sp_str((const char *)bytes, sizeof bytes), text) : status;
}

static enum sp_status make_basic(struct sp_arena *arena, const struct sp_client_proof *proof,
                                 struct sp_str *authorization)
{
    struct sp_buffer pair;
    struct sp_str encoded = SP_STR_NONE;
    sp_buffer_init(&pair, NULL, SP_MAX_CLIENT_FORM_BYTES);
    if (proof->secret_is_raw) {
        sp_buffer_append(&pair, proof->client_id);
        sp_buffer_append_char(&pair, ':');
        sp_buffer_append(&pair, proof->secret);
    } else {
        sp_form_encode(&pair, proof->client_id);
        sp_buffer_append_char(&pair, ':');
        sp_form_encode(&pair, proof->secret);
    }
    bool encodes = sp_buffer_status(&pair) == SP_OK && sp_base64_encode(arena, sp_buffer_str(&pair), &encoded) == SP_OK;
    if (pair.at != NULL)
        sp_wipe(pair.at, pair.len);
    sp_buffer_fini(&pair);
    if (!encodes)
        return SP_NO_MEMORY;
    *authorization = sp_arena_printf(arena, "Basic %.*s", SP_STR_ARG(encoded));
    sp_wipe((char *)(uintptr_t)encoded.at, encoded.len);
    return authorization->at != NULL ? SP_OK : SP_NO_MEMORY;
}

/* ---- assertions ---- */

static enum sp_status sign(struct sp_arena *arena, const struct sp_client_proof *proof, const struct sp_key *key,
                           enum sp_algorithm algorithm, struct sp_str *assertion)
{
    struct sp_buffer header, claims;
    struct sp_json_writer writer;
    sp_buffer_init(&header, arena, MAX_CLAIMS_BYTES);
    sp_buffer_init(&claims, arena, MAX_CLAIMS_BYTES);
    sp_json_writer_init(&writer, &header, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "alg", sp_algorithm_get(algorithm)->name);
    sp_json_string_member(&writer, "typ", SP_STR("JWT"));
    if (proof->kid.len > 0)
        sp_json_string_member(&writer, "kid", proof->kid);
    sp_json_end_object(&writer);
    sp_json_writer_init(&writer, &claims, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "iss", proof->client_id);
    sp_json_string_member(&writer, "sub", proof->client_id);
    sp_json_string_member(&writer, "aud", proof->audience);
    sp_json_string_member(&writer, "jti", proof->jti);
    sp_json_int_member(&writer, "iat", proof->now);
    sp_json_int_member(&writer, "exp", proof->now + ASSERTION_LIFE_S);
    sp_json_end_object(&writer);
    if (sp_buffer_status(&header) != SP_OK || sp_buffer_status(&claims) != SP_OK)
        return SP_NO_MEMORY;
    return sp_jws_sign(arena, key, algorithm, sp_buffer_str(&header), sp_buffer_str(&claims), assertion);
}

/* HS256 with the secret as it is (OIDC Core 9); a secret too short for it is no key. */
static enum sp_status sign_with_secret(struct sp_arena *arena, const struct sp_client_proof *proof,
                                       struct sp_str *assertion)
{
    struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT, .k = proof->secret};
    struct sp_key *key = NULL;
    if (proof->secret.len < MIN_HMAC_SECRET_BYTES)
        return SP_UNSUPPORTED;
    enum sp_status status = sp_key_import(&parts, &key);
    if (status == SP_OK)
        status = sign(arena, proof, key, SP_ALGORITHM_HS256, assertion);
    sp_key_destroy(&key);
    return status;
}

static enum sp_status add_assertion(struct sp_arena *arena, const struct sp_client_proof *proof, bool by_key,
                                    struct sp_buffer *form)
{
    struct sp_str assertion = SP_STR_NONE;
    enum sp_status status = SP_UNSUPPORTED;
    if (!by_key)
        status = sign_with_secret(arena, proof, &assertion);
    else if (proof->key != NULL && proof->algorithm != SP_ALGORITHM_UNKNOWN)
        status = sign(arena, proof, proof->key, proof->algorithm, &assertion);
    if (status != SP_OK)
        return status;
    sp_client_add_parameter(form, "client_id", proof->client_id);
    sp_client_add_parameter(form, "client_assertion_type",
                            SP_STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    sp_client_add_parameter(form, "client_assertion", assertion);
    return SP_OK;
}

/* ---- the choice ---- */

enum sp_status sp_client_prove(struct sp_arena *arena, const struct sp_client_proof *proof, struct sp_buffer *form,
                               struct sp_str *authorization)
{
    struct sp_str method = proof->method;
    bool has_secret = proof->secret.len > 0;
    bool by_certificate =
        sp_str_equal(method, SP_STR("tls_client_auth")) || sp_str_equal(method, SP_STR("self_signed_tls_client_auth"));
    *authorization = SP_STR_NONE;
    if (sp_str_equal(method, SP_STR("client_secret_basic")))
        return has_secret ? make_basic(arena, proof, authorization) : SP_UNSUPPORTED;
    if (sp_str_equal(method, SP_STR("client_secret_jwt")) || sp_str_equal(method, SP_STR("private_key_jwt")))
        return add_assertion(arena, proof, sp_str_equal(method, SP_STR("private_key_jwt")), form);
    bool is_post = sp_str_equal(method, SP_STR("client_secret_post")) && has_secret;
    bool is_public = sp_str_equal(method, SP_STR("none")) && !has_secret;
    if (!is_post && !is_public && !(by_certificate && proof->has_certificate))
        return SP_UNSUPPORTED;
    sp_client_add_parameter(form, "client_id", proof->client_id);
    if (is_post)
        sp_client_add_parameter(form, "client_secret", proof->secret);
    return SP_OK;
}

/* ---- keys ---- */

enum sp_algorithm sp_key_signs_with(const struct sp_key *key, uint32_t among)
{
    uint32_t candidates = among != 0 ? among & sp_algorithms_asymmetric() : sp_algorithms_asymmetric();
    for (enum sp_algorithm algorithm = 1; algorithm < SP_ALGORITHM_COUNT; algorithm++) {
        if ((candidates & sp_algorithm_bit(algorithm)) != 0 && sp_key_fits(key, algorithm))
            return algorithm;
    }
    return SP_ALGORITHM_UNKNOWN;
}

uint32_t sp_client_algorithms(const struct sp_json *metadata)
{
    uint32_t algorithms = 0;
    for
        SP_JSON_EACH(item, sp_json_member(metadata, SP_STR("token_endpoint_auth_signing_alg_values_supported")))
    algorithms |= sp_algorithm_bit(sp_algorithm_find(sp_json_string(item)));
    return algorithms;
}

static enum sp_status read_jwk(struct sp_arena *arena, struct sp_str text, struct sp_key **key, struct sp_str *kid)
{
    const struct sp_json *json;
    struct sp_jwk jwk = {.key = NULL};
    struct sp_str evidence = SP_STR_NONE;
    enum sp_status status = sp_json_parse(arena, text, &sp_json_limits_token, &json, NULL);
    if (status != SP_OK)
        return status == SP_NO_MEMORY ? status : SP_MALFORMED;
    if (sp_jwk_parse(arena, json, &jwk, &evidence) != SP_JWK_OK)
        return SP_MALFORMED;
    if (jwk.key == NULL)
        return SP_NO_MEMORY;
    *kid = jwk.kid; /* its copy: what json holds is a piece of the text, which its owner wipes */
    *key = jwk.key;
    return SP_OK;
}

enum sp_status sp_client_key_read(struct sp_arena *arena, struct sp_str text, struct sp_key **key, struct sp_str *kid)
{
    struct sp_str trimmed = sp_str_trim(text), named = SP_STR_NONE;
    struct sp_key *made = NULL;
    bool is_json = trimmed.len > 0 && trimmed.at[0] == '{';
    enum sp_status status = is_json ? read_jwk(arena, trimmed, &made, &named) : sp_key_import_pem(text, &made);
    if (status == SP_OK && (!sp_key_is_private(made) || sp_key_signs_with(made, 0) == SP_ALGORITHM_UNKNOWN)) {
        sp_key_destroy(&made);
        status = SP_MALFORMED;
    }
    if (status != SP_OK)
        return status == SP_NO_MEMORY ? status : SP_MALFORMED;
    *key = made;
    *kid = named;
    return SP_OK;
}

/* ---- DPoP ---- */

static enum sp_status dpop_header(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_buffer *out)
{
    struct sp_json_writer writer;
    sp_json_writer_init(&writer, out, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "typ", SP_STR("dpop+jwt"));
    sp_json_string_member(&writer, "alg", sp_algorithm_get(algorithm)->name);
    sp_json_name(&writer, SP_STR("jwk"));
    enum sp_status status = sp_jwk_write(&writer, key, SP_STR_NONE, SP_STR_NONE, SP_STR_NONE, false);
    sp_json_end_object(&writer);
    return status != SP_OK ? status : sp_buffer_status(out);
}

static struct sp_str without_query(struct sp_str url)
{
    size_t end = sp_str_index_of(url, '#', 0), query = sp_str_index_of(url, '?', 0);
    return sp_str_slice(url, 0, query < end ? query : end);
}

enum sp_status sp_dpop_sign(struct sp_arena *arena, const struct sp_key *key, const struct sp_dpop_request *request,
                            struct sp_str *proof)
{
    enum sp_algorithm algorithm = sp_key_is_private(key) ? sp_key_signs_with(key, 0) : SP_ALGORITHM_UNKNOWN;
    struct sp_buffer header, claims;
    struct sp_json_writer writer;
    unsigned char digest[32];
    struct sp_str ath = SP_STR_NONE;
    if (algorithm == SP_ALGORITHM_UNKNOWN)
        return SP_UNSUPPORTED;
    sp_buffer_init(&header, arena, MAX_CLAIMS_BYTES);
    sp_buffer_init(&claims, arena, MAX_CLAIMS_BYTES);
    enum sp_status status = dpop_header(key, algorithm, &header);
    if (status == SP_OK && request->access_token.at != NULL) {
        sp_sha256(request->access_token, digest);
        status = sp_base64url_encode(arena, sp_str((const char *)digest, sizeof digest), &ath);
    }
    if (status != SP_OK)
        return status;
    sp_json_writer_init(&writer, &claims, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "jti", request->jti);
    sp_json_string_member(&writer, "htm", request->method);
    sp_json_string_member(&writer, "htu", without_query(request->url));
    sp_json_int_member(&writer, "iat", request->now);
    if (request->nonce.len > 0)
        sp_json_string_member(&writer, "nonce", request->nonce);
    if (ath.at != NULL)
        sp_json_string_member(&writer, "ath", ath);
    sp_json_end_object(&writer);
    if (sp_buffer_status(&claims) != SP_OK)
        return SP_NO_MEMORY;
    return sp_jws_sign(arena, key, algorithm, sp_buffer_str(&header), sp_buffer_str(&claims), proof);
}
