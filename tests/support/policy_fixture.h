/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations in tests: parse them, ask what was reported. */
#ifndef SP_TESTS_POLICY_FIXTURE_H
#define SP_TESTS_POLICY_FIXTURE_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

struct sp_parsed {
    enum sp_status status;
    struct sp_policy *policy; /* NULL unless SP_OK */
    struct sp_policy_report *report;
};

/* As a snapshot is parsed: no expansion. */
struct sp_parsed sp_parsed_text(const char *text);
/* As a configuration is parsed: several texts "a.yaml", "b.yaml" …; the variables NAME=value, the files "/run/NAME". */
struct sp_parsed sp_parsed_files(const char *const *texts, size_t count, const char *const *environment);
void sp_parsed_fini(struct sp_parsed *parsed);

/* The first problem with this cause, or NULL. */
const struct sp_policy_problem *sp_parsed_problem(const struct sp_parsed *parsed, enum sp_cause cause);
/* All problems, for a failing test to print. */
void sp_parsed_print(const struct sp_parsed *parsed);

#endif
