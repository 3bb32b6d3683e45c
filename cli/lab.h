/* SPDX-License-Identifier: Apache-2.0 */
/* What the `sallyport lab` commands share. */
#ifndef SP_CLI_LAB_H
#define SP_CLI_LAB_H

#include "cli/cli.h"
#include "lab/lab.h"

extern const struct sp_cli_command sp_cli_lab, sp_cli_lab_list, sp_cli_lab_serve, sp_cli_lab_run;

/* The fault of an id; complains of an unknown one. */
bool sp_lab_read_fault(const struct sp_cli *cli, struct sp_str id, enum sp_cause *fault);
/* --listen, --redirect-uri; complains. */
bool sp_lab_read_terms(const struct sp_cli *cli, const char *listen, struct sp_lab_terms *terms);

#endif
