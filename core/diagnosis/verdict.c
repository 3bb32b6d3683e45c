/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/verdict.h"

#include "core/diagnosis/exam.h"

enum sp_severity sp_finding_severity(const struct sp_finding *finding)
{
    if (finding->fatal)
        return SP_SEVERITY_REJECT;
    return finding->tolerated ? SP_SEVERITY_WARN : sp_cause_get(finding->cause)->severity;
}

/* Where a detail would stand and there is none: "a. {detail} b" has one space, "fails: {detail}." ends with "fails." */
static size_t close_gap(struct sp_buffer *buffer, struct sp_str text, size_t at)
{
    bool at_end = at == text.len;
    while (buffer->len > 0 && (at_end || text.at[at] == ' ' || text.at[at] == '.') &&
           (buffer->at[buffer->len - 1] == ' ' || buffer->at[buffer->len - 1] == ':'))
        buffer->len--;
    if (at_end && buffer->len > 0 && buffer->at[buffer->len - 1] != '.')
        sp_buffer_append_char(buffer, '.');
    return at;
}

/* Texts of the catalogue with {expected}, {received}, {detail} in them. An absent value reads as "(not known)". */
struct sp_str sp_finding_fill(struct sp_arena *arena, struct sp_str text, const struct sp_finding *finding)
{
    const struct {
        struct sp_str mark, value;
    } marks[] = {{SP_STR("{expected}"), finding->expected},
                 {SP_STR("{received}"), finding->received},
                 {SP_STR("{detail}"), finding->detail}};
    if (sp_str_index_of(text, '{', 0) == text.len)
        return text;
    struct sp_buffer buffer;
    bool is_due = false; /* a quote that fits into no sentence of the text stands behind it */
    sp_buffer_init(&buffer, arena, 16 * 1024);
    for (size_t at = 0; at < text.len;) {
        struct sp_str rest = sp_str_slice(text, at, text.len);
        size_t i = 0;
        while (i < 3 && !sp_str_has_prefix(rest, marks[i].mark))
            i++;
        if (i == 3) {
            sp_buffer_append_char(&buffer, text.at[at++]);
            continue;
        }
        at += marks[i].mark.len;
        bool is_inside = i == 2 && finding->is_quote && !sp_str_has_suffix(sp_buffer_str(&buffer), SP_STR(". "));
        is_due = is_due || is_inside;
        /* A detail that only repeats what was received says nothing more. */
        if (is_inside || (i == 2 && (marks[i].value.len == 0 || sp_str_equal(finding->detail, finding->received))))
            at = close_gap(&buffer, text, at);
        else
            sp_buffer_append(&buffer,
                             marks[i].value.at != NULL ? sp_str_slice(marks[i].value, 0, 1024) : SP_STR("(not known)"));
    }
    if (is_due)
        sp_buffer_printf(&buffer, " %.*s", SP_STR_ARG(sp_str_slice(finding->detail, 0, 1024)));
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}

struct sp_str sp_finding_fix(struct sp_arena *arena, const struct sp_finding *finding)
{
    return sp_finding_fill(arena, sp_cause_get(finding->cause)->fix, finding);
}

int sp_verdict_http_status(const struct sp_verdict *verdict)
{
    if (verdict->accepted || verdict->cause == NULL)
        return 0;
    int status = sp_cause_get(verdict->cause->cause)->http_status;
    /* A row that is never answered to a client by itself kept us from deciding. */
    return status != 0 ? status : 503;
}

const struct sp_verdict *sp_verdict_without_memory(void)
{
    static const struct sp_finding too_much = {
        .cause = SP_CAUSE_TOKEN_TOO_LARGE,
        .check = SP_CHECK_FORM,
        .verified = true,
        .expected = {"fewer bytes", 11},
        .received = {"too many bytes", 14},
        .detail = {"Its examination would need more memory than is allowed.", 55},
    };
    static const struct sp_verdict verdict = {.cause = &too_much,
                                              .checks = {[SP_CHECK_FORM] = {.outcome = SP_OUTCOME_FAIL}}};
    return &verdict;
}

const struct sp_verdict *sp_verdict_of(struct sp_arena *arena, const struct sp_finding *finding)
{
    struct sp_verdict *verdict = SP_ARENA_NEW(arena, struct sp_verdict);
    struct sp_finding *kept = SP_ARENA_NEW(arena, struct sp_finding);
    if (verdict == NULL || kept == NULL)
        return sp_verdict_without_memory();
    *kept = *finding;
    verdict->cause = kept;
    /* Of no check: a limit, a route. */
    if (finding->check >= SP_CHECK_COUNT)
        return verdict;
    struct sp_check_result *row = &verdict->checks[finding->check];
    row->outcome = SP_OUTCOME_FAIL;
    row->expected = finding->expected;
    row->received = finding->received;
    row->detail = finding->detail;
    return verdict;
}
