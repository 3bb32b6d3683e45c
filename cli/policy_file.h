/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_CLI_POLICY_FILE_H
#define SP_CLI_POLICY_FILE_H

#include "cli/cli.h"
#include "probe/configuration.h"

/* The policy of a configuration; lives as long as the command. Complains itself; returns SP_CLI_FINE or the exit
 * status. */
int sp_cli_policy_read(const struct sp_cli *cli, const struct sp_configuration_terms *terms, struct sp_policy **policy);

#endif
