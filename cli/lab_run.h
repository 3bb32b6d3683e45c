/* SPDX-License-Identifier: Apache-2.0 */
/* What `sallyport lab run` and its report as JUnit XML share. */
#ifndef SP_CLI_LAB_RUN_H
#define SP_CLI_LAB_RUN_H

#include "cli/lab.h"
#include "lab/trial.h"

struct sp_lab_session {
    const struct sp_cli *cli;
    struct sp_arena *arena; /* of the trials' output */
    struct sp_str command;
    int64_t timeout_ms;
    bool always_tls, tls_now;
    struct sp_lab_trial *trials; /* count of them are asked for, done of them are made */
    size_t count, done;
};

/* A sentence for what is no success; empty for what is. */
struct sp_str sp_lab_trial_explain(const struct sp_lab_trial *trial);
/* SP_IO with errno. */
SP_MUST_CHECK enum sp_status sp_lab_junit_write(const struct sp_lab_session *session, struct sp_str path);

#endif
