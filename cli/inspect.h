/* SPDX-License-Identifier: Apache-2.0 */
/* What `sallyport inspect` and `sallyport record` share. */
#ifndef SP_CLI_INSPECT_H
#define SP_CLI_INSPECT_H

#include "cli/cli.h"
#include "core/flow/report.h"

extern const struct sp_cli_command sp_cli_inspect, sp_cli_record;

/* Source, every flow drawn with what was found, and a last line that counts. */
void sp_inspect_print(struct sp_flow_capture *capture, const struct sp_flow_source *source);
/* One message as a line of the drawing, with its findings below. */
void sp_inspect_print_message(struct sp_flow_capture *capture, const struct sp_flow_message *message, int64_t since_ms);

#endif
