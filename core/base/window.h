/* SPDX-License-Identifier: Apache-2.0 */
/* A rate limit's counter: a sliding window made of two fixed ones. The first window starts with the first call; of the
 * one before, the share that still lies within the last `window` counts, in whole calls. So no more than `requests`
 * calls pass in any window, give or take the assumption that the earlier ones came evenly, and one counter is 24 bytes.
 * Where nothing passed for a whole window nothing is assumed: all `requests` pass. */
#ifndef SP_BASE_WINDOW_H
#define SP_BASE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct sp_window {
    int64_t started_ms; /* 0: never used */
    int64_t last_ms;    /* when a call was allowed last */
    uint32_t count, previous;
};

struct sp_window_answer {
    bool allowed;
    uint32_t remaining;     /* calls that would still pass now */
    int64_t retry_after_ms; /* when refused: until one more would pass; ≥ 1 */
};

/* Processes that share a counter look at the clock each at its own moments (an nginx worker once a turn): one that is
 * this much behind the window's start is in it. */
#define SP_WINDOW_SLACK_MS 10000

/* Counts one call if it is allowed; a refused one is not counted. requests ≥ 1, window_ms ≥ 1. A clock that went back
 * by more than the slack starts the window anew. */
struct sp_window_answer sp_window_take(struct sp_window *window, uint32_t requests, int64_t window_ms, int64_t now_ms);

#endif
