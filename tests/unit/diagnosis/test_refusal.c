/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/diagnosis/exam.h"
#include "core/diagnosis/refusal.h"

static const struct sp_str two_scopes[] = {{"read", 4}, {"wri\"te", 6}};

static struct sp_refusal_terms terms(void)
{
    return (struct sp_refusal_terms){
        .offers_bearer = true,
        .realm = SP_STR("photos"),
        .request_id = SP_STR("id-1"),
        .scopes = {two_scopes, 2},
    };
}

static struct sp_refusal refusal_of(struct sp_arena *arena, enum sp_cause cause, const struct sp_refusal_terms *with)
{
    const struct sp_finding finding = {.cause = cause,
                                       .check = SP_CHECK_COUNT,
                                       .verified = true,
                                       .expected = SP_STR("https://secret.internal"),
                                       .received = SP_STR("x\r\ny")};
    struct sp_refusal refusal = {0};
    assert_int_equal(sp_refusal_build(arena, sp_verdict_of(arena, &finding), with, &refusal), SP_OK);
    return refusal;
}

static bool says(struct sp_str text, const char *part)
{
    return sp_str_contains(text, sp_str_from_cstr(part));
}

static void a_missing_token_has_no_error_code_and_names_the_scopes(void **state)
{
    struct sp_refusal_terms with = terms();
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_TOKEN_MISSING, &with);
    assert_int_equal(refusal.status, 401);
    assert_int_equal(refusal.challenge_count, 1);
    assert_true(sp_str_has_prefix(refusal.challenges[0], SP_STR("Bearer realm=\"photos\"")));
    assert_false(says(refusal.challenges[0], "error"));
    assert_true(says(refusal.challenges[0], "scope=\"read wri'te\""));
    assert_true(says(refusal.body, "\"type\":\"urn:sallyport:cause:token.missing\""));
    assert_true(says(refusal.body, "\"cause\":\"token.missing\""));
    assert_true(says(refusal.body, "\"request_id\":\"id-1\""));
}

/* RFC 6750 3: an unsupported authentication method is as if there were none. */
static void a_scheme_that_is_not_taken_has_no_error_either(void **state)
{
    struct sp_refusal_terms with = terms();
    with.offers_dpop = true;
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED, &with);
    assert_int_equal(refusal.challenge_count, 2);
    for (size_t i = 0; i < refusal.challenge_count; i++) {
        assert_false(says(refusal.challenges[i], "error"));
    }
    assert_true(says(refusal.body, "\"cause\":\"token.scheme_unsupported\""));
}

/* A description is one of an error: causes without a code of OAuth's have none in the challenge. */
static void a_cause_without_an_error_code_is_told_in_the_body_alone(void **state)
{
    struct sp_refusal_terms with = terms();
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_CONSUMER_NOT_SUBSCRIBED, &with);
    assert_int_equal(refusal.status, 403);
    assert_false(says(refusal.challenges[0], "error"));
    assert_true(says(refusal.body, "\"cause\":\"consumer.not_subscribed\""));
}

static void the_default_level_tells_no_configured_value(void **state)
{
    struct sp_refusal_terms with = terms();
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_ISSUER_TRAILING_SLASH, &with);
    assert_false(says(refusal.body, "secret.internal"));
    assert_false(says(refusal.challenges[0], "secret.internal"));
    assert_true(says(refusal.challenges[0], "error=\"invalid_token\""));
}

static void level_full_tells_both_sides_and_the_fix(void **state)
{
    struct sp_refusal_terms with = terms();
    with.diagnostics = SP_DIAGNOSTICS_FULL;
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_ISSUER_TRAILING_SLASH, &with);
    assert_true(says(refusal.body, "\"expected\":\"https://secret.internal\""));
    assert_true(says(refusal.body, "\"received\":\"x\\r\\ny\""));
    assert_true(says(refusal.body, "\"fix\":\""));
}

static void level_none_tells_the_status_only(void **state)
{
    struct sp_refusal_terms with = terms();
    with.diagnostics = SP_DIAGNOSTICS_NONE;
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_ISSUER_TRAILING_SLASH, &with);
    assert_int_equal(refusal.status, 401);
    assert_false(says(refusal.body, "issuer"));
    assert_false(says(refusal.challenges[0], "error_description"));
    assert_true(says(refusal.challenges[0], "error=\"invalid_token\""));
}

static void every_offered_scheme_has_its_challenge(void **state)
{
    struct sp_refusal_terms with = terms();
    with.offers_dpop = with.offers_api_key = true;
    with.resource_metadata = SP_STR("https://api.example/.well-known/oauth-protected-resource");
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_TOKEN_MISSING, &with);
    assert_int_equal(refusal.challenge_count, 3);
    assert_true(sp_str_has_prefix(refusal.challenges[1], SP_STR("DPoP ")));
    assert_true(says(refusal.challenges[1], "algs=\"RS256 "));
    assert_true(says(refusal.challenges[1], " ES512 ")); /* all that proofs may have */
    assert_false(says(refusal.challenges[1], "HS256"));
    assert_true(says(refusal.challenges[0], "resource_metadata=\"https://api.example/"));
}

/* RFC 9449 7.1: Bearer knows neither error. */
static void what_is_wrong_with_a_proof_is_no_error_of_bearer(void **state)
{
    static const enum sp_cause causes[] = {SP_CAUSE_BINDING_DPOP_INVALID, SP_CAUSE_BINDING_DPOP_NONCE};
    struct sp_refusal_terms with = terms();
    with.offers_dpop = true;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        const struct sp_refusal refusal = refusal_of(*state, causes[i], &with);
        assert_false(says(refusal.challenges[0], "error"));
        assert_true(says(refusal.challenges[1], "error=\""));
        assert_true(says(refusal.challenges[1], "error_description=\""));
    }
}

static void a_challenge_stays_on_its_line(void **state)
{
    struct sp_refusal_terms with = terms();
    with.realm = SP_STR("a\r\nSet-Cookie: x=\"1\"\\");
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_SCOPE_MISSING, &with);
    for (size_t i = 0; i < refusal.challenges[0].len; i++) {
        assert_true(refusal.challenges[0].at[i] >= 0x20 && refusal.challenges[0].at[i] < 0x7f);
    }
    assert_int_equal(refusal.status, 403);
}

static void what_cannot_be_decided_is_503_without_a_challenge(void **state)
{
    struct sp_refusal_terms with = terms();
    const struct sp_refusal refusal = refusal_of(*state, SP_CAUSE_KEYS_UNREACHABLE, &with);
    assert_int_equal(refusal.status, 503);
    assert_int_equal(refusal.challenge_count, 0);
}

static void without_memory_there_is_no_half_refusal(void **state)
{
    (void)state;
    const struct sp_finding finding = {.cause = SP_CAUSE_SCOPE_MISSING, .verified = true};
    struct sp_refusal_terms with = terms();
    struct sp_arena *roomy = sp_arena_create(1 << 20);
    const struct sp_verdict *verdict = sp_verdict_of(roomy, &finding);
    for (size_t limit = 0; limit < 4096; limit += 64) {
        struct sp_arena *arena = sp_arena_create(limit);
        struct sp_refusal refusal = {.status = -1};
        if (sp_refusal_build(arena, verdict, &with, &refusal) == SP_OK) {
            assert_int_equal(refusal.status, 403);
            assert_true(says(refusal.body, "scope.missing"));
        } else {
            assert_int_equal(refusal.status, -1);
        }
        sp_arena_destroy(&arena);
    }
    sp_arena_destroy(&roomy);
}

static int make_arena(void **state)
{
    *state = sp_arena_create(1 << 20);
    return *state != NULL ? 0 : -1;
}

static int drop_arena(void **state)
{
    struct sp_arena *arena = *state;
    sp_arena_destroy(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_token_has_no_error_code_and_names_the_scopes, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(a_scheme_that_is_not_taken_has_no_error_either, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(a_cause_without_an_error_code_is_told_in_the_body_alone, make_arena,
                                        drop_arena),
        cmocka_unit_test_setup_teardown(the_default_level_tells_no_configured_value, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(level_full_tells_both_sides_and_the_fix, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(level_none_tells_the_status_only, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(every_offered_scheme_has_its_challenge, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_a_proof_is_no_error_of_bearer, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(a_challenge_stays_on_its_line, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(what_cannot_be_decided_is_503_without_a_challenge, make_arena, drop_arena),
        cmocka_unit_test(without_memory_there_is_no_half_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
