/* SPDX-License-Identifier: Apache-2.0 */
/* Until when what ended may be forgotten. Tokens, sessions and keys are judged by the wall clock, and when that is
 * mended the judgement is right again. What was deleted meanwhile is not: a clock that runs a year ahead for a minute
 * would take every refresh token, every mark of a replay and retired keys along. So nothing is deleted by the wall
 * clock alone. It is held against the newest time that was credible, kept in the store, and how long it is since by the
 * clock that nobody sets (CLOCK_BOOTTIME). Where they disagree, deleting goes on by the slower of the two, until they
 * agree or the wall clock has stood by its word for half a day: a machine that was off for weeks looks the same.
 *
 *   agrees ── more than an hour ahead or behind, at the start a day ahead ──► doubts ── agrees, or half a day ──►
 * agrees
 */
#ifndef SP_AUTHORITY_CREDIBLE_TIME_H
#define SP_AUTHORITY_CREDIBLE_TIME_H

#include "authority/store.h"

#define SP_CLOCK_SLACK_S 3600
#define SP_CLOCK_GAP_S 86400 /* tickets are kept so much longer than they live: nothing that lives is deleted by it */
#define SP_CLOCK_DOUBT_S (12 * 3600)

struct sp_credible_time {
    int64_t at;      /* what the wall clock should say */
    int64_t at_s;    /* steady clock when it should */
    int64_t since_s; /* likewise, when the doubt began */
    int64_t kept;    /* what the store has; 0: nothing */
    bool doubts;
};

/* Pure. kept: the newest credible time of the store; 0: none, and the wall clock is believed. */
void sp_credible_time_begin(struct sp_credible_time *time, int64_t kept, int64_t wall, int64_t steady_s);
/* Pure. What the two clocks say now; true: the doubt begins or ends. */
bool sp_credible_time_step(struct sp_credible_time *time, int64_t wall, int64_t steady_s);
/* What ended before may be forgotten. */
int64_t sp_credible_time_until(const struct sp_credible_time *time, int64_t wall);

/* 0: the store knows none. Holds nothing. */
SP_MUST_CHECK enum sp_status sp_credible_time_find(struct sp_store *store, struct sp_arena *arena, int64_t *kept);
/* Begins with what the store knows, or steps; keeps in the store what is an hour newer (or older) than it has, in a
 * write of its own. Call once a second or so. *turns: the doubt begins or ends. */
SP_MUST_CHECK enum sp_status sp_credible_time_tend(struct sp_credible_time *time, struct sp_store *store, int64_t wall,
                                                   bool *turns);
/* For the operator, when the doubt begins or ended. */
void sp_credible_time_tell(const struct sp_credible_time *time, int64_t wall, char text[512]);

#endif
