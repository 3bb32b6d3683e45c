/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors, then every algorithm there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/jose/base64url.h"
#include "core/jose/jws.h"

static const struct {
    const char *name, *jwk, *token;
    enum sp_algorithm algorithm;
} vectors[] = {
    {"RFC 7515 A.1",
     "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
     "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
     "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
     SP_ALGORITHM_HS256},
    {"RFC 7515 A.3",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
     "eyJhbGciOiJFUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
     SP_ALGORITHM_ES256},
    {"RFC 8037 A.4", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
     SP_ALGORITHM_EDDSA},
};

static enum sp_verification verify(struct sp_arena *arena, const struct sp_key *key, enum sp_algorithm algorithm,
                                   struct sp_str token)
{
    size_t dot = sp_str_index_of(token, '.', sp_str_index_of(token, '.', 0) + 1);
    struct sp_str signature;
    assert_int_equal(sp_base64url_decode(arena, sp_str_slice(token, dot + 1, token.len), &signature), SP_OK);
    return sp_key_verify(key, algorithm, sp_str_slice(token, 0, dot), signature);
}

static void verifies_published_vectors(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct sp_jwk_set *set = NULL;
        struct sp_str token;
        assert_int_equal(sp_arena_copy(arena, sp_str_from_cstr(vectors[i].token), &token), SP_OK);
        assert_int_equal(sp_jwk_set_parse(sp_str_from_cstr(vectors[i].jwk), &set, NULL), SP_OK);
        assert_int_equal(set->count, 1);
        assert_int_equal(verify(arena, set->keys[0].key, vectors[i].algorithm, token), SP_VERIFICATION_HOLDS);
        ((char *)(uintptr_t)token.at)[3] ^= 1;
        assert_int_equal(verify(arena, set->keys[0].key, vectors[i].algorithm, token), SP_VERIFICATION_FAILED);
        sp_jwk_set_unref(&set);
        assert_null(set);
    }
    sp_arena_destroy(&arena);
}

static void reproduces_the_ed25519_signature(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_jwk_set *set = NULL;
    struct sp_str token;
    struct sp_str jwk =
        SP_STR("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
               "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
    assert_int_equal(sp_jwk_set_parse(jwk, &set, NULL), SP_OK);
    assert_true(set->has_private);
    assert_int_equal(sp_jws_sign(arena, set->keys[0].key, SP_ALGORITHM_EDDSA, SP_STR("{\"alg\":\"EdDSA\"}"),
                                 SP_STR("Example of Ed25519 signing"), &token),
                     SP_OK);
    assert_true(sp_str_equal(token, sp_str_from_cstr(vectors[2].token)));
    sp_jwk_set_unref(&set);
    sp_arena_destroy(&arena);
}

static void thumbprints_as_published(void **state)
{
    (void)state;
    static const struct {
        const char *jwk, *thumbprint;
    } rows[] = {
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
         "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
        {"{\"kty\":\"RSA\",\"n\":"
         "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ"
         "CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
         "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvR"
         "L5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
         "kEgU8awapJzKnqDKgw\","
         "\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
         "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_jwk_set *set = NULL;
        unsigned char digest[32];
        char text[43];
        assert_int_equal(sp_jwk_set_parse(sp_str_from_cstr(rows[i].jwk), &set, NULL), SP_OK);
        assert_int_equal(set->count, 1);
        assert_int_equal(sp_jwk_thumbprint(set->keys[0].key, digest), SP_OK);
        assert_memory_equal(set->keys[0].thumbprint, digest, sizeof digest);
        sp_base64url_encode_into(sp_str((const char *)digest, 32), text);
        assert_memory_equal(text, rows[i].thumbprint, 43);
        sp_jwk_set_unref(&set);
    }
}

static struct sp_key *generate_for(enum sp_algorithm algorithm)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    struct sp_key *key = NULL;
    enum sp_curve curve =
        info->curve == SP_CURVE_NONE && info->family == SP_FAMILY_EDDSA ? SP_CURVE_ED448 : info->curve;
    unsigned size = info->key_type == SP_KEY_TYPE_RSA ? 2048 : 64;
    assert_int_equal(sp_key_generate(info->key_type, curve, size, &key), SP_OK);
    return key;
}

/* Signs, writes the key as JWK (public where there is a public part), reads it back, verifies; altered signatures and
 * others' keys do not. */
static void each_algorithm_goes_there_and_back(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 22);
    for (enum sp_algorithm a = SP_ALGORITHM_UNKNOWN + 1; a < SP_ALGORITHM_COUNT; a++) {
        struct sp_key *key = generate_for(a);
        struct sp_str token, signature;
        struct sp_buffer buffer;
        struct sp_json_writer writer;
        struct sp_jwk_set *set = NULL;
        bool secret = sp_key_type(key) == SP_KEY_TYPE_OCT;
        assert_int_equal(sp_jws_sign(arena, key, a, SP_STR("{}"), SP_STR("payload"), &token), SP_OK);
        sp_buffer_init(&buffer, arena, 1 << 16);
        sp_json_writer_init(&writer, &buffer, false);
        assert_int_equal(sp_jwk_write(&writer, key, SP_STR("k1"), SP_STR("sig"), sp_algorithm_get(a)->name, secret),
                         SP_OK);
        assert_int_equal(sp_jwk_set_parse(sp_buffer_str(&buffer), &set, NULL), SP_OK);
        assert_int_equal(set->count, 1);
        assert_int_equal(set->has_private, secret);
        assert_true(sp_jwk_fits(&set->keys[0], a));
        assert_int_equal(verify(arena, set->keys[0].key, a, token), SP_VERIFICATION_HOLDS);
        /* A second time with the kept context. */
        assert_int_equal(verify(arena, set->keys[0].key, a, token), SP_VERIFICATION_HOLDS);
        size_t dot = sp_str_index_of(token, '.', sp_str_index_of(token, '.', 0) + 1);
        assert_int_equal(sp_base64url_decode(arena, sp_str_slice(token, dot + 1, token.len), &signature), SP_OK);
        assert_int_equal(signature.len, sp_key_signature_bytes(key, a));
        ((char *)(uintptr_t)signature.at)[signature.len / 2] ^= 4;
        assert_int_equal(sp_key_verify(key, a, sp_str_slice(token, 0, dot), signature), SP_VERIFICATION_FAILED);
        assert_int_equal(sp_key_verify(key, a, sp_str_slice(token, 0, dot), SP_STR("")), SP_VERIFICATION_FAILED);
        for (enum sp_algorithm other = SP_ALGORITHM_UNKNOWN; other < SP_ALGORITHM_COUNT; other++)
            if (!sp_key_fits(key, other))
                assert_int_equal(sp_key_verify(key, other, sp_str_slice(token, 0, dot), signature),
                                 SP_VERIFICATION_UNFIT);
        sp_jwk_set_unref(&set);
        sp_key_destroy(&key);
        sp_arena_reset(arena);
    }
    sp_arena_destroy(&arena);
}

static void pem_goes_there_and_back(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    static const enum sp_algorithm kinds[] = {SP_ALGORITHM_RS256, SP_ALGORITHM_ES384, SP_ALGORITHM_ED25519};
    for (size_t i = 0; i < 3; i++) {
        struct sp_key *key = generate_for(kinds[i]), *public_key = NULL, *private_key = NULL;
        struct sp_str pem, token;
        assert_int_equal(sp_key_export_public(key, SP_PUBLIC_PEM, arena, &pem), SP_OK);
        assert_int_equal(sp_key_import_pem(pem, &public_key), SP_OK);
        assert_false(sp_key_is_private(public_key));
        assert_int_equal(sp_key_export_private_pem(key, arena, &pem), SP_OK);
        assert_int_equal(sp_key_import_pem(pem, &private_key), SP_OK);
        assert_true(sp_key_is_private(private_key));
        assert_int_equal(sp_jws_sign(arena, private_key, kinds[i], SP_STR("{}"), SP_STR("x"), &token), SP_OK);
        assert_int_equal(verify(arena, public_key, kinds[i], token), SP_VERIFICATION_HOLDS);
        assert_int_equal(sp_jws_sign(arena, public_key, kinds[i], SP_STR("{}"), SP_STR("x"), &token), SP_UNSUPPORTED);
        sp_key_destroy(&key);
        sp_key_destroy(&public_key);
        sp_key_destroy(&private_key);
    }
    struct sp_key *none = NULL;
    assert_int_equal(sp_key_import_pem(SP_STR("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), &none),
                     SP_MALFORMED);
    assert_int_equal(sp_key_import_pem(SP_STR(""), &none), SP_MALFORMED);
    assert_null(none);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_published_vectors), cmocka_unit_test(reproduces_the_ed25519_signature),
        cmocka_unit_test(thumbprints_as_published),   cmocka_unit_test(each_algorithm_goes_there_and_back),
        cmocka_unit_test(pem_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
