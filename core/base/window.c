/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/window.h"

static void turn(struct sp_window *window, int64_t window_ms, int64_t now_ms)
{
    const int64_t elapsed = now_ms - window->started_ms;
    if (window->started_ms == 0 || elapsed < 0 || now_ms - window->last_ms >= window_ms) {
        *window = (struct sp_window){.started_ms = now_ms, .last_ms = now_ms};
    } else if (elapsed >= window_ms) {
        *window = (struct sp_window){
            .started_ms = window->started_ms + window_ms, .last_ms = window->last_ms, .previous = window->count};
    }
}

/* Milliseconds into a window after which `earlier` calls of the one before are no more than `room` whole ones. */
static int64_t faded_after(uint32_t earlier, uint32_t room, int64_t window_ms)
{
    if (earlier <= room) {
        return 0;
    }
    const double share = 1.0 - ((double)room + 1.0) / (double)earlier;
    return (int64_t)(share * (double)window_ms) + 1;
}

struct sp_window_answer sp_window_take(struct sp_window *window, uint32_t requests, int64_t window_ms, int64_t now_ms)
{
    if (now_ms < window->started_ms && now_ms >= window->started_ms - SP_WINDOW_SLACK_MS) {
        now_ms = window->started_ms;
    }
    turn(window, window_ms, now_ms);
    const int64_t elapsed = now_ms - window->started_ms;
    const double earlier = (double)window->previous * (1.0 - (double)elapsed / (double)window_ms);
    /* Whole calls: with a limit of 1 the one before would else weigh until nothing of its window is left. */
    const uint64_t used = (uint64_t)window->count + (uint32_t)earlier;
    if (used < requests) {
        window->count++;
        window->last_ms = now_ms > window->last_ms ? now_ms : window->last_ms;
        return (struct sp_window_answer){.allowed = true, .remaining = (uint32_t)(requests - used - 1)};
    }
    int64_t wait;
    if (window->count + 1 <= requests) {
        wait = faded_after(window->previous, requests - 1 - window->count, window_ms) - elapsed;
    } else {
        wait = window_ms - elapsed + faded_after(window->count, requests - 1, window_ms);
    }
    const int64_t all_gone = window->last_ms + window_ms - now_ms;
    wait = wait < all_gone ? wait : all_gone;
    return (struct sp_window_answer){.retry_after_ms = wait > 0 ? wait : 1};
}
