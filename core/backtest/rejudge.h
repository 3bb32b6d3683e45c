/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded call on its way through a policy, as gateway/access.c leads a live one. */
#ifndef SP_BACKTEST_REJUDGE_H
#define SP_BACKTEST_REJUDGE_H

#include "core/backtest/recorded_call.h"
#include "core/policy/knowledge.h"

enum sp_change {
    SP_CHANGE_NONE,        /* the same outcome by the same cause */
    SP_CHANGE_REFUSED,     /* was accepted, would be refused */
    SP_CHANGE_ACCEPTED,    /* was refused, would be accepted */
    SP_CHANGE_OTHER_CAUSE, /* would be refused as it was, for another cause */
    SP_CHANGE_UNKNOWN,     /* cannot be judged: `lacking` says what the record does not tell */
    SP_CHANGE_OUTSIDE,     /* nothing that a policy judges: preflights, requests that nginx itself refused */
    SP_CHANGE_COUNT,
};

struct sp_rejudgement {
    enum sp_change change;
    const struct sp_api *api;           /* that it meets now; NULL: none */
    const struct sp_verdict *verdict;   /* of now; NULL: UNKNOWN and OUTSIDE, or accepted without a token to tell of */
    enum sp_cause cause;                /* of now; SP_CAUSE_NONE: accepted, or not known */
    struct sp_str lacking;              /* of UNKNOWN: "claim department" */
    const struct sp_consumer *consumer; /* of now; NULL: the caller is none */
};

/* A policy made ready to judge many calls. Holds a reference. */
struct sp_bench;

/* SP_NO_MEMORY. */
/* The claim that `lacking` speaks of, which call_log.claims would have lines tell; empty: it is something else. */
struct sp_str sp_lacking_claim(struct sp_str lacking);

SP_MUST_CHECK enum sp_status sp_bench_create(struct sp_policy *policy, struct sp_bench **bench);
void sp_bench_destroy(struct sp_bench **bench);

struct sp_rejudge_terms {
    int64_t now;  /* epoch seconds; 0: when the call was judged */
    bool explain; /* fill what checks compared even when they pass */
};

/* Everything lives in arena; past its ceiling the call is UNKNOWN for lack of memory. */
void sp_rejudge(struct sp_arena *arena, const struct sp_bench *bench, const struct sp_recorded_call *call,
                const struct sp_rejudge_terms *terms, struct sp_rejudgement *out);

#endif
