/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/credible_time.h"

#include <stdio.h>
#include <time.h>
#include "core/base/json.h"

#define ARENA_BYTES (16u * 1024)
#define RECORD_ID SP_STR("credible")

static bool is_near(int64_t one, int64_t other)
{
    return one - other <= SP_CLOCK_SLACK_S && other - one <= SP_CLOCK_SLACK_S;
}

void sp_credible_time_begin(struct sp_credible_time *time, int64_t kept, int64_t wall, int64_t steady_s)
{
    bool was_off = wall > kept && wall - kept <= SP_CLOCK_GAP_S;
    *time = (struct sp_credible_time){.at = kept == 0 || was_off ? wall : kept, .at_s = steady_s, .kept = kept};
}

bool sp_credible_time_step(struct sp_credible_time *time, int64_t wall, int64_t steady_s)
{
    bool doubted = time->doubts;
    time->at += steady_s - time->at_s;
    time->at_s = steady_s;
    if (!doubted)
        time->since_s = steady_s;
    time->doubts = !is_near(wall, time->at) && steady_s - time->since_s < SP_CLOCK_DOUBT_S;
    if (!time->doubts)
        time->at = wall;
    return time->doubts != doubted;
}

int64_t sp_credible_time_until(const struct sp_credible_time *time, int64_t wall)
{
    return wall < time->at ? wall : time->at;
}

enum sp_status sp_credible_time_find(struct sp_store *store, struct sp_arena *arena, int64_t *kept)
{
    const struct sp_json *data = NULL;
    enum sp_status status = sp_store_read_record(store, SP_RECORD_TIME, RECORD_ID, arena, &data);
    if (status == SP_NOT_FOUND) {
        *kept = 0;
        return SP_OK;
    }
    return status == SP_OK ? sp_json_int64(sp_json_member(data, SP_STR("at")), kept) : status;
}

static enum sp_status keep(struct sp_credible_time *time, struct sp_store *store, struct sp_arena *arena)
{
    const struct sp_record record = {.kind = SP_RECORD_TIME,
                                     .id = RECORD_ID,
                                     .data = sp_arena_printf(arena, "{\"at\":%lld}", (long long)time->at),
                                     .created_at = time->at};
    enum sp_status status = record.data.at != NULL ? store->methods->begin(store) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = sp_store_commit(store, store->methods->put_record(store, &record, NULL));
    if (status == SP_OK)
        time->kept = time->at;
    return status;
}

enum sp_status sp_credible_time_tend(struct sp_credible_time *time, struct sp_store *store, int64_t wall, bool *turns)
{
    struct timespec steady;
    struct sp_arena *arena = sp_arena_create(ARENA_BYTES);
    enum sp_status status = arena != NULL ? SP_OK : SP_NO_MEMORY;
    int64_t kept = 0;
    clock_gettime(CLOCK_BOOTTIME, &steady);
    if (status == SP_OK && time->at == 0) {
        status = sp_credible_time_find(store, arena, &kept);
        if (status == SP_OK)
            sp_credible_time_begin(time, kept, wall, (int64_t)steady.tv_sec);
    }
    if (status == SP_OK) {
        *turns = sp_credible_time_step(time, wall, (int64_t)steady.tv_sec);
        if (time->kept == 0 || !is_near(time->at, time->kept))
            status = keep(time, store, arena);
    }
    sp_arena_destroy(&arena);
    return status;
}

static void write_span(int64_t seconds, char text[32])
{
    int64_t magnitude = seconds < 0 ? -seconds : seconds;
    if (magnitude >= 2 * 86400)
        snprintf(text, 32, "%lld days", (long long)(magnitude / 86400));
    else
        snprintf(text, 32, "%lld hours", (long long)(magnitude / 3600));
}

void sp_credible_time_tell(const struct sp_credible_time *time, int64_t wall, char text[512])
{
    char span[32];
    write_span(wall - time->at, span);
    if (!time->doubts)
        snprintf(text, 512, "the clock is believed again: what ended is deleted by it");
    else if (wall > time->at)
        snprintf(text, 512,
                 "the clock is %s ahead of what the newest time in the store and the time since let expect. Tokens are "
                 "judged by it, but nothing that ended by it alone is deleted until it agrees again or has stayed so "
                 "for %d hours. Is NTP on? After a long standstill this is no fault",
                 span, SP_CLOCK_DOUBT_S / 3600);
    else
        snprintf(text, 512,
                 "the clock is %s behind what the newest time in the store and the time since let expect: tokens that "
                 "have ended are taken for alive. Is NTP on?",
                 span);
}
