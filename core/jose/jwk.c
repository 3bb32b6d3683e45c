/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/jwk.h"

#include <stdio.h>

#include "core/base/limits.h"
#include "core/jose/base64url.h"

struct reading {
    struct sp_arena *arena;
    const struct sp_json *json;
    struct sp_str *evidence;
    bool no_memory;
};

static enum sp_jwk_fault fault(struct reading *reading, enum sp_jwk_fault kind, struct sp_str evidence)
{
    *reading->evidence = evidence;
    return kind;
}

/* A base64url member to bytes; absent when it is not there. SP_JWK_MALFORMED when it is there and no such text. */
static enum sp_jwk_fault read_bytes(struct reading *reading, const char *name, struct sp_str *bytes)
{
    const struct sp_json *member = sp_json_member(reading->json, sp_str_from_cstr(name));
    if (member == NULL)
        return SP_JWK_OK;
    enum sp_status status =
        member->type == SP_JSON_STRING ? sp_base64url_decode(reading->arena, member->text, bytes) : SP_MALFORMED;
    if (status == SP_OK)
        return SP_JWK_OK;
    if (status == SP_NO_MEMORY) {
        reading->no_memory = true;
        return SP_JWK_OK;
    }
    return fault(reading, SP_JWK_MALFORMED,
                 sp_arena_printf(reading->arena, "its member %s is not base64url without padding", name));
}

/* One row a member of a key; private ones are read so that `keys generate` can write what the authority reads. */
static const struct {
    const char *name;
    enum sp_key_type type;
    size_t at;
    bool required, is_private;
} members[] = {
    {"n", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, n), true, false},
    {"e", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, e), true, false},
    {"d", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, d), false, true},
    {"p", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, p), false, true},
    {"q", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, q), false, true},
    {"dp", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, dp), false, true},
    {"dq", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, dq), false, true},
    {"qi", SP_KEY_TYPE_RSA, offsetof(struct sp_key_parts, qi), false, true},
    {"x", SP_KEY_TYPE_EC, offsetof(struct sp_key_parts, x), true, false},
    {"y", SP_KEY_TYPE_EC, offsetof(struct sp_key_parts, y), true, false},
    {"d", SP_KEY_TYPE_EC, offsetof(struct sp_key_parts, d), false, true},
    {"x", SP_KEY_TYPE_OKP, offsetof(struct sp_key_parts, x), true, false},
    {"d", SP_KEY_TYPE_OKP, offsetof(struct sp_key_parts, d), false, true},
    {"k", SP_KEY_TYPE_OCT, offsetof(struct sp_key_parts, k), true, false},
};

static enum sp_jwk_fault read_members(struct reading *reading, struct sp_key_parts *parts, bool *has_private)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i].type != parts->type)
            continue;
        struct sp_str bytes = SP_STR_NONE;
        enum sp_jwk_fault found = read_bytes(reading, members[i].name, &bytes);
        if (found != SP_JWK_OK)
            return found;
        if (members[i].required && bytes.len == 0 && !reading->no_memory)
            return fault(reading, SP_JWK_MALFORMED,
                         sp_arena_printf(reading->arena, "its member %s is missing", members[i].name));
        *has_private = *has_private || (members[i].is_private && bytes.at != NULL);
        memcpy((char *)parts + members[i].at, &bytes, sizeof bytes);
    }
    return SP_JWK_OK;
}

static struct sp_str without_zeros(struct sp_str number)
{
    while (number.len > 0 && number.at[0] == 0)
        number = sp_str_slice(number, 1, number.len);
    return number;
}

static unsigned bits_of(struct sp_str number)
{
    unsigned bits = (unsigned)number.len * 8;
    for (unsigned mask = 0x80; number.len > 0 && mask > 0 && ((unsigned char)number.at[0] & mask) == 0; mask >>= 1)
        bits--;
    return bits;
}

/* Some control planes put the error text of a failed fetch where the modulus should be. */
static bool is_text(struct sp_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.at[i] < 0x20 || (unsigned char)bytes.at[i] > 0x7e)
            return false;
    return bytes.len >= 8;
}

static enum sp_jwk_fault judge_rsa(struct reading *reading, const struct sp_key_parts *parts)
{
    struct sp_str n = without_zeros(parts->n), e = without_zeros(parts->e);
    unsigned bits = bits_of(n);
    if (is_text(parts->n))
        return fault(
            reading, SP_JWK_PLACEHOLDER,
            sp_arena_printf(reading->arena, "its modulus reads \"%.*s\"", (int)(n.len < 200 ? n.len : 200), n.at));
    if (bits < SP_MIN_RSA_BITS || bits > SP_MAX_RSA_BITS)
        return fault(reading, SP_JWK_WEAK, sp_arena_printf(reading->arena, "RSA of %u bit", bits));
    if (((unsigned char)n.at[n.len - 1] & 1) == 0)
        return fault(reading, SP_JWK_WEAK, SP_STR("an even RSA modulus"));
    /* 1 signs nothing, an even one is none; beyond 64 bits it only slows the verifier. */
    if (e.len == 0 || e.len > 8 || ((unsigned char)e.at[e.len - 1] & 1) == 0 ||
        (e.len == 1 && (unsigned char)e.at[0] < 3))
        return fault(reading, SP_JWK_WEAK, SP_STR("a bad RSA exponent"));
    return SP_JWK_OK;
}

static enum sp_jwk_fault read_type(struct reading *reading, struct sp_key_parts *parts)
{
    const struct sp_json *kty = sp_json_member(reading->json, SP_STR("kty"));
    struct sp_str text = sp_json_string(kty);
    for (enum sp_key_type type = SP_KEY_TYPE_RSA; type <= SP_KEY_TYPE_OCT; type++)
        if (sp_str_equal(sp_key_type_name(type), text))
            parts->type = type;
    if (parts->type == SP_KEY_TYPE_NONE && text.len == 0)
        return fault(reading, SP_JWK_MALFORMED, SP_STR("it has no kty"));
    if (parts->type == SP_KEY_TYPE_NONE)
        return fault(reading, SP_JWK_UNSUPPORTED_TYPE,
                     sp_arena_printf(reading->arena, "kty %.*s", SP_STR_ARG(sp_str_slice(text, 0, 64))));
    if (parts->type != SP_KEY_TYPE_EC && parts->type != SP_KEY_TYPE_OKP)
        return SP_JWK_OK;
    struct sp_str crv = sp_json_string(sp_json_member(reading->json, SP_STR("crv")));
    parts->curve = sp_curve_find(crv);
    bool edwards = parts->curve == SP_CURVE_ED25519 || parts->curve == SP_CURVE_ED448;
    if (crv.len == 0)
        return fault(reading, SP_JWK_MALFORMED, SP_STR("it has no crv"));
    if (parts->curve == SP_CURVE_NONE || edwards != (parts->type == SP_KEY_TYPE_OKP))
        return fault(reading, SP_JWK_UNSUPPORTED_TYPE,
                     sp_arena_printf(reading->arena, "kty %.*s with crv %.*s", SP_STR_ARG(text),
                                     SP_STR_ARG(sp_str_slice(crv, 0, 64))));
    return SP_JWK_OK;
}

/* x5c as the only source of the key (RFC 7517 4.7): its first certificate. */
static enum sp_jwk_fault import_chain(struct reading *reading, const struct sp_key_parts *parts, struct sp_jwk *jwk)
{
    const struct sp_json *chain = sp_json_member(reading->json, SP_STR("x5c"));
    struct sp_str text = sp_json_string(chain != NULL ? chain->first : NULL), der;
    if (text.len == 0 || sp_base64_decode(reading->arena, text, &der) != SP_OK)
        return fault(reading, SP_JWK_MALFORMED, SP_STR("its x5c is no array of base64 certificates"));
    enum sp_status status = sp_key_import_certificate(der, &jwk->key, NULL);
    if (status == SP_UNSUPPORTED)
        return fault(reading, SP_JWK_UNSUPPORTED_TYPE, SP_STR("the certificate in x5c has a key of another type"));
    if (status != SP_OK)
        return fault(reading, SP_JWK_MALFORMED, SP_STR("the first member of x5c is no certificate"));
    if (sp_key_type(jwk->key) != parts->type || sp_key_curve(jwk->key) != parts->curve) {
        sp_key_destroy(&jwk->key);
        return fault(reading, SP_JWK_MALFORMED, SP_STR("the key in x5c is not of the kty and crv that it says"));
    }
    unsigned bits = sp_key_bits(jwk->key);
    if (sp_key_type(jwk->key) == SP_KEY_TYPE_RSA && (bits < SP_MIN_RSA_BITS || bits > SP_MAX_RSA_BITS)) {
        sp_key_destroy(&jwk->key);
        return fault(reading, SP_JWK_WEAK, sp_arena_printf(reading->arena, "RSA of %u bit in x5c", bits));
    }
    reading->no_memory = reading->no_memory || sp_jwk_thumbprint(jwk->key, jwk->thumbprint) != SP_OK;
    return SP_JWK_OK;
}

/* A private key's own operation is "sign" (RFC 7517 4.3); who has it can verify. Of a public key it says nothing good.
 */
static bool is_for_verifying(const struct sp_json *json, bool is_private)
{
    const struct sp_json *use = sp_json_member(json, SP_STR("use")),
                         *operations = sp_json_member(json, SP_STR("key_ops"));
    bool found = operations == NULL;
    if (use != NULL && !sp_str_equal(sp_json_string(use), SP_STR("sig")))
        return false;
    for
        SP_JSON_EACH(operation, operations)
        {
            struct sp_str name = sp_json_string(operation);
            found = found || sp_str_equal(name, SP_STR("verify")) || (is_private && sp_str_equal(name, SP_STR("sign")));
        }
    return found;
}

/* ---- the thumbprint ---- */

/* The required members in lexical order and nothing else (RFC 7638 3), each in the one way to write it. */
static enum sp_status hash_parts(struct sp_arena *arena, const struct sp_key_parts *parts, unsigned char thumbprint[32])
{
    const struct {
        const char *name;
        struct sp_str bytes, text;
    } rows[] = {
        {"crv", SP_STR_NONE, parts->curve != SP_CURVE_NONE ? sp_curve_name(parts->curve) : SP_STR_NONE},
        {"e", without_zeros(parts->e), SP_STR_NONE},
        {"k", parts->k, SP_STR_NONE},
        {"kty", SP_STR_NONE, sp_key_type_name(parts->type)},
        {"n", without_zeros(parts->n), SP_STR_NONE},
        {"x", parts->x, SP_STR_NONE},
        {"y", parts->y, SP_STR_NONE},
    };
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, arena, 16 * 1024);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str text = rows[i].text;
        if (rows[i].bytes.at != NULL && sp_base64url_encode(arena, rows[i].bytes, &text) != SP_OK)
            return SP_NO_MEMORY;
        if (text.at == NULL)
            continue;
        /* No value needs an escape. */
        sp_buffer_append(&buffer, buffer.len == 0 ? SP_STR("{\"") : SP_STR(",\""));
        sp_buffer_append(&buffer, sp_str_from_cstr(rows[i].name));
        sp_buffer_append(&buffer, SP_STR("\":\""));
        sp_buffer_append(&buffer, text);
        sp_buffer_append_char(&buffer, '"');
    }
    sp_buffer_append_char(&buffer, '}');
    if (sp_buffer_status(&buffer) == SP_OK)
        sp_sha256(sp_buffer_str(&buffer), thumbprint);
    return sp_buffer_status(&buffer);
}

/* ---- a member ---- */

static enum sp_jwk_fault import(struct reading *reading, struct sp_jwk *jwk)
{
    struct sp_key_parts parts = {0};
    bool has_numbers = sp_json_member(reading->json, SP_STR("n")) != NULL ||
                       sp_json_member(reading->json, SP_STR("x")) != NULL ||
                       sp_json_member(reading->json, SP_STR("k")) != NULL;
    enum sp_jwk_fault found = read_type(reading, &parts);
    if (found != SP_JWK_OK)
        return found;
    if (!has_numbers && sp_json_member(reading->json, SP_STR("x5c")) != NULL)
        return import_chain(reading, &parts, jwk);
    found = read_members(reading, &parts, &jwk->has_private);
    if (found != SP_JWK_OK || reading->no_memory)
        return found;
    if (parts.type == SP_KEY_TYPE_RSA)
        found = judge_rsa(reading, &parts);
    if (found != SP_JWK_OK)
        return found;
    /* A published private part is told (has_private) and, to verify, not needed. A broken one must not spoil the public
     * key. */
    enum sp_status status = sp_key_import(&parts, &jwk->key);
    if (status != SP_OK && status != SP_NO_MEMORY && parts.d.at != NULL) {
        parts.d = parts.p = parts.q = parts.dp = parts.dq = parts.qi = SP_STR_NONE;
        status = sp_key_import(&parts, &jwk->key);
    }
    if (status == SP_NO_MEMORY)
        reading->no_memory = true;
    else if (status != SP_OK && (parts.type == SP_KEY_TYPE_EC || parts.type == SP_KEY_TYPE_OKP))
        return fault(reading, parts.type == SP_KEY_TYPE_EC ? SP_JWK_WEAK : SP_JWK_MALFORMED,
                     sp_arena_printf(reading->arena, "x%s is no point on %.*s",
                                     parts.type == SP_KEY_TYPE_EC ? ", y" : "",
                                     SP_STR_ARG(sp_curve_name(parts.curve))));
    else if (status != SP_OK)
        return fault(reading, SP_JWK_MALFORMED, SP_STR("its numbers make no key"));
    else if (hash_parts(reading->arena, &parts, jwk->thumbprint) != SP_OK)
        reading->no_memory = true;
    return SP_JWK_OK;
}

static void read_certificate(struct sp_arena *arena, const struct sp_json *json, struct sp_jwk *jwk)
{
    const struct sp_json *chain = sp_json_member(json, SP_STR("x5c"));
    struct sp_str bytes = SP_STR_NONE;
    if (chain != NULL) {
        struct sp_str first = sp_json_is(chain, SP_JSON_ARRAY) ? sp_json_string(chain->first) : SP_STR_NONE;
        if (first.len > 0 && sp_base64_decode(arena, first, &bytes) == SP_OK) {
            sp_sha256(bytes, jwk->certificate_sha256);
            jwk->has_certificate = true;
        }
        return;
    }
    struct sp_str hash = sp_json_string(sp_json_member(json, SP_STR("x5t#S256")));
    if (hash.len == 43 && sp_base64url_decode(arena, hash, &bytes) == SP_OK && bytes.len == 32) {
        memcpy(jwk->certificate_sha256, bytes.at, 32);
        jwk->has_certificate = true;
    }
}

enum sp_jwk_fault sp_jwk_parse(struct sp_arena *arena, const struct sp_json *json, struct sp_jwk *out,
                               struct sp_str *evidence)
{
    struct reading reading = {arena, json, evidence, false};
    struct sp_jwk jwk = {.index = out->index};
    if (!sp_json_is(json, SP_JSON_OBJECT))
        return fault(&reading, SP_JWK_MALFORMED, SP_STR("it is not an object"));
    enum sp_jwk_fault found = import(&reading, &jwk);
    jwk.algorithm_text = sp_json_string(sp_json_member(json, SP_STR("alg")));
    jwk.algorithm = sp_algorithm_find(jwk.algorithm_text);
    jwk.may_verify =
        is_for_verifying(json, jwk.has_private || (jwk.key != NULL && sp_key_type(jwk.key) == SP_KEY_TYPE_OCT));
    jwk.kid = sp_json_string(sp_json_member(json, SP_STR("kid")));
    jwk.use = sp_json_string(sp_json_member(json, SP_STR("use")));
    read_certificate(arena, json, &jwk);
    struct sp_str *const kept[] = {&jwk.kid, &jwk.algorithm_text, &jwk.use};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (kept[i]->at != NULL && sp_arena_copy(arena, *kept[i], kept[i]) != SP_OK)
            reading.no_memory = true;
    if (found != SP_JWK_OK || reading.no_memory)
        sp_key_destroy(&jwk.key);
    *out = jwk;
    return found;
}

void sp_jwk_fini(struct sp_jwk *jwk)
{
    sp_key_destroy(&jwk->key);
}

bool sp_jwk_fits(const struct sp_jwk *jwk, enum sp_algorithm algorithm)
{
    const struct sp_algorithm_info *mine = sp_algorithm_get(jwk->algorithm), *asked = sp_algorithm_get(algorithm);
    if (!jwk->may_verify || !sp_key_fits(jwk->key, algorithm))
        return false;
    /* A key that is bound to an algorithm serves that one only (RFC 8725 3.1); EdDSA and Ed25519 are two names of one
     * thing. */
    return jwk->algorithm_text.len == 0 || jwk->algorithm == algorithm ||
           (mine->family == SP_FAMILY_EDDSA && asked->family == SP_FAMILY_EDDSA);
}

/* ---- out ---- */

static enum sp_status put_bytes(struct sp_json_writer *writer, struct sp_arena *arena, const char *name,
                                struct sp_str bytes)
{
    struct sp_str text;
    if (bytes.at == NULL)
        return SP_OK;
    enum sp_status status = sp_base64url_encode(arena, bytes, &text);
    if (status == SP_OK)
        sp_json_string_member(writer, name, text);
    return status;
}

static enum sp_status put_members(struct sp_json_writer *writer, struct sp_arena *arena,
                                  const struct sp_key_parts *parts)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct sp_str bytes;
        if (members[i].type != parts->type)
            continue;
        memcpy(&bytes, (const char *)parts + members[i].at, sizeof bytes);
        enum sp_status status = put_bytes(writer, arena, members[i].name, bytes);
        if (status != SP_OK)
            return status;
    }
    return SP_OK;
}

enum sp_status sp_jwk_write(struct sp_json_writer *writer, const struct sp_key *key, struct sp_str kid,
                            struct sp_str use, struct sp_str alg, bool with_private)
{
    struct sp_key_parts parts;
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    if (arena == NULL)
        return SP_NO_MEMORY;
    bool secret = sp_key_type(key) == SP_KEY_TYPE_OCT;
    enum sp_status status = secret && !with_private ? SP_UNSUPPORTED : sp_key_export(key, with_private, arena, &parts);
    if (status == SP_OK) {
        sp_json_begin_object(writer);
        sp_json_string_member(writer, "kty", sp_key_type_name(parts.type));
        if (parts.curve != SP_CURVE_NONE)
            sp_json_string_member(writer, "crv", sp_curve_name(parts.curve));
        if (kid.at != NULL)
            sp_json_string_member(writer, "kid", kid);
        if (use.at != NULL)
            sp_json_string_member(writer, "use", use);
        if (alg.at != NULL)
            sp_json_string_member(writer, "alg", alg);
        status = put_members(writer, arena, &parts);
        sp_json_end_object(writer);
    }
    sp_arena_destroy(&arena);
    return status;
}

enum sp_status sp_jwk_thumbprint(const struct sp_key *key, unsigned char thumbprint[32])
{
    struct sp_key_parts parts;
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    if (arena == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = sp_key_export(key, sp_key_type(key) == SP_KEY_TYPE_OCT, arena, &parts);
    if (status == SP_OK)
        status = hash_parts(arena, &parts, thumbprint);
    sp_arena_destroy(&arena);
    return status;
}
