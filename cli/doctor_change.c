/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two visits: outcome, findings and evidence of each step. How long things took is no change. */
#include "cli/doctor.h"

#include <stdlib.h>

struct sp_doctor_memory {
    char *steps[SP_STEP_COUNT];
};

/* "fail: network.tls.expired; CN=…". */
static struct sp_str essence(struct sp_arena *arena, const struct sp_doctor_report *report, enum sp_step step)
{
    struct sp_buffer text;
    const struct sp_step_result *row = &report->steps[step];
    sp_buffer_init(&text, arena, 8 * 1024);
    if (!row->is_done) {
        return SP_STR("");
    }
    sp_buffer_printf(&text, "%s", sp_outcome_name(row->outcome));
    for (size_t i = 0; i < report->finding_count; i++) {
        if (report->findings[i].step == step) {
            sp_buffer_printf(&text, ", %.*s", SP_STR_ARG(sp_cause_get(report->findings[i].finding.cause)->id));
        }
    }
    /* "… after 12 ms": the one thing in a line that differs every time. */
    struct sp_str detail = row->detail, rest = SP_STR_NONE;
    for (size_t i = 0; step == SP_STEP_HTTP && i + 7 < detail.len; i++) {
        if (memcmp(detail.at + i, " after ", 7) == 0) {
            rest = sp_str_slice(detail, i, detail.len);
            detail = sp_str_slice(detail, 0, i);
            size_t unit = sp_str_index_of(rest, 'm', 0);
            rest = sp_str_slice(rest, unit + 2, rest.len);
        }
    }
    sp_buffer_printf(&text, ": %.*s%.*s", SP_STR_ARG(detail), SP_STR_ARG(rest));
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR("");
}

struct sp_doctor_memory *sp_doctor_memory_create(const struct sp_doctor_report *report)
{
    struct sp_doctor_memory *memory = calloc(1, sizeof *memory);
    for (int step = 0; memory != NULL && step < SP_STEP_COUNT; step++) {
        struct sp_str text = essence(report->arena, report, (enum sp_step)step);
        memory->steps[step] = strndup(text.at, text.len);
        if (memory->steps[step] == NULL) {
            sp_doctor_memory_destroy(&memory);
        }
    }
    return memory;
}

void sp_doctor_memory_destroy(struct sp_doctor_memory **memory)
{
    if (*memory != NULL) {
        for (int step = 0; step < SP_STEP_COUNT; step++) {
            free((*memory)->steps[step]);
        }
        free(*memory);
        *memory = NULL;
    }
}

size_t sp_doctor_changes(struct sp_arena *arena, const struct sp_doctor_memory *before,
                         const struct sp_doctor_report *report, struct sp_doctor_change *changes, size_t room)
{
    size_t count = 0;
    for (int step = 0; step < SP_STEP_COUNT && count < room; step++) {
        struct sp_str was = sp_str_from_cstr(before->steps[step]);
        struct sp_str is = essence(arena, report, (enum sp_step)step);
        if (!sp_str_equal(was, is)) {
            changes[count++] = (struct sp_doctor_change){.step = (enum sp_step)step, .before = was, .after = is};
        }
    }
    return count;
}
