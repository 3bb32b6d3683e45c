/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client_proof.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk.h"
#include "core/jose/jws.h"
#include "core/oauth/form.h"

#define ASSERTION_LIFE_S 60
#define KEY_ARENA_BYTES ((size_t)256 * 1024)

/* Both are form-encoded before Basic joins them (RFC 6749 2.3.1). */
static enum sp_status make_basic(const struct sp_client_identity *identity, struct sp_arena *arena,
                                 struct sp_str *authorization)
{
    struct sp_buffer pair;
    struct sp_str encoded;
    sp_buffer_init(&pair, arena, 16 * 1024);
    sp_form_encode(&pair, identity->client_id);
    sp_buffer_append_char(&pair, ':');
    sp_form_encode(&pair, identity->client_secret);
    enum sp_status status = sp_buffer_status(&pair);
    if (status == SP_OK) {
        status = sp_base64_encode(arena, sp_buffer_str(&pair), &encoded);
    }
    if (status == SP_OK) {
        *authorization = sp_arena_printf(arena, "Basic %.*s", SP_STR_ARG(encoded));
        status = authorization->at != NULL ? SP_OK : SP_NO_MEMORY;
    }
    return status;
}

static enum sp_algorithm algorithm_for(const struct sp_key *key)
{
    for (enum sp_algorithm algorithm = SP_ALGORITHM_UNKNOWN + 1; algorithm < SP_ALGORITHM_COUNT; algorithm++) {
        if (sp_key_fits(key, algorithm)) {
            return algorithm;
        }
    }
    return SP_ALGORITHM_UNKNOWN;
}

static void add_parameter(struct sp_buffer *form, const char *name, struct sp_str value)
{
    if (form->len > 0) {
        sp_buffer_append_char(form, '&');
    }
    sp_buffer_append(form, sp_str_from_cstr(name));
    sp_buffer_append_char(form, '=');
    sp_form_encode(form, value);
}

static enum sp_status make_assertion(const struct sp_client_identity *identity, struct sp_arena *arena, int64_t now,
                                     struct sp_str *assertion)
{
    unsigned char random[16];
    struct sp_str jti;
    struct sp_buffer claims, header;
    struct sp_json_writer writer;
    enum sp_algorithm algorithm = algorithm_for(identity->key);
    if (sp_random(random, sizeof random) != SP_OK ||
        sp_base64url_encode(arena, sp_str((const char *)random, sizeof random), &jti) != SP_OK) {
        return SP_CRYPTO;
    }
    sp_buffer_init(&claims, arena, 8 * 1024);
    sp_json_writer_init(&writer, &claims, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "iss", identity->client_id);
    sp_json_string_member(&writer, "sub", identity->client_id);
    sp_json_string_member(&writer, "aud", identity->audience);
    sp_json_string_member(&writer, "jti", jti);
    sp_json_int_member(&writer, "iat", now);
    sp_json_int_member(&writer, "exp", now + ASSERTION_LIFE_S);
    sp_json_end_object(&writer);
    sp_buffer_init(&header, arena, 1024);
    sp_json_writer_init(&writer, &header, false);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "alg", sp_algorithm_get(algorithm)->name);
    sp_json_string_member(&writer, "typ", SP_STR("JWT"));
    sp_json_end_object(&writer);
    if (sp_buffer_status(&claims) != SP_OK || sp_buffer_status(&header) != SP_OK) {
        return SP_NO_MEMORY;
    }
    return sp_jws_sign(arena, identity->key, algorithm, sp_buffer_str(&header), sp_buffer_str(&claims), assertion);
}

enum sp_status sp_client_proof_make(const struct sp_client_identity *identity, struct sp_arena *arena, int64_t now,
                                    struct sp_buffer *form, struct sp_str *authorization)
{
    struct sp_str assertion;
    enum sp_status status = SP_OK;
    *authorization = SP_STR_NONE;
    switch (identity->method) {
    case SP_INTROSPECTION_BASIC:
        return make_basic(identity, arena, authorization);
    case SP_INTROSPECTION_POST:
        add_parameter(form, "client_id", identity->client_id);
        add_parameter(form, "client_secret", identity->client_secret);
        break;
    case SP_INTROSPECTION_PRIVATE_KEY_JWT:
        status = identity->key != NULL ? make_assertion(identity, arena, now, &assertion) : SP_UNSUPPORTED;
        if (status == SP_OK) {
            add_parameter(form, "client_id", identity->client_id);
            add_parameter(form, "client_assertion_type",
                          SP_STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
            add_parameter(form, "client_assertion", assertion);
        }
        break;
    }
    return status == SP_OK ? sp_buffer_status(form) : status;
}

enum sp_status sp_client_key_read(struct sp_str text, struct sp_key **key)
{
    struct sp_str trimmed = sp_str_trim(text);
    if (trimmed.len == 0 || trimmed.at[0] != '{') {
        return sp_key_import_pem(text, key);
    }
    struct sp_arena *arena = sp_arena_create(KEY_ARENA_BYTES);
    const struct sp_json *json;
    struct sp_jwk jwk = {.key = NULL};
    struct sp_str evidence = SP_STR_NONE;
    enum sp_status status =
        arena != NULL ? sp_json_parse(arena, trimmed, &sp_json_limits_token, &json, NULL) : SP_NO_MEMORY;
    if (status == SP_OK && sp_jwk_parse(arena, json, &jwk, &evidence) != SP_JWK_OK) {
        status = SP_MALFORMED;
    }
    if (status == SP_OK) {
        *key = jwk.key;
        status = jwk.key != NULL ? SP_OK : SP_NO_MEMORY;
    }
    sp_arena_destroy(&arena);
    return status;
}
