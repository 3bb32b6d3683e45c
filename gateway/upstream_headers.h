/* SPDX-License-Identifier: Apache-2.0 */
/* What the API gets to see of a call that passed: identity headers, the request id, X-Forwarded-*, the credential or
 * not, the URL without a token in it and with the upstream's own base path. */
#ifndef SP_GATEWAY_UPSTREAM_HEADERS_H
#define SP_GATEWAY_UPSTREAM_HEADERS_H

#include "gateway/call.h"

ngx_int_t sp_upstream_headers_set(struct sp_call *call);

#endif
