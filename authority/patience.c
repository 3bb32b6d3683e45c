/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/patience.h"

#include <time.h>
#include "authority/handle.h"

#define SHORTEST_MS 20
#define SPREAD_MS 64

static int64_t now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

struct sp_patience sp_patience_begin(int64_t ms)
{
    return (struct sp_patience){now_ms() + ms};
}

bool sp_patience_lasts(const struct sp_patience *patience)
{
    unsigned char byte = 0;
    if (now_ms() >= patience->until_ms)
        return false;
    sp_random_bytes(&byte, 1);
    const struct timespec moment = {.tv_nsec = (SHORTEST_MS + byte % SPREAD_MS) * 1000000L};
    nanosleep(&moment, NULL);
    return true;
}
