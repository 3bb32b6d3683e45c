/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include "core/base/json.h"
#include "core/base/plain.h"

/* has_member is a bit per depth. */
#define MAX_WRITTEN_DEPTH 63u

void sp_json_writer_init(struct sp_json_writer *writer, struct sp_buffer *out, bool pretty)
{
    *writer = (struct sp_json_writer){.out = out, .pretty = pretty};
}

static void break_line(struct sp_json_writer *writer)
{
    if (!writer->pretty || writer->depth == 0) {
        return;
    }
    sp_buffer_append_char(writer->out, '\n');
    for (unsigned i = 0; i < writer->depth; i++) {
        sp_buffer_append(writer->out, SP_STR("  "));
    }
}

/* What must stand in front of a value or a name: nothing behind a name, otherwise the comma. */
static void put_separator(struct sp_json_writer *writer)
{
    if (writer->after_name) {
        writer->after_name = false;
        return;
    }
    uint64_t bit = (uint64_t)1 << writer->depth;
    if (writer->has_member & bit) {
        sp_buffer_append_char(writer->out, ',');
    }
    writer->has_member |= bit;
    break_line(writer);
}

static void begin(struct sp_json_writer *writer, char bracket)
{
    put_separator(writer);
    sp_buffer_append_char(writer->out, bracket);
    if (writer->depth >= MAX_WRITTEN_DEPTH) {
        writer->out->status = SP_TOO_LARGE;
        return;
    }
    writer->depth++;
    writer->has_member &= ~((uint64_t)1 << writer->depth);
}

static void end(struct sp_json_writer *writer, char bracket)
{
    bool had_member = (writer->has_member >> writer->depth) & 1;
    if (writer->depth > 0) {
        writer->depth--;
    }
    if (had_member && writer->pretty) {
        if (writer->depth == 0) {
            sp_buffer_append_char(writer->out, '\n');
        } else {
            break_line(writer);
        }
    }
    sp_buffer_append_char(writer->out, bracket);
}

void sp_json_begin_object(struct sp_json_writer *writer)
{
    begin(writer, '{');
}

void sp_json_end_object(struct sp_json_writer *writer)
{
    end(writer, '}');
}

void sp_json_begin_array(struct sp_json_writer *writer)
{
    begin(writer, '[');
}

void sp_json_end_array(struct sp_json_writer *writer)
{
    end(writer, ']');
}

static void put_escape(struct sp_buffer *out, unsigned char c)
{
    switch (c) {
    case '"':
        sp_buffer_append(out, SP_STR("\\\""));
        return;
    case '\\':
        sp_buffer_append(out, SP_STR("\\\\"));
        return;
    case '\n':
        sp_buffer_append(out, SP_STR("\\n"));
        return;
    case '\r':
        sp_buffer_append(out, SP_STR("\\r"));
        return;
    case '\t':
        sp_buffer_append(out, SP_STR("\\t"));
        return;
    default: {
        static const char digits[] = "0123456789abcdef";
        char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        sp_buffer_append(out, sp_str(escape, sizeof escape));
    }
    }
}

/* A plain text in quotes; says how many characters that are. */
static inline size_t put_plain(char *to, struct sp_str text)
{
    to[0] = '"';
    if (text.len > 0) {
        memcpy(to + 1, text.at, text.len);
    }
    to[1 + text.len] = '"';
    return text.len + 2;
}

/* Of what is not UTF-8 one byte is replaced at a time. */
static __attribute__((noinline)) void put_text_slowly(struct sp_buffer *out, struct sp_str text)
{
    bool valid = sp_str_is_utf8(text);
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F && (c < 0x80 || valid)) {
            continue;
        }
        sp_buffer_append(out, sp_str_slice(text, from, i));
        from = i + 1;
        if (c < 0x80) {
            put_escape(out, c);
        } else {
            sp_buffer_append(out, SP_STR("\xEF\xBF\xBD"));
        }
    }
    sp_buffer_append(out, sp_str_slice(text, from, text.len));
}

/* Most texts are plain from end to end, and there is room. */
static void put_quoted(struct sp_buffer *out, struct sp_str text)
{
    char *to = sp_is_plain(text.at, text.len) ? sp_buffer_room(out, text.len + 2) : NULL;
    if (to != NULL) {
        out->len += put_plain(to, text);
        return;
    }
    sp_buffer_append_char(out, '"');
    put_text_slowly(out, text);
    sp_buffer_append_char(out, '"');
}

void sp_json_name(struct sp_json_writer *writer, struct sp_str name)
{
    put_separator(writer);
    put_quoted(writer->out, name);
    sp_buffer_append(writer->out, writer->pretty ? SP_STR(": ") : SP_STR(":"));
    writer->after_name = true;
}

void sp_json_put_string(struct sp_json_writer *writer, struct sp_str value)
{
    put_separator(writer);
    put_quoted(writer->out, value);
}

#define INT_BYTES 20u

/* Digits from the end; the magnitude as unsigned, so that INT64_MIN has one. */
static struct sp_str print_int(int64_t value, char text[INT_BYTES])
{
    size_t at = INT_BYTES;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) {
        text[--at] = '-';
    }
    return sp_str(text + at, INT_BYTES - at);
}

void sp_json_put_int(struct sp_json_writer *writer, int64_t value)
{
    char text[INT_BYTES];
    put_separator(writer);
    sp_buffer_append(writer->out, print_int(value, text));
}

void sp_json_put_bool(struct sp_json_writer *writer, bool value)
{
    put_separator(writer);
    sp_buffer_append(writer->out, value ? SP_STR("true") : SP_STR("false"));
}

void sp_json_put_null(struct sp_json_writer *writer)
{
    put_separator(writer);
    sp_buffer_append(writer->out, SP_STR("null"));
}

void sp_json_put_raw(struct sp_json_writer *writer, struct sp_str json)
{
    put_separator(writer);
    sp_buffer_append(writer->out, json);
}

void sp_json_put_value(struct sp_json_writer *writer, const struct sp_json *value)
{
    if (value == NULL) {
        sp_json_put_null(writer);
        return;
    }
    switch (value->type) {
    case SP_JSON_NULL:
    case SP_JSON_FALSE:
    case SP_JSON_TRUE:
    case SP_JSON_NUMBER:
        sp_json_put_raw(writer, value->text);
        return;
    case SP_JSON_STRING:
        sp_json_put_string(writer, value->text);
        return;
    case SP_JSON_ARRAY:
        sp_json_begin_array(writer);
        for
            SP_JSON_EACH(element, value)
            {
                sp_json_put_value(writer, element);
            }
        sp_json_end_array(writer);
        return;
    case SP_JSON_OBJECT:
        sp_json_begin_object(writer);
        for
            SP_JSON_EACH(member, value)
            {
                sp_json_name(writer, member->name);
                sp_json_put_value(writer, member);
            }
        sp_json_end_object(writer);
        return;
    }
}

/* "name": and its comma, with room for `more` behind it, where the name is plain, as those in the source are; NULL:
 * nothing was written. */
static char *put_plain_name(struct sp_json_writer *writer, struct sp_str name, size_t more)
{
    const uint64_t bit = (uint64_t)1 << writer->depth;
    const size_t comma = (writer->has_member & bit) != 0;
    if (writer->pretty || writer->after_name || !sp_is_plain(name.at, name.len)) {
        return NULL;
    }
    char *to = sp_buffer_room(writer->out, comma + name.len + 3 + more);
    if (to == NULL) {
        return NULL;
    }
    *to = ',';
    to += comma;
    to += put_plain(to, name);
    *to++ = ':';
    writer->has_member |= bit;
    writer->out->len += comma + name.len + 3;
    return to;
}

/* A member whose value is printed as it is. */
static void put_member(struct sp_json_writer *writer, const char *name, struct sp_str value)
{
    const struct sp_str text = sp_str_from_cstr(name);
    char *to = put_plain_name(writer, text, value.len);
    if (to != NULL) {
        memcpy(to, value.at, value.len);
        writer->out->len += value.len;
        return;
    }
    sp_json_name(writer, text);
    sp_json_put_raw(writer, value);
}

void sp_json_string_member(struct sp_json_writer *writer, const char *name, struct sp_str value)
{
    char *to = sp_is_plain(value.at, value.len) ? put_plain_name(writer, sp_str_from_cstr(name), value.len + 2) : NULL;
    if (to != NULL) {
        writer->out->len += put_plain(to, value);
        return;
    }
    sp_json_name(writer, sp_str_from_cstr(name));
    sp_json_put_string(writer, value);
}

void sp_json_int_member(struct sp_json_writer *writer, const char *name, int64_t value)
{
    char text[INT_BYTES];
    put_member(writer, name, print_int(value, text));
}

void sp_json_bool_member(struct sp_json_writer *writer, const char *name, bool value)
{
    put_member(writer, name, value ? SP_STR("true") : SP_STR("false"));
}
