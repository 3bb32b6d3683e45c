/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_CLI_EXPLAIN_H
#define SP_CLI_EXPLAIN_H

#include "cli/cli.h"
#include "cli/log_search.h"

extern const struct sp_cli_command sp_cli_explain;

/* The call's line for people: request, caller, timings. */
void sp_explain_print_call(const struct sp_json *line);
/* The members of the call's line but for its verdict, into an open object. */
void sp_explain_write_call(struct sp_json_writer *writer, const struct sp_json *line);

/* explain_what_if.c: the call under another policy; returns the exit status. */
int sp_explain_what_if(const struct sp_cli *cli, const struct sp_log_found *found);

#endif
