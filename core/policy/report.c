/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/report.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/limits.h"

#define REPORT_ARENA_BYTES (8u * 1024 * 1024)

struct report {
    struct sp_policy_report report;
    struct sp_arena *arena;
    struct sp_policy_problem problems[SP_MAX_POLICY_PROBLEMS];
};

struct sp_policy_report *sp_policy_report_create(void)
{
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        return NULL;
    }
    report->arena = sp_arena_create(REPORT_ARENA_BYTES);
    if (report->arena == NULL) {
        free(report);
        return NULL;
    }
    report->report.problems = report->problems;
    return &report->report;
}

void sp_policy_report_destroy(struct sp_policy_report **report)
{
    if (*report != NULL) {
        struct report *whole = (struct report *)*report;
        sp_arena_destroy(&whole->arena);
        free(whole);
        *report = NULL;
    }
}

static bool is_error(const struct sp_finding *finding)
{
    return !finding->tolerated && sp_cause_get(finding->cause)->severity == SP_SEVERITY_REJECT;
}

enum sp_status sp_policy_report_add(struct sp_policy_report *report, const struct sp_policy_problem *problem)
{
    struct report *whole = (struct report *)report;
    bool error = is_error(&problem->finding);
    if (report->count == SP_MAX_POLICY_PROBLEMS) {
        report->error_count += error;
        return SP_OK;
    }
    struct sp_policy_problem copy = *problem;
    struct sp_str *const texts[] = {
        &copy.finding.expected, &copy.finding.received, &copy.finding.detail, &copy.file, &copy.path, &copy.message};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i]->at != NULL && sp_arena_copy(whole->arena, *texts[i], texts[i]) != SP_OK) {
            return SP_NO_MEMORY;
        }
    }
    whole->problems[report->count++] = copy;
    report->error_count += error;
    return SP_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct sp_policy_problem *left = a, *right = b;
    int order = sp_str_compare(left->file, right->file);
    if (order == 0) {
        order = (left->line > right->line) - (left->line < right->line);
    }
    return order != 0 ? order : (left->column > right->column) - (left->column < right->column);
}

void sp_policy_report_sort(struct sp_policy_report *report)
{
    struct report *whole = (struct report *)report;
    qsort(whole->problems, report->count, sizeof whole->problems[0], by_place);
}
