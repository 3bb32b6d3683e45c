/* SPDX-License-Identifier: Apache-2.0 */
/* The call log: one JSON line a call, gathered by each worker and appended to the file. nginx's own log writer does the
 * same and tells nobody but its error log, which is on the same disk, of what it could not write; this one keeps the
 * lines until there is room, counts those it has no room for (call_log_lines_lost), and has the metrics say while it
 * fails and why, which the control plane asks for and warns of. A line that reached the file in part is written again,
 * whole, behind an end of line: every other line stays JSON. */
#ifndef SP_GATEWAY_CALL_LOG_H
#define SP_GATEWAY_CALL_LOG_H

#include "gateway/gateway.h"

/* sallyport_call_log FILE|off; */
char *sp_call_log_set(ngx_conf_t *cf, ngx_command_t *command, void *data);

/* Log phase: a line of this call. */
ngx_int_t sp_call_log_handler(ngx_http_request_t *request);

/* For the end of a worker: writes what waits; what cannot be written is counted. */
void sp_call_log_end(struct sp_call_log *log);

#endif
