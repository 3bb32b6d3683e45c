/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backtest/tally.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/policy/index.h"

#define SLOTS (4u * SP_MAX_TALLY_ROWS) /* a power of two; a quarter full at most */
#define MAX_TEXT_BYTES 200u            /* of a caller's name, an example, evidence */

struct row {
    struct sp_tally_row row; /* first: the public face */
    uint64_t hash;
    char last[32];
};

struct sp_tally {
    struct sp_arena *arena;
    struct row **slots;
    const struct sp_tally_row **sorted;
    size_t row_count;
    uint64_t totals[SP_CHANGE_COUNT], without_row;
};

struct sp_tally *sp_tally_create(void)
{
    struct sp_tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL)
        return NULL;
    tally->arena = sp_arena_create(SP_MAX_TALLY_BYTES);
    tally->slots = calloc(SLOTS, sizeof *tally->slots);
    tally->sorted = calloc(SP_MAX_TALLY_ROWS, sizeof *tally->sorted);
    if (tally->arena == NULL || tally->slots == NULL || tally->sorted == NULL)
        sp_tally_destroy(&tally);
    return tally;
}

void sp_tally_destroy(struct sp_tally **tally)
{
    if (*tally == NULL)
        return;
    sp_arena_destroy(&(*tally)->arena);
    free((*tally)->slots);
    free((*tally)->sorted);
    free(*tally);
    *tally = NULL;
}

/* ---- rows ---- */

static struct sp_tally_row row_of(const struct sp_recorded_call *call, const struct sp_rejudgement *judged)
{
    struct sp_tally_row row = {
        .change = judged->change,
        .was = call->cause,
        .now = judged->cause,
        .is_consumer = judged->consumer != NULL || call->consumer.len > 0,
        .api = judged->api != NULL ? judged->api->name : call->api,
        .route = judged->api != NULL ? judged->api->path : SP_STR_NONE,
        .lacking = judged->lacking,
    };
    row.caller = judged->consumer != NULL ? judged->consumer->name
                 : call->consumer.len > 0 ? call->consumer
                                          : call->client_id;
    row.caller = sp_str_slice(row.caller, 0, MAX_TEXT_BYTES);
    row.api = sp_str_slice(row.api, 0, MAX_TEXT_BYTES);
    row.lacking = sp_str_slice(row.lacking, 0, MAX_TEXT_BYTES);
    return row;
}

static uint64_t hash_of(const struct sp_tally_row *row)
{
    uint64_t hash = SP_HASH_START;
    hash = sp_hash_byte(hash, (char)row->change);
    hash = sp_hash_text(hash, sp_cause_get(row->was)->id);
    hash = sp_hash_text(sp_hash_byte(hash, '\n'), sp_cause_get(row->now)->id);
    hash = sp_hash_text(sp_hash_byte(hash, '\n'), row->caller);
    hash = sp_hash_text(sp_hash_byte(hash, '\n'), row->api);
    hash = sp_hash_text(sp_hash_byte(hash, '\n'), row->lacking);
    return hash;
}

static bool is_same_row(const struct sp_tally_row *a, const struct sp_tally_row *b)
{
    return a->change == b->change && a->was == b->was && a->now == b->now && a->is_consumer == b->is_consumer &&
           sp_str_equal(a->caller, b->caller) && sp_str_equal(a->api, b->api) && sp_str_equal(a->lacking, b->lacking);
}

static enum sp_status keep(struct sp_tally *tally, struct sp_str *text)
{
    *text = sp_str_slice(*text, 0, MAX_TEXT_BYTES);
    return text->at == NULL ? SP_OK : sp_arena_copy(tally->arena, *text, text);
}

static enum sp_status make_row(struct sp_tally *tally, const struct sp_recorded_call *call,
                               const struct sp_rejudgement *judged, const struct sp_tally_row *like, struct row **out)
{
    struct row *made = SP_ARENA_NEW(tally->arena, struct row);
    if (made == NULL)
        return SP_NO_MEMORY;
    made->row = *like;
    made->row.example = call->request_id;
    made->row.first = call->time;
    if (judged->verdict != NULL && judged->verdict->cause != NULL) {
        made->row.expected = judged->verdict->cause->expected;
        made->row.received = judged->verdict->cause->received;
    }
    struct sp_str *const texts[] = {&made->row.caller,  &made->row.api,   &made->row.route,    &made->row.lacking,
                                    &made->row.example, &made->row.first, &made->row.expected, &made->row.received};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (keep(tally, texts[i]) != SP_OK)
            return SP_NO_MEMORY;
    *out = made;
    return SP_OK;
}

static void count_in(struct row *row, const struct sp_recorded_call *call)
{
    size_t len = call->time.len < sizeof row->last ? call->time.len : sizeof row->last;
    row->row.count++;
    /* Written by several workers, a log is not quite in order; times of one form compare as texts. */
    if (row->row.last.len == 0 || sp_str_compare(sp_str_slice(call->time, 0, len), row->row.last) > 0) {
        memcpy(row->last, call->time.at, len);
        row->row.last = sp_str(row->last, len);
    }
}

enum sp_status sp_tally_add(struct sp_tally *tally, const struct sp_recorded_call *call,
                            const struct sp_rejudgement *judged)
{
    tally->totals[judged->change]++;
    if (judged->change == SP_CHANGE_NONE || judged->change == SP_CHANGE_OUTSIDE)
        return SP_OK;
    struct sp_tally_row like = row_of(call, judged);
    uint64_t hash = hash_of(&like);
    size_t at = hash & (SLOTS - 1);
    while (tally->slots[at] != NULL && (tally->slots[at]->hash != hash || !is_same_row(&tally->slots[at]->row, &like)))
        at = (at + 1) & (SLOTS - 1);
    if (tally->slots[at] == NULL) {
        if (tally->row_count == SP_MAX_TALLY_ROWS) {
            tally->without_row++;
            return SP_OK;
        }
        enum sp_status status = make_row(tally, call, judged, &like, &tally->slots[at]);
        if (status != SP_OK)
            return status;
        tally->slots[at]->hash = hash;
        tally->sorted[tally->row_count++] = &tally->slots[at]->row;
    }
    count_in(tally->slots[at], call);
    return SP_OK;
}

/* ---- results ---- */

uint64_t sp_tally_total(const struct sp_tally *tally, enum sp_change change)
{
    return tally->totals[change];
}

uint64_t sp_tally_without_row(const struct sp_tally *tally)
{
    return tally->without_row;
}

static int in_order(const void *a, const void *b)
{
    const struct sp_tally_row *x = *(const struct sp_tally_row *const *)a, *y = *(const struct sp_tally_row *const *)b;
    if (x->change != y->change)
        return x->change < y->change ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    int order = sp_str_compare(x->first, y->first);
    return order != 0 ? order : sp_str_compare(x->example, y->example);
}

size_t sp_tally_rows(struct sp_tally *tally, const struct sp_tally_row *const **rows)
{
    qsort(tally->sorted, tally->row_count, sizeof *tally->sorted, in_order);
    *rows = tally->sorted;
    return tally->row_count;
}

const char *sp_change_name(enum sp_change change)
{
    static const char *const names[SP_CHANGE_COUNT] = {
        [SP_CHANGE_NONE] = "same",         [SP_CHANGE_REFUSED] = "refused",
        [SP_CHANGE_ACCEPTED] = "accepted", [SP_CHANGE_OTHER_CAUSE] = "other_cause",
        [SP_CHANGE_UNKNOWN] = "unknown",   [SP_CHANGE_OUTSIDE] = "outside",
    };
    return names[change];
}
