/* SPDX-License-Identifier: Apache-2.0 */
/* Every cause that a recording can prove, reproduced: tests/data/flows/ID.txt (or ID~ANYTHING.txt) is an exchange that
 * must be explained by ID, as the cause of a broken flow or – where the file says `expect warning` or `expect note` –
 * as a finding beside it. `# says WORDS`: they stand in its explanation. What stands in tests/data/flows/fine must be
 * found fine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include "core/diagnosis/verdict.h"
#include "core/flow/report.h"
#include "probe/file.h"
#include "tests/support/flow_text.h"

#define FOLDER SP_SOURCE_ROOT "/tests/data/flows"

static struct sp_str read_file(struct sp_arena *arena, const char *folder, const char *name)
{
    char path[512];
    struct sp_str text = SP_STR_NONE;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sp_file_read(arena, path, 1 << 20, &text), SP_OK);
    return text;
}

static void print_all(const struct sp_flow_capture *capture)
{
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next) {
        print_message("  flow %u: %.*s\n", at->flow->number, SP_STR_ARG(sp_flow_kind_name(at->kind)));
        for (const struct sp_flow_finding *f = at->findings; f != NULL; f = f->next)
            print_message("      %.*s depth %d severity %d: %.*s | %.*s | %.*s\n",
                          SP_STR_ARG(sp_cause_get(f->finding.cause)->id), (int)f->depth,
                          (int)sp_finding_severity(&f->finding), SP_STR_ARG(f->finding.expected),
                          SP_STR_ARG(f->finding.received), SP_STR_ARG(f->finding.detail));
    }
}

static bool is_cause(const struct sp_flow_capture *capture, enum sp_cause cause)
{
    for (const struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        if (flow->cause != NULL && flow->cause->finding.cause == cause)
            return true;
    return false;
}

static bool is_told(const struct sp_flow_capture *capture, enum sp_cause cause, enum sp_severity severity)
{
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        for (const struct sp_flow_finding *f = at->findings; f != NULL; f = f->next)
            if (f->finding.cause == cause && sp_finding_severity(&f->finding) == severity)
                return true;
    return false;
}

/* What is said is whole: no place of a sentence was left open. */
static bool is_whole(struct sp_arena *arena, const struct sp_flow_capture *capture, enum sp_cause cause)
{
    const struct sp_cause_info *info = sp_cause_get(cause);
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        for (const struct sp_flow_finding *f = at->findings; f != NULL; f = f->next)
            if (f->finding.cause == cause &&
                (sp_str_contains(sp_finding_fill(arena, info->explanation, &f->finding), SP_STR("(not known)")) ||
                 sp_str_contains(sp_finding_fill(arena, info->fix, &f->finding), SP_STR("(not known)"))))
                return false;
    return true;
}

/* A cause of the reader must have both sides, so that a person can compare. */
static bool has_evidence(const struct sp_flow_capture *capture, enum sp_cause cause)
{
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        for (const struct sp_flow_finding *f = at->findings; f != NULL; f = f->next)
            if (f->finding.cause == cause && (f->finding.received.len > 0 || f->finding.detail.len > 0))
                return true;
    return false;
}

static bool is_said(struct sp_arena *arena, const struct sp_flow_capture *capture, enum sp_cause cause,
                    struct sp_str words)
{
    const struct sp_cause_info *info = sp_cause_get(cause);
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        for (const struct sp_flow_finding *f = at->findings; f != NULL; f = f->next)
            if (f->finding.cause == cause &&
                sp_str_contains(sp_finding_fill(arena, info->explanation, &f->finding), words))
                return true;
    return false;
}

/* `# says WORDS`: they stand in the explanation. */
static bool says_all(struct sp_arena *arena, const struct sp_flow_capture *capture, enum sp_cause cause,
                     struct sp_str text)
{
    struct sp_str line, mark = SP_STR("# says ");
    while (sp_str_next_word(&text, SP_STR("\n"), &line))
        if (sp_str_has_prefix(line, mark) && !is_said(arena, capture, cause, sp_str_slice(line, mark.len, line.len)))
            return false;
    return true;
}

static bool reproduces(const char *name, struct sp_str text)
{
    struct sp_arena *arena = sp_arena_create(64 << 20);
    struct sp_str id = sp_str_from_cstr(name);
    id = sp_str_slice(id, 0, sp_str_index_of(id, '~', 0)); /* issuer.path~another_case.txt */
    if (sp_str_has_suffix(id, SP_STR(".txt")))
        id.len -= 4;
    enum sp_cause cause = sp_cause_find(id);
    struct sp_flow_capture *capture = flow_text_judged(arena, text);
    bool warning = sp_str_contains(text, SP_STR("expect warning")), note = sp_str_contains(text, SP_STR("expect note"));
    bool good = cause != SP_CAUSE_NONE && capture != NULL &&
                (warning ? is_told(capture, cause, SP_SEVERITY_WARN)
                 : note  ? is_told(capture, cause, SP_SEVERITY_INFO)
                         : is_cause(capture, cause)) &&
                has_evidence(capture, cause) && is_whole(arena, capture, cause) &&
                says_all(arena, capture, cause, text);
    if (!good && capture != NULL) {
        print_message("%s is not explained:\n", name);
        print_all(capture);
    }
    if (capture != NULL)
        sp_flow_capture_destroy(&capture);
    sp_arena_destroy(&arena);
    return good;
}

static void each_recorded_fault_is_explained_by_its_cause(void **state)
{
    DIR *folder = opendir(FOLDER);
    unsigned failed = 0, tried = 0;
    struct sp_arena *arena = sp_arena_create(64 << 20);
    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".txt") == NULL)
            continue;
        tried++;
        failed += !reproduces(entry->d_name, read_file(arena, FOLDER, entry->d_name));
    }
    closedir(folder);
    sp_arena_destroy(&arena);
    print_message("%u faults, %u not explained\n", tried, failed);
    assert_int_equal(failed, 0);
    assert_true(tried > 80);
}

static void what_is_right_is_found_fine(void **state)
{
    DIR *folder = opendir(FOLDER "/fine");
    unsigned failed = 0, tried = 0;
    struct sp_arena *arena = sp_arena_create(64 << 20);
    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".txt") == NULL)
            continue;
        struct sp_flow_capture *capture = flow_text_judged(arena, read_file(arena, FOLDER "/fine", entry->d_name));
        struct sp_flow_count count = sp_flow_count(capture);
        tried++;
        if (count.broken + count.warned > 0 || count.flows == 0) {
            failed++;
            print_message("%s is not found fine:\n", entry->d_name);
            print_all(capture);
        }
        sp_flow_capture_destroy(&capture);
    }
    closedir(folder);
    sp_arena_destroy(&arena);
    assert_int_equal(failed, 0);
    assert_true(tried > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recorded_fault_is_explained_by_its_cause),
        cmocka_unit_test(what_is_right_is_found_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
