/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_CLI_CHECK_H
#define SP_CLI_CHECK_H

#include "cli/cli.h"
#include "core/policy/policy.h"
#include "core/policy/report.h"

extern const struct sp_cli_command sp_cli_check;
extern const struct sp_cli_command sp_cli_cause;

/* check_authority.c: for `check`, and for `serve` before a configuration is in force. */
SP_MUST_CHECK enum sp_status sp_check_authority(const struct sp_policy *policy, struct sp_policy_report *report);

#endif
