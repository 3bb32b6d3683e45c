/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody's test command, run once in the world of the moment: by /bin/sh, in a process group of its own, with a limit
 * of time. What it did there is judged by what the fault asks for. */
#ifndef SP_LAB_TRIAL_H
#define SP_LAB_TRIAL_H

#include "lab/lab.h"

#define SP_LAB_TRIAL_OUTPUT_BYTES ((size_t)16 * 1024)

/* How the command ended. */
struct sp_lab_ending {
    bool timed_out, interrupted; /* interrupted: we were told to stop */
    int exit_status;             /* 128 + signal when one ended it, as a shell says it */
    int64_t took_ms;
    struct sp_str output; /* the last of what it wrote, stdout and stderr, in the arena */
};

enum sp_lab_outcome {
    SP_LAB_FAILED_CLOSED, /* it failed where it must */
    SP_LAB_ACCEPTED,      /* it succeeded where it must not */
    SP_LAB_SURVIVED,
    SP_LAB_DID_NOT_SURVIVE,
    SP_LAB_TOLD,      /* it failed where both are right */
    SP_LAB_WENT_ON,   /* it succeeded where both are right */
    SP_LAB_HUNG,      /* beyond the limit */
    SP_LAB_UNMET,     /* it never came to where the fault is */
    SP_LAB_UNHEALTHY, /* it fails without any fault: nothing is proven */
    SP_LAB_OUTCOME_COUNT
};

struct sp_lab_trial {
    enum sp_cause fault;
    enum sp_lab_outcome outcome;
    uint64_t committed;
    struct sp_lab_ending ending; /* under the fault; when UNHEALTHY without */
};

/* Healthy first, then under the fault; the lab is healthy again afterwards. Same statuses. */
SP_MUST_CHECK enum sp_status sp_lab_trial_run(struct sp_lab *lab, struct sp_arena *arena, enum sp_cause fault,
                                              struct sp_str command, int64_t timeout_ms, struct sp_lab_trial *trial);

/* What the ending means for this fault; committed: how often it was. Pure. */
enum sp_lab_outcome sp_lab_judge(const struct sp_lab_fault *fault, const struct sp_lab_ending *ending,
                                 uint64_t committed);
struct sp_str sp_lab_outcome_name(enum sp_lab_outcome outcome);  /* "failed_closed" */
struct sp_str sp_lab_outcome_words(enum sp_lab_outcome outcome); /* "failed closed" */
/* Is it something to repair? UNMET and UNHEALTHY are not: nothing was proven. */
bool sp_lab_outcome_is_finding(enum sp_lab_outcome outcome);

#endif
