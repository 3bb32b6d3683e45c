/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration: each problem has its config.* cause, the place in the file and the member's path.
 * Errors refuse the policy, warnings do not. */
#ifndef SP_POLICY_REPORT_H
#define SP_POLICY_REPORT_H

#include "core/diagnosis/finding.h"
#include "core/base/status.h"

struct sp_policy_problem {
    struct sp_finding finding; /* config.*; expected, received and detail as its cause wants them */
    struct sp_str file;
    uint32_t line, column; /* from 1; 0: not known */
    struct sp_str path;    /* "apis.photos.upstream.url" */
    struct sp_str message; /* one sentence with both values */
};

struct sp_policy_report {
    const struct sp_policy_problem *problems; /* in the order of the file */
    size_t count;
    size_t error_count; /* of severity reject */
};

struct sp_policy_report *sp_policy_report_create(void); /* NULL without memory */
void sp_policy_report_destroy(struct sp_policy_report **report);
/* Copies the problem's texts. Past a ceiling of 1,000 problems further ones are only counted. */
SP_MUST_CHECK enum sp_status sp_policy_report_add(struct sp_policy_report *report,
                                                  const struct sp_policy_problem *problem);
/* By file and place; problems of the whole come first. */
void sp_policy_report_sort(struct sp_policy_report *report);

#endif
