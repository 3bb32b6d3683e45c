/* SPDX-License-Identifier: Apache-2.0 */
/* When which signing key is made, signs, retires and is forgotten. Pure: the ring (key_ring.h) asks and does.
 *
 *   created ── overlap ──► active_from ── rotation ──► active_until ── longest token lifetime ──► forget_at
 *   published from here      signs from here              the next one signs                        gone
 *
 * Each algorithm has a line of keys of its own. An algorithm that comes later is published like any other key before it
 * signs; until then whoever signed goes on, whatever it is.
 *
 * Processes that share the keys may want other algorithms (a deployment that rolls), and none sees what the others
 * want. So an end is a lease. Who meets a key that signs, has no end and is of an algorithm that it does not want, ends
 * it two overlaps from now; who wants it, and sees but one overlap left and nobody to follow, takes the end away again.
 * A key ends when nobody wanted it for an overlap at least, and between processes that disagree the store is written a
 * few times an overlap, not each second. A key that waits to sign is left to it: whether it is of use shows then. */
#ifndef SP_AUTHORITY_KEY_PLAN_H
#define SP_AUTHORITY_KEY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/jose/algorithm.h"

struct sp_key_times {
    int64_t created_at, active_from, active_until, forget_at; /* 0: not decided */
    enum sp_algorithm algorithm;
};

struct sp_key_policy {
    enum sp_algorithm standard; /* signs where nothing else is asked for */
    uint32_t algorithms;        /* all that have keys, the standard among them */
    int64_t rotation_s;         /* 0: never by schedule */
    int64_t overlap_s;
    int64_t forget_until; /* keys whose end lies behind it are kept, whatever the clock says (credible_time.h) */
};

/* WITHDRAW is no deed of a plan: by hand, all keys of an algorithm that leaked (SP_ALGORITHM_UNKNOWN: of every one). */
enum sp_key_deed { SP_KEYS_FINE, SP_KEYS_GENERATE, SP_KEYS_RETIRE, SP_KEYS_PROLONG, SP_KEYS_FORGET, SP_KEYS_WITHDRAW };

struct sp_key_plan {
    enum sp_key_deed deed;
    size_t index;                /* RETIRE, PROLONG, FORGET: which */
    enum sp_algorithm algorithm; /* GENERATE, WITHDRAW */
    int64_t at;                  /* GENERATE: when it signs first; RETIRE, PROLONG: from when it does not (0: no end) */
};

/* What is due now; ask again after doing it. */
struct sp_key_plan sp_key_plan(const struct sp_key_times *keys, size_t count, const struct sp_key_policy *policy,
                               int64_t now);
/* The index of the key that signs now by this algorithm (SP_ALGORITHM_UNKNOWN: by any); count when there is none. */
size_t sp_key_plan_active(const struct sp_key_times *keys, size_t count, enum sp_algorithm algorithm, int64_t now);

#endif
