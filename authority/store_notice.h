/* SPDX-License-Identifier: Apache-2.0 */
/* When stderr is told that the store fails: at once, once a minute while it goes on, and when it is in order again. The
 * log has it call by call; whoever looks at stderr, or at the journal, should not have to read that.
 *
 *   in order ── fails ──► failing ── fails, a minute later or for another reason ──► told again
 *                            └────── works ──► in order */
#ifndef SP_AUTHORITY_STORE_NOTICE_H
#define SP_AUTHORITY_STORE_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#define SP_STORE_NOTICE_EVERY_S 60
/* A full disk takes one write and refuses the next: only after so long without a refusal is it believed. */
#define SP_STORE_NOTICE_QUIET_S 5

struct sp_store_notice {
    char reason[128]; /* told last; empty: in order */
    int64_t told_at, failed_at;
    uint64_t kept; /* writes that the store had taken when it refused last */
    bool refused;  /* calls, not only what is looked at each second */
};

/* Pure. reason: what trouble is told once a minute; kept: how many writes the store had taken when it refused
 * a call last (sp_store.kept); refused: that was now. true: it is to be told. */
bool sp_store_notice_fails(struct sp_store_notice *notice, int64_t now, const char *reason, uint64_t kept,
                           bool refused);
/* Likewise, when what is looked at each second went well. Where calls were refused, one has to be kept
 * since; kept: how many are by now. */
bool sp_store_notice_works(struct sp_store_notice *notice, int64_t now, uint64_t kept);

#endif
