/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/exchange.h"

bool sp_flow_header_next(const struct sp_flow_headers *headers, const char *name, size_t *position,
                         struct sp_str *value)
{
    struct sp_str wanted = sp_str_from_cstr(name);
    while (*position < headers->count) {
        const struct sp_flow_header *header = &headers->at[(*position)++];
        if (sp_str_equal_ignoring_case(header->name, wanted)) {
            *value = header->value;
            return true;
        }
    }
    return false;
}

struct sp_str sp_flow_header(const struct sp_flow_headers *headers, const char *name)
{
    size_t position = 0;
    struct sp_str value;
    return sp_flow_header_next(headers, name, &position, &value) ? value : SP_STR_NONE;
}

struct sp_str sp_flow_media_type(struct sp_str content_type)
{
    return sp_str_trim(sp_str_slice(content_type, 0, sp_str_index_of(content_type, ';', 0)));
}

size_t sp_flow_headers_size(const struct sp_flow_headers *headers)
{
    size_t size = 0;
    for (size_t i = 0; i < headers->count; i++)
        size += headers->at[i].name.len + headers->at[i].value.len + 4;
    return size;
}

static enum sp_status copy_headers(struct sp_arena *arena, const struct sp_flow_headers *from,
                                   struct sp_flow_headers *copy)
{
    struct sp_flow_header *at = sp_arena_calloc(arena, from->count + 1, sizeof *at);
    if (at == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < from->count; i++)
        if (sp_arena_copy(arena, from->at[i].name, &at[i].name) != SP_OK ||
            sp_arena_copy(arena, from->at[i].value, &at[i].value) != SP_OK)
            return SP_NO_MEMORY;
    *copy = (struct sp_flow_headers){at, from->count};
    return SP_OK;
}

enum sp_status sp_flow_exchange_copy(struct sp_arena *arena, const struct sp_flow_exchange *from,
                                     struct sp_flow_exchange *copy)
{
    struct sp_flow_exchange made = *from;
    struct sp_str *const texts[] = {&made.method,        &made.url,     &made.request_body,
                                    &made.response_body, &made.failure, &made.server_address,
                                    &made.client_address};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i]->at != NULL && sp_arena_copy(arena, *texts[i], texts[i]) != SP_OK)
            return SP_NO_MEMORY;
    if (copy_headers(arena, &from->request_headers, &made.request_headers) != SP_OK ||
        copy_headers(arena, &from->response_headers, &made.response_headers) != SP_OK)
        return SP_NO_MEMORY;
    *copy = made;
    return SP_OK;
}

/* ---- times ---- */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct clock {
    int64_t year, month, day, hour, minute, second, ms, zone_minutes;
};

static int64_t ms_of(const struct clock *clock)
{
    if (clock->month < 1 || clock->month > 12 || clock->day < 1 || clock->day > 31 || clock->hour > 24 ||
        clock->minute > 59 || clock->second > 60)
        return 0;
    int64_t days = days_of(clock->year, clock->month, clock->day);
    int64_t seconds = ((days * 24 + clock->hour) * 60 + clock->minute - clock->zone_minutes) * 60 + clock->second;
    return seconds * 1000 + clock->ms;
}

/* Up to `digits` of them; false when there is none. */
static bool take_number(struct sp_str *rest, size_t digits, int64_t *number)
{
    size_t i = 0;
    int64_t value = 0;
    for (; i < digits && i < rest->len && rest->at[i] >= '0' && rest->at[i] <= '9'; i++)
        value = value * 10 + (rest->at[i] - '0');
    *rest = sp_str_slice(*rest, i, rest->len);
    *number = value;
    return i > 0;
}

static bool take_char(struct sp_str *rest, const char *any)
{
    if (rest->len == 0 || rest->at[0] == '\0' || strchr(any, rest->at[0]) == NULL)
        return false;
    *rest = sp_str_slice(*rest, 1, rest->len);
    return true;
}

static void take_fraction(struct sp_str *rest, int64_t *ms)
{
    int64_t scale = 100;
    for (; rest->len > 0 && rest->at[0] >= '0' && rest->at[0] <= '9'; *rest = sp_str_slice(*rest, 1, rest->len)) {
        *ms += (rest->at[0] - '0') * scale;
        scale /= 10;
    }
}

int64_t sp_flow_time_iso(struct sp_str text)
{
    struct clock clock = {0};
    struct sp_str rest = sp_str_trim(text);
    if (!take_number(&rest, 4, &clock.year) || !take_char(&rest, "-") || !take_number(&rest, 2, &clock.month) ||
        !take_char(&rest, "-") || !take_number(&rest, 2, &clock.day) || !take_char(&rest, "T ") ||
        !take_number(&rest, 2, &clock.hour) || !take_char(&rest, ":") || !take_number(&rest, 2, &clock.minute) ||
        !take_char(&rest, ":") || !take_number(&rest, 2, &clock.second))
        return 0;
    if (take_char(&rest, ".,"))
        take_fraction(&rest, &clock.ms);
    bool east = rest.len > 0 && rest.at[0] == '+';
    int64_t hours = 0, minutes = 0;
    if (take_char(&rest, "+-") && take_number(&rest, 2, &hours)) {
        take_char(&rest, ":");
        take_number(&rest, 2, &minutes);
        clock.zone_minutes = (hours * 60 + minutes) * (east ? 1 : -1);
    }
    return ms_of(&clock);
}

static int64_t month_of(struct sp_str word)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int64_t i = 0; i < 12; i++)
        if (word.len >= 3 && sp_str_equal_ignoring_case(sp_str_slice(word, 0, 3), sp_str(names + i * 3, 3)))
            return i + 1;
    return 0;
}

int64_t sp_flow_time_http(struct sp_str text)
{
    struct clock clock = {0};
    struct sp_str word;
    unsigned numbers = 0;
    while (sp_str_next_word(&text, SP_STR(" ,-"), &word)) {
        struct sp_str rest = word;
        int64_t number;
        if (sp_str_index_of(word, ':', 0) < word.len) {
            if (!take_number(&rest, 2, &clock.hour) || !take_char(&rest, ":") ||
                !take_number(&rest, 2, &clock.minute) || !take_char(&rest, ":") ||
                !take_number(&rest, 2, &clock.second))
                return 0;
        } else if (month_of(word) != 0 && clock.month == 0) {
            clock.month = month_of(word);
        } else if (take_number(&rest, 4, &number)) {
            if (numbers++ == 0)
                clock.day = number;
            else if (numbers == 2)
                clock.year = number < 70 ? number + 2000 : number < 100 ? number + 1900 : number;
        }
    }
    return numbers >= 2 ? ms_of(&clock) : 0;
}
