/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/signed_jwt.h"

#include "core/base/limits.h"
#include "core/jose/base64url.h"

#define LATEST_TIME INT64_C(253402300799)

static enum sp_status read_part(struct sp_arena *arena, struct sp_str encoded, const struct sp_json **json)
{
    struct sp_str text;
    struct sp_json_error error;
    enum sp_status status = sp_base64url_decode(arena, encoded, &text);
    if (status == SP_OK)
        status = sp_json_parse(arena, text, &sp_json_limits_token, json, &error);
    return status == SP_OK && !sp_json_is(*json, SP_JSON_OBJECT) ? SP_MALFORMED : status;
}

/* Whoever adds to a time or takes it from another must not overflow: beyond the year 9999 there is none (RFC 7519 2).
 */
static bool has_possible_times(const struct sp_json *claims)
{
    static const struct sp_str names[] = {{"exp", 3}, {"nbf", 3}, {"iat", 3}, {"auth_time", 9}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t at = 0;
        if (sp_json_int64(sp_json_member(claims, names[i]), &at) == SP_OK && (at < 0 || at > LATEST_TIME))
            return false;
    }
    return true;
}

/* A typ that is there and no text must not pass for one that is not there. */
static bool has_texts(const struct sp_json *header)
{
    static const struct sp_str names[] = {{"typ", 3}, {"cty", 3}, {"kid", 3}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct sp_json *member = sp_json_member(header, names[i]);
        if (member != NULL && !sp_json_is(member, SP_JSON_STRING))
            return false;
    }
    return true;
}

enum sp_status sp_signed_jwt_read(struct sp_arena *arena, struct sp_str text, struct sp_signed_jwt *jwt,
                                  const char **fault)
{
    const struct sp_json *header = NULL;
    struct sp_signed_jwt read = {0};
    size_t first = sp_str_index_of(text, '.', 0), second = sp_str_index_of(text, '.', first + 1),
           third = sp_str_index_of(text, '.', second + 1);
    *fault = third < text.len ? "it is encrypted, or no compact JWS" : "it is no compact JWS";
    if (text.len > SP_MAX_TOKEN_BYTES || second >= text.len || third < text.len)
        return SP_MALFORMED;
    *fault = "its header, claims or signature cannot be decoded";
    enum sp_status status = read_part(arena, sp_str_slice(text, 0, first), &header);
    if (status == SP_OK)
        status = read_part(arena, sp_str_slice(text, first + 1, second), &read.claims);
    if (status == SP_OK)
        status = sp_base64url_decode(arena, sp_str_slice(text, second + 1, text.len), &read.signature);
    if (status != SP_OK)
        return status;
    *fault = "it has a critical header";
    if (sp_json_member(header, SP_STR("crit")) != NULL)
        return SP_MALFORMED;
    *fault = "its typ, cty or kid is no text";
    if (!has_texts(header))
        return SP_MALFORMED;
    *fault = "it holds another JWT, and no claims"; /* RFC 7519 5.2 */
    if (sp_str_equal_ignoring_case(sp_json_string(sp_json_member(header, SP_STR("cty"))), SP_STR("JWT")))
        return SP_MALFORMED;
    *fault = "its exp, nbf, iat or auth_time is no time";
    if (!has_possible_times(read.claims))
        return SP_MALFORMED;
    read.algorithm_name = sp_json_string(sp_json_member(header, SP_STR("alg")));
    read.algorithm = sp_algorithm_find(read.algorithm_name);
    read.kid = sp_json_string(sp_json_member(header, SP_STR("kid")));
    read.type = sp_json_string(sp_json_member(header, SP_STR("typ")));
    read.signed_text = sp_str_slice(text, 0, second);
    *jwt = read;
    return SP_OK;
}

const struct sp_key *sp_signed_jwt_verifier(const struct sp_signed_jwt *jwt, const struct sp_jwk_set *keys)
{
    if ((sp_algorithm_bit(jwt->algorithm) & sp_algorithms_asymmetric()) == 0)
        return NULL;
    size_t tries = 0;
    for (size_t i = 0; keys != NULL && i < keys->count && tries < SP_MAX_KEY_TRIES; i++) {
        const struct sp_jwk *jwk = &keys->keys[i];
        bool named = jwt->kid.at == NULL || jwk->kid.at == NULL || sp_str_equal(jwt->kid, jwk->kid);
        if (!named || !sp_jwk_fits(jwk, jwt->algorithm))
            continue;
        tries++;
        if (sp_key_verify(jwk->key, jwt->algorithm, jwt->signed_text, jwt->signature) == SP_VERIFICATION_HOLDS)
            return jwk->key;
    }
    return NULL;
}

struct sp_str sp_signed_jwt_keys_in_words(struct sp_arena *arena, const struct sp_jwk_set *keys)
{
    size_t count = keys != NULL ? keys->count : 0;
    return count <= SP_MAX_KEY_TRIES
               ? sp_arena_printf(arena, "The set has %zu keys.", count)
               : sp_arena_printf(arena,
                                 "The set has %zu keys. Of those that kid and alg fit the first %u are tried: give "
                                 "each key a kid of its own, and the JWT the kid of its key.",
                                 count, SP_MAX_KEY_TRIES);
}

bool sp_signed_jwt_verifies_by_secret(const struct sp_signed_jwt *jwt, const struct sp_client *client, int64_t now)
{
    bool holds = false;
    if ((sp_algorithm_bit(jwt->algorithm) & sp_algorithms_symmetric()) == 0)
        return false;
    for (size_t i = 0; i < client->secret_count && !holds; i++) {
        const struct sp_client_secret *secret = &client->secrets[i];
        struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT, .k = secret->text};
        struct sp_key *key = NULL;
        /* RFC 7518 3.2: a MAC key is as long as its hash. */
        bool usable = secret->kind == SP_CLIENT_SECRET_PLAIN && (secret->expires_at == 0 || now < secret->expires_at) &&
                      secret->text.len >= sp_hash_size(sp_algorithm_get(jwt->algorithm)->hash);
        if (usable && sp_key_import(&parts, &key) == SP_OK)
            holds = sp_key_verify(key, jwt->algorithm, jwt->signed_text, jwt->signature) == SP_VERIFICATION_HOLDS;
        sp_key_destroy(&key);
    }
    return holds;
}

struct sp_str sp_signed_jwt_text(const struct sp_signed_jwt *jwt, const char *claim)
{
    return sp_json_string(sp_json_member(jwt->claims, sp_str_from_cstr(claim)));
}

bool sp_signed_jwt_is_for(const struct sp_signed_jwt *jwt, struct sp_str audience)
{
    return sp_claims_are_for(jwt->claims, audience);
}

struct sp_str sp_claims_audience_words(const struct sp_json *claims)
{
    const struct sp_json *named = sp_json_member(claims, SP_STR("aud"));
    return named != NULL ? named->text : SP_STR("nobody");
}

bool sp_claims_are_for(const struct sp_json *claims, struct sp_str audience)
{
    const struct sp_json *named = sp_json_member(claims, SP_STR("aud"));
    if (sp_json_is(named, SP_JSON_STRING))
        return sp_str_equal(named->text, audience);
    for
        SP_JSON_EACH(item, sp_json_is(named, SP_JSON_ARRAY) ? named : NULL)
    if (sp_json_is(item, SP_JSON_STRING) && sp_str_equal(item->text, audience))
        return true;
    return false;
}
