/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/local_clock.h"

#include <sys/timex.h>
#include <time.h>

void sp_local_clock_look(struct sp_arena *arena, struct sp_kernel_clock *clock)
{
    struct timex state = {.modes = 0};
    int answer = adjtimex(&state);
    *clock = (struct sp_kernel_clock){.is_known = false, .state = SP_STR("not readable here")};
    if (answer < 0) {
        return;
    }
    clock->is_known = true;
    clock->is_synchronised = answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    clock->max_error_ms = state.maxerror / 1000;
    clock->state = sp_arena_printf(arena, "%s, maximum error %lld ms",
                                   clock->is_synchronised ? "synchronised" : "unsynchronised (STA_UNSYNC)",
                                   (long long)clock->max_error_ms);
}

int64_t sp_wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
