/* SPDX-License-Identifier: Apache-2.0 */
/* The request to an HTTP/1 API, written here in one go instead of by nginx's proxy module, which evaluates a program
 * per header and looks each name up twice (2,280 of a call's 30,100 instructions). All else stays nginx's: the
 * connection, the body, retries, the response. */
#ifndef SP_GATEWAY_UPSTREAM_REQUEST_H
#define SP_GATEWAY_UPSTREAM_REQUEST_H

#include "gateway/call.h"

/* Makes the call's request ours to write where that is the same for the API: a plain HTTP/1 upstream of a standalone
 * gateway, no upgrade, no body of unknown length, no HEAD. True when it is; then the headers of sp_upstream_headers_own
 * need not stand among the request's. */
bool sp_upstream_request_take(struct sp_call *call);

#endif
