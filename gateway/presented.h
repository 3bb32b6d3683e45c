/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the request's headers: notes the credentials and ids among them, and takes out what only the gateway
 * may set. */
#ifndef SP_GATEWAY_PRESENTED_H
#define SP_GATEWAY_PRESENTED_H

#include "gateway/call.h"

/* Header names that the gateway sets itself; inbound copies are taken out. Built with the policy, then only read. */
struct sp_owned_headers {
    struct sp_str *names; /* lower case */
    size_t count;
    uint64_t lengths; /* bit n: some name has n bytes (bit 63: 63 or more) */
};

/* Fills call->headers (once) and takes the owned headers out (the underscore spelling too, which some servers read as
 * the same); what says how the call came (forwarded.h) too when owns_hop: the hop to the API is ours to speak for, and
 * no guest's. An Upgrade that could carry calls past the gate is taken out always. */
void sp_presented_read(struct sp_call *call, const struct sp_owned_headers *owned, bool owns_hop);

/* Takes one header out of what nginx will pass on. */
void sp_header_strip(ngx_table_elt_t *header);
/* Puts one header among those that nginx will pass on; lower is its name in lower case. Both borrowed for the request's
 * life. */
ngx_int_t sp_header_add(ngx_http_request_t *request, struct sp_str name, struct sp_str lower, struct sp_str value);

#endif
