/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/dissection_parts.h"

#include <stdlib.h>
#include "core/base/limits.h"

static const char *const tshark_names[] = {
#define FIELD(name, tshark, json) tshark,
#include "core/flow/dissection_fields.def"
#undef FIELD
};

static const char *const json_names[] = {
#define FIELD(name, tshark, json) json,
#include "core/flow/dissection_fields.def"
#undef FIELD
};

struct sp_dissection {
    struct sp_dissection_report report;
    struct sp_http_dissection *http;
    struct sp_connections *connections;
    struct sp_arena *arena; /* of the line */
    char *line;
    size_t len, room;
    bool passing; /* over a line that is too long */
};

const char *const *sp_dissection_fields(size_t *count)
{
    *count = SP_FIELD_COUNT;
    return tshark_names;
}

const char *sp_dissection_filter(void)
{
    return "http || http2 || tls.handshake || tls.alert_message || tcp.flags.syn == 1 || tcp.flags.reset == 1 || "
           "(dns.flags.response == 1 && dns.flags.rcode != 0)";
}

struct sp_dissection *sp_dissection_create(struct sp_flow_capture *capture)
{
    struct sp_dissection *dissection = calloc(1, sizeof *dissection);
    if (dissection == NULL)
        return NULL;
    dissection->arena = sp_arena_create(2 * SP_MAX_DISSECTION_LINE_BYTES);
    dissection->http = sp_http_dissection_create(capture, &dissection->report);
    dissection->connections = sp_connections_create(capture, &dissection->report);
    if (dissection->arena == NULL || dissection->http == NULL || dissection->connections == NULL)
        sp_dissection_destroy(&dissection);
    return dissection;
}

void sp_dissection_destroy(struct sp_dissection **dissection)
{
    if (*dissection == NULL)
        return;
    sp_http_dissection_destroy(&(*dissection)->http);
    sp_connections_destroy(&(*dissection)->connections);
    sp_arena_destroy(&(*dissection)->arena);
    free((*dissection)->line);
    free(*dissection);
    *dissection = NULL;
}

const struct sp_dissection_report *sp_dissection_report(const struct sp_dissection *dissection)
{
    return &dissection->report;
}

/* ---- a packet's fields ---- */

static const struct sp_json *nth(const struct sp_json *list, size_t index)
{
    const struct sp_json *at = list != NULL ? list->first : NULL;
    while (at != NULL && index-- > 0)
        at = at->next;
    return at;
}

struct sp_str sp_packet_text(const struct sp_packet *packet, enum sp_dissection_field field, size_t index)
{
    return sp_json_string(nth(packet->fields[field], index));
}

size_t sp_packet_count(const struct sp_packet *packet, enum sp_dissection_field field)
{
    return packet->fields[field] != NULL ? packet->fields[field]->count : 0;
}

int64_t sp_packet_number(const struct sp_packet *packet, enum sp_dissection_field field, size_t index,
                         int64_t when_absent)
{
    struct sp_str text = sp_packet_text(packet, field, index);
    bool hex = sp_str_has_prefix(text, SP_STR("0x"));
    int64_t value = 0;
    if (sp_str_equal(text, SP_STR("true")) || sp_str_equal(text, SP_STR("True")))
        return 1;
    for (size_t i = hex ? 2 : 0; i < text.len && i < 15; i++) {
        int digit = sp_hex_digit(text.at[i]);
        if (digit < 0 || (!hex && digit > 9))
            return i > 0 ? value : when_absent;
        value = value * (hex ? 16 : 10) + digit;
    }
    return text.len > 0 ? value : when_absent;
}

static struct sp_str with_port(struct sp_arena *arena, struct sp_str address, struct sp_str address6,
                               struct sp_str port)
{
    if (address.len > 0)
        return sp_arena_printf(arena, "%.*s:%.*s", SP_STR_ARG(sp_str_slice(address, 0, 64)),
                               SP_STR_ARG(sp_str_slice(port, 0, 8)));
    return sp_arena_printf(arena, "[%.*s]:%.*s", SP_STR_ARG(sp_str_slice(address6, 0, 64)),
                           SP_STR_ARG(sp_str_slice(port, 0, 8)));
}

struct sp_str sp_packet_source(struct sp_arena *arena, const struct sp_packet *packet)
{
    return with_port(arena, sp_packet_text(packet, SP_FIELD_SOURCE, 0), sp_packet_text(packet, SP_FIELD_SOURCE6, 0),
                     sp_packet_text(packet, SP_FIELD_SOURCE_PORT, 0));
}

struct sp_str sp_packet_destination(struct sp_arena *arena, const struct sp_packet *packet)
{
    return with_port(arena, sp_packet_text(packet, SP_FIELD_DESTINATION, 0),
                     sp_packet_text(packet, SP_FIELD_DESTINATION6, 0),
                     sp_packet_text(packet, SP_FIELD_DESTINATION_PORT, 0));
}

struct sp_str sp_packet_bytes(struct sp_arena *arena, struct sp_str hex, size_t max_bytes)
{
    size_t len = hex.len / 2 < max_bytes ? hex.len / 2 : max_bytes;
    char *at = len > 0 ? sp_arena_alloc(arena, len) : NULL;
    for (size_t i = 0; at != NULL && i < len; i++) {
        int high = sp_hex_digit(hex.at[2 * i]), low = sp_hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return SP_STR_NONE;
        at[i] = (char)(high * 16 + low);
    }
    return sp_str(at, at != NULL ? len : 0);
}

/* "1795666624.869629000" */
static int64_t milliseconds_of(struct sp_str text)
{
    int64_t value = 0;
    size_t dot = sp_str_index_of(text, '.', 0);
    for (size_t i = 0; i < dot && i < 12; i++)
        value = text.at[i] >= '0' && text.at[i] <= '9' ? value * 10 + (text.at[i] - '0') : value;
    for (size_t i = 1; i <= 3; i++) {
        char c = dot + i < text.len ? text.at[dot + i] : '0';
        value = value * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
    }
    return value;
}

/* ---- lines ---- */

static void take_layers(struct sp_dissection *dissection, const struct sp_json *layers)
{
    struct sp_packet packet = {.stream = -1};
    for (size_t i = 0; i < SP_FIELD_COUNT; i++) {
        const struct sp_json *field = sp_json_member(layers, sp_str_from_cstr(json_names[i]));
        packet.fields[i] = sp_json_is(field, SP_JSON_ARRAY) ? field : NULL;
    }
    packet.frame = (uint32_t)sp_packet_number(&packet, SP_FIELD_FRAME, 0, 0);
    packet.ms = milliseconds_of(sp_packet_text(&packet, SP_FIELD_TIME, 0));
    packet.stream = sp_packet_number(&packet, SP_FIELD_STREAM, 0, -1);
    dissection->report.packets++;
    sp_connections_take(dissection->connections, &packet);
    sp_http_dissection_take(dissection->http, &packet);
}

static void take_line(struct sp_dissection *dissection, struct sp_str line)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    line = sp_str_trim(line);
    if (line.len == 0)
        return;
    dissection->report.lines++;
    sp_arena_reset(dissection->arena);
    if (sp_json_parse(dissection->arena, line, &sp_json_limits_document, &json, &error) != SP_OK ||
        json->type != SP_JSON_OBJECT) {
        dissection->report.unreadable++;
        return;
    }
    const struct sp_json *layers = sp_json_member(json, SP_STR("layers"));
    if (sp_json_is(layers, SP_JSON_OBJECT))
        take_layers(dissection, layers);
    else if (sp_json_member(json, SP_STR("index")) == NULL)
        dissection->report.unreadable++;
}

static bool make_room(struct sp_dissection *dissection, size_t more)
{
    if (dissection->len + more > SP_MAX_DISSECTION_LINE_BYTES)
        return false;
    if (dissection->len + more <= dissection->room)
        return true;
    size_t room = (dissection->len + more) * 2;
    char *line = realloc(dissection->line, room);
    if (line == NULL)
        return false;
    dissection->line = line;
    dissection->room = room;
    return true;
}

static void end_line(struct sp_dissection *dissection)
{
    if (dissection->passing)
        dissection->report.unreadable++;
    else
        take_line(dissection, sp_str(dissection->line, dissection->len));
    dissection->passing = false;
    dissection->len = 0;
}

void sp_dissection_read(struct sp_dissection *dissection, struct sp_str bytes, bool last)
{
    for (size_t from = 0; from < bytes.len;) {
        size_t end = sp_str_index_of(bytes, '\n', from), len = end - from;
        if (!dissection->passing && make_room(dissection, len)) {
            if (len > 0)
                memcpy(dissection->line + dissection->len, bytes.at + from, len);
            dissection->len += len;
        } else {
            dissection->passing = true;
        }
        if (end < bytes.len)
            end_line(dissection);
        from = end + 1;
    }
    if (!last)
        return;
    if (dissection->len > 0 || dissection->passing)
        end_line(dissection);
    sp_http_dissection_end(dissection->http);
    sp_connections_end(dissection->connections);
}
