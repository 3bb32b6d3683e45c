/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/draft.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_JOINED_NAMES 12u
#define MAX_SENTENCE_BYTES 1024u

void *sp_draft_calloc(struct sp_draft *draft, size_t count, size_t bytes)
{
    /* Of nothing there is a place too, so that NULL means only one thing. */
    void *at = sp_arena_calloc(draft->arena, count > 0 ? count : 1, bytes);
    if (at == NULL) {
        draft->status = SP_NO_MEMORY;
    }
    return at;
}

struct sp_str sp_draft_printf(struct sp_draft *draft, const char *format, ...)
{
    char text[MAX_SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    struct sp_str copy = SP_STR_NONE;
    if (sp_arena_copy(draft->arena, sp_str(text, used), &copy) != SP_OK) {
        draft->status = SP_NO_MEMORY;
    }
    return copy;
}

struct sp_str sp_draft_join(struct sp_draft *draft, const struct sp_str *names, size_t count)
{
    struct sp_buffer out;
    sp_buffer_init(&out, draft->arena, MAX_SENTENCE_BYTES);
    size_t shown = count < MAX_JOINED_NAMES ? count : MAX_JOINED_NAMES;
    for (size_t i = 0; i < shown; i++) {
        sp_buffer_printf(&out, "%s%.*s", i > 0 ? ", " : "", SP_STR_ARG(names[i]));
    }
    if (count > shown) {
        sp_buffer_printf(&out, " and %zu more", count - shown);
    }
    return count == 0 ? SP_STR("(none)") : sp_buffer_str(&out);
}

static void write_path(struct sp_buffer *out, const struct sp_path *path)
{
    if (path->up != NULL) {
        write_path(out, path->up);
    }
    if (path->name.at == NULL) {
        sp_buffer_printf(out, "[%zu]", path->index);
    } else if (path->name.len > 0) {
        sp_buffer_printf(out, "%s%.*s", out->len > 0 ? "." : "", SP_STR_ARG(path->name));
    }
}

struct sp_str sp_path_text(const struct sp_draft *draft, const struct sp_path *path)
{
    struct sp_buffer out;
    sp_buffer_init(&out, draft->arena, MAX_SENTENCE_BYTES);
    if (path != NULL) {
        write_path(&out, path);
    }
    return sp_buffer_str(&out);
}

size_t sp_draft_text_of(const struct sp_draft *draft, uint32_t offset)
{
    size_t which = draft->text_count - 1;
    while (which > 0 && draft->starts[which] > offset) {
        which--;
    }
    return which;
}

void sp_draft_complain(struct sp_draft *draft, const struct sp_complaint *complaint, const char *format, ...)
{
    char message[MAX_SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const struct sp_json *value = complaint->value;
    struct sp_policy_problem problem = {
        .finding = {.cause = complaint->cause,
                    .check = SP_CHECK_COUNT,
                    .verified = true,
                    .expected = complaint->expected,
                    .received = complaint->received,
                    .detail = complaint->detail,
                    .tolerated = complaint->tolerated},
        .path = complaint->path != NULL ? sp_path_text(draft, complaint->path) : complaint->where,
        .message = sp_str_from_cstr(message),
    };
    if (draft->text_count > 0) {
        problem.file =
            draft->texts[value != NULL ? sp_draft_text_of(draft, value->offset) : draft->text_count - 1].name;
    }
    if (value != NULL) {
        problem.line = value->line;
        problem.column = value->column;
    }
    if (sp_policy_report_add(draft->report, &problem) != SP_OK) {
        draft->status = SP_NO_MEMORY;
    }
}

/* What an unset variable leaves behind is of no kind: one mistake, told once. */
static bool is_told_missing(const struct sp_draft *draft, const struct sp_json *value)
{
    for (size_t i = 0; value != NULL && i < draft->report->count; i++) {
        const struct sp_policy_problem *told = &draft->report->problems[i];
        if (told->finding.cause == SP_CAUSE_CONFIG_ENVIRONMENT_MISSING && told->line == value->line &&
            told->column == value->column &&
            sp_str_equal(told->file, draft->texts[sp_draft_text_of(draft, value->offset)].name)) {
            return true;
        }
    }
    return false;
}

void sp_draft_complain_of_type(struct sp_draft *draft, const struct sp_json *value, const struct sp_path *path,
                               struct sp_str expected, struct sp_str received)
{
    if (is_told_missing(draft, value)) {
        return;
    }
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                           .value = value,
                                           .path = path,
                                           .expected = expected,
                                           .received = received,
                                           .detail = sp_path_text(draft, path)};
    sp_draft_complain(draft, &complaint, "%.*s is %.*s; it must be %.*s", SP_STR_ARG(complaint.detail),
                      SP_STR_ARG(received), SP_STR_ARG(expected));
}
