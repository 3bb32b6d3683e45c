/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/schedule.h"

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

int64_t sp_schedule_refresh(int64_t max_age_s, int64_t fixed_s)
{
    if (fixed_s > 0) {
        return clamp(fixed_s, 1, SP_REFRESH_MAX_S);
    }
    int64_t life = max_age_s < 0 ? SP_REFRESH_DEFAULT_S : max_age_s;
    int64_t ahead = clamp(life / 10, 0, 300);
    return clamp(life - ahead, SP_REFRESH_MIN_S, SP_REFRESH_MAX_S);
}

int64_t sp_schedule_retry(unsigned failures, bool has_keys, uint32_t jitter)
{
    int64_t first = has_keys ? 15 : 2, most = has_keys ? 300 : 60, delay = first;
    for (unsigned i = 1; i < failures && delay < most; i++) {
        delay *= 2;
    }
    delay = delay > most ? most : delay;
    return delay - (int64_t)(jitter % (uint32_t)(delay / 4 + 1));
}

bool sp_schedule_may_look_again(int64_t now_ms, int64_t last_attempt_ms)
{
    return last_attempt_ms == 0 || now_ms - last_attempt_ms >= SP_LOOK_AGAIN_S * 1000;
}

int64_t sp_schedule_stale_until(int64_t fetched_at)
{
    return fetched_at + SP_STALE_MAX_S;
}
