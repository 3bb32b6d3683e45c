/* SPDX-License-Identifier: Apache-2.0 */
/* The record of one call: a line of JSON for the call log, and its share of the counters. */
#ifndef SP_GATEWAY_RECORD_H
#define SP_GATEWAY_RECORD_H

#include "gateway/call.h"

/* Log phase: counts the call. */
ngx_int_t sp_record_handler(ngx_http_request_t *request);

/* What the record names: the call's own cause or, where the API refused a token that was accepted here or the client
 * did not send it whole, that. The logs are written before sp_record_handler runs. */
enum sp_cause sp_record_cause(const struct sp_call *call);

/* The line, without its end, in the request's pool or the call's arena; SP_STR_NONE without memory. */
struct sp_str sp_record_line(struct sp_call *call);

#endif
