/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/words.h"

#include <inttypes.h>
#include <time.h>
#include "core/base/buffer.h"

static const struct {
    const char *one, *many;
    uint64_t seconds;
} units[] = {
    {"year", "years", 365u * 86400u}, {"day", "days", 86400}, {"h", "h", 3600}, {"min", "min", 60}, {"s", "s", 1},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

struct sp_str sp_words_duration(struct sp_arena *arena, int64_t seconds)
{
    uint64_t left = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        uint64_t large = left / units[i].seconds;
        if (large == 0)
            continue;
        uint64_t small = i + 1 < UNIT_COUNT ? left % units[i].seconds / units[i + 1].seconds : 0;
        const char *large_unit = large == 1 ? units[i].one : units[i].many;
        if (small == 0)
            return sp_arena_printf(arena, "%" PRIu64 " %s", large, large_unit);
        return sp_arena_printf(arena, "%" PRIu64 " %s %" PRIu64 " %s", large, large_unit, small,
                               small == 1 ? units[i + 1].one : units[i + 1].many);
    }
    return SP_STR("0 s");
}

struct sp_str sp_words_instant(struct sp_arena *arena, int64_t epoch_s)
{
    struct tm tm;
    time_t t = (time_t)epoch_s;
    /* Beyond year 9999 the number says more than a date. */
    if (epoch_s < 0 || epoch_s > 253402300799 || gmtime_r(&t, &tm) == NULL)
        return sp_arena_printf(arena, "%" PRId64, epoch_s);
    return sp_arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                           tm.tm_hour, tm.tm_min, tm.tm_sec);
}

struct sp_str sp_words_instant_from(struct sp_arena *arena, int64_t epoch_s, int64_t now)
{
    struct sp_str instant = sp_words_instant(arena, epoch_s);
    int64_t apart;
    if (__builtin_sub_overflow(epoch_s, now, &apart))
        return instant;
    if (apart == 0)
        return sp_arena_printf(arena, "%.*s, now", SP_STR_ARG(instant));
    struct sp_str duration = sp_words_duration(arena, apart);
    if (apart < 0)
        return sp_arena_printf(arena, "%.*s, %.*s ago", SP_STR_ARG(instant), SP_STR_ARG(duration));
    return sp_arena_printf(arena, "%.*s, in %.*s", SP_STR_ARG(instant), SP_STR_ARG(duration));
}

struct sp_str sp_words_list(struct sp_arena *arena, const struct sp_str *items, size_t count)
{
    enum { SHOWN = 8 };
    if (count == 0)
        return SP_STR("none");
    if (count == 1)
        return items[0];
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, arena, 64 * 1024);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        if (i > 0)
            sp_buffer_append(&buffer, SP_STR(", "));
        sp_buffer_append(&buffer, items[i]);
    }
    if (count > SHOWN)
        sp_buffer_printf(&buffer, " and %zu more", count - SHOWN);
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}
