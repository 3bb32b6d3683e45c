/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_CLI_SERVE_H
#define SP_CLI_SERVE_H

#include "cli/cli.h"

extern const struct sp_cli_command sp_cli_serve;

/* --state DIR, else $STATE_DIRECTORY (systemd's), else ./state, which nobody named. */
const char *sp_cli_serve_state(const struct sp_cli *cli, bool *is_named);

#endif
