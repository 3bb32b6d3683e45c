/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `sallyport doctor` share. */
#ifndef SP_CLI_DOCTOR_H
#define SP_CLI_DOCTOR_H

#include "cli/cli.h"
#include "core/policy/policy.h"
#include "probe/doctor.h"

extern const struct sp_cli_command sp_cli_doctor;

/* One thing to examine. */
struct sp_doctor_target {
    bool is_upstream;
    struct sp_doctor_question question;
};

/* ---- doctor_targets.c ---- */
/* Of a configuration: every issuer that is asked over the network, every upstream server. Texts are the policy's.
 * SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_doctor_targets_of(struct sp_arena *arena, const struct sp_policy *policy,
                                                  const struct sp_doctor_question *common,
                                                  struct sp_doctor_target **targets, size_t *count);

/* ---- doctor_text.c: for people ---- */
/* As a question's told, with a NULL context: a line for each step, and on a terminal the name of the one that runs. */
void sp_doctor_print_step(void *context, const struct sp_doctor_report *report, enum sp_step step, bool begins);
void sp_doctor_print_target(const struct sp_doctor_report *report);
/* Cause, what else, hints. */
void sp_doctor_print_diagnosis(const struct sp_doctor_report *report, int64_t now);

/* ---- doctor_change.c: for --watch ---- */
/* A report's essence that outlives its arena; NULL without memory. before: of the visit before, or NULL: what had not
 * changed enough to be told is measured from there. */
struct sp_doctor_memory;
struct sp_doctor_memory *sp_doctor_memory_create(const struct sp_doctor_report *report,
                                                 const struct sp_doctor_memory *before);
void sp_doctor_memory_destroy(struct sp_doctor_memory **memory);
/* Told for each step that is not as it was. */
struct sp_doctor_change {
    enum sp_step step;
    struct sp_str before, after; /* "pass: …" */
};
/* Up to room changes; their number. Texts are the memory's and the arena's. */
size_t sp_doctor_changes(struct sp_arena *arena, const struct sp_doctor_memory *before,
                         const struct sp_doctor_report *report, struct sp_doctor_change *changes, size_t room);

#endif
