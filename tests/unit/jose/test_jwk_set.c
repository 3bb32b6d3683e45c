/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

#define GOOD                                                                                                           \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"good\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","        \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

static void one_bad_member_never_poisons_the_set(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        enum sp_jwk_fault fault;
    } rows[] = {
        {"1", SP_JWK_MALFORMED},
        {"{}", SP_JWK_MALFORMED},
        {"{\"kty\":7}", SP_JWK_MALFORMED},
        {"{\"kty\":\"XYZ\"}", SP_JWK_UNSUPPORTED_TYPE},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}", SP_JWK_UNSUPPORTED_TYPE},
        {"{\"kty\":\"EC\",\"crv\":\"P-192\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", SP_JWK_UNSUPPORTED_TYPE},
        {"{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", SP_JWK_UNSUPPORTED_TYPE},
        {"{\"kty\":\"EC\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", SP_JWK_MALFORMED},
        {"{\"kty\":\"RSA\",\"e\":\"AQAB\"}", SP_JWK_MALFORMED},
        {"{\"kty\":\"RSA\",\"n\":\"A=\",\"e\":\"AQAB\"}", SP_JWK_MALFORMED},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", SP_JWK_WEAK},
        {"{\"kty\":\"RSA\",\"n\":\"RXJyb3ItRmFpbGVkVG9GZXRjaEp3a3NVcmk\",\"e\":\"AQAB\"}", SP_JWK_PLACEHOLDER},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", SP_JWK_MALFORMED},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
         SP_JWK_WEAK},
        {"{\"kty\":\"oct\",\"k\":\"\"}", SP_JWK_MALFORMED},
        {"{\"kty\":\"RSA\",\"x5c\":[\"AAAA\"]}", SP_JWK_MALFORMED},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_jwk_set *set = NULL;
        struct sp_str text = sp_arena_printf(arena, "{\"keys\":[%s,%s]}", rows[i].member, GOOD);
        assert_int_equal(sp_jwk_set_parse(text, &set, NULL), SP_OK);
        assert_int_equal(set->count, 1);
        assert_int_equal(set->skipped_count, 1);
        assert_int_equal(set->skipped[0].fault, rows[i].fault);
        assert_int_equal(set->skipped[0].index, 0);
        assert_true(set->skipped[0].evidence.len > 0);
        assert_non_null(sp_jwk_set_find(set, SP_STR("good"), 0));
        assert_null(sp_jwk_set_find(set, SP_STR("bad"), 0));
        sp_jwk_set_unref(&set);
    }
    sp_arena_destroy(&arena);
}

static void what_is_no_key_set_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "{}", "null", "{\"keys\":{}}", "{\"keys\":1}", "<html></html>", "{\"keys\":[]} x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sp_jwk_set *set = NULL;
        struct sp_json_error error;
        assert_int_equal(sp_jwk_set_parse(sp_str_from_cstr(texts[i]), &set, &error), SP_MALFORMED);
        assert_non_null(error.message);
        assert_null(set);
    }
}

static void a_key_serves_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        bool fits;
    } rows[] = {
        {"", true},
        {",\"use\":\"sig\"", true},
        {",\"use\":\"enc\"", false},
        {",\"key_ops\":[\"verify\"]", true},
        {",\"key_ops\":[\"encrypt\"]", false},
        {",\"key_ops\":[]", false},
        {",\"key_ops\":[\"sign\"]", false},
        {",\"key_ops\":[\"sign\"],\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"", true},
        {",\"key_ops\":[\"sign\",\"verify\"]", true},
        {",\"key_ops\":[7,\"verify\"]", true},
        {",\"key_ops\":\"verify\"", false},
        {",\"use\":\"enc\",\"key_ops\":[\"verify\"]", false},
        {",\"alg\":\"ES256\"", true},
        {",\"alg\":\"ES384\"", false},
        {",\"alg\":\"ECDH-ES\"", false},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_jwk_set *set = NULL;
        struct sp_str good = SP_STR(GOOD);
        struct sp_str text = sp_arena_printf(arena, "{\"keys\":[%.*s%s}]}", (int)good.len - 1, good.at, rows[i].extra);
        assert_int_equal(sp_jwk_set_parse(text, &set, NULL), SP_OK);
        assert_int_equal(set->count, 1);
        assert_int_equal(sp_jwk_fits(&set->keys[0], SP_ALGORITHM_ES256), rows[i].fits);
        assert_false(sp_jwk_fits(&set->keys[0], SP_ALGORITHM_HS256));
        sp_jwk_set_unref(&set);
    }
    sp_arena_destroy(&arena);
}

static void duplicates_and_private_parts_are_seen(void **state)
{
    (void)state;
    struct sp_jwk_set *set = NULL;
    assert_int_equal(sp_jwk_set_parse(SP_STR("{\"keys\":[" GOOD "," GOOD "]}"), &set, NULL), SP_OK);
    assert_true(set->has_duplicate_kid);
    assert_false(set->has_private);
    const struct sp_jwk *first = sp_jwk_set_find(set, SP_STR("good"), 0);
    assert_ptr_equal(sp_jwk_set_find(set, SP_STR("good"), 1), first + 1);
    struct sp_jwk_set *again = sp_jwk_set_ref(set);
    sp_jwk_set_unref(&set);
    assert_int_equal(again->count, 2);
    sp_jwk_set_unref(&again);
}

/* CN=x, P-256, by openssl req -x509. */
#define CERTIFICATE                                                                                                    \
    "MIIBbzCCARWgAwIBAgIUfZZzClnQb+ClvZaGO+f8ZgInozgwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAgFw0yNj"                       \
    "ExMjMxNTIyMzNaGA8yMTI2MTAzMDE1MjIzM1owDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA"                       \
    "BPiarmPGDl7MeOUGWp11d0ts+VN5oV/jdRQNZ6jfLSVfTRzvCDdMGFA7hX+L1ss4g2Nf2lG0HRhWAkBc48r0muSjUz"                       \
    "BRMB0GA1UdDgQWBBQ7G8+791KvJiv+ieTWP7B4uytswDAfBgNVHSMEGDAWgBQ7G8+791KvJiv+ieTWP7B4uytswDAP"                       \
    "BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCPpg/4cguTlfccv4BWLhqPKpn/U/hBHoU0ykFGIwsx9g"                       \
    "IgWP0Fmd69y9xGW7u5bR8S/+SUdP4cI548pcT3t1ADIEs="

static void a_certificate_is_a_source_of_a_key(void **state)
{
    struct sp_jwk_set *set = NULL;
    unsigned char digest[32];
    char text[43];
    (void)state;
    assert_int_equal(
        sp_jwk_set_parse(
            SP_STR("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"c\",\"x5c\":[\"" CERTIFICATE "\"]}]}"), &set,
            NULL),
        SP_OK);
    assert_int_equal(set->count, 1);
    assert_true(sp_jwk_fits(&set->keys[0], SP_ALGORITHM_ES256));
    assert_int_equal(sp_jwk_thumbprint(set->keys[0].key, digest), SP_OK);
    assert_memory_equal(set->keys[0].thumbprint, digest, sizeof digest);
    sp_base64url_encode_into(sp_str((const char *)digest, 32), text);
    assert_memory_equal(text, "XGP_0z5CoxxQhGl7IdRhimekrCpy0kRfjUooi5qX0oE", 43);
    sp_jwk_set_unref(&set);

    /* A certificate of another type than it says. */
    assert_int_equal(
        sp_jwk_set_parse(SP_STR("{\"keys\":[{\"kty\":\"RSA\",\"x5c\":[\"" CERTIFICATE "\"]}]}"), &set, NULL), SP_OK);
    assert_int_equal(set->count, 0);
    assert_int_equal(set->skipped[0].fault, SP_JWK_MALFORMED);
    sp_jwk_set_unref(&set);
}

/* Whatever the arena holds: a key, a fault with its evidence, or the want of memory told as such. */
static void without_memory_no_key_is_made(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    unsigned failed = 0;
    (void)state;
    assert_int_equal(sp_json_parse(arena, SP_STR(GOOD), &sp_json_limits_document, &json, &error), SP_OK);
    for (size_t bytes = 0;; bytes += 8) {
        struct sp_arena *small = sp_arena_create(bytes);
        struct sp_jwk jwk = {.index = 0};
        struct sp_str evidence = SP_STR_NONE;
        assert_int_equal(sp_jwk_parse(small, json, &jwk, &evidence), SP_JWK_OK);
        bool made = jwk.key != NULL;
        failed += !made;
        sp_jwk_fini(&jwk);
        sp_arena_destroy(&small);
        if (made)
            break;
    }
    assert_true(failed > 4);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_member_never_poisons_the_set),
        cmocka_unit_test(what_is_no_key_set_is_malformed),
        cmocka_unit_test(a_key_serves_what_it_says),
        cmocka_unit_test(duplicates_and_private_parts_are_seen),
        cmocka_unit_test(a_certificate_is_a_source_of_a_key),
        cmocka_unit_test(without_memory_no_key_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
