/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing from one address is slowed whatever it guesses at: after so many failures of a class within its window
 * nothing more is judged from there until the window is over (429 with Retry-After). Addresses are IPv4 addresses and
 * IPv6 networks of /64, which is what one subscriber has. In memory, in a
 * table of fixed size: whoever fills it pushes out the oldest. Per name see guess.h, which counts here, too. */
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
    SP_THROTTLE_CLASSES,
};

struct sp_throttle;

void sp_throttle_destroy(struct sp_throttle **throttle);

/* SP_DENIED: too many failures from the call's address; answered. Ask before anything is judged. */
SP_MUST_CHECK enum sp_step sp_throttle_check(struct sp_call *call, enum sp_throttle_class class);
/* Counts a failure. */
void sp_throttle_fail(struct sp_call *call, enum sp_throttle_class class);

/* Wrong passwords of who guesses what, in any words, within a day of the first: how many, and when the last. */
void sp_throttle_guess_find(struct sp_call *call, struct sp_str who, int64_t *failures, int64_t *failed_at);
void sp_throttle_guess_fail(struct sp_call *call, struct sp_str who);
void sp_throttle_guess_forget(struct sp_call *call, struct sp_str who);

/* What an address is counted under: IPv4 whole, IPv6 its /64, anything else as it is; in arena. */
struct sp_str sp_throttle_network(struct sp_arena *arena, struct sp_str address);

#endif
