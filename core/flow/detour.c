/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/detour.h"

#include "core/base/json.h"
#include "core/base/limits.h"

static bool is_below(struct sp_str origin, struct sp_str url)
{
    if (!sp_str_has_prefix(url, origin))
        return false;
    return url.len == origin.len || strchr("/?#", url.at[origin.len]) != NULL;
}

/* The URL, led through the recorder when it is below the issuer's origin; absent past the arena's ceiling. */
static struct sp_str led_url(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str url)
{
    return !is_below(detour->from, url) ? url
                                        : sp_arena_printf(arena, "%.*s%.*s", SP_STR_ARG(detour->to),
                                                          SP_STR_ARG(sp_str_slice(url, detour->from.len, url.len)));
}

/* A Set-Cookie line without Domain and Secure, and without SameSite=None, which needs Secure: the recorder is another
 * host, on plain http. */
static struct sp_str led_cookie(struct sp_arena *arena, struct sp_str line)
{
    static const char *const dropped[] = {"domain", "secure", "samesite=none", "partitioned"};
    struct sp_buffer out;
    bool first = true;
    sp_buffer_init(&out, arena, SP_MAX_CAPTURED_HEADER_BYTES);
    for (size_t from = 0; from <= line.len; first = false) {
        size_t end = sp_str_index_of(line, ';', from);
        struct sp_str part = sp_str_trim(sp_str_slice(line, from, end));
        struct sp_str name = sp_str_trim(sp_str_slice(part, 0, sp_str_index_of(part, '=', 0)));
        bool drop = false;
        for (size_t i = 0; !first && i < sizeof dropped / sizeof dropped[0]; i++)
            drop = drop || sp_str_equal_ignoring_case(name, sp_str_from_cstr(dropped[i])) ||
                   sp_str_equal_ignoring_case(part, sp_str_from_cstr(dropped[i]));
        if (!drop)
            sp_buffer_printf(&out, "%s%.*s", first ? "" : "; ", SP_STR_ARG(part));
        from = end + 1;
    }
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}

struct sp_str sp_detour_header(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str name,
                               struct sp_str value)
{
    if (sp_str_equal_ignoring_case(name, SP_STR("Set-Cookie")))
        return led_cookie(arena, value);
    if (sp_str_equal_ignoring_case(name, SP_STR("Location")))
        return led_url(arena, detour, value);
    return value;
}

/* Every place where the origin stands and ends there. */
static struct sp_str everywhere(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str text)
{
    struct sp_buffer out;
    size_t kept = 0;
    sp_buffer_init(&out, arena, SP_MAX_RECORDED_BODY_BYTES * 2);
    for (size_t i = 0; i + detour->from.len <= text.len; i++) {
        size_t end = i + detour->from.len;
        bool ends = end == text.len || strchr("/?#\"'<> &\\", text.at[end]) != NULL;
        if (text.at[i] != detour->from.at[0] || !ends ||
            !sp_str_has_prefix(sp_str_slice(text, i, text.len), detour->from))
            continue;
        sp_buffer_append(&out, sp_str_slice(text, kept, i));
        sp_buffer_append(&out, detour->to);
        kept = end;
        i = end - 1;
    }
    sp_buffer_append(&out, sp_str_slice(text, kept, text.len));
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : text;
}

static void write_member(struct sp_json_writer *writer, struct sp_arena *arena, const struct sp_detour *detour,
                         const struct sp_json *member)
{
    sp_json_name(writer, member->name);
    if (member->type == SP_JSON_STRING && !sp_str_equal(member->name, SP_STR("issuer")))
        sp_json_put_string(writer, led_url(arena, detour, member->text));
    else if (member->type != SP_JSON_OBJECT)
        sp_json_put_value(writer, member);
    else {
        /* mtls_endpoint_aliases */
        sp_json_begin_object(writer);
        for
            SP_JSON_EACH(inner, member)
            {
                sp_json_name(writer, inner->name);
                if (inner->type == SP_JSON_STRING)
                    sp_json_put_string(writer, led_url(arena, detour, inner->text));
                else
                    sp_json_put_value(writer, inner);
            }
        sp_json_end_object(writer);
    }
}

static struct sp_str document(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str body)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_json_writer writer;
    struct sp_buffer out;
    if (sp_json_parse(arena, body, &sp_json_limits_document, &json, &error) != SP_OK || json->type != SP_JSON_OBJECT)
        return body;
    bool is_metadata =
        sp_json_member(json, SP_STR("issuer")) != NULL && sp_json_member(json, SP_STR("jwks_uri")) != NULL;
    if (!is_metadata && sp_json_member(json, SP_STR("verification_uri")) == NULL)
        return body;
    sp_buffer_init(&out, arena, SP_MAX_RECORDED_BODY_BYTES * 2);
    sp_json_writer_init(&writer, &out, false);
    sp_json_begin_object(&writer);
    for
        SP_JSON_EACH(member, json)
    write_member(&writer, arena, detour, member);
    sp_json_end_object(&writer);
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : body;
}

struct sp_str sp_detour_body(struct sp_arena *arena, const struct sp_detour *detour, struct sp_str content_type,
                             struct sp_str body)
{
    if (sp_str_contains(content_type, SP_STR("json")))
        return document(arena, detour, body);
    return sp_str_contains(content_type, SP_STR("html")) ? everywhere(arena, detour, body) : body;
}
