/* SPDX-License-Identifier: Apache-2.0 */
/* What would change, counted: one row for each kind of change, causes, caller and API, with the first call as its
 * example. Callers' names come from outside: rows are bounded, what does not fit is counted without a row. */
#ifndef SP_BACKTEST_TALLY_H
#define SP_BACKTEST_TALLY_H

#include "core/backtest/rejudge.h"

struct sp_tally_row {
    enum sp_change change;
    enum sp_cause was, now;    /* SP_CAUSE_NONE: accepted, or of UNKNOWN */
    struct sp_str caller, api; /* caller: consumer, else client id; empty: not known */
    bool is_consumer;          /* the caller is one */
    struct sp_str route;       /* of the API now; else empty */
    struct sp_str lacking;     /* of UNKNOWN */
    uint64_t count;
    struct sp_str example, first, last; /* request id and time of the first call; time of the last */
    struct sp_str expected, received;   /* of the first call's new cause */
};

struct sp_tally;

struct sp_tally *sp_tally_create(void); /* NULL without memory */
void sp_tally_destroy(struct sp_tally **tally);
/* Copies what it keeps. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_tally_add(struct sp_tally *tally, const struct sp_recorded_call *call,
                                          const struct sp_rejudgement *judged);

uint64_t sp_tally_total(const struct sp_tally *tally, enum sp_change change);
/* Changed calls that got no row. */
uint64_t sp_tally_without_row(const struct sp_tally *tally);
/* By change (refused first), then the most calls first. Valid until the next addition. */
size_t sp_tally_rows(struct sp_tally *tally, const struct sp_tally_row *const **rows);

const char *
sp_change_name(enum sp_change change); /* "same", "refused", "accepted", "other_cause", "unknown", "outside" */

#endif
