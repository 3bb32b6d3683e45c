/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backtest/what_if.h"

#include "core/backtest/recorded_call.h"
#include "core/base/json.h"
#include "core/base/nearest.h"

#define MAX_SETTINGS 256u
#define MAX_OVERLAY_BYTES (256u * 1024)

enum place { ISSUER, AUTH, NOW };
enum form { ONE, MANY, CLAIMS };

static const struct {
    struct sp_str name;
    enum place place;
    struct sp_str member;
    enum form form;
} rows[] = {
#define WHAT_IF(name, place, member, form) {{name, sizeof name - 1}, place, {member, sizeof member - 1}, form},
#include "core/backtest/what_ifs.def"
#undef WHAT_IF
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

struct given {
    size_t row;
    struct sp_str value;
};

struct settings {
    struct sp_arena *arena;
    struct given given[MAX_SETTINGS];
    size_t count;
};

/* "issuer, audience, …": the names, for help and complaints. */
static struct sp_str list_names(struct sp_arena *arena)
{
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 4096);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        sp_buffer_append(&out, i > 0 ? SP_STR(", ") : SP_STR(""));
        sp_buffer_append(&out, rows[i].name);
    }
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}

/* ---- reading ---- */

/* "scopes" is as good as "scope". */
static size_t row_of(struct sp_str name)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (sp_str_equal(rows[i].name, name) || (rows[i].form == MANY && sp_str_equal(rows[i].member, name)))
            return i;
    return ROW_COUNT;
}

static struct sp_str unknown(struct sp_arena *arena, struct sp_str name)
{
    struct sp_str near = SP_STR_NONE, names = list_names(arena);
    size_t least = SP_NOT_NEAR;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        sp_nearest_keep(rows[i].name, name, &least, &near);
    }
    return sp_arena_printf(arena, "there is no setting '%.*s'%s%.*s%s There are: %.*s",
                           SP_STR_ARG(sp_str_slice(name, 0, 100)), near.len > 0 ? "; did you mean '" : "",
                           SP_STR_ARG(near), near.len > 0 ? "'?" : ".", SP_STR_ARG(names));
}

static struct sp_str add(struct settings *settings, size_t row, struct sp_str value)
{
    if (settings->count == MAX_SETTINGS)
        return SP_STR("there are more settings than make sense");
    if (rows[row].form == ONE)
        for (size_t i = 0; i < settings->count; i++)
            if (settings->given[i].row == row)
                return sp_arena_printf(settings->arena, "'%.*s' is given twice", SP_STR_ARG(rows[row].name));
    if (rows[row].form != MANY && value.len == 0)
        return sp_arena_printf(settings->arena, "'%.*s' has no value", SP_STR_ARG(rows[row].name));
    settings->given[settings->count++] = (struct given){row, value};
    return SP_STR_NONE;
}

/* The row's name ends at the first '=', unless what stands there is no name but a URL with a query. */
static struct sp_str read_setting(struct settings *settings, struct sp_str text, size_t *last)
{
    size_t equals = sp_str_index_of(text, '=', 0);
    bool continues = equals >= text.len || sp_str_contains(sp_str_slice(text, 0, equals), SP_STR("/"));
    if (continues && (*last == ROW_COUNT || rows[*last].form == ONE))
        return sp_arena_printf(settings->arena, "'%.*s' is no NAME=VALUE. Names: %.*s",
                               SP_STR_ARG(sp_str_slice(text, 0, 100)), SP_STR_ARG(list_names(settings->arena)));
    if (!continues) {
        *last = row_of(sp_str_trim(sp_str_slice(text, 0, equals)));
        if (*last == ROW_COUNT)
            return unknown(settings->arena, sp_str_trim(sp_str_slice(text, 0, equals)));
        text = sp_str_slice(text, equals + 1, text.len);
    }
    return add(settings, *last, sp_str_trim(text));
}

static struct sp_str read_settings(struct settings *settings, struct sp_str text)
{
    size_t last = ROW_COUNT;
    struct sp_str word, refused = SP_STR_NONE;
    while (refused.at == NULL && sp_str_next_word(&text, SP_STR(","), &word))
        refused = read_setting(settings, word, &last);
    return refused;
}

/* ---- writing ---- */

static void put_value(struct sp_json_writer *json, struct sp_str value)
{
    if (sp_str_equal(value, SP_STR("true")) || sp_str_equal(value, SP_STR("false")))
        sp_json_put_raw(json, value);
    else
        sp_json_put_string(json, value);
}

static void put_claim_values(struct sp_json_writer *json, const struct settings *settings, size_t row,
                             struct sp_str name)
{
    bool any = false;
    for (size_t i = 0; i < settings->count; i++) {
        struct sp_str value = settings->given[i].value;
        size_t colon = sp_str_index_of(value, ':', 0);
        if (settings->given[i].row != row || colon >= value.len || !sp_str_equal(sp_str_slice(value, 0, colon), name))
            continue;
        if (!any)
            sp_json_begin_array(json);
        any = true;
        sp_json_put_string(json, sp_str_slice(value, colon + 1, value.len));
    }
    if (any)
        sp_json_end_array(json);
    else
        sp_json_put_bool(json, true);
}

static struct sp_str claim_name(struct sp_str value)
{
    return sp_str_slice(value, 0, sp_str_index_of(value, ':', 0));
}

static void put_claims(struct sp_json_writer *json, const struct settings *settings, size_t row)
{
    sp_json_begin_object(json);
    for (size_t i = 0; i < settings->count; i++) {
        struct sp_str name = claim_name(settings->given[i].value);
        bool is_first = settings->given[i].row == row;
        for (size_t k = 0; k < i && is_first; k++)
            is_first = settings->given[k].row != row || !sp_str_equal(claim_name(settings->given[k].value), name);
        if (!is_first)
            continue;
        sp_json_name(json, name);
        put_claim_values(json, settings, row, name);
    }
    sp_json_end_object(json);
}

static void put_list(struct sp_json_writer *json, const struct settings *settings, size_t row)
{
    sp_json_begin_array(json);
    for (size_t i = 0; i < settings->count; i++)
        if (settings->given[i].row == row && settings->given[i].value.len > 0)
            sp_json_put_string(json, settings->given[i].value);
    sp_json_end_array(json);
}

static size_t count_of(const struct settings *settings, size_t row, struct sp_str *value)
{
    size_t count = 0;
    for (size_t i = 0; i < settings->count; i++)
        if (settings->given[i].row == row && count++ == 0)
            *value = settings->given[i].value;
    return count;
}

/* No audience of the API means that of the issuer: none at all is neither. */
static bool wants_no_audience(const struct settings *settings)
{
    struct sp_str value = SP_STR_NONE;
    return count_of(settings, row_of(SP_STR("audience")), &value) == 1 && value.len == 0;
}

static void put_members(struct sp_json_writer *json, const struct settings *settings, enum place place)
{
    sp_json_begin_object(json);
    for (size_t row = 0; row < ROW_COUNT; row++) {
        struct sp_str value = SP_STR_NONE;
        if (rows[row].place != place || count_of(settings, row, &value) == 0)
            continue;
        sp_json_name(json, rows[row].member);
        if (rows[row].form == CLAIMS)
            put_claims(json, settings, row);
        else if (rows[row].form == MANY)
            put_list(json, settings, row);
        else
            put_value(json, value);
    }
    if (place == ISSUER && wants_no_audience(settings)) {
        sp_json_name(json, SP_STR("audience"));
        sp_json_begin_array(json);
        sp_json_end_array(json);
    }
    sp_json_end_object(json);
}

static void put_named(struct sp_json_writer *json, const char *map, struct sp_str name, const char *inside,
                      const struct settings *settings, enum place place)
{
    sp_json_name(json, sp_str_from_cstr(map));
    sp_json_begin_object(json);
    sp_json_name(json, name);
    if (inside != NULL) {
        sp_json_begin_object(json);
        sp_json_name(json, sp_str_from_cstr(inside));
    }
    put_members(json, settings, place);
    if (inside != NULL)
        sp_json_end_object(json);
    sp_json_end_object(json);
}

static enum sp_status write_overlay(struct sp_arena *arena, const struct sp_what_if *what,
                                    const struct settings *settings, struct sp_str *overlay)
{
    struct sp_buffer out;
    struct sp_json_writer json;
    sp_buffer_init(&out, arena, MAX_OVERLAY_BYTES);
    sp_json_writer_init(&json, &out, false);
    sp_json_begin_object(&json);
    if (what->issuer.len > 0)
        put_named(&json, "issuers", what->issuer, NULL, settings, ISSUER);
    put_named(&json, "apis", what->api, "auth", settings, AUTH);
    sp_json_end_object(&json);
    if (sp_buffer_status(&out) == SP_OK)
        *overlay = sp_buffer_str(&out);
    return sp_buffer_status(&out);
}

static struct sp_str read_now(struct sp_arena *arena, const struct settings *settings, int64_t *now)
{
    struct sp_str value = SP_STR_NONE;
    int64_t ms;
    if (count_of(settings, row_of(SP_STR("now")), &value) == 0)
        return SP_STR_NONE;
    if (sp_recorded_time(value, &ms) == SP_OK && ms >= 1000) {
        *now = ms / 1000;
        return SP_STR_NONE;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9' || i >= 12)
            return sp_arena_printf(arena, "now is epoch seconds or a time such as 2026-11-26T06:00:00Z, not '%.*s'",
                                   SP_STR_ARG(sp_str_slice(value, 0, 60)));
        *now = *now * 10 + (value.at[i] - '0');
    }
    return SP_STR_NONE;
}

enum sp_status sp_what_if_write(struct sp_arena *arena, const struct sp_what_if *what, const struct sp_str *texts,
                                size_t count, struct sp_what_if_result *result)
{
    struct settings *settings = SP_ARENA_NEW(arena, struct settings);
    *result = (struct sp_what_if_result){0};
    if (settings == NULL)
        return SP_NO_MEMORY;
    settings->arena = arena;
    for (size_t i = 0; i < count && result->refused.at == NULL; i++)
        result->refused = read_settings(settings, texts[i]);
    if (result->refused.at == NULL)
        result->refused = read_now(arena, settings, &result->now);
    bool changes = false;
    for (size_t i = 0; i < settings->count; i++)
        changes = changes || rows[settings->given[i].row].place != NOW;
    if (result->refused.at == NULL && changes && what->api.len == 0)
        result->refused = SP_STR("the call meets no API, so nothing that is asked of a token can be changed");
    if (result->refused.at != NULL)
        return SP_MALFORMED;
    return changes ? write_overlay(arena, what, settings, &result->overlay) : SP_OK;
}
