/* SPDX-License-Identifier: Apache-2.0 */
/* The examination, tried with every row of exam_rows.h: what it names, with how little memory, in which JSON; and that
 * no cause of its groups is without a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/support/exam_rows.h"

static const char *id_of(enum sp_cause cause)
{
    return cause == SP_CAUSE_NONE ? "none" : sp_cause_get(cause)->id.at;
}

static bool warns(const struct sp_verdict *verdict, enum sp_cause cause)
{
    for (size_t i = 0; i < verdict->also_count; i++)
        if (verdict->also[i].cause == cause && sp_finding_severity(&verdict->also[i]) != SP_SEVERITY_REJECT)
            return true;
    return false;
}

static void each_token_is_named(void **state)
{
    (void)state;
    unsigned wrong = 0;
    const struct exam_row *row;
    for (size_t i = 0; (row = exam_row_at(i)) != NULL; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct exam_bench bench;
        exam_row_prepare(row, &bench, arena);
        const struct sp_verdict *verdict = exam_bench_run(&bench);
        enum sp_cause found = verdict->cause != NULL ? verdict->cause->cause : SP_CAUSE_NONE;
        bool right = found == row->cause && verdict->accepted == (row->cause == SP_CAUSE_NONE);
        right = right && (row->warning == SP_CAUSE_NONE || warns(verdict, row->warning));
        right = right && (verdict->accepted || sp_finding_severity(verdict->cause) == SP_SEVERITY_REJECT);
        right = right && (verdict->accepted || sp_verdict_http_status(verdict) >= 400);
        if (!right) {
            print_error("%s: expected %s, found %s\n", row->what, id_of(row->cause), id_of(found));
            wrong++;
        }
        sp_arena_destroy(&arena);
    }
    assert_int_equal(wrong, 0);
}

static void a_cut_is_told_once_wherever_it_is(void **state)
{
    (void)state;
    unsigned cuts = 0;
    for (size_t lost = 1; lost < 150; lost++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct exam_bench bench;
        exam_bench_set_up(&bench, arena);
        bench.input.token = exam_bench_sign(&bench, EXAM_E1, HEADER, CLAIMS(""));
        bench.input.token.len -= lost;
        const struct sp_verdict *verdict = exam_bench_run(&bench);
        assert_false(verdict->accepted);
        bool is_cut = verdict->cause->cause == SP_CAUSE_TOKEN_MALFORMED_TRUNCATED;
        cuts += is_cut;
        for (size_t i = 0; i < verdict->also_count && is_cut; i++)
            assert_int_not_equal(verdict->also[i].cause, SP_CAUSE_TOKEN_MALFORMED_TRUNCATED);
        sp_arena_destroy(&arena);
    }
    assert_true(cuts > 100);
}

/* What claims say before the signature verified is a rumour, and never the cause. */
static void a_rumour_is_never_the_cause(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 24);
    struct exam_bench bench;
    exam_bench_set_up(&bench, arena);
    bench.input.token =
        exam_bench_sign(&bench, EXAM_E1, HEADER,
                        "{\"iss\":\"https://x\",\"aud\":\"y\",\"exp\":1,\"name\":\"AAAAAAAAAAAAAAAAAAAAAAAA\"}");
    exam_bench_alter(&bench);
    const struct sp_verdict *verdict = exam_bench_run(&bench);
    assert_int_equal(verdict->cause->cause, SP_CAUSE_SIGNATURE_INVALID);
    assert_true(verdict->also_count >= 3);
    for (size_t i = 0; i < verdict->also_count; i++)
        assert_false(verdict->also[i].verified);
    sp_arena_destroy(&arena);
}

static void everything_is_examined_then_ranked(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 24);
    struct exam_bench bench;
    exam_bench_set_up(&bench, arena);
    exam_bench_need_scopes(&bench);
    bench.input.token = exam_bench_sign(&bench, EXAM_E1, HEADER, "{\"iss\":\"" ISSUER "/\",\"aud\":\"y\",\"exp\":1}");
    const struct sp_verdict *verdict = exam_bench_run(&bench);
    static const enum sp_cause order[] = {SP_CAUSE_AUDIENCE_MISMATCH, SP_CAUSE_TIME_EXPIRED,
                                          SP_CAUSE_SCOPE_CLAIM_ABSENT};
    assert_int_equal(verdict->cause->cause, SP_CAUSE_ISSUER_TRAILING_SLASH);
    assert_int_equal(verdict->also_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(verdict->also[i].cause, order[i]);
        assert_true(verdict->also[i].verified);
    }
    sp_arena_destroy(&arena);
}

static void a_token_of_no_issuer_is_told_all_that_are_taken(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 24);
    struct exam_bench bench;
    exam_bench_set_up(&bench, arena);
    bench.requirements.issuers = exam_both_issuers;
    bench.requirements.issuer_count = 2;
    bench.input.token = exam_bench_sign(&bench, EXAM_E1, HEADER, WITH_ISSUER("https://else.example.org"));
    const struct sp_verdict *verdict = exam_bench_run(&bench);
    assert_int_equal(verdict->cause->cause, SP_CAUSE_ISSUER_MISMATCH);
    assert_true(sp_str_equal(verdict->cause->expected, SP_STR(ISSUER ", https://staging.example.com/realms/a")));
    sp_arena_destroy(&arena);
}

static void keys_are_asked_for_once_and_only_when_it_helps(void **state)
{
    (void)state;
    static const struct {
        const char *header, *claims;
        unsigned asked;
    } cases[] = {
        {HEADER, CLAIMS(""), 0},
        {"{\"alg\":\"ES256\",\"kid\":\"new\"}", CLAIMS(""), 1},
        {"{\"alg\":\"none\",\"kid\":\"new\"}", CLAIMS(""), 0},
        {"{\"alg\":\"HS256\",\"kid\":\"new\"}", CLAIMS(""), 0},
        {"{\"alg\":\"ES256\",\"kid\":\"new\",\"crit\":[\"x\"]}", CLAIMS(""), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct exam_bench bench;
        exam_bench_set_up(&bench, arena);
        bench.input.token = exam_bench_sign(&bench, EXAM_E1, cases[i].header, cases[i].claims);
        exam_bench_run(&bench);
        assert_int_equal(bench.needs[SP_NEED_KEYS], cases[i].asked);
        sp_arena_destroy(&arena);
    }
}

/* With ever more memory: refused until it suffices, never accepted by want of it, and the same cause in the end. */
static void want_of_memory_never_accepts(void **state)
{
    (void)state;
    const struct exam_row *row;
    for (size_t i = 0; (row = exam_row_at(i)) != NULL; i++) {
        struct sp_arena *outer = sp_arena_create(1 << 24);
        struct exam_bench bench;
        if (row->cause == SP_CAUSE_NONE) {
            sp_arena_destroy(&outer);
            continue;
        }
        for (size_t bytes = 0; bytes < 24000; bytes += 397) {
            struct sp_arena *arena = sp_arena_create(bytes);
            sp_arena_reset(outer);
            exam_row_prepare(row, &bench, outer);
            bench.arena = arena;
            if (arena != NULL)
                assert_false(exam_bench_run(&bench)->accepted);
            sp_arena_destroy(&arena);
        }
        sp_arena_destroy(&outer);
    }
}

static void verdicts_are_json_of_the_contract(void **state)
{
    (void)state;
    static const char *const names[] = {"form",   "type",     "algorithm", "key",        "signature",
                                        "issuer", "audience", "expiry",    "not_before", "issued_at",
                                        "scope",  "claims",   "binding",   "revocation"};
    const struct exam_row *row;
    for (size_t i = 0; (row = exam_row_at(i)) != NULL; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct exam_bench bench;
        struct sp_buffer buffer;
        struct sp_json_writer writer;
        struct sp_json_error error;
        const struct sp_json *json;
        exam_row_prepare(row, &bench, arena);
        const struct sp_verdict *verdict = exam_bench_run(&bench);
        sp_buffer_init(&buffer, arena, 1 << 20);
        sp_json_writer_init(&writer, &buffer, false);
        sp_verdict_write(&writer, verdict, NOW);
        assert_int_equal(sp_json_parse(arena, sp_buffer_str(&buffer), &sp_json_limits_document, &json, &error), SP_OK);
        assert_int_equal(sp_json_is(sp_json_member(json, SP_STR("accepted")), SP_JSON_TRUE), verdict->accepted);
        const struct sp_json *cause = sp_json_member(json, SP_STR("cause")),
                             *check = sp_json_member(json, SP_STR("checks"))->first;
        assert_true(verdict->accepted ? cause->type == SP_JSON_NULL
                                      : sp_str_equal(sp_json_string(sp_json_member(cause, SP_STR("id"))),
                                                     sp_cause_get(row->cause)->id));
        if (!verdict->accepted) {
            assert_true(sp_json_string(sp_json_member(cause, SP_STR("explanation"))).len > 0);
            assert_true(sp_json_string(sp_json_member(cause, SP_STR("fix"))).len > 0);
        }
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++, check = check->next)
            assert_true(
                sp_str_equal(sp_json_string(sp_json_member(check, SP_STR("name"))), sp_str_from_cstr(names[n])));
        assert_null(check);
        sp_arena_destroy(&arena);
    }
}

/* ---- the catalogue: no id without a reproduction ---- */

static bool has_row(enum sp_cause cause)
{
    const struct exam_row *row;
    for (size_t i = 0; (row = exam_row_at(i)) != NULL; i++)
        if (row->cause == cause || row->warning == cause)
            return true;
    return false;
}

static char *read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SP_SOURCE_ROOT, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

/* Lines of reproduced_elsewhere.txt: "ID FILE TEXT": the file must contain the text. */
static bool is_reproduced_elsewhere(const char *list, struct sp_str id)
{
    for (const char *line = list; line != NULL && *line != '\0';
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        char name[64], file[256], text[256];
        if (*line == '#' || sscanf(line, "%63s %255s %255[^\n]", name, file, text) != 3 ||
            !sp_str_equal(sp_str_from_cstr(name), id))
            continue;
        char *content = read_file(file);
        bool found = content != NULL && strstr(content, text) != NULL;
        if (!found)
            print_error("%s: \"%s\" is not in %s\n", name, text, file);
        free(content);
        return found;
    }
    return false;
}

static void every_cause_is_reproduced(void **state)
{
    (void)state;
    static const char *const groups[] = {"The presented token",
                                         "Algorithm and signature",
                                         "Keys and key sets",
                                         "Issuer",
                                         "Audience",
                                         "Time",
                                         "Authorization",
                                         "Discovery"};
    char *list = read_file("tests/unit/diagnosis/reproduced_elsewhere.txt");
    unsigned missing = 0;
    assert_non_null(list);
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        struct sp_str group = sp_cause_group(cause);
        bool wanted = false;
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
            wanted = wanted || sp_str_equal(group, sp_str_from_cstr(groups[i]));
        if (!wanted || has_row(cause) || is_reproduced_elsewhere(list, sp_cause_get(cause)->id))
            continue;
        print_error("no test reproduces %s\n", id_of(cause));
        missing++;
    }
    free(list);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_token_is_named),
        cmocka_unit_test(a_cut_is_told_once_wherever_it_is),
        cmocka_unit_test(a_rumour_is_never_the_cause),
        cmocka_unit_test(everything_is_examined_then_ranked),
        cmocka_unit_test(a_token_of_no_issuer_is_told_all_that_are_taken),
        cmocka_unit_test(keys_are_asked_for_once_and_only_when_it_helps),
        cmocka_unit_test(want_of_memory_never_accepts),
        cmocka_unit_test(verdicts_are_json_of_the_contract),
        cmocka_unit_test(every_cause_is_reproduced),
    };
    return cmocka_run_group_tests(tests, exam_bench_make_keys, exam_bench_drop_keys);
}
