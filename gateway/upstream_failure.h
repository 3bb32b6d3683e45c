/* SPDX-License-Identifier: Apache-2.0 */
/* Why a server of an API did not serve a call: read from the state that nginx leaves its connection in, before the next
 * server is tried, and told by what the configuration calls it. */
#ifndef SP_GATEWAY_UPSTREAM_FAILURE_H
#define SP_GATEWAY_UPSTREAM_FAILURE_H

#include "gateway/call.h"
#include "gateway/peers.h"

/* The call's upstream_cause and upstream_failure, of the peer whose connection this was. */
void sp_upstream_failure_note(struct sp_call *call, const struct sp_peer *peer,
                              const ngx_peer_connection_t *connection);

/* The same of a server that began an answer and did not end it; the client has its status by then, and the call's line
 * what became of it. Nothing where the answer is whole, as far as its length can be known, or where it was the client
 * that went. Only while nginx still has the connection. */
void sp_upstream_failure_note_cut(struct sp_call *call, const struct sp_peer *peer,
                                  const ngx_peer_connection_t *connection);

/* The cause with both sides of it, texts in arena: for the log, and for clients of routes with `diagnostics: full`. */
struct sp_finding sp_upstream_failure_finding(const struct sp_call *call, struct sp_arena *arena, enum sp_cause cause);

#endif
