/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in and out: JWK numbers, PEM, certificates. OpenSSL's parameters want numbers as they are on this machine, hence
 * the BIGNUMs. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "core/jose/crypto_key.h"

/* ---- curves ---- */

static const struct {
    enum sp_curve curve;
    const char *group; /* OpenSSL's name; also the key type's for OKP */
    size_t bytes;      /* of a coordinate, or of an OKP key */
} curves[] = {
    {SP_CURVE_P256, "prime256v1", 32},     {SP_CURVE_P384, "secp384r1", 48},  {SP_CURVE_P521, "secp521r1", 66},
    {SP_CURVE_SECP256K1, "secp256k1", 32}, {SP_CURVE_ED25519, "ED25519", 32}, {SP_CURVE_ED448, "ED448", 57},
};
#define CURVE_COUNT (sizeof curves / sizeof curves[0])

static size_t curve_row(enum sp_curve curve)
{
    size_t i = 0;
    while (i < CURVE_COUNT && curves[i].curve != curve)
        i++;
    return i;
}

/* Type and curve of an EVP_PKEY; SP_UNSUPPORTED for others. */
static enum sp_status adopt(EVP_PKEY *pkey, bool is_private, struct sp_key **out)
{
    char group[64];
    size_t len = 0;
    enum sp_key_type type = SP_KEY_TYPE_NONE;
    enum sp_curve curve = SP_CURVE_NONE;
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        type = SP_KEY_TYPE_RSA;
    } else if (EVP_PKEY_is_a(pkey, "EC")) {
        type = SP_KEY_TYPE_EC;
        if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) != 1)
            return SP_UNSUPPORTED;
        for (size_t i = 0; i < 4; i++)
            if (strcmp(curves[i].group, group) == 0)
                curve = curves[i].curve;
    } else if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448")) {
        type = SP_KEY_TYPE_OKP;
        curve = EVP_PKEY_is_a(pkey, "ED448") ? SP_CURVE_ED448 : SP_CURVE_ED25519;
    }
    if (type == SP_KEY_TYPE_NONE || (type != SP_KEY_TYPE_RSA && curve == SP_CURVE_NONE))
        return SP_UNSUPPORTED;
    struct sp_key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return SP_NO_MEMORY;
    *key = (struct sp_key){.type = type, .curve = curve, .is_private = is_private, .pkey = pkey};
    key->is_ed25519 = curve == SP_CURVE_ED25519 && sp_ed25519_adopt(pkey, key->ed25519);
    *out = key;
    return SP_OK;
}

/* ---- numbers in ---- */

struct numbers {
    OSSL_PARAM_BLD *builder;
    BIGNUM *at[8]; /* the builder borrows them */
    size_t count;
    bool failed;
};

static void push(struct numbers *numbers, const char *name, struct sp_str value)
{
    if (value.at == NULL || numbers->failed)
        return;
    BIGNUM *number = value.len <= 4096 ? BN_secure_new() : NULL;
    if (number == NULL || BN_bin2bn((const unsigned char *)value.at, (int)value.len, number) == NULL ||
        OSSL_PARAM_BLD_push_BN(numbers->builder, name, number) != 1) {
        BN_clear_free(number);
        numbers->failed = true;
        return;
    }
    numbers->at[numbers->count++] = number;
}

static enum sp_status build(const char *type, struct numbers *numbers, bool is_private, EVP_PKEY **pkey)
{
    enum sp_status status = SP_MALFORMED;
    OSSL_PARAM *params = numbers->failed ? NULL : OSSL_PARAM_BLD_to_param(numbers->builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL) {
        status = SP_CRYPTO;
        goto done;
    }
    if (EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, pkey, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1)
        status = SP_OK;
done:
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return status;
}

static void numbers_fini(struct numbers *numbers)
{
    OSSL_PARAM_BLD_free(numbers->builder);
    for (size_t i = 0; i < numbers->count; i++)
        BN_clear_free(numbers->at[i]);
}

static enum sp_status import_rsa(const struct sp_key_parts *parts, EVP_PKEY **pkey)
{
    struct numbers numbers = {.builder = OSSL_PARAM_BLD_new()};
    if (numbers.builder == NULL)
        return SP_NO_MEMORY;
    push(&numbers, OSSL_PKEY_PARAM_RSA_N, parts->n);
    push(&numbers, OSSL_PKEY_PARAM_RSA_E, parts->e);
    push(&numbers, OSSL_PKEY_PARAM_RSA_D, parts->d);
    if (parts->p.at != NULL && parts->q.at != NULL && parts->dp.at != NULL && parts->dq.at != NULL &&
        parts->qi.at != NULL) {
        push(&numbers, OSSL_PKEY_PARAM_RSA_FACTOR1, parts->p);
        push(&numbers, OSSL_PKEY_PARAM_RSA_FACTOR2, parts->q);
        push(&numbers, OSSL_PKEY_PARAM_RSA_EXPONENT1, parts->dp);
        push(&numbers, OSSL_PKEY_PARAM_RSA_EXPONENT2, parts->dq);
        push(&numbers, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, parts->qi);
    }
    enum sp_status status = build("RSA", &numbers, parts->d.at != NULL, pkey);
    numbers_fini(&numbers);
    return status;
}

static enum sp_status import_ec(const struct sp_key_parts *parts, EVP_PKEY **pkey)
{
    size_t row = curve_row(parts->curve);
    unsigned char point[1 + 2 * 66];
    if (row >= 4 || parts->x.len != curves[row].bytes || parts->y.len != curves[row].bytes)
        return SP_MALFORMED;
    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, parts->x.at, parts->x.len);
    memcpy(point + 1 + parts->x.len, parts->y.at, parts->y.len);
    struct numbers numbers = {.builder = OSSL_PARAM_BLD_new()};
    if (numbers.builder == NULL)
        return SP_NO_MEMORY;
    if (OSSL_PARAM_BLD_push_utf8_string(numbers.builder, OSSL_PKEY_PARAM_GROUP_NAME, curves[row].group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(numbers.builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curves[row].bytes) !=
            1)
        numbers.failed = true;
    push(&numbers, OSSL_PKEY_PARAM_PRIV_KEY, parts->d);
    enum sp_status status = build("EC", &numbers, parts->d.at != NULL, pkey);
    numbers_fini(&numbers);
    if (status != SP_OK)
        return status;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, *pkey, NULL);
    /* The quick check is enough: the groups have cofactor 1, so a point on the curve is of the group's order. The whole
     * one multiplies by the order to see that, at the price of a verification, which every DPoP proof would pay. */
    bool good = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1 &&
                (parts->d.at == NULL || EVP_PKEY_pairwise_check(ctx) == 1);
    EVP_PKEY_CTX_free(ctx);
    return good ? SP_OK : SP_MALFORMED;
}

static enum sp_status import_okp(const struct sp_key_parts *parts, EVP_PKEY **pkey)
{
    size_t row = curve_row(parts->curve), len = 57;
    unsigned char x[57];
    bool has_private = parts->d.at != NULL;
    if (row < 4 || row >= CURVE_COUNT || parts->x.len != curves[row].bytes ||
        (has_private && parts->d.len != curves[row].bytes))
        return SP_MALFORMED;
    if (!has_private) {
        *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, curves[row].group, NULL, (const unsigned char *)parts->x.at,
                                               parts->x.len);
        return *pkey != NULL ? SP_OK : SP_MALFORMED;
    }
    *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, curves[row].group, NULL, (const unsigned char *)parts->d.at,
                                            parts->d.len);
    /* Made of d alone: what is published as x must be its point. */
    bool matches = *pkey != NULL && EVP_PKEY_get_raw_public_key(*pkey, x, &len) == 1 && len == parts->x.len &&
                   memcmp(x, parts->x.at, len) == 0;
    return matches ? SP_OK : SP_MALFORMED;
}

static enum sp_status import_oct(const struct sp_key_parts *parts, struct sp_key **out)
{
    struct sp_key *key = calloc(1, sizeof *key);
    struct sp_secret *secret = key != NULL ? sp_secret_create(parts->k) : NULL;
    if (secret == NULL) {
        free(key);
        return SP_NO_MEMORY;
    }
    *key = (struct sp_key){.type = SP_KEY_TYPE_OCT, .is_private = true, .secret = secret};
    *out = key;
    return SP_OK;
}

enum sp_status sp_key_import(const struct sp_key_parts *parts, struct sp_key **out)
{
    EVP_PKEY *pkey = NULL;
    enum sp_status status = SP_UNSUPPORTED;
    if (parts->type == SP_KEY_TYPE_OCT)
        return import_oct(parts, out);
    if (parts->type == SP_KEY_TYPE_RSA)
        status = import_rsa(parts, &pkey);
    else if (parts->type == SP_KEY_TYPE_EC)
        status = import_ec(parts, &pkey);
    else if (parts->type == SP_KEY_TYPE_OKP)
        status = import_okp(parts, &pkey);
    if (status == SP_OK)
        status = adopt(pkey, parts->d.at != NULL, out);
    if (status != SP_OK)
        EVP_PKEY_free(pkey);
    ERR_clear_error();
    return status;
}

/* ---- PEM and certificates ---- */

enum sp_status sp_key_import_certificate(struct sp_str der, struct sp_key **out, unsigned char *der_sha256)
{
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *certificate = der.len <= 1024 * 1024 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    EVP_PKEY *pkey =
        certificate != NULL && at == (const unsigned char *)der.at + der.len ? X509_get_pubkey(certificate) : NULL;
    enum sp_status status = pkey != NULL ? adopt(pkey, false, out) : SP_MALFORMED;
    if (status != SP_OK)
        EVP_PKEY_free(pkey);
    else if (der_sha256 != NULL)
        sp_sha256(der, der_sha256);
    X509_free(certificate);
    ERR_clear_error();
    return status;
}

static EVP_PKEY *read_pem_certificate(BIO *bio)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *pkey = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return pkey;
}

/* No password is ever asked for on a terminal. */
static int no_password(char *buffer, int size, int writing, void *user)
{
    (void)buffer, (void)size, (void)writing, (void)user;
    return -1;
}

enum sp_status sp_key_import_pem(struct sp_str pem, struct sp_key **out)
{
    BIO *bio = pem.len <= 1024 * 1024 ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    if (bio == NULL)
        return SP_NO_MEMORY;
    EVP_PKEY *pkey = NULL;
    bool is_private = false;
    if (sp_str_contains(pem, SP_STR("PRIVATE KEY-----"))) {
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
        is_private = true;
    } else if (sp_str_contains(pem, SP_STR("CERTIFICATE-----"))) {
        pkey = read_pem_certificate(bio);
    } else {
        pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    }
    enum sp_status status = pkey != NULL ? adopt(pkey, is_private, out) : SP_MALFORMED;
    if (status != SP_OK)
        EVP_PKEY_free(pkey);
    BIO_free(bio);
    ERR_clear_error();
    return status;
}

/* ---- numbers out ---- */

static enum sp_status export_number(const EVP_PKEY *pkey, const char *name, size_t bytes, struct sp_arena *arena,
                                    struct sp_str *out)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1)
        return SP_NOT_FOUND;
    size_t len = bytes != 0 ? bytes : (size_t)BN_num_bytes(number);
    unsigned char *at = sp_arena_alloc(arena, len + 1);
    enum sp_status status = SP_NO_MEMORY;
    if (at != NULL) {
        status = BN_bn2binpad(number, at, (int)len) >= 0 ? SP_OK : SP_CRYPTO;
        *out = sp_str((const char *)at, len);
    }
    BN_clear_free(number);
    return status;
}

static enum sp_status export_rsa(const struct sp_key *key, bool with_private, struct sp_arena *arena,
                                 struct sp_key_parts *parts)
{
    const struct {
        const char *name;
        struct sp_str *out;
        bool is_private;
    } rows[] = {
        {OSSL_PKEY_PARAM_RSA_N, &parts->n, false},         {OSSL_PKEY_PARAM_RSA_E, &parts->e, false},
        {OSSL_PKEY_PARAM_RSA_D, &parts->d, true},          {OSSL_PKEY_PARAM_RSA_FACTOR1, &parts->p, true},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, &parts->q, true},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, &parts->dp, true},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, &parts->dq, true}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &parts->qi, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].is_private && !with_private)
            continue;
        enum sp_status status = export_number(key->pkey, rows[i].name, 0, arena, rows[i].out);
        if (status != SP_OK && status != SP_NOT_FOUND)
            return status;
    }
    return parts->n.at != NULL && parts->e.at != NULL ? SP_OK : SP_CRYPTO;
}

static enum sp_status export_ec(const struct sp_key *key, bool with_private, struct sp_arena *arena,
                                struct sp_key_parts *parts)
{
    size_t bytes = curves[curve_row(key->curve)].bytes;
    enum sp_status status = export_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, bytes, arena, &parts->x);
    if (status == SP_OK)
        status = export_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, bytes, arena, &parts->y);
    if (status == SP_OK && with_private)
        status = export_number(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, bytes, arena, &parts->d);
    return status;
}

static enum sp_status export_okp(const struct sp_key *key, bool with_private, struct sp_arena *arena,
                                 struct sp_key_parts *parts)
{
    size_t len = curves[curve_row(key->curve)].bytes;
    unsigned char *x = sp_arena_alloc(arena, len), *d = with_private ? sp_arena_alloc(arena, len) : NULL;
    if (x == NULL || (with_private && d == NULL))
        return SP_NO_MEMORY;
    if (EVP_PKEY_get_raw_public_key(key->pkey, x, &len) != 1)
        return SP_CRYPTO;
    parts->x = sp_str((const char *)x, len);
    if (with_private && EVP_PKEY_get_raw_private_key(key->pkey, d, &len) != 1)
        return SP_CRYPTO;
    if (with_private)
        parts->d = sp_str((const char *)d, len);
    return SP_OK;
}

enum sp_status sp_key_export(const struct sp_key *key, bool with_private, struct sp_arena *arena,
                             struct sp_key_parts *out)
{
    struct sp_key_parts parts = {.type = key->type, .curve = key->curve};
    enum sp_status status = SP_UNSUPPORTED;
    if (with_private && !key->is_private)
        return SP_UNSUPPORTED;
    if (key->type == SP_KEY_TYPE_RSA)
        status = export_rsa(key, with_private, arena, &parts);
    else if (key->type == SP_KEY_TYPE_EC)
        status = export_ec(key, with_private, arena, &parts);
    else if (key->type == SP_KEY_TYPE_OKP)
        status = export_okp(key, with_private, arena, &parts);
    else if (key->type == SP_KEY_TYPE_OCT && with_private)
        status = sp_arena_copy(arena, sp_secret_bytes(key->secret), &parts.k);
    ERR_clear_error();
    if (status == SP_OK)
        *out = parts;
    return status;
}

static enum sp_status take_bio(BIO *bio, struct sp_arena *arena, struct sp_str *out)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);
    return len > 0 ? sp_arena_copy(arena, sp_str(at, (size_t)len), out) : SP_CRYPTO;
}

/* PKCS #1 is what SubjectPublicKeyInfo wraps. 1 when written, as OpenSSL says it. */
static int write_pkcs1(BIO *bio, const struct sp_key *key, bool as_pem)
{
    X509_PUBKEY *wrapped = NULL;
    const unsigned char *bytes;
    int len = 0, written = 0;
    if (X509_PUBKEY_set(&wrapped, key->pkey) == 1 && X509_PUBKEY_get0_param(NULL, &bytes, &len, NULL, wrapped) == 1)
        written = as_pem ? PEM_write_bio(bio, "RSA PUBLIC KEY", "", bytes, len) > 0 : BIO_write(bio, bytes, len) == len;
    X509_PUBKEY_free(wrapped);
    return written;
}

static int write_public(BIO *bio, const struct sp_key *key, enum sp_public_form form)
{
    switch (form) {
    case SP_PUBLIC_PEM:
        return PEM_write_bio_PUBKEY(bio, key->pkey);
    case SP_PUBLIC_DER:
        return i2d_PUBKEY_bio(bio, key->pkey);
    case SP_PUBLIC_RSA_PEM:
    case SP_PUBLIC_RSA_DER:
        return write_pkcs1(bio, key, form == SP_PUBLIC_RSA_PEM);
    }
    return 0;
}

enum sp_status sp_key_export_public(const struct sp_key *key, enum sp_public_form form, struct sp_arena *arena,
                                    struct sp_str *out)
{
    bool wants_rsa = form == SP_PUBLIC_RSA_PEM || form == SP_PUBLIC_RSA_DER;
    if (key->pkey == NULL || (wants_rsa && sp_key_type(key) != SP_KEY_TYPE_RSA))
        return SP_UNSUPPORTED;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = write_public(bio, key, form) == 1 ? take_bio(bio, arena, out) : SP_CRYPTO;
    BIO_free(bio);
    ERR_clear_error();
    return status;
}

enum sp_status sp_key_export_private_pem(const struct sp_key *key, struct sp_arena *arena, struct sp_str *pem)
{
    if (key->pkey == NULL || !key->is_private)
        return SP_UNSUPPORTED;
    BIO *bio = BIO_new(BIO_s_secmem());
    if (bio == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1
                                ? take_bio(bio, arena, pem)
                                : SP_CRYPTO;
    BIO_free(bio);
    ERR_clear_error();
    return status;
}

/* ---- new ones ---- */

static enum sp_status generate_oct(unsigned bytes, struct sp_key **key)
{
    unsigned char secret[256];
    if (bytes == 0 || bytes > sizeof secret)
        return SP_UNSUPPORTED;
    enum sp_status status = sp_random(secret, bytes);
    if (status == SP_OK)
        status = import_oct(&(struct sp_key_parts){.k = {(const char *)secret, bytes}}, key);
    sp_wipe(secret, sizeof secret);
    return status;
}

enum sp_status sp_key_generate(enum sp_key_type type, enum sp_curve curve, unsigned size, struct sp_key **key)
{
    size_t row = curve_row(curve);
    EVP_PKEY *pkey = NULL;
    if (type == SP_KEY_TYPE_OCT)
        return generate_oct(size, key);
    if (type == SP_KEY_TYPE_RSA && size >= 2048 && size <= 8192)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)size);
    else if (type == SP_KEY_TYPE_EC && row < 4)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[row].group);
    else if (type == SP_KEY_TYPE_OKP && row >= 4 && row < CURVE_COUNT)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, curves[row].group);
    else
        return SP_UNSUPPORTED;
    enum sp_status status = pkey != NULL ? adopt(pkey, true, key) : SP_CRYPTO;
    if (status != SP_OK)
        EVP_PKEY_free(pkey);
    ERR_clear_error();
    return status;
}
