/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two visits: outcome, findings and evidence of each step. How long things took is no change. */
#include "cli/doctor.h"

#include <stdlib.h>
#include "core/diagnosis/words.h"

/* A Date has whole seconds, so what is measured of one that stands still differs by a second from visit to visit. */
#define SKEW_STEP_MS 2000

struct sp_doctor_memory {
    char *steps[SP_STEP_COUNT];
    bool has_skew;
    int64_t skew_ms; /* as it was last told */
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

static int64_t skew_moved_ms(const struct sp_doctor_memory *before, const struct sp_doctor_report *report)
{
    return before->has_skew && report->has_skew ? report->skew_ms - before->skew_ms : 0;
}

static bool has_skew_moved(const struct sp_doctor_memory *before, const struct sp_doctor_report *report)
{
    int64_t moved = skew_moved_ms(before, report);
    return moved >= SKEW_STEP_MS || moved <= -SKEW_STEP_MS;
}

/* Of "pass: HOST is 4 s ahead of ours; ours: synchronised" what is before and behind the sentence with the seconds. */
static struct sp_str without_skew(struct sp_arena *arena, struct sp_str text)
{
    size_t from = sp_str_index_of(text, ':', 0), to = sp_str_index_of(text, ';', from);
    return sp_arena_printf(arena, "%.*s%.*s", SP_STR_ARG(sp_str_slice(text, 0, from)),
                           SP_STR_ARG(sp_str_slice(text, to, text.len)));
}

static bool is_same(struct sp_arena *arena, const struct sp_doctor_memory *before,
                    const struct sp_doctor_report *report, enum sp_step step, struct sp_str was, struct sp_str is)
{
    if (step != SP_STEP_CLOCK || !before->has_skew || !report->has_skew) {
        return sp_str_equal(was, is);
    }
    return !has_skew_moved(before, report) && sp_str_equal(without_skew(arena, was), without_skew(arena, is));
}

/* A clock that runs away is told of as such, before it is far enough to be a fault. */
static struct sp_str with_growth(const struct sp_doctor_memory *before, const struct sp_doctor_report *report,
                                 struct sp_str text)
{
    int64_t moved = skew_moved_ms(before, report), size = moved < 0 ? -moved : moved;
    bool grows = (report->skew_ms < 0) == (moved < 0);
    if (!has_skew_moved(before, report)) {
        return text;
    }
    return sp_arena_printf(report->arena, "%.*s; the skew %s, by %.*s", SP_STR_ARG(text), grows ? "grows" : "shrinks",
                           SP_STR_ARG(sp_words_duration(report->arena, size / 1000)));
}

struct sp_doctor_memory *sp_doctor_memory_create(const struct sp_doctor_report *report,
                                                 const struct sp_doctor_memory *before)
{
    struct sp_doctor_memory *memory = calloc(1, sizeof *memory);
    for (int step = 0; memory != NULL && step < SP_STEP_COUNT; step++) {
        struct sp_str text = essence(report->arena, report, (enum sp_step)step);
        memory->steps[step] = strndup(text.at, text.len);
        if (memory->steps[step] == NULL) {
            sp_doctor_memory_destroy(&memory);
        }
    }
    if (memory != NULL) {
        bool keeps = before != NULL && before->has_skew && !has_skew_moved(before, report);
        memory->has_skew = keeps || report->has_skew;
        memory->skew_ms = keeps ? before->skew_ms : report->skew_ms;
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
        if (is_same(arena, before, report, (enum sp_step)step, was, is)) {
            continue;
        }
        if (step == SP_STEP_CLOCK) {
            is = with_growth(before, report, is);
        }
        changes[count++] = (struct sp_doctor_change){.step = (enum sp_step)step, .before = was, .after = is};
    }
    return count;
}
