/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one call, in nginx's access phase: a machine whose steps only set the next stage (gateway/call.h has the
 * graph). Whatever fails on the way ends in a refusal: only the stage PASSED lets nginx go on. */
#ifndef SP_GATEWAY_ACCESS_H
#define SP_GATEWAY_ACCESS_H

#include "gateway/gateway.h"

ngx_int_t sp_access_handler(ngx_http_request_t *request);

#endif
