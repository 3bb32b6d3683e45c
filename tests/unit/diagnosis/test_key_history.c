/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "core/diagnosis/doctor_report.h"
#include "core/diagnosis/key_history.h"

#define NOW 1700000000
#define KEY(kid, x) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid "\",\"x\":\"" x "\"}"
#define X1 "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define X2 "0tIR39n4R_v_Epx5pUDmxVRCzJJRSI0lZ81FhwCmDqk"
#define X3 "Cr0vvFlF0PsBbIC8IeFyZ8_jLwlhc7eCQUmpr2X9Xto"

static struct sp_jwk_set *set_of(const char *keys)
{
    struct sp_jwk_set *set = NULL;
    struct sp_json_error error;
    char text[1024];
    snprintf(text, sizeof text, "{\"keys\":[%s]}", keys);
    assert_int_equal(sp_jwk_set_parse(sp_str_from_cstr(text), &set, &error), SP_OK);
    return set;
}

/* Judges the set against the history, then takes it in. */
static struct sp_str look(struct sp_arena *arena, struct sp_key_history *history, const char *keys, int64_t now,
                          struct sp_document_findings *findings)
{
    struct sp_jwk_set *set = set_of(keys);
    findings->count = 0;
    struct sp_str changes = sp_key_history_judge(arena, history, set, now, findings);
    assert_int_equal(sp_key_history_update(arena, history, set, now), SP_OK);
    sp_jwk_set_unref(&set);
    return changes;
}

static void rotations_show_over_time(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_key_history history = {.count = 0};
    struct sp_document_findings findings;
    assert_int_equal(look(arena, &history, KEY("a", X1), NOW, &findings).len, 0); /* never seen before */
    assert_int_equal(look(arena, &history, KEY("a", X1), NOW + 1, &findings).len, 0);
    assert_true(look(arena, &history, KEY("a", X1) "," KEY("b", X2), NOW + 2, &findings).len > 0);
    assert_int_equal(findings.count, 0); /* an overlap is as it should be */
    assert_true(look(arena, &history, KEY("b", X2), NOW + 3, &findings).len > 0);
    assert_int_equal(findings.count, 0);
    look(arena, &history, KEY("c", X3), NOW + 4, &findings);
    assert_int_equal(findings.rows[0].cause, SP_CAUSE_KEYS_REPLACED);
    assert_true(findings.rows[0].tolerated);
    sp_arena_destroy(&arena);
}

static void another_key_under_the_same_kid_is_another_key(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_key_history history = {.count = 0};
    struct sp_document_findings findings;
    look(arena, &history, KEY("a", X1), NOW, &findings);
    look(arena, &history, KEY("a", X2), NOW + 1, &findings);
    assert_int_equal(findings.rows[0].cause, SP_CAUSE_KEYS_REPLACED);
    sp_arena_destroy(&arena);
}

static void a_key_that_went_before_its_tokens_is_told_until_they_end(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_key_history history = {.count = 0};
    struct sp_document_findings findings;
    look(arena, &history, KEY("a", X1) "," KEY("b", X2), NOW, &findings);
    sp_key_history_note_token(&history, SP_STR("a"), NOW + 600);
    sp_key_history_note_token(&history, SP_STR("a"), NOW + 300); /* a shorter one takes nothing back */
    look(arena, &history, KEY("b", X2), NOW + 599, &findings);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.rows[0].cause, SP_CAUSE_KEYS_RETIRED_EARLY);
    look(arena, &history, KEY("b", X2), NOW + 600, &findings);
    assert_int_equal(findings.count, 0);
    sp_arena_destroy(&arena);
}

static void what_is_written_is_read_and_damage_is_left_out(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_key_history history = {.count = 0}, again;
    struct sp_document_findings findings;
    struct sp_buffer text;
    struct sp_json_writer writer;
    const struct sp_json *json;
    struct sp_json_error error;
    look(arena, &history, KEY("a", X1) "," KEY("b", X2), NOW, &findings);
    sp_key_history_note_token(&history, SP_STR("b"), NOW + 5);
    sp_buffer_init(&text, arena, 1 << 16);
    sp_json_writer_init(&writer, &text, false);
    sp_key_history_write(&writer, &history);
    assert_int_equal(sp_json_parse(arena, sp_buffer_str(&text), &sp_json_limits_token, &json, &error), SP_OK);
    sp_key_history_read(json, &again);
    assert_int_equal(again.count, 2);
    assert_int_equal(again.seen_at, NOW);
    assert_int_equal(again.keys[1].signs_until, NOW + 5);
    assert_true(sp_str_equal(again.keys[0].thumbprint, history.keys[0].thumbprint));
    static const char damaged[] = "{\"seen_at\":-7,\"keys\":[1,{},{\"thumbprint\":\"short\"},{\"kid\":null}]}";
    assert_int_equal(sp_json_parse(arena, SP_STR(damaged), &sp_json_limits_token, &json, &error), SP_OK);
    sp_key_history_read(json, &again);
    assert_int_equal(again.count, 0);
    assert_int_equal(again.seen_at, 0);
    sp_key_history_read(NULL, &again);
    assert_int_equal(again.count, 0);
    sp_arena_destroy(&arena);
}

/* ---- the report ---- */
static void the_first_failure_along_the_chain_is_the_cause(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_doctor_report report;
    struct sp_document_findings late = {.rows = {{.cause = SP_CAUSE_KEYS_EMPTY}}, .count = 1};
    struct sp_document_findings warning = {.rows = {{.cause = SP_CAUSE_NETWORK_TLS_EXPIRING}}, .count = 1};
    struct sp_document_findings early = {.rows = {{.cause = SP_CAUSE_NETWORK_TCP_REFUSED}}, .count = 1};
    sp_doctor_report_init(&report, arena, "issuer", SP_STR_NONE, SP_STR("https://idp"));
    assert_true(sp_doctor_report_accepts(&report));
    sp_doctor_report_step(&report, SP_STEP_TLS, &warning, SP_STR("x"), 1);
    assert_true(sp_doctor_report_accepts(&report));
    assert_null(sp_doctor_report_cause(&report));
    assert_int_equal(report.steps[SP_STEP_TLS].outcome, SP_OUTCOME_WARN);
    sp_doctor_report_step(&report, SP_STEP_KEYS, &late, SP_STR("x"), 1);
    sp_doctor_report_step(&report, SP_STEP_TCP, &early, SP_STR("x"), 1);
    assert_false(sp_doctor_report_accepts(&report));
    assert_int_equal(sp_doctor_report_cause(&report)->finding.cause, SP_CAUSE_NETWORK_TCP_REFUSED);
    sp_arena_destroy(&arena);
}

static void a_report_that_is_full_still_fails(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_doctor_report report;
    struct sp_document_findings warnings = {.count = SP_MAX_FINDINGS};
    struct sp_document_findings fault = {.rows = {{.cause = SP_CAUSE_KEYS_EMPTY}}, .count = 1};
    for (size_t i = 0; i < SP_MAX_FINDINGS; i++) {
        warnings.rows[i].cause = SP_CAUSE_KEYS_DUPLICATE_KID;
    }
    sp_doctor_report_init(&report, arena, "issuer", SP_STR_NONE, SP_STR("https://idp"));
    sp_doctor_report_step(&report, SP_STEP_KEYS, &warnings, SP_STR("x"), 1);
    sp_doctor_report_step(&report, SP_STEP_TOKEN, &fault, SP_STR("x"), 1);
    assert_false(sp_doctor_report_accepts(&report));
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rotations_show_over_time),
        cmocka_unit_test(another_key_under_the_same_kid_is_another_key),
        cmocka_unit_test(a_key_that_went_before_its_tokens_is_told_until_they_end),
        cmocka_unit_test(what_is_written_is_read_and_damage_is_left_out),
        cmocka_unit_test(the_first_failure_along_the_chain_is_the_cause),
        cmocka_unit_test(a_report_that_is_full_still_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
