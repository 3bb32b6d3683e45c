/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that must not verify, in the manner of Project Wycheproof: zero, the group's order, other lengths, other
 * encodings. Written as what to make of a good signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

static const struct sp_str text = {"what is signed", 14};

static struct sp_key *generate(enum sp_algorithm algorithm)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    struct sp_key *key = NULL;
    assert_int_equal(sp_key_generate(info->key_type, info->curve, info->key_type == SP_KEY_TYPE_RSA ? 2048 : 64, &key),
                     SP_OK);
    return key;
}

/* The order of each group (SEC 2). */
static const struct {
    enum sp_algorithm algorithm;
    unsigned char order[66];
} groups[] = {
    {SP_ALGORITHM_ES256,
     {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51}},
    {SP_ALGORITHM_ES256K,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
      0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41}},
    {SP_ALGORITHM_ES384,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
      0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73}},
    {SP_ALGORITHM_ES512,
     {0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa,
      0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b,
      0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09}},
};

enum part { GOOD, ZERO, ONE, ORDER, ALL_ONES };

static void set_half(unsigned char *half, size_t len, enum part part, const unsigned char *order)
{
    if (part == ZERO || part == ONE)
        memset(half, 0, len);
    if (part == ONE)
        half[len - 1] = 1;
    if (part == ORDER)
        memcpy(half, order, len);
    if (part == ALL_ONES)
        memset(half, 0xff, len);
}

static void no_degenerate_ecdsa_signature_verifies(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        struct sp_arena *arena = sp_arena_create(1 << 16);
        struct sp_key *key = generate(groups[g].algorithm);
        struct sp_str good;
        unsigned char bad[132];
        assert_int_equal(sp_key_sign(key, groups[g].algorithm, text, arena, &good), SP_OK);
        assert_int_equal(sp_key_verify(key, groups[g].algorithm, text, good), SP_VERIFICATION_HOLDS);
        for (enum part r = GOOD; r <= ALL_ONES; r++)
            for (enum part s = GOOD; s <= ALL_ONES; s++) {
                if (r == GOOD && s == GOOD)
                    continue;
                memcpy(bad, good.at, good.len);
                set_half(bad, good.len / 2, r, groups[g].order);
                set_half(bad + good.len / 2, good.len / 2, s, groups[g].order);
                assert_int_equal(sp_key_verify(key, groups[g].algorithm, text, sp_str((const char *)bad, good.len)),
                                 SP_VERIFICATION_FAILED);
            }
        sp_key_destroy(&key);
        sp_arena_destroy(&arena);
    }
}

static void signatures_have_one_length(void **state)
{
    (void)state;
    for (enum sp_algorithm a = SP_ALGORITHM_UNKNOWN + 1; a < SP_ALGORITHM_COUNT; a++) {
        if (a == SP_ALGORITHM_EDDSA)
            continue; /* Ed25519 and Ed448 have rows of their own */
        struct sp_arena *arena = sp_arena_create(1 << 16);
        struct sp_key *key = generate(a);
        struct sp_str good;
        char longer[1024] = {0};
        assert_int_equal(sp_key_sign(key, a, text, arena, &good), SP_OK);
        assert_int_equal(good.len, sp_key_signature_bytes(key, a));
        for (size_t len = 0; len < good.len; len++) {
            assert_int_equal(sp_key_verify(key, a, text, sp_str(good.at, len)), SP_VERIFICATION_FAILED);
            assert_int_equal(sp_key_verify(key, a, text, sp_str(good.at + len, good.len - len)),
                             len == 0 ? SP_VERIFICATION_HOLDS : SP_VERIFICATION_FAILED);
        }
        memcpy(longer + 1, good.at, good.len);
        assert_int_equal(sp_key_verify(key, a, text, sp_str(longer, good.len + 1)), SP_VERIFICATION_FAILED);
        assert_int_equal(sp_key_verify(key, a, text, sp_str(longer + 1, good.len + 1)), SP_VERIFICATION_FAILED);
        memset(longer, 0, sizeof longer);
        assert_int_equal(sp_key_verify(key, a, text, sp_str(longer, good.len)), SP_VERIFICATION_FAILED);
        memset(longer, 0xff, sizeof longer);
        assert_int_equal(sp_key_verify(key, a, text, sp_str(longer, good.len)), SP_VERIFICATION_FAILED);
        sp_key_destroy(&key);
        sp_arena_destroy(&arena);
    }
}

/* S + L stands for the same number (RFC 8032 5.1.7 asks for S < L). */
static void ed25519_signatures_are_not_malleable(void **state)
{
    static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                            0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                            0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_key *key = generate(SP_ALGORITHM_ED25519);
    struct sp_str good;
    unsigned char bad[64];
    unsigned carry = 0;
    (void)state;
    assert_int_equal(sp_key_sign(key, SP_ALGORITHM_ED25519, text, arena, &good), SP_OK);
    memcpy(bad, good.at, sizeof bad);
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)bad[32 + i] + order[i];
        bad[32 + i] = (unsigned char)carry;
        carry >>= 8;
    }
    assert_int_equal(sp_key_verify(key, SP_ALGORITHM_ED25519, text, sp_str((const char *)bad, sizeof bad)),
                     SP_VERIFICATION_FAILED);
    sp_key_destroy(&key);
    sp_arena_destroy(&arena);
}

/* With a key of small order one signature holds for every text, or for one text in eight, by RFC 8032's equation alone:
 * R = [S]B - [h]A is the neutral point whatever h is. */
static void ed25519_keys_of_small_order_sign_nothing(void **state)
{
    static const unsigned char points[][32] = {
        {1},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct sp_key_parts parts = {.type = SP_KEY_TYPE_OKP, .curve = SP_CURVE_ED25519};
        struct sp_key *key = NULL;
        unsigned char signature[64] = {1};
        parts.x = sp_str((const char *)points[i], sizeof points[i]);
        assert_int_equal(sp_key_import(&parts, &key), SP_OK);
        for (char text_byte = 0; text_byte < 16; text_byte++)
            assert_int_equal(sp_key_verify(key, SP_ALGORITHM_EDDSA, sp_str(&text_byte, 1),
                                           sp_str((const char *)signature, sizeof signature)),
                             SP_VERIFICATION_FAILED);
        sp_key_destroy(&key);
    }
}

static bool openssl_verifies(EVP_PKEY *key, struct sp_str signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key), 1);
    bool holds = EVP_DigestVerify(ctx, (const unsigned char *)signature.at, signature.len,
                                  (const unsigned char *)text.at, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return holds;
}

/* Every bit of a signature and of a key counts, and OpenSSL says so too. */
static void ed25519_agrees_with_openssl(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_key *key = generate(SP_ALGORITHM_ED25519), *other = NULL;
    struct sp_key_parts parts;
    struct sp_str good;
    char bad[64], x[32];
    (void)state;
    assert_int_equal(sp_key_sign(key, SP_ALGORITHM_ED25519, text, arena, &good), SP_OK);
    assert_int_equal(sp_key_export(key, false, arena, &parts), SP_OK);
    for (size_t bit = 0; bit <= 8 * sizeof bad; bit++) {
        EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)parts.x.at, 32);
        memcpy(bad, good.at, sizeof bad);
        if (bit < 8 * sizeof bad)
            bad[bit / 8] = (char)(bad[bit / 8] ^ 1 << bit % 8);
        struct sp_str tried = sp_str(bad, sizeof bad);
        const bool holds = sp_key_verify(key, SP_ALGORITHM_EDDSA, text, tried) == SP_VERIFICATION_HOLDS;
        assert_int_equal(holds, bit == 8 * sizeof bad);
        assert_int_equal(holds, openssl_verifies(pkey, tried));
        EVP_PKEY_free(pkey);
    }
    for (size_t bit = 0; bit < 8 * sizeof x; bit++) {
        memcpy(x, parts.x.at, sizeof x);
        x[bit / 8] = (char)(x[bit / 8] ^ 1 << bit % 8);
        const struct sp_key_parts changed = {
            .type = SP_KEY_TYPE_OKP, .curve = SP_CURVE_ED25519, .x = sp_str(x, sizeof x)};
        if (sp_key_import(&changed, &other) == SP_OK)
            assert_int_equal(sp_key_verify(other, SP_ALGORITHM_EDDSA, text, good), SP_VERIFICATION_FAILED);
        sp_key_destroy(&other);
    }
    sp_key_destroy(&key);
    sp_arena_destroy(&arena);
}

/* A short DER signature that decodes to small numbers, one with a number too long, rubbish behind, an empty one. */
static void der_converts_or_is_malformed(void **state)
{
    static const struct {
        const char *der;
        size_t len;
        enum sp_status status;
    } rows[] = {
        {"\x30\x06\x02\x01\x01\x02\x01\x02", 8, SP_OK},
        {"\x30\x06\x02\x01\x01\x02\x01\x02\x00", 9, SP_MALFORMED},
        {"\x30\x06\x02\x01\x01\x02\x01", 7, SP_MALFORMED},
        {"\x31\x06\x02\x01\x01\x02\x01\x02", 8, SP_MALFORMED},
        {"\x30\x00", 2, SP_MALFORMED},
        {"", 0, SP_MALFORMED},
        {"\x30\x26\x02\x21\x01"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "\x02\x01\x01",
         40, SP_MALFORMED},
        {"\x30\x06\x02\x01\x81\x02\x01\x02", 8, SP_MALFORMED},          /* negative */
        {"\x30\x07\x02\x02\x00\x01\x02\x01\x02", 9, SP_MALFORMED},      /* a zero too many */
        {"\x30\x81\x06\x02\x01\x01\x02\x01\x02", 9, SP_MALFORMED},      /* a length longer than it has to be */
        {"\x30\x81", 2, SP_MALFORMED},                                  /* a length that is not there */
        {"\x30\x80\x02\x01\x01\x02\x01\x02\x00\x00", 10, SP_MALFORMED}, /* an open length */
        {"\x30\x05\x02\x00\x02\x01\x02", 7, SP_MALFORMED},              /* a number of no bytes */
        {"\x30\x06\x02\x7F\x01\x02\x01\x02", 8, SP_MALFORMED},          /* a number beyond the end */
    };
    struct sp_arena *arena = sp_arena_create(1 << 16);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str raw = SP_STR("untouched");
        enum sp_status status = sp_ecdsa_from_der(sp_str(rows[i].der, rows[i].len), 64, arena, &raw);
        if (status != rows[i].status)
            fail_msg("row %zu: status %d", i, status);
        if (status == SP_OK) {
            assert_int_equal(raw.len, 64);
            assert_int_equal(raw.at[31], 1);
            assert_int_equal(raw.at[63], 2);
        } else {
            assert_true(sp_str_equal(raw, SP_STR("untouched")));
        }
    }
    sp_arena_destroy(&arena);
}

static void a_public_key_signs_nothing(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_key *key = generate(SP_ALGORITHM_ES256), *public_key = NULL;
    struct sp_key_parts parts;
    struct sp_str signature;
    (void)state;
    assert_int_equal(sp_key_export(key, false, arena, &parts), SP_OK);
    assert_null(parts.d.at);
    assert_int_equal(sp_key_import(&parts, &public_key), SP_OK);
    assert_false(sp_key_is_private(public_key));
    assert_int_equal(sp_key_sign(public_key, SP_ALGORITHM_ES256, text, arena, &signature), SP_UNSUPPORTED);
    assert_int_equal(sp_key_sign(key, SP_ALGORITHM_ES384, text, arena, &signature), SP_UNSUPPORTED);
    assert_int_equal(sp_key_sign(key, SP_ALGORITHM_UNKNOWN, text, arena, &signature), SP_UNSUPPORTED);
    sp_key_destroy(&public_key);
    sp_key_destroy(&key);
    sp_arena_destroy(&arena);
}

/* A private part that does not belong to the public one would sign what nobody can verify. */
static void halves_of_two_keys_make_none(void **state)
{
    static const enum sp_algorithm algorithms[] = {SP_ALGORITHM_ES256, SP_ALGORITHM_ED25519, SP_ALGORITHM_ED448};
    (void)state;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 16);
        struct sp_key *one = generate(algorithms[i]), *other = generate(algorithms[i]), *mixed = NULL;
        struct sp_key_parts parts, others;
        assert_int_equal(sp_key_export(one, true, arena, &parts), SP_OK);
        assert_int_equal(sp_key_export(other, true, arena, &others), SP_OK);
        parts.d = others.d;
        assert_int_equal(sp_key_import(&parts, &mixed), SP_MALFORMED);
        assert_null(mixed);
        sp_key_destroy(&one);
        sp_key_destroy(&other);
        sp_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_degenerate_ecdsa_signature_verifies),
        cmocka_unit_test(signatures_have_one_length),
        cmocka_unit_test(ed25519_signatures_are_not_malleable),
        cmocka_unit_test(ed25519_keys_of_small_order_sign_nothing),
        cmocka_unit_test(ed25519_agrees_with_openssl),
        cmocka_unit_test(der_converts_or_is_malformed),
        cmocka_unit_test(a_public_key_signs_nothing),
        cmocka_unit_test(halves_of_two_keys_make_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
