/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/dpop_proof.h"

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/url.h"
#include "core/base/url_path.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk.h"

#define MAX_PROOF_BYTES (8u * 1024)

struct proof {
    struct sp_arena *arena;
    const struct sp_dpop_expectation *expectation;
    struct sp_dpop_result *result;
    const struct sp_json *header, *body;
    struct sp_str signed_text, signature;
    struct sp_jwk jwk;
    bool no_memory;
};

static enum sp_dpop_fault fault(struct proof *proof, enum sp_dpop_fault kind, const char *part, struct sp_str expected,
                                struct sp_str received)
{
    proof->result->fault = kind;
    proof->result->part = sp_str_from_cstr(part);
    proof->result->expected = expected;
    proof->result->received = received.len > 0 ? sp_str_slice(received, 0, 300) : SP_STR("nothing");
    return kind;
}

static struct sp_str text_of(const struct sp_json *object, struct sp_str name)
{
    return sp_json_string(sp_json_member(object, name));
}

/* ---- form ---- */

static const struct sp_json *parse_segment(struct proof *proof, struct sp_str segment)
{
    struct sp_str text;
    const struct sp_json *json;
    struct sp_json_error error;
    enum sp_status status = sp_base64url_decode(proof->arena, segment, &text);
    if (status == SP_OK)
        status = sp_json_parse(proof->arena, text, &sp_json_limits_token, &json, &error);
    proof->no_memory = proof->no_memory || status == SP_NO_MEMORY;
    return status == SP_OK && json->type == SP_JSON_OBJECT ? json : NULL;
}

static enum sp_dpop_fault read_form(struct proof *proof, struct sp_str text)
{
    struct sp_str whole = SP_STR("one JWT in the DPoP header");
    size_t first = sp_str_index_of(text, '.', 0), second = sp_str_index_of(text, '.', first + 1);
    if (text.len > MAX_PROOF_BYTES)
        return fault(proof, SP_DPOP_FORM, "its size",
                     sp_arena_printf(proof->arena, "at most %u bytes", MAX_PROOF_BYTES),
                     sp_arena_printf(proof->arena, "%zu bytes", text.len));
    if (sp_str_index_of(text, ',', 0) < text.len)
        return fault(proof, SP_DPOP_FORM, "its form", whole, SP_STR("several DPoP headers"));
    if (second >= text.len || sp_str_index_of(text, '.', second + 1) < text.len)
        return fault(proof, SP_DPOP_FORM, "its form", whole, SP_STR("something else"));
    proof->header = parse_segment(proof, sp_str_slice(text, 0, first));
    proof->body = parse_segment(proof, sp_str_slice(text, first + 1, second));
    proof->signed_text = sp_str_slice(text, 0, second);
    enum sp_status status =
        sp_base64url_decode(proof->arena, sp_str_slice(text, second + 1, text.len), &proof->signature);
    proof->no_memory = proof->no_memory || status == SP_NO_MEMORY;
    if (proof->header == NULL || proof->body == NULL || status != SP_OK)
        return fault(proof, SP_DPOP_FORM, "its form", whole, SP_STR("segments that cannot be read"));
    if (sp_json_member(proof->header, SP_STR("crit")) != NULL)
        return fault(proof, SP_DPOP_FORM, "crit", SP_STR("no crit"), SP_STR("crit"));
    return SP_DPOP_OK;
}

/* ---- header ---- */

static enum sp_dpop_fault check_key(struct proof *proof, struct sp_str alg)
{
    const struct sp_json *jwk = sp_json_member(proof->header, SP_STR("jwk"));
    struct sp_str evidence = SP_STR_NONE;
    enum sp_algorithm algorithm = sp_algorithm_find(alg);
    if (jwk == NULL)
        return fault(proof, SP_DPOP_JWK, "jwk", SP_STR("a public key"), SP_STR_NONE);
    enum sp_jwk_fault found = sp_jwk_parse(proof->arena, jwk, &proof->jwk, &evidence);
    if (found == SP_JWK_OK && proof->jwk.key == NULL) {
        proof->no_memory = true;
        return SP_DPOP_JWK;
    }
    if (found != SP_JWK_OK)
        return fault(proof, SP_DPOP_JWK, "jwk", SP_STR("a public key"), evidence);
    if (proof->jwk.has_private || sp_key_type(proof->jwk.key) == SP_KEY_TYPE_OCT)
        return fault(proof, SP_DPOP_PRIVATE, "jwk", SP_STR("public members only"), SP_STR("private members"));
    if (!sp_key_fits(proof->jwk.key, algorithm))
        return fault(proof, SP_DPOP_JWK, "jwk", sp_arena_printf(proof->arena, "a key for %.*s", SP_STR_ARG(alg)),
                     sp_key_type_name(sp_key_type(proof->jwk.key)));
    struct sp_str thumbprint = sp_str((const char *)proof->jwk.thumbprint, sizeof proof->jwk.thumbprint);
    sp_base64url_encode_into(thumbprint, proof->result->jkt);
    proof->result->algorithm = algorithm;
    proof->result->curve = sp_key_curve(proof->jwk.key);
    if (sp_key_verify(proof->jwk.key, algorithm, proof->signed_text, proof->signature) != SP_VERIFICATION_HOLDS)
        return fault(proof, SP_DPOP_SIGNATURE, "signature", SP_STR("one that verifies with its jwk"),
                     SP_STR("one that does not"));
    return SP_DPOP_OK;
}

uint32_t sp_dpop_algorithms(void)
{
    return sp_algorithms_asymmetric();
}

static enum sp_dpop_fault check_header(struct proof *proof)
{
    struct sp_str typ = text_of(proof->header, SP_STR("typ")), alg = text_of(proof->header, SP_STR("alg"));
    if (!sp_str_equal_ignoring_case(typ, SP_STR("dpop+jwt")) &&
        !sp_str_equal_ignoring_case(typ, SP_STR("application/dpop+jwt")))
        return fault(proof, SP_DPOP_TYP, "typ", SP_STR("dpop+jwt"), typ);
    if ((sp_dpop_algorithms() & sp_algorithm_bit(sp_algorithm_find(alg))) == 0)
        return fault(proof, SP_DPOP_ALGORITHM, "alg", SP_STR("an asymmetric algorithm"), alg);
    return check_key(proof, alg);
}

/* ---- claims ---- */

static bool is_same_path(struct proof *proof, struct sp_str one, struct sp_str other)
{
    if (sp_str_equal(one, other))
        return true;
    char *first = sp_arena_alloc(proof->arena, one.len + 1), *second = sp_arena_alloc(proof->arena, other.len + 1);
    proof->no_memory = proof->no_memory || first == NULL || second == NULL;
    return first != NULL && second != NULL &&
           sp_str_equal(sp_str(first, sp_url_path_normalise(one, first)),
                        sp_str(second, sp_url_path_normalise(other, second)));
}

/* Query and fragment do not count; scheme, host, port and path are normalised (RFC 9449 4.3). What stands before '@' is
 * never of a request. */
static enum sp_dpop_fault check_url(struct proof *proof, struct sp_str htu)
{
    struct sp_url here, there;
    struct sp_str wanted = proof->expectation->url;
    wanted = sp_str_slice(wanted, 0, sp_str_index_of(wanted, '?', 0));
    if (sp_url_split(htu, &there) != SP_OK || sp_url_split(wanted, &here) != SP_OK || there.userinfo.at != NULL ||
        !is_same_path(proof, here.path, there.path))
        return fault(proof, SP_DPOP_HTU, "htu", wanted, htu);
    if (sp_str_equal_ignoring_case(here.scheme, there.scheme) && sp_str_equal_ignoring_case(here.host, there.host) &&
        sp_url_port(&here) == sp_url_port(&there))
        return SP_DPOP_OK;
    return fault(proof, SP_DPOP_HTU_PROXY, "htu", wanted, htu);
}

static enum sp_dpop_fault check_time(struct proof *proof)
{
    int64_t iat = 0, age = 0, leeway = proof->expectation->leeway_s;
    if (leeway > SP_DPOP_MAX_LEEWAY_S) /* an issuer's may be years; a proof comes from its key's holder just now */
        leeway = SP_DPOP_MAX_LEEWAY_S;
    enum sp_status status = sp_json_int64(sp_json_member(proof->body, SP_STR("iat")), &iat);
    struct sp_str expected = sp_arena_printf(proof->arena, "%lld or at most %d s before",
                                             (long long)proof->expectation->now, SP_DPOP_MAX_AGE_S);
    if (status == SP_OK && !__builtin_sub_overflow(proof->expectation->now, iat, &age) &&
        age <= SP_DPOP_MAX_AGE_S + leeway && age >= -(SP_DPOP_MAX_AHEAD_S + leeway))
        return SP_DPOP_OK;
    return fault(proof, SP_DPOP_IAT, "iat", expected,
                 status == SP_OK ? sp_arena_printf(proof->arena, "%lld", (long long)iat)
                                 : SP_STR("no number of seconds"));
}

static enum sp_dpop_fault check_token(struct proof *proof)
{
    unsigned char digest[32];
    char hash[43];
    struct sp_str ath = text_of(proof->body, SP_STR("ath"));
    if (proof->expectation->access_token.at != NULL) {
        sp_sha256(proof->expectation->access_token, digest);
        sp_base64url_encode_into(sp_str((const char *)digest, sizeof digest), hash);
        if (!sp_str_equal(ath, sp_str(hash, sizeof hash)))
            return fault(proof, SP_DPOP_ATH, "ath", SP_STR("the hash of this access token"), ath);
    }
    if (proof->expectation->jkt != NULL &&
        memcmp(proof->expectation->jkt, proof->result->jkt, sizeof proof->result->jkt) != 0)
        return fault(proof, SP_DPOP_JKT, "jkt", sp_arena_printf(proof->arena, "%.43s", proof->expectation->jkt),
                     sp_arena_printf(proof->arena, "%.43s", proof->result->jkt));
    return SP_DPOP_OK;
}

static enum sp_dpop_fault check_claims(struct proof *proof)
{
    struct sp_str htm = text_of(proof->body, SP_STR("htm")), htu = text_of(proof->body, SP_STR("htu"));
    struct sp_str nonce = text_of(proof->body, SP_STR("nonce"));
    proof->result->jti = text_of(proof->body, SP_STR("jti"));
    if (proof->result->jti.len == 0 || proof->result->jti.len > 512)
        return fault(proof, SP_DPOP_FORM, "jti", SP_STR("a unique id"), proof->result->jti);
    if (!sp_str_equal(htm, proof->expectation->method))
        return fault(proof, SP_DPOP_HTM, "htm", proof->expectation->method, htm);
    /* The time comes last: a proof that is right but for it proves a clock. */
    enum sp_dpop_fault found = check_url(proof, htu);
    if (found == SP_DPOP_OK)
        found = check_token(proof);
    if (found == SP_DPOP_OK && proof->expectation->nonce.at != NULL && !sp_str_equal(nonce, proof->expectation->nonce))
        found = fault(proof, SP_DPOP_NONCE, "nonce", SP_STR("the nonce last given"), nonce);
    return found == SP_DPOP_OK ? check_time(proof) : found;
}

/* What a replay cache remembers: one key's one id for one URL. */
static void identify(struct proof *proof, struct sp_str htu)
{
    struct sp_str text = sp_arena_printf(proof->arena, "%.43s %.*s %.*s", proof->result->jkt,
                                         SP_STR_ARG(proof->result->jti), SP_STR_ARG(htu));
    if (text.at == NULL)
        proof->no_memory = true;
    else
        sp_sha256(text, proof->result->proof_id);
}

enum sp_status sp_dpop_check(struct sp_arena *arena, struct sp_str text, const struct sp_dpop_expectation *expectation,
                             struct sp_dpop_result *out)
{
    struct sp_dpop_result result = {.fault = SP_DPOP_FORM};
    struct proof proof = {.arena = arena, .expectation = expectation, .result = &result};
    enum sp_dpop_fault found = read_form(&proof, sp_str_trim(text));
    if (found == SP_DPOP_OK)
        found = check_header(&proof);
    if (found == SP_DPOP_OK)
        found = check_claims(&proof);
    if (found == SP_DPOP_OK)
        identify(&proof, text_of(proof.body, SP_STR("htu")));
    sp_jwk_fini(&proof.jwk);
    if (proof.no_memory)
        return SP_NO_MEMORY;
    result.fault = found;
    *out = result;
    return SP_OK;
}
