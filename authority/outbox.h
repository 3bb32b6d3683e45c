/* SPDX-License-Identifier: Apache-2.0 */
/* Delivers what waits in the store (outgoing.h) from the server's loop, by the errand pool's lane for deliveries. An
 * attempt is leased: its record becomes due again some time ahead before it is made, so that a process that dies, or
 * another node on the same store, neither loses nor doubles it at once. A destination that just failed rests: its
 * other messages wait without using up attempts, and those for others go first. */
#ifndef SP_AUTHORITY_OUTBOX_H
#define SP_AUTHORITY_OUTBOX_H

#include "authority/call_log.h"
#include "authority/errand_pool.h"

struct sp_outbox;

/* All borrowed, and live longer. NULL without memory. */
struct sp_outbox *sp_outbox_create(struct sp_authority *authority, struct sp_errand_pool *pool,
                                   struct sp_call_log *log);
/* Once the pool is idle or gone. */
void sp_outbox_destroy(struct sp_outbox **outbox);
/* Starts what is due, as far as there is room. Between turns: it writes a turn of its own. Failures of the store are
 * told in trouble (SP_IO) and tried again at the next call. */
SP_MUST_CHECK enum sp_status sp_outbox_tend(struct sp_outbox *outbox, int64_t wall);

#endif
