/* SPDX-License-Identifier: Apache-2.0 */
/* What a call says about the way it came: X-Forwarded-*, Forwarded, and the other names by which proxies tell APIs the
 * client's address or the URL before they rewrote it. The API believes them, so it gets the gateway's word only; that
 * of a peer in trusted_proxies is the gateway's word too, for what such proxies set themselves. A guest's nginx speaks
 * for itself (see owns_hop in call.h). */
#ifndef SP_GATEWAY_FORWARDED_H
#define SP_GATEWAY_FORWARDED_H

#include "gateway/call.h"

/* trusted_proxies, parsed; done once a policy. What no network can be made of is left out. networks->elts is the
 * heap's.
 */
SP_MUST_CHECK enum sp_status sp_forwarded_networks(struct sp_str_list texts, ngx_array_t *networks);

/* Whether the peer on the other side of the connection is one of them. */
bool sp_forwarded_is_trusted(const struct sp_call *call);

/* One of the client's headers: takes it out, or keeps it in headers->forwarded_at, or leaves it alone. */
void sp_forwarded_note(struct sp_presented_headers *headers, ngx_table_elt_t *header);

/* Makes the X-Forwarded-For that was kept say who calls and which trusted proxies the call came through. */
ngx_int_t sp_forwarded_extend(struct sp_call *call);

#endif
