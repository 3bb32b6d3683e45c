/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_CLI_EXPLAIN_H
#define SP_CLI_EXPLAIN_H

#include "cli/cli.h"

extern const struct sp_cli_command sp_cli_explain;

#endif
