/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/sequence.h"

/* "'WORD' PROBLEM". */
static enum sp_status complain(struct sp_arena *arena, struct sp_str *trouble, struct sp_str word, const char *problem)
{
    *trouble = sp_arena_printf(arena, "'%.*s' %s", SP_STR_ARG(sp_str_slice(word, 0, 80)), problem);
    return SP_MALFORMED;
}

static enum sp_status complain_of_unknown(struct sp_arena *arena, struct sp_str *trouble, struct sp_str id)
{
    struct sp_str nearest = sp_lab_fault_nearest(id);
    if (nearest.at == NULL)
        return complain(arena, trouble, id, "is no fault of the lab");
    *trouble = sp_arena_printf(arena, "'%.*s' is no fault of the lab. Did you mean '%.*s'?",
                               SP_STR_ARG(sp_str_slice(id, 0, 80)), SP_STR_ARG(nearest));
    return SP_MALFORMED;
}

/* "10s" → 10 and "s". */
static bool split_number(struct sp_str text, int64_t *number, struct sp_str *unit)
{
    size_t i = 0;
    *number = 0;
    while (i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && *number < 100000000)
        *number = *number * 10 + (text.at[i++] - '0');
    *unit = sp_str_trim(sp_str_slice(text, i, text.len));
    return i > 0 && *number > 0;
}

static const struct {
    const char *unit;
    int64_t ms; /* 0: of requests */
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"requests", 0}, {"request", 0}};

static enum sp_status parse_length(struct sp_arena *arena, struct sp_str text, struct sp_lab_step *step,
                                   struct sp_str *trouble)
{
    int64_t number;
    struct sp_str unit;
    if (!split_number(text, &number, &unit))
        return complain(arena, trouble, text, "is no length: write 10s, 500ms, 2m or 3 requests");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!sp_str_equal(unit, sp_str_from_cstr(units[i].unit)))
            continue;
        step->duration_ms = number * units[i].ms;
        step->requests = units[i].ms == 0 ? (uint64_t)number : 0;
        return step->duration_ms <= SP_LAB_STEP_MS ? SP_OK : complain(arena, trouble, text, "is more than a day");
    }
    return complain(arena, trouble, text, "has no unit: write 10s, 500ms, 2m or 3 requests");
}

static enum sp_status parse_step(struct sp_arena *arena, struct sp_str text, struct sp_lab_step *step,
                                 struct sp_str *trouble)
{
    struct sp_str rest = text, id;
    *step = (struct sp_lab_step){.fault = SP_CAUSE_NONE};
    if (!sp_str_next_word(&rest, SP_STR(" \t"), &id))
        return complain(arena, trouble, text, "is a step without a fault");
    if (!sp_lab_fault_of_id(id, &step->fault))
        return complain_of_unknown(arena, trouble, id);
    rest = sp_str_trim(rest);
    return rest.len > 0 ? parse_length(arena, rest, step, trouble) : SP_OK;
}

enum sp_status sp_lab_sequence_parse(struct sp_arena *arena, struct sp_str text, struct sp_lab_sequence *sequence,
                                     struct sp_str *trouble)
{
    sequence->count = 0;
    for (size_t from = 0; from <= text.len;) {
        size_t end = sp_str_index_of(text, ',', from);
        struct sp_str piece = sp_str_trim(sp_str_slice(text, from, end));
        struct sp_lab_step *step = &sequence->at[sequence->count];
        if (sequence->count == SP_LAB_STEPS)
            return complain(arena, trouble, piece, "is one step too many: there are 100 at most");
        enum sp_status status = parse_step(arena, piece, step, trouble);
        if (status != SP_OK)
            return status;
        if (end < text.len && step->duration_ms == 0 && step->requests == 0)
            return complain(arena, trouble, piece, "needs a length: only the last step goes without");
        sequence->count++;
        from = end + 1;
    }
    return SP_OK;
}

bool sp_lab_step_is_over(const struct sp_lab_step *step, int64_t elapsed_ms, uint64_t requests)
{
    return (step->duration_ms > 0 && elapsed_ms >= step->duration_ms) ||
           (step->requests > 0 && requests >= step->requests);
}
