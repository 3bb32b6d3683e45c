/* SPDX-License-Identifier: Apache-2.0 */
/* Published examples (tests/data/jose/vectors.json): each verifies, each deterministic one is reproduced bit for bit,
 * and none survives a change of any of its parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/jose/base64url.h"
#include "core/jose/jws.h"

static struct sp_arena *arena;
static const struct sp_json *vectors;

static int read_vectors(void **state)
{
    static char text[64 * 1024];
    struct sp_json_error error;
    const struct sp_json *json = NULL;
    (void)state;
    FILE *file = fopen(SP_SOURCE_ROOT "/tests/data/jose/vectors.json", "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    arena = sp_arena_create(8 << 20);
    assert_int_equal(sp_json_parse(arena, sp_str(text, len), &sp_json_limits_document, &json, &error), SP_OK);
    vectors = sp_json_member(json, SP_STR("vectors"));
    assert_true(vectors->count >= 8);
    return 0;
}

static int release(void **state)
{
    (void)state;
    sp_arena_destroy(&arena);
    return 0;
}

static struct sp_str text_of(const struct sp_json *vector, const char *name)
{
    return sp_json_string(sp_json_member(vector, sp_str_from_cstr(name)));
}

struct parts {
    struct sp_str header, payload, signed_text, signature;
};

static struct parts split(struct sp_str token)
{
    struct parts parts;
    size_t first = sp_str_index_of(token, '.', 0), second = sp_str_index_of(token, '.', first + 1);
    parts.signed_text = sp_str_slice(token, 0, second);
    assert_int_equal(sp_base64url_decode(arena, sp_str_slice(token, 0, first), &parts.header), SP_OK);
    assert_int_equal(sp_base64url_decode(arena, sp_str_slice(token, first + 1, second), &parts.payload), SP_OK);
    assert_int_equal(sp_base64url_decode(arena, sp_str_slice(token, second + 1, token.len), &parts.signature), SP_OK);
    return parts;
}

static struct sp_jwk_set *key_of(const struct sp_json *vector)
{
    struct sp_jwk_set *set = NULL;
    assert_int_equal(sp_jwk_set_from_json(sp_json_member(vector, SP_STR("jwk")), &set), SP_OK);
    assert_int_equal(set->count, 1);
    return set;
}

static void each_verifies_as_its_algorithm_and_no_other(void **state)
{
    (void)state;
    for
        SP_JSON_EACH(vector, vectors)
        {
            struct sp_jwk_set *set = key_of(vector);
            struct parts parts = split(text_of(vector, "token"));
            enum sp_algorithm mine = sp_algorithm_find(text_of(vector, "alg"));
            for (enum sp_algorithm a = SP_ALGORITHM_UNKNOWN; a < SP_ALGORITHM_COUNT; a++) {
                bool same_thing = a == mine || (mine == SP_ALGORITHM_EDDSA && a == SP_ALGORITHM_ED25519);
                bool holds =
                    sp_key_verify(set->keys[0].key, a, parts.signed_text, parts.signature) == SP_VERIFICATION_HOLDS;
                if (holds != same_thing)
                    fail_msg("%.*s as %.*s", SP_STR_ARG(text_of(vector, "name")),
                             SP_STR_ARG(sp_algorithm_get(a)->name));
            }
            sp_jwk_set_unref(&set);
        }
}

static void deterministic_ones_are_reproduced(void **state)
{
    unsigned reproduced = 0;
    (void)state;
    for
        SP_JSON_EACH(vector, vectors)
        {
            struct sp_jwk_set *set = key_of(vector);
            struct sp_str token = text_of(vector, "token"), made;
            struct parts parts = split(token);
            enum sp_algorithm algorithm = sp_algorithm_find(text_of(vector, "alg"));
            assert_int_equal(sp_jws_sign(arena, set->keys[0].key, algorithm, parts.header, parts.payload, &made),
                             SP_OK);
            if (sp_json_is(sp_json_member(vector, SP_STR("deterministic")), SP_JSON_TRUE)) {
                assert_true(sp_str_equal(made, token));
                reproduced++;
            } else {
                assert_false(sp_str_equal(made, token));
                parts = split(made);
                assert_int_equal(sp_key_verify(set->keys[0].key, algorithm, parts.signed_text, parts.signature),
                                 SP_VERIFICATION_HOLDS);
            }
            sp_jwk_set_unref(&set);
        }
    assert_int_equal(reproduced, 5);
}

static void no_changed_byte_verifies(void **state)
{
    (void)state;
    for
        SP_JSON_EACH(vector, vectors)
        {
            struct sp_jwk_set *set = key_of(vector);
            enum sp_algorithm algorithm = sp_algorithm_find(text_of(vector, "alg"));
            struct parts parts = split(text_of(vector, "token"));
            const struct sp_key *key = set->keys[0].key;
            for (size_t i = 0; i < parts.signature.len; i++) {
                char *at = (char *)(uintptr_t)parts.signature.at + i;
                *at ^= 1;
                assert_int_equal(sp_key_verify(key, algorithm, parts.signed_text, parts.signature),
                                 SP_VERIFICATION_FAILED);
                *at ^= 1;
            }
            for (size_t i = 0; i < parts.signed_text.len; i += 7)
                assert_int_equal(sp_key_verify(key, algorithm, sp_str_slice(parts.signed_text, 0, i), parts.signature),
                                 SP_VERIFICATION_FAILED);
            assert_int_equal(sp_key_verify(key, algorithm, parts.signed_text, parts.signature), SP_VERIFICATION_HOLDS);
            sp_jwk_set_unref(&set);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_verifies_as_its_algorithm_and_no_other),
        cmocka_unit_test(deterministic_ones_are_reproduced),
        cmocka_unit_test(no_changed_byte_verifies),
    };
    return cmocka_run_group_tests(tests, read_vectors, release);
}
