/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_fixture.h"

#include <stdio.h>

struct sp_parsed sp_parsed_text(const char *text)
{
    struct sp_parsed parsed = {.report = sp_policy_report_create()};
    parsed.status = sp_policy_parse(sp_str_from_cstr(text), SP_STR("a.yaml"), &parsed.policy, parsed.report);
    return parsed;
}

/* "NAME=value" for both kinds; a file is its path. */
static enum sp_expanded look_up(void *context, struct sp_arena *arena, struct sp_str name, struct sp_str *value)
{
    (void)arena;
    for (const char *const *row = context; row != NULL && *row != NULL; row++) {
        struct sp_str text = sp_str_from_cstr(*row);
        size_t equals = sp_str_index_of(text, '=', 0);
        if (sp_str_equal(sp_str_slice(text, 0, equals), name)) {
            *value = sp_str_slice(text, equals + 1, text.len);
            return sp_str_equal(*value, SP_STR("!")) ? SP_EXPANSION_UNREADABLE : SP_EXPANDED;
        }
    }
    return SP_EXPANSION_MISSING;
}

struct sp_parsed sp_parsed_files(const char *const *texts, size_t count, const char *const *environment)
{
    static const char *const names[] = {"a.yaml", "b.yaml", "c.yaml", "d.yaml"};
    struct sp_policy_text files[4];
    for (size_t i = 0; i < count; i++) {
        files[i] = (struct sp_policy_text){.name = sp_str_from_cstr(names[i]),
                                           .text = sp_str_from_cstr(texts[i]),
                                           .directory = SP_STR("/etc/sallyport")};
    }
    const struct sp_expansion expansion = {
        .context = (void *)(uintptr_t)environment, .variable = look_up, .file = look_up};
    const struct sp_policy_input input = {.texts = files, .text_count = count, .expansion = &expansion};
    struct sp_parsed parsed = {.report = sp_policy_report_create()};
    parsed.status = sp_policy_parse_input(&input, &parsed.policy, parsed.report);
    return parsed;
}

void sp_parsed_fini(struct sp_parsed *parsed)
{
    sp_policy_unref(&parsed->policy);
    sp_policy_report_destroy(&parsed->report);
}

const struct sp_policy_problem *sp_parsed_problem(const struct sp_parsed *parsed, enum sp_cause cause)
{
    for (size_t i = 0; i < parsed->report->count; i++) {
        if (parsed->report->problems[i].finding.cause == cause) {
            return &parsed->report->problems[i];
        }
    }
    return NULL;
}

void sp_parsed_print(const struct sp_parsed *parsed)
{
    printf("%s, %zu problems\n", sp_status_text(parsed->status), parsed->report->count);
    for (size_t i = 0; i < parsed->report->count; i++) {
        const struct sp_policy_problem *problem = &parsed->report->problems[i];
        printf("  %.*s:%u:%u %.*s: %.*s\n", SP_STR_ARG(problem->file), problem->line, problem->column,
               SP_STR_ARG(sp_cause_get(problem->finding.cause)->id), SP_STR_ARG(problem->message));
    }
}
