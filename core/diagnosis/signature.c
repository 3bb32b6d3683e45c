/* SPDX-License-Identifier: Apache-2.0 */
/* The signature does not verify: why? Each answer is proven by a verification that does hold, of something that the
 * token is not. None of these makes a token acceptable. Work is bounded: a refused token must not cost a gateway much
 * more than an accepted one. */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/form.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

#define MAX_ATTEMPTS 12
#define MAX_ATTEMPTS_OFFLINE 64

struct attempt {
    struct sp_exam *exam;
    const struct sp_jwk *const *tried;
    size_t tried_count;
    unsigned left;
};

static bool holds(struct attempt *attempt, const struct sp_key *key, struct sp_str text, struct sp_str signature)
{
    if (attempt->left == 0)
        return false;
    attempt->left--;
    return sp_key_verify(key, attempt->exam->algorithm, text, signature) == SP_VERIFICATION_HOLDS;
}

static bool was_tried(const struct attempt *attempt, const struct sp_jwk *jwk)
{
    for (size_t i = 0; i < attempt->tried_count; i++)
        if (attempt->tried[i] == jwk)
            return true;
    return false;
}

static struct sp_str kid_in_words(struct sp_str kid)
{
    return kid.at != NULL ? sp_str_slice(kid, 0, 200) : SP_STR("(no kid)");
}

/* ---- the signature's own form ---- */

static bool is_der(struct attempt *attempt)
{
    struct sp_exam *exam = attempt->exam;
    const struct sp_algorithm_info *info = sp_algorithm_get(exam->algorithm);
    struct sp_str raw;
    if (info->family != SP_FAMILY_ECDSA || exam->signature.len < 8 || exam->signature.at[0] != 0x30 ||
        sp_ecdsa_from_der(exam->signature, info->signature_bytes, exam->arena, &raw) != SP_OK)
        return false;
    for (size_t i = 0; i < attempt->tried_count; i++)
        if (holds(attempt, attempt->tried[i]->key, exam->signed_text, raw)) {
            sp_exam_saw(exam, SP_CAUSE_SIGNATURE_DER_ENCODED, SP_CHECK_SIGNATURE,
                        sp_arena_printf(exam->arena, "%zu bytes", info->signature_bytes),
                        sp_arena_printf(exam->arena, "%zu bytes that begin with 0x30", exam->signature.len));
            return true;
        }
    return false;
}

static bool is_cut(struct attempt *attempt)
{
    struct sp_exam *exam = attempt->exam;
    size_t needed = attempt->tried_count > 0 ? sp_key_signature_bytes(attempt->tried[0]->key, exam->algorithm) : 0;
    if (exam->signature.len >= needed)
        return false;
    sp_form_tell_truncated(exam, SP_CHECK_FORM, "Its signature is shorter than the algorithm's.");
    return true;
}

/* ---- other keys ---- */

static bool is_of_other_key(struct attempt *attempt)
{
    struct sp_exam *exam = attempt->exam;
    const struct sp_jwk_set *keys = exam->issuer->known.keys;
    for (size_t i = 0; i < keys->count; i++) {
        const struct sp_jwk *jwk = &keys->keys[i];
        if (was_tried(attempt, jwk) || !sp_key_fits(jwk->key, exam->algorithm) ||
            !holds(attempt, jwk->key, exam->signed_text, exam->signature))
            continue;
        sp_exam_saw(exam, SP_CAUSE_SIGNATURE_OTHER_KEY, SP_CHECK_SIGNATURE, kid_in_words(exam->kid),
                    kid_in_words(jwk->kid));
        return true;
    }
    return false;
}

static bool is_of_other_issuer(struct attempt *attempt)
{
    struct sp_exam *exam = attempt->exam;
    for (size_t i = 0; i < exam->world->issuer_count; i++) {
        const struct sp_known_issuer *other = &exam->world->issuers[i];
        if (other == exam->issuer || other->known.keys == NULL)
            continue;
        for (size_t k = 0; k < other->known.keys->count; k++) {
            const struct sp_key *key = other->known.keys->keys[k].key;
            if (!sp_key_fits(key, exam->algorithm) || !holds(attempt, key, exam->signed_text, exam->signature))
                continue;
            sp_exam_saw(exam, SP_CAUSE_SIGNATURE_OTHER_ISSUER_KEY, SP_CHECK_SIGNATURE, exam->issuer->terms->issuer,
                        other->terms->issuer);
            return true;
        }
    }
    return false;
}

/* ---- other secrets ---- */

static bool is_of_other_encoding(struct attempt *attempt)
{
    struct sp_exam *exam = attempt->exam;
    const struct sp_jwk_set *encodings = exam->issuer->known.secret_encodings;
    const struct sp_jwk *found = NULL;
    if (sp_algorithm_get(exam->algorithm)->family != SP_FAMILY_HMAC)
        return false;
    for (size_t i = 0; encodings != NULL && i < encodings->count; i++) {
        if (!holds(attempt, encodings->keys[i].key, exam->signed_text, exam->signature))
            continue;
        /* Two decodings that are the same bytes prove nothing less. */
        found = &encodings->keys[i];
        break;
    }
    if (found == NULL)
        return false;
    sp_exam_saw(exam, SP_CAUSE_SIGNATURE_SECRET_ENCODING, SP_CHECK_SIGNATURE, SP_STR("the configured encoding"),
                kid_in_words(found->kid));
    return true;
}

static bool mac_is_of(const struct sp_exam *exam, struct sp_str secret)
{
    unsigned char mac[64];
    size_t len = sp_hmac(sp_algorithm_get(exam->algorithm)->hash, secret, exam->signed_text, mac);
    return len > 0 && exam->signature.len == len && memcmp(mac, exam->signature.at, len) == 0;
}

/* The forms in which a public key lies around: PEM with and without its last line end, DER, its numbers. */
static bool is_confused_with(struct sp_exam *exam, const struct sp_key *key, struct sp_str *how)
{
    static const struct {
        enum sp_public_form form;
        const char *words;
    } forms[] = {{SP_PUBLIC_PEM, "its PEM text"},
                 {SP_PUBLIC_DER, "its DER bytes"},
                 {SP_PUBLIC_RSA_PEM, "its PEM text (PKCS #1)"},
                 {SP_PUBLIC_RSA_DER, "its DER bytes (PKCS #1)"}};
    struct sp_str bytes;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (sp_key_export_public(key, forms[i].form, exam->arena, &bytes) == SP_OK) {
            *how = sp_str_from_cstr(forms[i].words);
            if (mac_is_of(exam, bytes) || mac_is_of(exam, sp_str_trim(bytes)))
                return true;
        }
    struct sp_key_parts parts;
    if (sp_key_export(key, false, exam->arena, &parts) == SP_OK) {
        struct sp_str text;
        *how = SP_STR("its public numbers");
        if (mac_is_of(exam, parts.n) || mac_is_of(exam, parts.x))
            return true;
        if (sp_base64url_encode(exam->arena, parts.n.at != NULL ? parts.n : parts.x, &text) == SP_OK &&
            mac_is_of(exam, text))
            return true;
    }
    return false;
}

bool sp_signature_is_key_confusion(struct sp_exam *exam, const struct sp_jwk_set *keys, struct sp_str *how)
{
    unsigned left = 8;
    for (size_t i = 0; keys != NULL && i < keys->count && left > 0; i++) {
        if (sp_key_type(keys->keys[i].key) == SP_KEY_TYPE_OCT)
            continue;
        left--;
        if (is_confused_with(exam, keys->keys[i].key, how))
            return true;
    }
    return false;
}

/* ---- Microsoft Graph ---- */

/* Entra signs Graph's tokens with the SHA-256 of the header's nonce in its place. */
static bool has_graph_nonce(struct attempt *attempt)
{
    struct sp_exam *exam = attempt->exam;
    const struct sp_json *nonce = sp_json_member(exam->header, SP_STR("nonce"));
    struct sp_str value = sp_json_string(nonce), source = exam->header->text, header;
    char hashed[43];
    unsigned char digest[32];
    if (value.len == 0)
        return false;
    size_t from = nonce->offset - exam->header->offset + 1;
    if (!sp_str_equal(sp_str_slice(source, from, from + value.len), value))
        return false; /* written with escapes */
    sp_sha256(value, digest);
    sp_base64url_encode_into(sp_str((const char *)digest, sizeof digest), hashed);
    struct sp_str before = sp_str_slice(source, 0, from), after = sp_str_slice(source, from + value.len, source.len);
    struct sp_str rebuilt =
        sp_arena_printf(exam->arena, "%.*s%.43s%.*s", SP_STR_ARG(before), hashed, SP_STR_ARG(after));
    if (rebuilt.at == NULL || sp_base64url_encode(exam->arena, rebuilt, &header) != SP_OK)
        return false;
    struct sp_str text = sp_arena_printf(exam->arena, "%.*s.%.*s", SP_STR_ARG(header), SP_STR_ARG(exam->segments[1]));
    for (size_t i = 0; text.at != NULL && i < attempt->tried_count; i++)
        if (holds(attempt, attempt->tried[i]->key, text, exam->signature)) {
            sp_exam_saw(exam, SP_CAUSE_SIGNATURE_GRAPH_NONCE, SP_CHECK_SIGNATURE, SP_STR("a token for this API"),
                        SP_STR("a token for Microsoft Graph"));
            return true;
        }
    return false;
}

/* ---- */

static void tell_invalid(struct sp_exam *exam, const struct attempt *attempt)
{
    if (exam->kid.at == NULL && attempt->tried_count > 1) {
        sp_exam_saw(exam, SP_CAUSE_KEYS_KID_MISSING_AMBIGUOUS, SP_CHECK_KEY, SP_STR("a kid in the header"),
                    sp_arena_printf(exam->arena, "%zu", attempt->tried_count));
        return;
    }
    struct sp_str kid = kid_in_words(attempt->tried[0]->kid);
    struct sp_finding *finding =
        sp_exam_saw(exam, SP_CAUSE_SIGNATURE_INVALID, SP_CHECK_SIGNATURE,
                    sp_arena_printf(exam->arena, "%.*s, kid %.*s", SP_STR_ARG(exam->alg), SP_STR_ARG(kid)),
                    SP_STR("a signature of something else"));
    size_t needed = sp_key_signature_bytes(attempt->tried[0]->key, exam->algorithm);
    if (exam->signature.len > needed)
        finding->detail =
            sp_arena_printf(exam->arena, "It has %zu bytes, the algorithm's has %zu.", exam->signature.len, needed);
}

void sp_signature_explain(struct sp_exam *exam, const struct sp_jwk *const *tried, size_t tried_count)
{
    static bool (*const explanations[])(struct attempt * attempt) = {
        is_der, is_cut, has_graph_nonce, is_of_other_encoding, is_of_other_key, is_of_other_issuer,
    };
    struct attempt attempt = {exam, tried, tried_count, exam->input.explain ? MAX_ATTEMPTS_OFFLINE : MAX_ATTEMPTS};
    struct sp_str how;
    exam->verdict.checks[SP_CHECK_SIGNATURE].outcome = SP_OUTCOME_FAIL;
    if (sp_algorithm_get(exam->algorithm)->family == SP_FAMILY_HMAC &&
        sp_signature_is_key_confusion(exam, exam->issuer->known.keys, &how)) {
        sp_exam_saw(exam, SP_CAUSE_ALGORITHM_KEY_CONFUSION, SP_CHECK_ALGORITHM, SP_STR("the shared secret"), exam->alg)
            ->detail = how;
        return;
    }
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        if (explanations[i](&attempt))
            return;
    tell_invalid(exam, &attempt);
}
