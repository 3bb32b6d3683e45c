/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "authority/handle.h"
#include "authority/signed_jwt.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_are_none_are_refused_before_anybody_adds_to_them),
        cmocka_unit_test(an_audience_is_told_as_it_is_written),
        cmocka_unit_test(a_header_says_what_it_is_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
