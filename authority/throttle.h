/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing from one address is slowed whatever it guesses at: after so many failures of a class within its window
 * nothing more is judged from there until the window is over (429 with Retry-After). Addresses are IPv4 addresses and
 * IPv6 networks of /64, which is what one subscriber has. In memory, in a table of fixed size: whoever fills it pushes
 * out the oldest. Per name see guess.h.
 *
 * Passwords, second factors and user codes are counted over all nodes, too, and across restarts: each failure is a
 * small row in the store, of a ring that is the node's own, so no node waits for another's and there are never more
 * than SP_MAX_SHARED_FAILURES a node; a check is one question by index. Both are part of calls that ask the store
 * anyway, and a success writes nothing. The other classes are each node's own, so N nodes let through N times as many:
 * a client secret is long, and asking would cost every token request a way to the database, which JWTs do without; the
 * rest bounds what is stored, not what is guessed. */
#ifndef SP_AUTHORITY_THROTTLE_H
#define SP_AUTHORITY_THROTTLE_H

#include "authority/authority.h"

enum sp_throttle_class {
    SP_THROTTLE_LOGIN,         /* passwords, and whatever a person proves itself by */
    SP_THROTTLE_USER_CODE,     /* what is typed at the device page: eight characters, short-lived */
    SP_THROTTLE_CLIENT_SECRET, /* long, as a rule, and machines repeat a wrong one fast */
    SP_THROTTLE_REGISTRATION,  /* clients that register themselves where anybody may; each counts */
    /* What strangers can have stored; each counts. */
    SP_THROTTLE_LARGE_REQUEST,  /* authorization requests that do not fit into a URL (visit.h) */
    SP_THROTTLE_LARGE_REQUESTS, /* the same from all addresses together */
    SP_THROTTLE_UPSTREAM,       /* sign-ins begun at another provider */
    SP_THROTTLE_PUSHED,         /* requests that public clients push */
    SP_THROTTLE_DEVICE,         /* devices of public clients */
    SP_THROTTLE_PROOF,          /* refused token requests of public clients, each with a proof that is remembered */
    SP_THROTTLE_CLASSES,
};

struct sp_throttle;

void sp_throttle_destroy(struct sp_throttle **throttle);

/* SP_DENIED: too many failures from the call's address; answered. Ask before anything is judged. */
SP_MUST_CHECK enum sp_step sp_throttle_check(struct sp_call *call, enum sp_throttle_class class);
/* Counts a failure; of passwords, second factors and user codes within a write that is kept. */
void sp_throttle_fail(struct sp_call *call, enum sp_throttle_class class);

/* What an address is counted under: IPv4 whole, IPv6 its /64, anything else as it is; in arena. */
struct sp_str sp_throttle_network(struct sp_arena *arena, struct sp_str address);

#endif
