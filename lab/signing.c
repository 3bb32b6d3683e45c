/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/signing.h"

#include "core/jose/base64url.h"

/* Which key signs with which algorithm under which kid; without a row MAIN does, as RS256. NULL kid: none is written.
 */
struct signer {
    enum sp_cause fault;
    enum sp_lab_key key;
    enum sp_algorithm algorithm;
    const char *kid;
};

static const struct signer usual = {SP_CAUSE_NONE, SP_LAB_KEY_MAIN, SP_ALGORITHM_RS256, "lab-main"};

static const struct signer signers[] = {
    {SP_CAUSE_ALGORITHM_NOT_ALLOWED, SP_LAB_KEY_MAIN, SP_ALGORITHM_PS512, "lab-main"},
    {SP_CAUSE_ALGORITHM_KEY_TYPE_MISMATCH, SP_LAB_KEY_EC, SP_ALGORITHM_ES256, "lab-main"},
    {SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED, SP_LAB_KEY_EC, SP_ALGORITHM_ES256, "lab-ec"},
    {SP_CAUSE_SIGNATURE_INVALID, SP_LAB_KEY_GONE, SP_ALGORITHM_RS256, "lab-main"},
    {SP_CAUSE_SIGNATURE_OTHER_KEY, SP_LAB_KEY_SPARE, SP_ALGORITHM_RS256, "lab-main"},
    {SP_CAUSE_SIGNATURE_OTHER_ISSUER_KEY, SP_LAB_KEY_OTHER, SP_ALGORITHM_RS256, "lab-main"},
    {SP_CAUSE_SIGNATURE_DER_ENCODED, SP_LAB_KEY_EC, SP_ALGORITHM_ES256, "lab-ec"},
    {SP_CAUSE_KEYS_UNKNOWN_KID, SP_LAB_KEY_GONE, SP_ALGORITHM_RS256, "lab-gone"},
    {SP_CAUSE_KEYS_ROTATED, SP_LAB_KEY_NEXT, SP_ALGORITHM_RS256, "lab-next"},
    {SP_CAUSE_KEYS_OTHER_ISSUER, SP_LAB_KEY_OTHER, SP_ALGORITHM_RS256, "other-main"},
    {SP_CAUSE_ISSUER_OTHER_ENVIRONMENT, SP_LAB_KEY_OTHER, SP_ALGORITHM_RS256, "other-main"},
    {SP_CAUSE_KEYS_KID_MISSING_AMBIGUOUS, SP_LAB_KEY_GONE, SP_ALGORITHM_RS256, NULL},
    {SP_CAUSE_KEYS_WEAK, SP_LAB_KEY_WEAK, SP_ALGORITHM_RS256, "lab-weak"},
};

static const struct signer *signer_of(enum sp_cause fault)
{
    for (size_t i = 0; i < sizeof signers / sizeof signers[0]; i++)
        if (signers[i].fault == fault)
            return &signers[i];
    return &usual;
}

/* ---- compact serialisation by hand: of what nobody should make ---- */

static enum sp_status encode_front(struct sp_arena *arena, struct sp_str header, struct sp_str payload,
                                   struct sp_str *front)
{
    struct sp_str head, body;
    if (sp_base64url_encode(arena, header, &head) != SP_OK || sp_base64url_encode(arena, payload, &body) != SP_OK)
        return SP_NO_MEMORY;
    *front = sp_arena_printf(arena, "%.*s.%.*s", SP_STR_ARG(head), SP_STR_ARG(body));
    return front->at != NULL ? SP_OK : SP_NO_MEMORY;
}

static enum sp_status join(struct sp_arena *arena, struct sp_str front, struct sp_str signature, struct sp_str *compact)
{
    struct sp_str tail;
    if (sp_base64url_encode(arena, signature, &tail) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_str text = sp_arena_printf(arena, "%.*s.%.*s", SP_STR_ARG(front), SP_STR_ARG(tail));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    *compact = text;
    return SP_OK;
}

/* X.690 8.3: a number without needless zeros, and one zero where the first bit would be a sign. */
static void append_der_number(struct sp_buffer *out, struct sp_str number)
{
    while (number.len > 1 && number.at[0] == 0)
        number = sp_str_slice(number, 1, number.len);
    bool sign = ((unsigned char)number.at[0] & 0x80) != 0;
    sp_buffer_append_char(out, 0x02);
    sp_buffer_append_char(out, (char)(number.len + sign));
    if (sign)
        sp_buffer_append_char(out, 0);
    sp_buffer_append(out, number);
}

/* SEQUENCE { R, S }: what most cryptographic libraries give, and JOSE does not want (RFC 7518 3.4). */
static enum sp_status to_der(struct sp_arena *arena, struct sp_str raw, struct sp_str *der)
{
    struct sp_buffer numbers, out;
    sp_buffer_init(&numbers, arena, 256);
    sp_buffer_init(&out, arena, 256);
    append_der_number(&numbers, sp_str_slice(raw, 0, raw.len / 2));
    append_der_number(&numbers, sp_str_slice(raw, raw.len / 2, raw.len));
    sp_buffer_append_char(&out, 0x30);
    sp_buffer_append_char(&out, (char)numbers.len); /* P-256: below 128 */
    sp_buffer_append(&out, sp_buffer_str(&numbers));
    *der = sp_buffer_str(&out);
    return sp_buffer_status(&out) == SP_OK && sp_buffer_status(&numbers) == SP_OK ? SP_OK : SP_NO_MEMORY;
}

static enum sp_status sign_hmac(struct sp_arena *arena, struct sp_lab_object *header, struct sp_str payload,
                                struct sp_str secret, struct sp_str *compact)
{
    unsigned char mac[64];
    struct sp_str front;
    sp_lab_put_text(header, "alg", SP_STR("HS256"));
    enum sp_status status = encode_front(arena, sp_lab_object_text(header), payload, &front);
    if (status != SP_OK)
        return status;
    size_t len = sp_hmac(SP_HASH_SHA256, secret, front, mac);
    return len > 0 ? join(arena, front, sp_str((const char *)mac, len), compact) : SP_CRYPTO;
}

static enum sp_status sign_with_secret(struct sp_lab_signing *signing, struct sp_lab_object *header,
                                       struct sp_str payload, struct sp_str *compact)
{
    struct sp_arena *arena = header->arena;
    struct sp_str secret = signing->client_secret;
    const struct sp_key *main_key = sp_lab_key_get(signing->keys, SP_LAB_KEY_MAIN);
    enum sp_status status = SP_OK;
    if (signing->fault == SP_CAUSE_SIGNATURE_SECRET_ENCODING)
        status = sp_base64url_decode(arena, secret, &secret);
    else if (signing->fault == SP_CAUSE_ALGORITHM_KEY_CONFUSION) {
        sp_lab_put_text(header, "kid", SP_STR("lab-main"));
        status = sp_key_export_public(main_key, SP_PUBLIC_PEM, arena, &secret);
    }
    return status == SP_OK ? sign_hmac(arena, header, payload, secret, compact) : status;
}

static enum sp_status leave_unsigned(struct sp_lab_object *header, struct sp_str payload, struct sp_str *compact)
{
    struct sp_str front;
    sp_lab_put_text(header, "alg", SP_STR("none"));
    enum sp_status status = encode_front(header->arena, sp_lab_object_text(header), payload, &front);
    return status == SP_OK ? join(header->arena, front, SP_STR(""), compact) : status;
}

/* What Entra does for Graph: the header is sent with the nonce, and signed with its hash in its place. */
static enum sp_status sign_graph(const struct sp_key *key, struct sp_lab_object *header, struct sp_str payload,
                                 struct sp_str *compact)
{
    static const char nonce[] = "Z3JhcGgtbm9uY2Utb2YtdGhlLWxhYg";
    struct sp_arena *arena = header->arena;
    unsigned char digest[32];
    struct sp_str hashed, front, sent, signature;
    sp_sha256(SP_STR(nonce), digest);
    if (sp_base64url_encode(arena, sp_str((const char *)digest, sizeof digest), &hashed) != SP_OK)
        return SP_NO_MEMORY;
    sp_lab_put_text(header, "nonce", hashed);
    enum sp_status status = encode_front(arena, sp_lab_object_text(header), payload, &front);
    if (status == SP_OK)
        status = sp_key_sign(key, SP_ALGORITHM_RS256, front, arena, &signature);
    sp_lab_put_text(header, "nonce", SP_STR(nonce));
    if (status == SP_OK)
        status = encode_front(arena, sp_lab_object_text(header), payload, &sent);
    return status == SP_OK ? join(arena, sent, signature, compact) : status;
}

static enum sp_status sign_der(const struct sp_key *key, struct sp_lab_object *header, struct sp_str payload,
                               struct sp_str *compact)
{
    struct sp_str front, raw, der;
    enum sp_status status = encode_front(header->arena, sp_lab_object_text(header), payload, &front);
    if (status == SP_OK)
        status = sp_key_sign(key, SP_ALGORITHM_ES256, front, header->arena, &raw);
    if (status == SP_OK)
        status = to_der(header->arena, raw, &der);
    return status == SP_OK ? join(header->arena, front, der, compact) : status;
}

static enum sp_status sign_usually(const struct sp_key *key, enum sp_algorithm algorithm,
                                   const struct sp_lab_object *header, struct sp_str payload, struct sp_str *compact)
{
    struct sp_str front, signature;
    enum sp_status status = encode_front(header->arena, sp_lab_object_text(header), payload, &front);
    if (status == SP_OK)
        status = sp_key_sign(key, algorithm, front, header->arena, &signature);
    return status == SP_OK ? join(header->arena, front, signature, compact) : status;
}

enum sp_status sp_lab_sign(struct sp_lab_signing *signing, struct sp_lab_object *header, struct sp_str payload,
                           struct sp_str *compact)
{
    const struct signer *signer = signer_of(signing->fault);
    const struct sp_key *key = sp_lab_key_get(signing->keys, signer->key);
    if (key == NULL)
        return SP_CRYPTO;
    signing->committed = signing->committed || signer != &usual;
    sp_lab_put_text(header, "alg", sp_algorithm_get(signer->algorithm)->name);
    sp_lab_put_text(header, "kid", sp_str_from_cstr(signer->kid));
    switch (signing->fault) {
    case SP_CAUSE_ALGORITHM_NONE:
        signing->committed = true;
        return leave_unsigned(header, payload, compact);
    case SP_CAUSE_ALGORITHM_SYMMETRIC:
    case SP_CAUSE_ALGORITHM_KEY_CONFUSION:
    case SP_CAUSE_SIGNATURE_SECRET_ENCODING:
        signing->committed = true;
        sp_lab_drop(header, "kid");
        return sign_with_secret(signing, header, payload, compact);
    case SP_CAUSE_SIGNATURE_GRAPH_NONCE:
        signing->committed = true;
        return sign_graph(key, header, payload, compact);
    case SP_CAUSE_SIGNATURE_DER_ENCODED:
        return sign_der(key, header, payload, compact);
    case SP_CAUSE_KEYS_RETIRED_EARLY:
    case SP_CAUSE_KEYS_REPLACED:
        signing->committed = true;
        return sign_usually(key, signer->algorithm, header, payload, compact);
    default:
        return sign_usually(key, signer->algorithm, header, payload, compact);
    }
}
