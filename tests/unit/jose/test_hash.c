/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/jose/crypto.h"

static void assert_hex(const unsigned char *bytes, size_t len, const char *hex)
{
    char text[129] = "";
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, hex);
}

static void hashes_as_fips_180_has_it(void **state)
{
    static const struct {
        enum sp_hash hash;
        const char *text, *hex;
    } rows[] = {
        {SP_HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {SP_HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {SP_HASH_SHA384, "abc",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {SP_HASH_SHA512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce"
         "80e2a9ac94fa54ca49f"},
    };
    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            unsigned char digest[64];
            size_t len = sp_hash_bytes(rows[i].hash, sp_str_from_cstr(rows[i].text), digest);
            assert_int_equal(len, sp_hash_size(rows[i].hash));
            assert_hex(digest, len, rows[i].hex);
        }
    unsigned char nothing[64];
    assert_int_equal(sp_hash_bytes(SP_HASH_NONE, SP_STR("abc"), nothing), 0);
}

/* RFC 4231 4.3 and 4.2 in turn: a kept context must not keep a key. And the empty key, which is a key. */
static void macs_as_rfc_4231_has_it(void **state)
{
    static const struct {
        const char *key, *text, *hex;
    } rows[] = {
        {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            unsigned char mac[64];
            size_t len = sp_hmac(SP_HASH_SHA256, sp_str_from_cstr(rows[i].key), sp_str_from_cstr(rows[i].text), mac);
            assert_int_equal(len, 32);
            assert_hex(mac, len, rows[i].hex);
        }
    unsigned char mac[64];
    assert_int_equal(sp_hmac(SP_HASH_NONE, SP_STR("k"), SP_STR("t"), mac), 0);
}

/* A key keeps a context for the hash that was used last; each MAC is that of the key, hash and text alone. */
static void a_key_signs_the_same_however_often_and_under_whichever_hash(void **state)
{
    static const struct {
        enum sp_algorithm algorithm;
        enum sp_hash hash;
        const char *text;
    } rows[] = {{SP_ALGORITHM_HS256, SP_HASH_SHA256, "one"}, {SP_ALGORITHM_HS256, SP_HASH_SHA256, "two"},
                {SP_ALGORITHM_HS512, SP_HASH_SHA512, "one"}, {SP_ALGORITHM_HS256, SP_HASH_SHA256, "one"},
                {SP_ALGORITHM_HS256, SP_HASH_SHA256, ""},    {SP_ALGORITHM_HS384, SP_HASH_SHA384, "two"}};
    const struct sp_str secrets[] = {SP_STR("a key of one"), SP_STR("a key of another")};
    struct sp_arena *arena = sp_arena_create(1u << 20);
    struct sp_key *keys[2] = {NULL};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sp_key_import(&(struct sp_key_parts){.type = SP_KEY_TYPE_OCT, .k = secrets[i]}, &keys[i]),
                         SP_OK);
    for (unsigned round = 0; round < 4; round++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const struct sp_str text = sp_str_from_cstr(rows[i].text), secret = secrets[round % 2];
            unsigned char mac[64];
            struct sp_str signature;
            size_t len = sp_hmac(rows[i].hash, secret, text, mac);
            assert_int_equal(sp_key_sign(keys[round % 2], rows[i].algorithm, text, arena, &signature), SP_OK);
            assert_true(sp_str_equal(signature, sp_str((const char *)mac, len)));
            assert_int_equal(sp_key_verify(keys[round % 2], rows[i].algorithm, text, signature), SP_VERIFICATION_HOLDS);
            assert_int_equal(sp_key_verify(keys[1 - round % 2], rows[i].algorithm, text, signature),
                             SP_VERIFICATION_FAILED);
        }
    sp_key_destroy(&keys[0]);
    sp_key_destroy(&keys[1]);
    sp_arena_destroy(&arena);
}

/* The reference's first vectors (vectors_sip128 of SipHash's authors): key 00 … 0f, texts "" and 00. */
static void fingerprints_are_siphash(void **state)
{
    unsigned char key[SP_FINGERPRINT_KEY_BYTES], out[SP_FINGERPRINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    sp_fingerprint(key, sp_str("", 0), out);
    assert_hex(out, sizeof out, "a3817f04ba25a8e66df67214c7550293");
    sp_fingerprint(key, sp_str("", 1), out);
    assert_hex(out, sizeof out, "da87c1d86b99af44347659119b22fc45");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_siphash),
        cmocka_unit_test(hashes_as_fips_180_has_it),
        cmocka_unit_test(macs_as_rfc_4231_has_it),
        cmocka_unit_test(a_key_signs_the_same_however_often_and_under_whichever_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
