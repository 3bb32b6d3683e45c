/* SPDX-License-Identifier: Apache-2.0 */
/* What the API gets to see of a call that passed: identity headers, the request id, X-Forwarded-*, the credential or
 * not, the URL without a token in it and with the upstream's own base path. */
#ifndef SP_GATEWAY_UPSTREAM_HEADERS_H
#define SP_GATEWAY_UPSTREAM_HEADERS_H

#include "gateway/call.h"

ngx_int_t sp_upstream_headers_set(struct sp_call *call);

/* What the gateway says on every call; lower is the name in lower case. Texts live as long as the call. */
struct sp_own_header {
    struct sp_str name, lower, value;
};
#define SP_OWN_HEADERS 4u
/* Fills own and says how many there are: the request id unless the client's header of that name carries it, and
 * X-Forwarded-* where we are the gateway and not a guest, unless a trusted proxy said them. None of the values holds
 * the end of a line: the id is checked (request_id.c), and of the host nginx refuses one, in HTTP/1 and in HTTP/2. */
size_t sp_upstream_headers_own(const struct sp_call *call, struct sp_own_header own[SP_OWN_HEADERS]);

/* The Host that the API's servers go by; empty without a server. */
struct sp_str sp_upstream_headers_host(const struct sp_call *call);

#endif
