/* SPDX-License-Identifier: Apache-2.0 */
/* Why a call may be missing in the call log though it came here: its line was lost, or its disk is full. */
#ifndef SP_CLI_EXPLAIN_LOST_H
#define SP_CLI_EXPLAIN_LOST_H

#include "cli/cli.h"

/* path: of the log that was searched. Told on stderr; nothing when nothing speaks for it. */
void sp_explain_tell_lost(struct sp_cli *cli, const char *path);

#endif
