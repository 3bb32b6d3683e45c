/* SPDX-License-Identifier: Apache-2.0 */
/* The forward proxy that the environment names for a URL, by libcurl's rules (which the gateway's own fetches go by),
 * and whether it lets us through. */
#ifndef SP_PROBE_FORWARD_PROXY_H
#define SP_PROBE_FORWARD_PROXY_H

#include "core/base/url.h"
#include "core/diagnosis/reach.h"

struct sp_forward_proxy {
    struct sp_proxy_evidence evidence;
    struct sp_str scheme, host, userinfo; /* of its URL */
    unsigned port;
};

/* By http_proxy, HTTPS_PROXY, ALL_PROXY, NO_PROXY and their likes. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_forward_proxy_find(struct sp_arena *arena, const struct sp_url *url,
                                                   struct sp_forward_proxy *proxy);

/* no_proxy: a list as the variable has it. */
bool sp_forward_proxy_exempts(struct sp_str no_proxy, struct sp_str host);

/* Connects to the proxy and, for https, asks it for a tunnel to the target. Fills asked, is_reached, status, detail.
 * The tunnel's socket, or -1. */
int sp_forward_proxy_open(struct sp_arena *arena, struct sp_forward_proxy *proxy, const struct sp_url *target,
                          int64_t timeout_ms);

#endif
