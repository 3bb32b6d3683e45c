/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/passkey.h"

#include "core/base/json.h"
#include "core/factor/authenticator_data.h"
#include "core/factor/cbor.h"
#include "core/factor/client_data.h"
#include "core/factor/factor.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk.h"

struct ceremony {
    struct sp_arena *arena;
    const struct sp_passkey_expectation *expectation;
    struct sp_passkey_result *result;
    struct sp_str client_data;
};

/* SP_OK: it is in the result. */
static enum sp_status find_fault(struct ceremony *ceremony, enum sp_passkey_fault fault, struct sp_str part,
                                 struct sp_str expected, struct sp_str received)
{
    *ceremony->result = (struct sp_passkey_result){fault, part, expected, sp_str_slice(received, 0, 300)};
    return expected.at != NULL && received.at != NULL ? SP_OK : SP_NO_MEMORY;
}

static bool is_fine(const struct ceremony *ceremony)
{
    return ceremony->result->fault == SP_PASSKEY_OK;
}

static enum sp_status form_fault(struct ceremony *ceremony, struct sp_str part, struct sp_str expected)
{
    return find_fault(ceremony, SP_PASSKEY_FORM, part, expected, SP_STR("something that cannot be read"));
}

/* ---- client data ---- */
static enum sp_status check_client_data(struct ceremony *ceremony, struct sp_str type)
{
    struct sp_client_data data;
    const struct sp_passkey_expectation *expectation = ceremony->expectation;
    enum sp_status status = sp_client_data_read(ceremony->arena, ceremony->client_data, &data);
    if (status == SP_MALFORMED || status == SP_TOO_LARGE)
        return form_fault(ceremony, SP_STR("clientDataJSON"), SP_STR("a JSON object with type, challenge and origin"));
    if (status != SP_OK)
        return status;
    if (!sp_str_equal(data.type, type))
        return find_fault(ceremony, SP_PASSKEY_FORM, SP_STR("type"), type, data.type);
    /* No secret: it went through the page. */
    if (!sp_str_equal(data.challenge, expectation->challenge) || expectation->challenge.len == 0)
        return find_fault(ceremony, SP_PASSKEY_CHALLENGE, SP_STR("challenge"),
                          expectation->challenge.len > 0 ? expectation->challenge : SP_STR("none: it was used before"),
                          data.challenge);
    if (!sp_str_equal(data.origin, expectation->origin))
        return find_fault(ceremony, SP_PASSKEY_ORIGIN, SP_STR("origin"), expectation->origin, data.origin);
    if (data.cross_origin)
        return find_fault(
            ceremony, SP_PASSKEY_ORIGIN, SP_STR("crossOrigin"), SP_STR("a page of its own"),
            sp_arena_printf(ceremony->arena, "a frame inside %.*s",
                            SP_STR_ARG(data.top_origin.len > 0 ? data.top_origin : SP_STR("another site"))));
    return SP_OK;
}

/* ---- authenticator data ---- */
static struct sp_str hex(struct sp_arena *arena, struct sp_str bytes)
{
    char text[65];
    static const char digits[] = "0123456789abcdef";
    size_t len = bytes.len < 32 ? bytes.len : 32;
    struct sp_str copy = SP_STR_NONE;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[(unsigned char)bytes.at[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)bytes.at[i] & 15];
    }
    return sp_arena_copy(arena, sp_str(text, 2 * len), &copy) == SP_OK ? copy : SP_STR_NONE;
}

static enum sp_status check_flags(struct ceremony *ceremony, unsigned flags)
{
    const struct {
        unsigned has, wants;
        bool applies;
        struct sp_str expected, received;
    } rows[] = {
        {flags, SP_AUTHENTICATOR_PRESENT, true, SP_STR("a person who is present (UP)"), SP_STR("nobody")},
        {flags, SP_AUTHENTICATOR_VERIFIED, ceremony->expectation->needs_verification,
         SP_STR("the person verified by PIN, finger or face (UV)"), SP_STR("a touch only")},
        /* What is backed up must be eligible for it (7.1.19). */
        {flags, SP_AUTHENTICATOR_BACKUP_ELIGIBLE, (flags & (unsigned)SP_AUTHENTICATOR_BACKED_UP) != 0,
         SP_STR("BE with BS"), SP_STR("BS alone")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].applies && (rows[i].has & rows[i].wants) == 0)
            return find_fault(ceremony, SP_PASSKEY_NOT_PRESENT, SP_STR("flags"), rows[i].expected, rows[i].received);
    return SP_OK;
}

static enum sp_status check_authenticator_data(struct ceremony *ceremony, struct sp_str bytes, bool makes,
                                               struct sp_authenticator_data *data)
{
    unsigned char hash[32];
    enum sp_status status = sp_authenticator_data_read(ceremony->arena, bytes, data);
    if (status == SP_UNSUPPORTED)
        return find_fault(ceremony, SP_PASSKEY_KEY, SP_STR("algorithm"), SP_STR("ES256, EdDSA or RS256"),
                          SP_STR("a key of another algorithm or curve"));
    if (status == SP_MALFORMED)
        return form_fault(ceremony, SP_STR("authenticatorData"), SP_STR("authenticator data, all of it"));
    if (status != SP_OK)
        return status;
    if (((data->flags & (unsigned)SP_AUTHENTICATOR_CREDENTIAL) != 0) != makes)
        return form_fault(ceremony, SP_STR("authenticatorData"),
                          makes ? SP_STR("a credential in it") : SP_STR("no credential in it"));
    sp_sha256(ceremony->expectation->rp_id, hash);
    if (!sp_str_equal(data->rp_id_hash, sp_str((const char *)hash, sizeof hash)))
        return find_fault(
            ceremony, SP_PASSKEY_RELYING_PARTY, SP_STR("rpIdHash"),
            sp_arena_printf(ceremony->arena, "SHA-256 of '%.*s'", SP_STR_ARG(ceremony->expectation->rp_id)),
            hex(ceremony->arena, data->rp_id_hash));
    return check_flags(ceremony, data->flags);
}

/* ---- the signature: over the authenticator's data and the hash of the browser's ---- */
static enum sp_status import(struct ceremony *ceremony, struct sp_str text, struct sp_jwk *jwk)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_str evidence = SP_STR("a key that cannot be used");
    enum sp_status status = sp_json_parse(ceremony->arena, text, &sp_json_limits_token, &json, &error);
    if (status == SP_NO_MEMORY)
        return status;
    enum sp_jwk_fault fault = status == SP_OK ? sp_jwk_parse(ceremony->arena, json, jwk, &evidence) : SP_JWK_MALFORMED;
    if (fault == SP_JWK_OK && jwk->key == NULL)
        return SP_NO_MEMORY;
    return fault == SP_JWK_OK ? SP_OK
                              : find_fault(ceremony, SP_PASSKEY_KEY, SP_STR("public key"),
                                           SP_STR("a key that is not weak or broken"), evidence);
}

static enum sp_algorithm algorithm_of(const struct sp_key *key)
{
    switch (sp_key_type(key)) {
    case SP_KEY_TYPE_EC:
        return sp_key_curve(key) == SP_CURVE_P256 ? SP_ALGORITHM_ES256 : SP_ALGORITHM_UNKNOWN;
    case SP_KEY_TYPE_OKP:
        return SP_ALGORITHM_ED25519;
    case SP_KEY_TYPE_RSA:
        return SP_ALGORITHM_RS256;
    case SP_KEY_TYPE_NONE:
    case SP_KEY_TYPE_OCT:
        break;
    }
    return SP_ALGORITHM_UNKNOWN;
}

static enum sp_status verify(struct ceremony *ceremony, const struct sp_key *key, struct sp_str authenticator_data,
                             struct sp_str signature)
{
    enum sp_algorithm algorithm = algorithm_of(key);
    unsigned char hash[32];
    char *text = sp_arena_alloc(ceremony->arena, authenticator_data.len + sizeof hash);
    struct sp_str raw = signature;
    enum sp_status status = SP_OK;
    if (text == NULL)
        return SP_NO_MEMORY;
    sp_sha256(ceremony->client_data, hash);
    memcpy(text, authenticator_data.at, authenticator_data.len);
    memcpy(text + authenticator_data.len, hash, sizeof hash);
    if (algorithm == SP_ALGORITHM_ES256) /* authenticators write DER (6.5.6) */
        status = sp_ecdsa_from_der(signature, sp_key_signature_bytes(key, algorithm), ceremony->arena, &raw);
    if (status == SP_NO_MEMORY)
        return status;
    if (status == SP_OK &&
        sp_key_verify(key, algorithm, sp_str(text, authenticator_data.len + sizeof hash), raw) == SP_VERIFICATION_HOLDS)
        return SP_OK;
    return find_fault(ceremony, SP_PASSKEY_SIGNATURE, SP_STR("signature"),
                      SP_STR("a signature of the stored key over this ceremony"),
                      sp_arena_printf(ceremony->arena, "%zu bytes that are none", signature.len));
}

/* ---- registration ---- */
struct attestation {
    struct sp_str format, authenticator_data, signature;
    bool has_statement, has_certificate;
};

static enum sp_status read_statement(struct sp_str *rest, struct attestation *attestation)
{
    struct sp_cbor_item map, name, value;
    if (sp_cbor_next(rest, &map) != SP_OK || map.type != SP_CBOR_MAP)
        return SP_MALFORMED;
    attestation->has_statement = map.count > 0;
    for (size_t i = 0; i < map.count; i++) {
        if (sp_cbor_next(rest, &name) != SP_OK || name.type != SP_CBOR_TEXT)
            return SP_MALFORMED;
        struct sp_str at = *rest;
        if (sp_cbor_skip(rest) != SP_OK || sp_cbor_next(&at, &value) != SP_OK)
            return SP_MALFORMED;
        if (sp_str_equal(name.bytes, SP_STR("sig")) && value.type == SP_CBOR_BYTES)
            attestation->signature = value.bytes;
        attestation->has_certificate = attestation->has_certificate || sp_str_equal(name.bytes, SP_STR("x5c"));
    }
    return SP_OK;
}

/* {fmt: text, attStmt: map, authData: bytes}, each once, in any order. */
static enum sp_status read_attestation(struct sp_str bytes, struct attestation *attestation)
{
    struct sp_cbor_item map, name, value;
    struct sp_str rest = bytes;
    unsigned seen = 0;
    if (bytes.len > SP_MAX_ATTESTATION_BYTES || sp_cbor_next(&rest, &map) != SP_OK || map.type != SP_CBOR_MAP ||
        map.count != 3)
        return SP_MALFORMED;
    for (size_t i = 0; i < 3; i++) {
        if (sp_cbor_next(&rest, &name) != SP_OK || name.type != SP_CBOR_TEXT)
            return SP_MALFORMED;
        if (sp_str_equal(name.bytes, SP_STR("attStmt"))) {
            seen |= 1;
            if (read_statement(&rest, attestation) != SP_OK)
                return SP_MALFORMED;
            continue;
        }
        bool is_format = sp_str_equal(name.bytes, SP_STR("fmt"));
        if ((!is_format && !sp_str_equal(name.bytes, SP_STR("authData"))) || sp_cbor_next(&rest, &value) != SP_OK ||
            value.type != (is_format ? SP_CBOR_TEXT : SP_CBOR_BYTES))
            return SP_MALFORMED;
        seen |= is_format ? 2 : 4;
        *(is_format ? &attestation->format : &attestation->authenticator_data) = value.bytes;
    }
    return seen == 7 && rest.len == 0 ? SP_OK : SP_MALFORMED;
}

static enum sp_status check_attestation(struct ceremony *ceremony, const struct attestation *attestation,
                                        const struct sp_key *key)
{
    if (sp_str_equal(attestation->format, SP_STR("none")) && attestation->has_statement)
        return form_fault(ceremony, SP_STR("attStmt"), SP_STR("an empty statement with the format 'none'"));
    if (sp_str_equal(attestation->format, SP_STR("packed")) && !attestation->has_certificate)
        return verify(ceremony, key, attestation->authenticator_data, attestation->signature);
    return SP_OK;
}

static enum sp_status judge_new(struct ceremony *ceremony, struct sp_str attestation_object,
                                struct sp_authenticator_data *data)
{
    struct attestation attestation = {0};
    struct sp_jwk jwk = {0};
    enum sp_status status = check_client_data(ceremony, SP_STR("webauthn.create"));
    if (status != SP_OK || !is_fine(ceremony))
        return status;
    if (read_attestation(attestation_object, &attestation) != SP_OK)
        return form_fault(ceremony, SP_STR("attestationObject"), SP_STR("a CBOR map of fmt, attStmt and authData"));
    status = check_authenticator_data(ceremony, attestation.authenticator_data, true, data);
    if (status == SP_OK && is_fine(ceremony))
        status = import(ceremony, data->jwk, &jwk);
    if (status == SP_OK && is_fine(ceremony))
        status = check_attestation(ceremony, &attestation, jwk.key);
    sp_jwk_fini(&jwk);
    return status;
}

enum sp_status sp_passkey_register(struct sp_arena *arena, struct sp_str client_data, struct sp_str attestation_object,
                                   const struct sp_passkey_expectation *expectation, struct sp_new_passkey *made,
                                   struct sp_passkey_result *result)
{
    struct sp_passkey_result found = {0};
    struct ceremony ceremony = {arena, expectation, &found, client_data};
    struct sp_authenticator_data data;
    enum sp_status status = judge_new(&ceremony, attestation_object, &data);
    if (status != SP_OK)
        return status;
    if (found.fault == SP_PASSKEY_OK)
        *made = (struct sp_new_passkey){.credential_id = data.credential_id,
                                        .jwk = data.jwk,
                                        .aaguid = data.aaguid,
                                        .sign_count = data.sign_count,
                                        .is_verified = (data.flags & (unsigned)SP_AUTHENTICATOR_VERIFIED) != 0,
                                        .is_backup_eligible =
                                            (data.flags & (unsigned)SP_AUTHENTICATOR_BACKUP_ELIGIBLE) != 0,
                                        .is_backed_up = (data.flags & (unsigned)SP_AUTHENTICATOR_BACKED_UP) != 0};
    *result = found;
    return SP_OK;
}

/* ---- use ---- */
static enum sp_status check_counter(struct ceremony *ceremony, uint32_t stored, uint32_t sent)
{
    if ((stored == 0 && sent == 0) || sent > stored)
        return SP_OK;
    return find_fault(ceremony, SP_PASSKEY_COUNTER, SP_STR("signCount"),
                      sp_arena_printf(ceremony->arena, "more than %u", stored),
                      sp_arena_printf(ceremony->arena, "%u", sent));
}

static enum sp_status judge_use(struct ceremony *ceremony, const struct sp_passkey_assertion *assertion,
                                struct sp_authenticator_data *data)
{
    struct sp_jwk jwk = {0};
    enum sp_status status = check_client_data(ceremony, SP_STR("webauthn.get"));
    if (status == SP_OK && is_fine(ceremony))
        status = check_authenticator_data(ceremony, assertion->authenticator_data, false, data);
    if (status == SP_OK && is_fine(ceremony))
        status = import(ceremony, assertion->jwk, &jwk);
    if (status == SP_OK && is_fine(ceremony))
        status = verify(ceremony, jwk.key, assertion->authenticator_data, assertion->signature);
    if (status == SP_OK && is_fine(ceremony))
        status = check_counter(ceremony, assertion->sign_count, data->sign_count);
    sp_jwk_fini(&jwk);
    return status;
}

enum sp_status sp_passkey_use(struct sp_arena *arena, const struct sp_passkey_assertion *assertion,
                              const struct sp_passkey_expectation *expectation, struct sp_passkey_use *use,
                              struct sp_passkey_result *result)
{
    struct sp_passkey_result found = {0};
    struct ceremony ceremony = {arena, expectation, &found, assertion->client_data};
    struct sp_authenticator_data data;
    enum sp_status status = judge_use(&ceremony, assertion, &data);
    if (status != SP_OK)
        return status;
    if (found.fault == SP_PASSKEY_OK)
        *use = (struct sp_passkey_use){.sign_count = data.sign_count,
                                       .is_verified = (data.flags & (unsigned)SP_AUTHENTICATOR_VERIFIED) != 0,
                                       .is_backed_up = (data.flags & (unsigned)SP_AUTHENTICATOR_BACKED_UP) != 0};
    *result = found;
    return SP_OK;
}
