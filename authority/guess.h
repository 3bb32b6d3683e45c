/* SPDX-License-Identifier: Apache-2.0 */
/* How often a name's password was guessed wrongly, and how long the next try has to wait (password.h's curve). Counted
 * by what was typed, whether it names an account or not: the same is kept, written and answered either way, so nobody
 * learns which names there are.
 *
 *   a browser that the account knows (known_browser.h)   by that browser alone: strangers cannot keep the owner out
 *   any other     by the name and the address's network, and beyond 120 in a day by the name, wherever they come from
 *
 * By the first, one network alone comes to some 110 a day, so that it takes several to slow down the others, and
 * however many there are have these tries and then one a wait between them. All three are in the store, where all nodes
 * and the next start of the program find them: in one ticket under 20 bits of a MAC of the name, a million of them at
 * most however many names a stranger thinks up, with the SP_MAX_GUESSERS networks and browsers that were wrong last.
 * Who pushes one of them out to begin anew spends the name's own tries on it. */
#ifndef SP_AUTHORITY_GUESS_H
#define SP_AUTHORITY_GUESS_H

#include "authority/authority.h"

struct sp_guesser;

struct sp_guess {
    int64_t wait_s;        /* until the next try; 0: now */
    struct sp_str why;     /* that count in words, for the log */
    struct sp_str browser; /* that the account knows; absent: none */
    /* the row, and what is counted in it: wherever they come from, and this network or browser (key) */
    unsigned char slot[32];
    bool has_slot;
    int64_t failures, failed_at, ends_at;
    struct sp_str key;
    struct sp_guesser *guessers; /* the latest last */
    size_t guesser_count;
};

/* account: NULL: the name is no account's. What was counted before its password was set anew
 * (sp_account_forget_failures) is forgotten. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_guess_find(struct sp_call *call, struct sp_str name, const struct sp_account *account,
                                           struct sp_guess *guess);
/* It was wrong. */
SP_MUST_CHECK enum sp_status sp_guess_fail(struct sp_call *call, const struct sp_guess *guess);
/* It was right: what this browser or network got wrong before is forgotten. Writes only where there is something. */
SP_MUST_CHECK enum sp_status sp_guess_succeed(struct sp_call *call, const struct sp_guess *guess);

#endif
