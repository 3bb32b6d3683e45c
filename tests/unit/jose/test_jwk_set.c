/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_member_never_poisons_the_set),
        cmocka_unit_test(what_is_no_key_set_is_malformed),
        cmocka_unit_test(a_key_serves_what_it_says),
        cmocka_unit_test(duplicates_and_private_parts_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
