/* SPDX-License-Identifier: Apache-2.0 */
/* "healthy 10s, keys.rotated 5s, healthy": faults one after the other, each for a time or for a number of requests.
 * Pure. */
#ifndef SP_LAB_SEQUENCE_H
#define SP_LAB_SEQUENCE_H

#include "core/base/arena.h"
#include "lab/fault.h"

#define SP_LAB_STEPS 100u
#define SP_LAB_STEP_MS (INT64_C(24) * 3600 * 1000)

struct sp_lab_step {
    enum sp_cause fault;
    int64_t duration_ms; /* 0: not by time */
    uint64_t requests;   /* 0: not by requests; without either it lasts */
};

struct sp_lab_sequence {
    struct sp_lab_step at[SP_LAB_STEPS];
    size_t count;
};

/* FAULT [NUMBER(ms|s|m) | NUMBER requests], separated by commas; only the last may go without a length. SP_MALFORMED:
 * trouble is a sentence, in the arena. */
SP_MUST_CHECK enum sp_status sp_lab_sequence_parse(struct sp_arena *arena, struct sp_str text,
                                                   struct sp_lab_sequence *sequence, struct sp_str *trouble);
/* Is the step over? */
bool sp_lab_step_is_over(const struct sp_lab_step *step, int64_t elapsed_ms, uint64_t requests);

#endif
