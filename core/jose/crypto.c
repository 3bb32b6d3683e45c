/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures on OpenSSL's EVP (Ed25519 is verified by crypto_ed25519.c); imports and exports are in
 * crypto_format.c, which shares crypto_key.h. A verifying context is kept with each key for the algorithm last used,
 * because setting one up costs a tenth of an RSA verification. */
#include "core/jose/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "core/base/secret.h"
#include "core/jose/crypto_key.h"

void sp_crypto_start_lean(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                                  OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_ATEXIT,
                              NULL);
}

static const EVP_MD *digest_of(enum sp_hash hash)
{
    switch (hash) {
    case SP_HASH_SHA256:
        return EVP_sha256();
    case SP_HASH_SHA384:
        return EVP_sha384();
    case SP_HASH_SHA512:
        return EVP_sha512();
    case SP_HASH_NONE:
    case SP_HASH_SHA1: /* signs nothing */
        break;
    }
    return NULL;
}

/* ---- keys ---- */

void sp_key_destroy(struct sp_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_CTX_free((*key)->verifier);
    EVP_MD_CTX_free((*key)->whole_verifier);
    EVP_MD_CTX_free((*key)->whole_signer);
    EVP_PKEY_CTX_free((*key)->signer);
    EVP_MAC_CTX_free((*key)->mac);
    EVP_PKEY_free((*key)->pkey);
    sp_secret_destroy(&(*key)->secret);
    free(*key);
    *key = NULL;
}

enum sp_key_type sp_key_type(const struct sp_key *key)
{
    return key->type;
}

enum sp_curve sp_key_curve(const struct sp_key *key)
{
    return key->curve;
}

unsigned sp_key_bits(const struct sp_key *key)
{
    if (key->type == SP_KEY_TYPE_OCT)
        return (unsigned)sp_secret_bytes(key->secret).len * 8;
    int bits = EVP_PKEY_get_bits(key->pkey);
    return bits > 0 ? (unsigned)bits : 0;
}

bool sp_key_is_private(const struct sp_key *key)
{
    return key->is_private;
}

bool sp_key_fits(const struct sp_key *key, enum sp_algorithm algorithm)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    return info->key_type != SP_KEY_TYPE_NONE && info->key_type == key->type &&
           (info->curve == SP_CURVE_NONE || info->curve == key->curve);
}

size_t sp_key_signature_bytes(const struct sp_key *key, enum sp_algorithm algorithm)
{
    if (!sp_key_fits(key, algorithm))
        return 0;
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    if (info->signature_bytes != 0)
        return info->signature_bytes;
    if (key->type == SP_KEY_TYPE_RSA)
        return (sp_key_bits(key) + 7) / 8;
    return key->curve == SP_CURVE_ED448 ? 114 : 64;
}

/* ---- verifying ---- */

static bool set_up(EVP_PKEY_CTX *ctx, const struct sp_algorithm_info *info)
{
    if (EVP_PKEY_CTX_set_signature_md(ctx, digest_of(info->hash)) != 1)
        return false;
    if (info->family == SP_FAMILY_RSA_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    if (info->family == SP_FAMILY_RSA_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest_of(info->hash)) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    return true;
}

/* The contexts kept with a key are no part of its value. */
static struct sp_key *cache_of(const struct sp_key *key)
{
    return (struct sp_key *)(uintptr_t)key;
}

/* The kept context for this algorithm, or NULL. */
static EVP_PKEY_CTX *verifier_of(const struct sp_key *key, enum sp_algorithm algorithm)
{
    struct sp_key *cached = cache_of(key);
    if (cached->verifier != NULL && cached->verifier_algorithm == algorithm)
        return cached->verifier;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 || !set_up(ctx, sp_algorithm_get(algorithm))) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    EVP_PKEY_CTX_free(cached->verifier);
    cached->verifier = ctx;
    cached->verifier_algorithm = algorithm;
    return ctx;
}

/* R‖S to the DER that OpenSSL reads; 0 when it cannot be one. Room for two numbers of 66 bytes. */
static size_t ecdsa_to_der(struct sp_str raw, unsigned char der[160])
{
    size_t half = raw.len / 2, at = 0;
    unsigned char body[150];
    for (size_t part = 0; part < 2; part++) {
        const unsigned char *number = (const unsigned char *)raw.at + part * half;
        size_t len = half;
        while (len > 1 && *number == 0) {
            number++;
            len--;
        }
        bool pad = (*number & 0x80) != 0;
        body[at++] = 0x02;
        body[at++] = (unsigned char)(len + pad);
        if (pad)
            body[at++] = 0;
        memcpy(body + at, number, len);
        at += len;
    }
    size_t head = 0;
    der[head++] = 0x30;
    if (at > 127)
        der[head++] = 0x81;
    der[head++] = (unsigned char)at;
    memcpy(der + head, body, at);
    return head + at;
}

/* As sp_hmac. Half of a short text's HMAC is the key's alone, so its context is kept. */
static size_t mac_by(const struct sp_key *key, enum sp_hash hash, struct sp_str text, unsigned char mac[64])
{
    struct sp_key *cached = cache_of(key);
    if (cached->mac_hash != hash) {
        EVP_MAC_CTX_free(cached->mac);
        cached->mac = NULL;
        cached->mac_hash = hash;
    }
    return sp_hmac_by_kept(&cached->mac, hash, sp_secret_bytes(key->secret), text, mac);
}

static enum sp_verification verify_hmac(const struct sp_key *key, enum sp_hash hash, struct sp_str text,
                                        struct sp_str signature)
{
    unsigned char mac[64];
    size_t len = mac_by(key, hash, text, mac);
    bool holds = len > 0 && signature.len == len && CRYPTO_memcmp(mac, signature.at, len) == 0;
    sp_wipe(mac, sizeof mac);
    return holds ? SP_VERIFICATION_HOLDS : SP_VERIFICATION_FAILED;
}

typedef int whole_init(EVP_MD_CTX *ctx, EVP_PKEY_CTX **, const EVP_MD *, ENGINE *, EVP_PKEY *key);

/* An EdDSA key's kept context, ready for one text, or NULL. Setting one up looks its algorithm up by name, several µs;
 * a kept one is only begun again. */
static EVP_MD_CTX *begin_whole(EVP_MD_CTX **kept, whole_init *init, EVP_PKEY *key)
{
    if (*kept != NULL && init(*kept, NULL, NULL, NULL, NULL) == 1)
        return *kept;
    EVP_MD_CTX_free(*kept);
    *kept = EVP_MD_CTX_new();
    if (*kept == NULL || init(*kept, NULL, NULL, NULL, key) != 1) {
        EVP_MD_CTX_free(*kept);
        *kept = NULL;
    }
    return *kept;
}

static enum sp_verification verify_eddsa(const struct sp_key *key, struct sp_str text, struct sp_str signature)
{
    if (key->is_ed25519)
        return sp_ed25519_verifies(key->ed25519, text, signature) ? SP_VERIFICATION_HOLDS : SP_VERIFICATION_FAILED;
    EVP_MD_CTX *ctx = begin_whole(&cache_of(key)->whole_verifier, EVP_DigestVerifyInit, key->pkey);
    bool holds = ctx != NULL && EVP_DigestVerify(ctx, (const unsigned char *)signature.at, signature.len,
                                                 (const unsigned char *)text.at, text.len) == 1;
    return holds ? SP_VERIFICATION_HOLDS : SP_VERIFICATION_FAILED;
}

static enum sp_verification verify_digest(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_str text,
                                          struct sp_str signature)
{
    unsigned char digest[64], der[160];
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    EVP_PKEY_CTX *ctx = verifier_of(key, algorithm);
    if (ctx == NULL)
        return SP_VERIFICATION_FAILED;
    size_t len = sp_hash_bytes(info->hash, text, digest);
    const unsigned char *at = (const unsigned char *)signature.at;
    size_t signature_len = signature.len;
    if (info->family == SP_FAMILY_ECDSA) {
        signature_len = ecdsa_to_der(signature, der);
        at = der;
    }
    return EVP_PKEY_verify(ctx, at, signature_len, digest, len) == 1 ? SP_VERIFICATION_HOLDS : SP_VERIFICATION_FAILED;
}

enum sp_verification sp_key_verify(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_str text,
                                   struct sp_str signature)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    enum sp_verification verification;
    if (!sp_key_fits(key, algorithm))
        return SP_VERIFICATION_UNFIT;
    if (signature.len != sp_key_signature_bytes(key, algorithm))
        return SP_VERIFICATION_FAILED;
    if (info->family == SP_FAMILY_HMAC)
        return verify_hmac(key, info->hash, text, signature);
    if (info->family == SP_FAMILY_EDDSA)
        verification = verify_eddsa(key, text, signature);
    else
        verification = verify_digest(key, algorithm, text, signature);
    if (verification != SP_VERIFICATION_HOLDS)
        ERR_clear_error();
    return verification;
}

/* One INTEGER of DER, not negative, as `half` bytes at out; what stands behind it becomes *rest. */
static bool take_integer(struct sp_str *rest, unsigned char *out, size_t half)
{
    const unsigned char *at = (const unsigned char *)rest->at;
    if (rest->len < 3 || at[0] != 0x02 || at[1] == 0 || at[1] > 127 || at[1] > rest->len - 2 || (at[2] & 0x80) != 0)
        return false;
    size_t len = at[1];
    *rest = sp_str_slice(*rest, 2 + len, rest->len);
    at += 2;
    /* The zero in front of a high bit, and no other (X.690 8.3.2). */
    if (len > 1 && at[0] == 0) {
        if ((at[1] & 0x80) == 0)
            return false;
        at++;
        len--;
    }
    if (len > half)
        return false;
    memset(out, 0, half - len);
    memcpy(out + half - len, at, len);
    return true;
}

enum sp_status sp_ecdsa_from_der(struct sp_str der, size_t signature_bytes, struct sp_arena *arena, struct sp_str *raw)
{
    const unsigned char *at = (const unsigned char *)der.at;
    size_t half = signature_bytes / 2;
    unsigned char made[132];
    if (der.len < 2 || der.len > 160 || half == 0 || signature_bytes > sizeof made || at[0] != 0x30)
        return SP_MALFORMED;
    /* Lengths from 128 on take a byte that says how many follow. */
    bool is_long = at[1] == 0x81;
    size_t head = is_long ? 3 : 2, len = is_long && der.len > 2 ? at[2] : at[1];
    if (head + len != der.len || (len > 127) != is_long)
        return SP_MALFORMED;
    struct sp_str rest = sp_str_slice(der, head, der.len);
    if (!take_integer(&rest, made, half) || !take_integer(&rest, made + half, half) || rest.len != 0)
        return SP_MALFORMED;
    return sp_arena_copy(arena, sp_str((const char *)made, signature_bytes), raw);
}

/* ---- signing ---- */

static enum sp_status sign_hmac(const struct sp_key *key, enum sp_hash hash, struct sp_str text, struct sp_arena *arena,
                                struct sp_str *out)
{
    unsigned char mac[64];
    size_t len = mac_by(key, hash, text, mac);
    enum sp_status status = len > 0 ? sp_arena_copy(arena, sp_str((const char *)mac, len), out) : SP_CRYPTO;
    sp_wipe(mac, sizeof mac);
    return status;
}

/* Ready to sign digests: setting it up costs a third of an ECDSA signature. */
static EVP_PKEY_CTX *signer_of(const struct sp_key *key, enum sp_algorithm algorithm)
{
    struct sp_key *cached = cache_of(key);
    if (cached->signer != NULL && cached->signer_algorithm == algorithm)
        return cached->signer;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 || !set_up(ctx, sp_algorithm_get(algorithm))) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    EVP_PKEY_CTX_free(cached->signer);
    cached->signer = ctx;
    cached->signer_algorithm = algorithm;
    return ctx;
}

static bool sign_digest(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_str text, unsigned char *made,
                        size_t *len)
{
    unsigned char digest[64];
    EVP_PKEY_CTX *ctx = signer_of(key, algorithm);
    if (ctx == NULL)
        return false;
    size_t digest_len = sp_hash_bytes(sp_algorithm_get(algorithm)->hash, text, digest);
    return EVP_PKEY_sign(ctx, made, len, digest, digest_len) == 1;
}

/* EdDSA hashes by itself, with the key. */
static bool sign_eddsa(const struct sp_key *key, struct sp_str text, unsigned char *made, size_t *len)
{
    EVP_MD_CTX *ctx = begin_whole(&cache_of(key)->whole_signer, EVP_DigestSignInit, key->pkey);
    return ctx != NULL && EVP_DigestSign(ctx, made, len, (const unsigned char *)text.at, text.len) == 1;
}

enum sp_status sp_key_sign(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_str text,
                           struct sp_arena *arena, struct sp_str *signature)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    unsigned char made[SP_MAX_SIGNATURE_BYTES];
    size_t len = sizeof made;
    if (!sp_key_fits(key, algorithm) || !key->is_private)
        return SP_UNSUPPORTED;
    if (info->family == SP_FAMILY_HMAC)
        return sign_hmac(key, info->hash, text, arena, signature);
    bool done = info->family == SP_FAMILY_EDDSA ? sign_eddsa(key, text, made, &len)
                                                : sign_digest(key, algorithm, text, made, &len);
    struct sp_str bytes = sp_str((const char *)made, len);
    if (done && info->family == SP_FAMILY_ECDSA)
        return sp_ecdsa_from_der(bytes, info->signature_bytes, arena, signature);
    if (!done)
        ERR_clear_error();
    return done ? sp_arena_copy(arena, bytes, signature) : SP_CRYPTO;
}
