/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of upstream servers. getaddrinfo waits, so it runs in a thread of its own; workers never resolve. Names
 * are looked up again every 30 s; one that fails keeps the addresses it had. */
#ifndef SP_CONTROL_RESOLVER_H
#define SP_CONTROL_RESOLVER_H

#include "control/loop.h"
#include "core/diagnosis/requirements.h"
#include "core/policy/policy.h"

struct sp_resolver;

/* changed is told on the loop when an address changed. NULL without memory or thread. */
struct sp_resolver *sp_resolver_create(struct sp_loop *loop, void (*changed)(void *data), void *data);
void sp_resolver_destroy(struct sp_resolver **resolver);

/* The host names of the policy's servers from now on. Waits for the first answers, at most timeout_ms. */
void sp_resolver_configure(struct sp_resolver *resolver, const struct sp_policy *policy, int timeout_ms);

/* "10.0.0.1:9000", "[::1]:443", in arena; none when the name is not known or has no address. */
struct sp_str_list sp_resolver_addresses(struct sp_resolver *resolver, struct sp_arena *arena, struct sp_str host,
                                         unsigned port);

#endif
