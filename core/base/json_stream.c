/* SPDX-License-Identifier: Apache-2.0 */
/* One state a byte class; containers are one bool a level. The only loops that matter for speed are the two scans
 * inside of a text, eight bytes at once. */
#include "core/base/json_stream.h"
#include "core/base/plain.h"

enum state {
    STATE_VALUE,        /* a value must stand here */
    STATE_VALUE_OR_END, /* after '[' */
    STATE_NAME_OR_END,  /* after '{' */
    STATE_NAME,         /* after ',' in an object */
    STATE_COLON,
    STATE_COMMA_OR_END,
    STATE_TEXT,
    STATE_ESCAPE,  /* after '\' */
    STATE_UNICODE, /* inside of \uXXXX */
    STATE_SCALAR,
    STATE_DONE,
    STATE_BROKEN,
};

void sp_json_stream_init(struct sp_json_stream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->state = STATE_VALUE;
}

void sp_json_stream_give(struct sp_json_stream *stream, struct sp_str bytes, bool last)
{
    stream->at = bytes.at != NULL ? bytes.at : "";
    stream->end = stream->at + bytes.len;
    stream->offset += bytes.len;
    stream->last = last;
}

uint64_t sp_json_stream_offset(const struct sp_json_stream *stream)
{
    return stream->offset - (uint64_t)(stream->end - stream->at);
}

static enum sp_json_event broken(struct sp_json_stream *stream, const char *fault)
{
    stream->state = STATE_BROKEN;
    stream->fault = fault;
    return SP_JSON_EVENT_BROKEN;
}

static void close_value(struct sp_json_stream *stream)
{
    stream->state = stream->depth == 0 ? STATE_DONE : STATE_COMMA_OR_END;
}

static enum sp_json_event open_container(struct sp_json_stream *stream, bool is_array)
{
    if (stream->depth == SP_JSON_STREAM_DEPTH)
        return broken(stream, "nested too deeply");
    stream->in_array[++stream->depth] = is_array;
    stream->state = is_array ? STATE_VALUE_OR_END : STATE_NAME_OR_END;
    return is_array ? SP_JSON_EVENT_BEGIN_ARRAY : SP_JSON_EVENT_BEGIN_OBJECT;
}

static enum sp_json_event close_container(struct sp_json_stream *stream, bool is_array)
{
    if (stream->depth == 0 || stream->in_array[stream->depth] != is_array)
        return broken(stream, "closed by the wrong bracket");
    stream->depth--;
    close_value(stream);
    return is_array ? SP_JSON_EVENT_END_ARRAY : SP_JSON_EVENT_END_OBJECT;
}

static enum sp_json_event begin_text(struct sp_json_stream *stream, bool is_name)
{
    stream->state = STATE_TEXT;
    stream->name_is_string = is_name;
    stream->small_len = 0;
    stream->high_surrogate = 0;
    return SP_JSON_EVENT_MORE;
}

static bool is_scalar_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

static enum sp_json_event begin_value(struct sp_json_stream *stream, char c)
{
    if (c == '{' || c == '[')
        return open_container(stream, c == '[');
    if (c == '"')
        return begin_text(stream, false);
    if (!is_scalar_byte(c))
        return broken(stream, "a value must stand here");
    stream->state = STATE_SCALAR;
    stream->small_len = 0;
    stream->at--; /* it is the scalar's first byte */
    return SP_JSON_EVENT_MORE;
}

static bool scalar_is_known(struct sp_str text)
{
    if (text.len > 0 && (text.at[0] == '-' || (text.at[0] >= '0' && text.at[0] <= '9')))
        return true;
    return sp_str_equal(text, SP_STR("true")) || sp_str_equal(text, SP_STR("false")) ||
           sp_str_equal(text, SP_STR("null"));
}

static enum sp_json_event read_scalar(struct sp_json_stream *stream)
{
    while (stream->at < stream->end && is_scalar_byte(*stream->at)) {
        if (stream->small_len < sizeof stream->small)
            stream->small[stream->small_len++] = *stream->at;
        stream->at++;
    }
    if (stream->at == stream->end && !stream->last)
        return SP_JSON_EVENT_MORE;
    stream->text = sp_str(stream->small, stream->small_len);
    if (!scalar_is_known(stream->text))
        return broken(stream, "a word that is no JSON value");
    close_value(stream);
    return SP_JSON_EVENT_SCALAR;
}

/* First byte at or after `at` that is '"' or '\'. */
static const char *scan_text(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        if (SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE('"')) || SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE('\\')))
            break;
    }
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Pieces of names are gathered; of other texts they are told. */
static enum sp_json_event tell_piece(struct sp_json_stream *stream, const char *from, size_t len)
{
    if (len == 0)
        return SP_JSON_EVENT_MORE;
    if (!stream->name_is_string) {
        stream->text = sp_str(from, len);
        return SP_JSON_EVENT_PIECE;
    }
    for (size_t i = 0; i < len && stream->small_len < sizeof stream->small; i++)
        stream->small[stream->small_len++] = from[i];
    return SP_JSON_EVENT_MORE;
}

/* What a one-letter escape stands for; 0: none of them. */
static char simple_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

/* A text in a text (a JSON body in a HAR) has an escape every few bytes: short runs are gathered, so that each is not
 * told alone. Stops before what needs a closer look. */
static size_t gather(struct sp_json_stream *stream)
{
    const char *at = stream->at, *end = stream->end;
    size_t len = 0;
    while (at < end && len < sizeof stream->gathered && *at != '"') {
        char c = *at;
        if (c == '\\') {
            c = at + 1 < end ? simple_escape(at[1]) : '\0';
            if (c == '\0')
                break;
            at++;
        }
        stream->gathered[len++] = c;
        at++;
    }
    stream->at = at;
    return len;
}

/* The text's end, or as far as the bytes go; escapes are passed over. */
static void skip_text(struct sp_json_stream *stream)
{
    for (;;) {
        stream->at = scan_text(stream->at, stream->end);
        if (stream->end - stream->at < 2 || *stream->at == '"')
            return;
        stream->at += 2;
    }
}

static enum sp_json_event read_text(struct sp_json_stream *stream)
{
    if (stream->skipping && !stream->name_is_string)
        skip_text(stream);
    const char *from = stream->at, *to = scan_text(from, stream->end);
    if (!stream->name_is_string && to < stream->end && *to == '\\' && to - from < 64) {
        size_t len = gather(stream);
        if (len > 0) {
            stream->high_surrogate = 0;
            return tell_piece(stream, stream->gathered, len);
        }
    }
    stream->at = to;
    if (to > from)
        return tell_piece(stream, from, (size_t)(to - from));
    if (to == stream->end)
        return SP_JSON_EVENT_MORE;
    stream->at++;
    if (*to == '\\') {
        stream->state = STATE_ESCAPE;
        return SP_JSON_EVENT_MORE;
    }
    if (stream->name_is_string) {
        stream->state = STATE_COLON;
        stream->text = sp_str(stream->small, stream->small_len);
        return SP_JSON_EVENT_NAME;
    }
    close_value(stream);
    return SP_JSON_EVENT_TEXT_END;
}

static size_t put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static enum sp_json_event tell_point(struct sp_json_stream *stream, uint32_t point)
{
    stream->state = STATE_TEXT;
    return tell_piece(stream, stream->unescaped, put_utf8(stream->unescaped, point));
}

static enum sp_json_event read_escape(struct sp_json_stream *stream, char c)
{
    char stands_for = simple_escape(c);
    if (c == 'u') {
        stream->state = STATE_UNICODE;
        stream->escape_digits = 0;
        stream->unit = 0;
        return SP_JSON_EVENT_MORE;
    }
    if (stands_for == '\0')
        return broken(stream, "an escape that JSON does not have");
    stream->high_surrogate = 0;
    return tell_point(stream, (unsigned char)stands_for);
}

/* A lone surrogate is told as U+FFFD: a reader of evidence refuses none. */
static enum sp_json_event read_unicode(struct sp_json_stream *stream, char c)
{
    int digit = sp_hex_digit(c);
    if (digit < 0)
        return broken(stream, "a \\u escape without four hexadecimal digits");
    stream->unit = (uint16_t)(stream->unit << 4 | digit);
    if (++stream->escape_digits < 4)
        return SP_JSON_EVENT_MORE;
    uint32_t unit = stream->unit, high = stream->high_surrogate;
    stream->high_surrogate = 0;
    if (unit >= 0xd800 && unit < 0xdc00) {
        stream->high_surrogate = (uint16_t)unit;
        stream->state = STATE_TEXT;
        return SP_JSON_EVENT_MORE;
    }
    if (unit >= 0xdc00 && unit < 0xe000)
        unit = high != 0 ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : 0xfffd;
    return tell_point(stream, unit);
}

static enum sp_json_event read_byte(struct sp_json_stream *stream, char c)
{
    switch ((enum state)stream->state) {
    case STATE_VALUE_OR_END:
        if (c == ']')
            return close_container(stream, true);
        return begin_value(stream, c);
    case STATE_VALUE:
        return begin_value(stream, c);
    case STATE_NAME_OR_END:
        if (c == '}')
            return close_container(stream, false);
        return c == '"' ? begin_text(stream, true) : broken(stream, "a member's name must stand here");
    case STATE_NAME:
        return c == '"' ? begin_text(stream, true) : broken(stream, "a member's name must stand here");
    case STATE_COLON:
        if (c != ':')
            return broken(stream, "':' must stand here");
        stream->state = STATE_VALUE;
        return SP_JSON_EVENT_MORE;
    case STATE_COMMA_OR_END:
        if (c == ',') {
            stream->state = stream->in_array[stream->depth] ? STATE_VALUE : STATE_NAME;
            return SP_JSON_EVENT_MORE;
        }
        return c == ']' || c == '}' ? close_container(stream, c == ']') : broken(stream, "',' must stand here");
    default:
        return broken(stream, "something follows the value");
    }
}

static enum sp_json_event at_end(struct sp_json_stream *stream)
{
    if (!stream->last)
        return SP_JSON_EVENT_MORE;
    return stream->state == STATE_DONE ? SP_JSON_EVENT_END : broken(stream, "the file ends inside a value");
}

static enum sp_json_event step(struct sp_json_stream *stream)
{
    if (stream->state == STATE_BROKEN)
        return SP_JSON_EVENT_BROKEN;
    if (stream->state == STATE_SCALAR)
        return read_scalar(stream);
    if (stream->state == STATE_TEXT)
        return read_text(stream);
    char c = *stream->at++;
    if (stream->state == STATE_ESCAPE)
        return read_escape(stream, c);
    if (stream->state == STATE_UNICODE)
        return read_unicode(stream, c);
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
        return SP_JSON_EVENT_MORE;
    return read_byte(stream, c);
}

/* Told in spite of a skip: what closes the skipped value's surroundings. */
static bool ends_skip(struct sp_json_stream *stream, enum sp_json_event event)
{
    if (event == SP_JSON_EVENT_BROKEN || event == SP_JSON_EVENT_NAME)
        return event == SP_JSON_EVENT_BROKEN || (!stream->skip_to_close && stream->depth == stream->skip_depth);
    bool closes = event == SP_JSON_EVENT_END_ARRAY || event == SP_JSON_EVENT_END_OBJECT;
    return closes && stream->depth < stream->skip_depth;
}

enum sp_json_event sp_json_stream_next(struct sp_json_stream *stream)
{
    for (;;) {
        if (stream->at == stream->end && !(stream->state == STATE_SCALAR && stream->last))
            return at_end(stream);
        enum sp_json_event event = step(stream);
        if (event == SP_JSON_EVENT_MORE)
            continue;
        if (!stream->skipping)
            return event;
        if (ends_skip(stream, event)) {
            stream->skipping = false;
            return event;
        }
        if (stream->skip_depth == UINT32_MAX && event == SP_JSON_EVENT_TEXT_END) {
            stream->skipping = false;
            return event;
        }
    }
}

void sp_json_stream_skip(struct sp_json_stream *stream)
{
    stream->skipping = true;
    stream->skip_to_close = stream->state != STATE_COLON;
    stream->skip_depth = stream->state == STATE_TEXT || stream->state == STATE_ESCAPE || stream->state == STATE_UNICODE
                             ? UINT32_MAX
                             : stream->depth;
}
