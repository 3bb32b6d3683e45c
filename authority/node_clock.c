/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/node_clock.h"

#include <stdio.h>
#include <time.h>

bool sp_node_clock_step(struct sp_node_clock *clock, int64_t ours, int64_t theirs)
{
    int64_t ahead = theirs != 0 ? ours - theirs : 0;
    bool is_off = ahead > SP_NODE_CLOCK_SLACK_S || ahead < -SP_NODE_CLOCK_SLACK_S;
    bool turns = is_off != clock->is_off;
    clock->is_off = is_off;
    return turns;
}

static void write_time(int64_t at, char text[24])
{
    struct tm broken;
    time_t time = (time_t)at;
    strftime(text, 24, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &broken));
}

void sp_node_clock_tell(const struct sp_node_clock *clock, int64_t ours, int64_t theirs, char text[512])
{
    char our_time[24], their_time[24];
    write_time(ours, our_time);
    write_time(theirs, their_time);
    if (!clock->is_off)
        snprintf(text, 512, "the clock agrees with PostgreSQL's again");
    else
        snprintf(
            text, 512,
            "the clock is %lld s %s PostgreSQL's (here %s, there %s). Nodes whose clocks differ refuse each other's "
            "codes as expired (tokens.code_lifetime) and take two refreshes at once for theft "
            "(tokens.refresh_grace). Is NTP on, here and there?",
            (long long)(ours > theirs ? ours - theirs : theirs - ours), ours > theirs ? "ahead of" : "behind", our_time,
            their_time);
}
