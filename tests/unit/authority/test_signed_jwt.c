/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "authority/handle.h"
#include "authority/signed_jwt.h"
#include "authority/signer.h"
#include "core/base/limits.h"

static struct sp_str jwt_of(struct sp_arena *arena, struct sp_str header, struct sp_str claims)
{
    return sp_arena_printf(arena, "%.*s.%.*s.AAAA", SP_STR_ARG(sp_base64url_of(arena, header.at, header.len)),
                           SP_STR_ARG(sp_base64url_of(arena, claims.at, claims.len)));
}

static void times_that_are_none_are_refused_before_anybody_adds_to_them(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        bool taken;
    } rows[] = {
        {"{}", true},
        {"{\"exp\":0,\"nbf\":1,\"iat\":253402300799}", true},
        {"{\"exp\":253402300800}", false},
        {"{\"exp\":9223372036854775807}", false},
        {"{\"nbf\":9223372036854775800}", false},
        {"{\"iat\":-9223372036854775807}", false},
        {"{\"auth_time\":-1}", false},
        {"{\"exp\":\"soon\"}", true}, /* what is no whole number is its reader's to refuse */
        {"{\"exp\":99999999999999999999}", true},
        {"{\"other\":9223372036854775807}", true},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_signed_jwt jwt;
        const char *fault = NULL;
        struct sp_str text = jwt_of(arena, SP_STR("{\"alg\":\"ES256\"}"), sp_str_from_cstr(rows[i].claims));
        enum sp_status status = sp_signed_jwt_read(arena, text, &jwt, &fault);
        if (status != (rows[i].taken ? SP_OK : SP_MALFORMED))
            fail_msg("%s: %d %s", rows[i].claims, status, fault);
    }
    sp_arena_destroy(&arena);
}

/* RFC 7515 4.1; RFC 8725 3.11. */
static void a_header_says_what_it_is_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *fault; /* NULL: taken */
    } rows[] = {
        {"{\"alg\":\"ES256\"}", NULL},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k\",\"unknown\":{\"a\":[1]}}", NULL},
        {"{\"alg\":\"ES256\",\"typ\":\"\"}", NULL}, /* another type than any that is asked for */
        {"{\"alg\":\"ES256\",\"cty\":\"json\"}", NULL},
        {"{\"alg\":\"ES256\",\"typ\":7}", "no text"},
        {"{\"alg\":\"ES256\",\"typ\":null}", "no text"},
        {"{\"alg\":\"ES256\",\"typ\":[\"JWT\"]}", "no text"},
        {"{\"alg\":\"ES256\",\"kid\":7}", "no text"},
        {"{\"alg\":\"ES256\",\"cty\":{}}", "no text"},
        {"{\"alg\":\"ES256\",\"cty\":\"JWT\"}", "another JWT"},
        {"{\"alg\":\"ES256\",\"cty\":\"jwt\"}", "another JWT"},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", "critical"},
        {"{\"alg\":\"ES256\",\"crit\":[]}", "critical"},
        {"{\"alg\":\"ES256\",\"crit\":null}", "critical"},
        {"{\"alg\":\"ES256\",\"alg\":\"none\"}", "decoded"}, /* twice */
        {"[\"ES256\"]", "decoded"},
        {"\"ES256\"", "decoded"},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_signed_jwt jwt;
        const char *fault = NULL;
        enum sp_status status = sp_signed_jwt_read(
            arena, jwt_of(arena, sp_str_from_cstr(rows[i].header), SP_STR("{\"sub\":\"a\"}")), &jwt, &fault);
        if (status != (rows[i].fault == NULL ? SP_OK : SP_MALFORMED) ||
            (rows[i].fault != NULL && strstr(fault, rows[i].fault) == NULL))
            fail_msg("%s: %d %s", rows[i].header, status, fault);
    }
    sp_arena_destroy(&arena);
}

static void an_audience_is_told_as_it_is_written(void **state)
{
    static const struct {
        const char *claims, *words;
    } rows[] = {
        {"{\"aud\":\"https://a.example\"}", "https://a.example"},
        {"{\"aud\":[\"a\",\"b\"]}", "[\"a\",\"b\"]"},
        {"{\"aud\":null}", "null"},
        {"{}", "nobody"},
    };
    struct sp_arena *arena = sp_arena_create(1 << 16);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_json *claims = NULL;
        struct sp_json_error error;
        assert_int_equal(sp_json_parse(arena, sp_str_from_cstr(rows[i].claims), &sp_json_limits_token, &claims, &error),
                         SP_OK);
        assert_true(sp_str_equal(sp_claims_audience_words(claims), sp_str_from_cstr(rows[i].words)));
    }
    sp_arena_destroy(&arena);
}

/* RFC 7515 A.3. */
#define OURS                                                                                                           \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_"  \
    "tue659LNpXW6pCyStikYjKIWI5a0\""

/* So many others' keys, and then ours. */
static struct sp_jwk_set *set_with_ours_last(struct sp_arena *arena, size_t others, const char *kid)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    struct sp_jwk_set *set = NULL;
    sp_buffer_init(&text, arena, 16384);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR("keys"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < others; i++) {
        struct sp_signer *signer = NULL;
        assert_int_equal(sp_signer_generate(SP_STR("ES256"), &signer), SP_OK);
        sp_signer_write_public(signer, &json);
        sp_signer_destroy(&signer);
    }
    sp_json_put_raw(&json, sp_arena_printf(arena, OURS ",\"kid\":\"%s\"}", kid));
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    assert_int_equal(sp_jwk_set_parse(sp_buffer_str(&text), &set, NULL), SP_OK);
    assert_int_equal(set->count, others + 1);
    return set;
}

static struct sp_signed_jwt signed_by_us(struct sp_arena *arena, const char *header)
{
    struct sp_jwk_set *keys = NULL;
    struct sp_str signature = SP_STR_NONE, text = jwt_of(arena, sp_str_from_cstr(header), SP_STR("{}"));
    struct sp_signed_jwt jwt;
    const char *fault = NULL;
    assert_int_equal(
        sp_jwk_set_parse(SP_STR(OURS ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}"), &keys, NULL), SP_OK);
    text = sp_str_slice(text, 0, text.len - sizeof ".AAAA" + 1);
    assert_int_equal(sp_key_sign(keys->keys[0].key, SP_ALGORITHM_ES256, text, arena, &signature), SP_OK);
    sp_jwk_set_unref(&keys);
    text = sp_arena_printf(arena, "%.*s.%.*s", SP_STR_ARG(text),
                           SP_STR_ARG(sp_base64url_of(arena, signature.at, signature.len)));
    assert_int_equal(sp_signed_jwt_read(arena, text, &jwt, &fault), SP_OK);
    return jwt;
}

/* A set of hundreds would cost whoever verifies as many signatures for each JWT that anybody makes up. */
static void a_jwt_is_tried_with_few_keys(void **state)
{
    static const struct {
        const char *header;
        size_t others;
        bool verifies;
    } rows[] = {
        {"{\"alg\":\"ES256\"}", 0, true},
        {"{\"alg\":\"ES256\"}", SP_MAX_KEY_TRIES - 1, true},
        {"{\"alg\":\"ES256\"}", SP_MAX_KEY_TRIES, false},
        {"{\"alg\":\"ES256\",\"kid\":\"ours\"}", SP_MAX_KEY_TRIES, true}, /* whoever names it meets it alone */
        {"{\"alg\":\"ES256\",\"kid\":\"other\"}", 0, false},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_signed_jwt jwt = signed_by_us(arena, rows[i].header);
        struct sp_jwk_set *set = set_with_ours_last(arena, rows[i].others, "ours");
        if (sp_signed_jwt_verifies(&jwt, set) != rows[i].verifies)
            fail_msg("%s behind %zu others", rows[i].header, rows[i].others);
        struct sp_str words = sp_signed_jwt_keys_in_words(arena, set);
        assert_true(sp_str_contains(words, SP_STR("a kid of its own")) == (set->count > SP_MAX_KEY_TRIES));
        sp_jwk_set_unref(&set);
    }
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_are_none_are_refused_before_anybody_adds_to_them),
        cmocka_unit_test(an_audience_is_told_as_it_is_written),
        cmocka_unit_test(a_jwt_is_tried_with_few_keys),
        cmocka_unit_test(a_header_says_what_it_is_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
