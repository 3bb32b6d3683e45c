/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's table: every row can be looked up, every template knows its words, every fault does something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lab/document.h"
#include "lab/fault.h"
#include "lab/sequence.h"
#include "lab/trial.h"

/* Committed by code that names them: key_set.c, signing.c, issuer.c, issuer_token.c, call.c, lab.c. */
static const enum sp_cause by_code[] = {
    SP_CAUSE_ALGORITHM_NONE,
    SP_CAUSE_ALGORITHM_NOT_ALLOWED,
    SP_CAUSE_ALGORITHM_SYMMETRIC,
    SP_CAUSE_ALGORITHM_KEY_CONFUSION,
    SP_CAUSE_ALGORITHM_KEY_TYPE_MISMATCH,
    SP_CAUSE_SIGNATURE_INVALID,
    SP_CAUSE_SIGNATURE_OTHER_KEY,
    SP_CAUSE_SIGNATURE_OTHER_ISSUER_KEY,
    SP_CAUSE_SIGNATURE_DER_ENCODED,
    SP_CAUSE_SIGNATURE_SECRET_ENCODING,
    SP_CAUSE_SIGNATURE_GRAPH_NONCE,
    SP_CAUSE_KEYS_UNKNOWN_KID,
    SP_CAUSE_KEYS_ROTATED,
    SP_CAUSE_KEYS_RETIRED_EARLY,
    SP_CAUSE_KEYS_REPLACED,
    SP_CAUSE_KEYS_OTHER_ISSUER,
    SP_CAUSE_KEYS_KID_MISSING_AMBIGUOUS,
    SP_CAUSE_KEYS_DUPLICATE_KID,
    SP_CAUSE_KEYS_USE_MISMATCH,
    SP_CAUSE_KEYS_WEAK,
    SP_CAUSE_KEYS_MALFORMED_MEMBER,
    SP_CAUSE_KEYS_UNSUPPORTED_TYPE,
    SP_CAUSE_KEYS_PRIVATE_MATERIAL,
    SP_CAUSE_DISCOVERY_HOST_REFLECTED,
    SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED,
    SP_CAUSE_UPSTREAM_DNS,
    SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED,
    SP_CAUSE_RESPONSE_CACHEABLE,
    SP_CAUSE_RESPONSE_TOKEN_TYPE_UNEXPECTED,
    SP_CAUSE_USERINFO_SIGNED_UNEXPECTEDLY,
    SP_CAUSE_DEVICE_PENDING,
    SP_CAUSE_DEVICE_SLOW_DOWN,
    SP_CAUSE_DEVICE_EXPIRED,
    SP_CAUSE_DEVICE_DENIED,
};

static bool has_row(enum sp_cause cause)
{
    for (enum sp_lab_document document = SP_LAB_METADATA; document <= SP_LAB_REGISTRATION; document++) {
        size_t position = 0;
        if (sp_lab_set_next(cause, document, &position) != NULL)
            return true;
    }
    for (enum sp_lab_endpoint endpoint = SP_LAB_ANY; endpoint < SP_LAB_ELSEWHERE; endpoint++)
        if (sp_lab_answer_find(cause, endpoint) != NULL || sp_lab_act_find(cause, endpoint) != SP_LAB_ACT_NONE)
            return true;
    return sp_lab_needs_tls(cause) || sp_lab_clock_skew(cause) != 0;
}

static void every_fault_does_something_and_stands_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sp_lab_fault_count(); i++) {
        const struct sp_lab_fault *fault = sp_lab_fault_at(i);
        bool coded = false;
        for (size_t k = 0; k < sizeof by_code / sizeof by_code[0]; k++)
            coded = coded || by_code[k] == fault->cause;
        if (!coded && !has_row(fault->cause))
            fail_msg("%.*s does nothing", SP_STR_ARG(sp_lab_fault_id(fault->cause)));
        assert_ptr_equal(sp_lab_fault_find(fault->cause), fault);
        assert_true(fault->what.len > 10 && fault->what.at[fault->what.len - 1] == '.');
        assert_null(sp_lab_unprovoked_reason(fault->cause).at);
    }
}

static void ids_are_found_and_mistakes_are_not(void **state)
{
    (void)state;
    enum sp_cause cause = SP_CAUSE_ISSUER_PATH;
    assert_true(sp_lab_fault_of_id(SP_STR("healthy"), &cause) && cause == SP_CAUSE_NONE);
    assert_true(sp_lab_fault_of_id(SP_STR("keys.rotated"), &cause) && cause == SP_CAUSE_KEYS_ROTATED);
    assert_false(sp_lab_fault_of_id(SP_STR("config.type"), &cause));
    assert_false(sp_lab_fault_of_id(SP_STR(""), &cause));
    assert_int_equal(cause, SP_CAUSE_KEYS_ROTATED);
    assert_true(sp_str_equal(sp_lab_fault_nearest(SP_STR("keys.rotaded")), SP_STR("keys.rotated")));
    assert_non_null(sp_lab_unprovoked_reason(SP_CAUSE_CONFIG_TYPE).at);
}

/* ---- templates ---- */

static const struct sp_lab_word inner_rows[] = {{"token", {"T", 1}}};
static const struct sp_lab_word outer_rows[] = {{"issuer", {"https://i", 9}}, {"token", {"outer", 5}}};
static const struct sp_lab_words outer = {outer_rows, 2, NULL, 0};
static const struct sp_lab_words words = {inner_rows, 1, &outer, 1000};

static void words_are_put_in(void **state)
{
    static const struct {
        const char *template, *expected;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"$issuer/x", "https://i/x"},
        {"\"$token\"", "\"T\""},
        {"$now", "1000"},
        {"$now-600,$now+60", "400,1060"},
        {"$now_ms $soon_ms", "1000000 1300000"},
        {"$nothing", "$nothing"},
        {"$", "$"},
        {"$$token", "$T"},
    };
    struct sp_arena *arena = sp_arena_create(1024 * 1024);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str made = sp_lab_expand(arena, rows[i].template, &words);
        assert_true(sp_str_equal(made, sp_str_from_cstr(rows[i].expected)));
    }
    assert_int_equal(sp_lab_expand(arena, "$padding", &words).len, 20 * 1024);
    sp_arena_destroy(&arena);
}

static void without_memory_a_template_is_absent(void **state)
{
    struct sp_arena *arena = sp_arena_create(64);
    (void)state;
    assert_null(sp_lab_expand(arena, "$padding", &words).at);
    sp_arena_destroy(&arena);
}

static void a_fault_replaces_and_drops_members(void **state)
{
    struct sp_arena *arena = sp_arena_create(1024 * 1024);
    struct sp_lab_object object;
    (void)state;
    sp_lab_object_init(&object, arena);
    sp_lab_put_text(&object, "iss", SP_STR("https://i"));
    sp_lab_put_number(&object, "exp", 5);
    assert_int_equal(sp_lab_apply(&object, SP_CAUSE_ISSUER_TRAILING_SLASH, SP_LAB_CLAIM, &words), 1);
    assert_true(sp_str_equal(sp_lab_object_text(&object), SP_STR("{\"iss\":\"https://i/\",\"exp\":5}")));
    assert_int_equal(sp_lab_apply(&object, SP_CAUSE_ISSUER_MISSING, SP_LAB_CLAIM, &words), 1);
    assert_int_equal(sp_lab_apply(&object, SP_CAUSE_NONE, SP_LAB_CLAIM, &words), 0);
    assert_true(sp_str_equal(sp_lab_object_text(&object), SP_STR("{\"exp\":5}")));
    sp_arena_destroy(&arena);
}

/* ---- sequences ---- */

static void a_sequence_is_read(void **state)
{
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    struct sp_lab_sequence sequence;
    struct sp_str trouble;
    (void)state;
    assert_int_equal(sp_lab_sequence_parse(arena,
                                           SP_STR(" healthy 10s,keys.rotated 500 ms , issuer.path 3 requests, none"),
                                           &sequence, &trouble),
                     SP_OK);
    assert_int_equal(sequence.count, 4);
    assert_int_equal(sequence.at[0].duration_ms, 10000);
    assert_int_equal(sequence.at[1].fault, SP_CAUSE_KEYS_ROTATED);
    assert_int_equal(sequence.at[1].duration_ms, 500);
    assert_int_equal(sequence.at[2].requests, 3);
    assert_int_equal(sequence.at[3].fault, SP_CAUSE_NONE);
    assert_false(sp_lab_step_is_over(&sequence.at[0], 9999, 1000));
    assert_true(sp_lab_step_is_over(&sequence.at[0], 10000, 0));
    assert_true(sp_lab_step_is_over(&sequence.at[2], 0, 3));
    assert_false(sp_lab_step_is_over(&sequence.at[3], INT64_MAX, UINT64_MAX));
    sp_arena_destroy(&arena);
}

static void what_is_no_sequence_is_said(void **state)
{
    static const char *const wrong[] = {
        "",
        ",",
        "healthy,healthy",
        "healthy 1s,",
        "nothing 1s",
        "healthy 1h",
        "healthy 1441m",
        "healthy s",
        "healthy -1s",
        "healthy 99999999999999999999s",
    };
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    struct sp_lab_sequence sequence;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct sp_str trouble = SP_STR_NONE;
        assert_int_equal(sp_lab_sequence_parse(arena, sp_str_from_cstr(wrong[i]), &sequence, &trouble), SP_MALFORMED);
        assert_non_null(trouble.at);
    }
    char long_text[2000] = "";
    for (size_t i = 0; i < 101; i++)
        memcpy(long_text + i * 11, "healthy 1s,", 11);
    struct sp_str trouble;
    assert_int_equal(sp_lab_sequence_parse(arena, sp_str(long_text, 101 * 11 - 1), &sequence, &trouble), SP_MALFORMED);
    sp_arena_destroy(&arena);
}

/* ---- trials ---- */

static void an_ending_is_judged_by_what_the_fault_asks_for(void **state)
{
    static const struct {
        enum sp_cause fault;
        int exit_status;
        bool timed_out;
        uint64_t committed;
        enum sp_lab_outcome outcome;
    } rows[] = {
        {SP_CAUSE_ISSUER_PATH, 1, false, 1, SP_LAB_FAILED_CLOSED},
        {SP_CAUSE_ISSUER_PATH, 0, false, 1, SP_LAB_ACCEPTED},
        {SP_CAUSE_ISSUER_PATH, 0, false, 0, SP_LAB_ACCEPTED}, /* the token in its environment has it */
        {SP_CAUSE_ISSUER_PATH, 143, true, 1, SP_LAB_HUNG},
        {SP_CAUSE_STATE_MISMATCH, 0, false, 0, SP_LAB_UNMET},
        {SP_CAUSE_STATE_MISMATCH, 1, false, 0, SP_LAB_UNMET},
        {SP_CAUSE_STATE_MISMATCH, 1, false, 2, SP_LAB_FAILED_CLOSED},
        {SP_CAUSE_NETWORK_TCP_REFUSED, 7, false, 0, SP_LAB_FAILED_CLOSED},
        {SP_CAUSE_UPSTREAM_REFUSED, 7, false, 0, SP_LAB_FAILED_CLOSED},
        {SP_CAUSE_KEYS_ROTATED, 0, false, 1, SP_LAB_SURVIVED},
        {SP_CAUSE_KEYS_ROTATED, 1, false, 1, SP_LAB_DID_NOT_SURVIVE},
        {SP_CAUSE_RESPONSE_CACHEABLE, 0, false, 1, SP_LAB_WENT_ON},
        {SP_CAUSE_RESPONSE_CACHEABLE, 1, false, 1, SP_LAB_TOLD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_lab_ending ending = {.timed_out = rows[i].timed_out, .exit_status = rows[i].exit_status};
        assert_int_equal(sp_lab_judge(sp_lab_fault_find(rows[i].fault), &ending, rows[i].committed), rows[i].outcome);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_does_something_and_stands_once),
        cmocka_unit_test(ids_are_found_and_mistakes_are_not),
        cmocka_unit_test(words_are_put_in),
        cmocka_unit_test(without_memory_a_template_is_absent),
        cmocka_unit_test(a_fault_replaces_and_drops_members),
        cmocka_unit_test(a_sequence_is_read),
        cmocka_unit_test(what_is_no_sequence_is_said),
        cmocka_unit_test(an_ending_is_judged_by_what_the_fault_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
