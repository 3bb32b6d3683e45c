/* SPDX-License-Identifier: Apache-2.0 */
/* One pass without recursion: `open` holds the containers that are not closed yet, so depth is a number that is checked
 * and not the C stack. Values are appended to their container as they are met; duplicate names are looked for when an
 * object closes. */
#include <stdlib.h>
#include "core/base/json.h"
#include "core/base/plain.h"
#include "core/base/limits.h"

const struct sp_json_limits sp_json_limits_token = {.max_depth = SP_MAX_TOKEN_JSON_DEPTH,
                                                    .max_values = SP_MAX_TOKEN_JSON_VALUES};
const struct sp_json_limits sp_json_limits_document = {.max_depth = SP_MAX_DOCUMENT_JSON_DEPTH,
                                                       .max_values = SP_MAX_DOCUMENT_JSON_VALUES};

/* Objects up to here are searched pair by pair, larger ones sorted. */
#define SMALL_OBJECT_MEMBERS 16u

struct container {
    struct sp_json *value;
    struct sp_json *last; /* newest child */
};

struct reader {
    struct sp_arena *arena;
    const char *start, *at, *end;
    const struct sp_json_limits *limits;
    uint32_t values, line;
    const char *line_start;
    struct sp_json_error *error;
    uint32_t depth;
    struct container open[SP_MAX_DOCUMENT_JSON_DEPTH];
};

static enum sp_status fault_at(struct reader *reader, const char *at, enum sp_json_fault fault, const char *message)
{
    *reader->error = (struct sp_json_error){.fault = fault, .offset = (size_t)(at - reader->start), .message = message};
    return SP_MALFORMED;
}

/* What stands at reader->at is not what must stand there; nothing at all means that the text was cut. */
static enum sp_status unexpected(struct reader *reader, const char *message)
{
    if (reader->at >= reader->end) {
        return fault_at(reader, reader->end, SP_JSON_CUT, "the text ends inside a value");
    }
    return fault_at(reader, reader->at, SP_JSON_SYNTAX, message);
}

static __attribute__((noinline)) void skip_space_slowly(struct reader *reader)
{
    while (reader->at < reader->end) {
        char c = *reader->at;
        if (c == '\n') {
            reader->line++;
            reader->line_start = reader->at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
        reader->at++;
    }
}

/* A token has none: one look. */
static inline void skip_space(struct reader *reader)
{
    if (reader->at >= reader->end || (unsigned char)*reader->at <= ' ') {
        skip_space_slowly(reader);
    }
}

/* Four hex digits at p, or -1. */
static int32_t hex_unit(const char *p, const char *end)
{
    if (end - p < 4) {
        return -1;
    }
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = sp_hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static char *put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | (code >> 6));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | (code >> 12));
        *to++ = (char)(0x80 | ((code >> 6) & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | (code >> 18));
        *to++ = (char)(0x80 | ((code >> 12) & 0x3F));
        *to++ = (char)(0x80 | ((code >> 6) & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* \uXXXX at *p (behind the u), with its low surrogate if it needs one; *p moves behind it. */
static enum sp_status read_unicode_escape(struct reader *reader, const char **p, const char *end, char **to)
{
    int32_t unit = hex_unit(*p, end);
    if (unit < 0) {
        return fault_at(reader, *p, SP_JSON_SYNTAX, "\\u needs four hexadecimal digits");
    }
    uint32_t code = (uint32_t)unit;
    const char *next = *p + 4;
    if (code >= 0xD800 && code <= 0xDFFF) {
        int32_t low =
            code <= 0xDBFF && end - next >= 6 && next[0] == '\\' && next[1] == 'u' ? hex_unit(next + 2, end) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            return fault_at(reader, *p, SP_JSON_UTF8, "a surrogate without its pair");
        }
        code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
        next += 6;
    }
    *to = put_utf8(*to, code);
    *p = next;
    return SP_OK;
}

/* The text between the quotes, which has escapes; they never grow. */
static enum sp_status unescape(struct reader *reader, const char *p, const char *end, struct sp_str *text)
{
    char *out = sp_arena_alloc(reader->arena, (size_t)(end - p) + 1);
    if (out == NULL) {
        return SP_NO_MEMORY;
    }
    char *to = out;
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        const char *found = p[1] != '\0' ? strchr(names, p[1]) : NULL;
        if (found != NULL) {
            *to++ = meant[found - names];
            p += 2;
        } else if (p[1] == 'u') {
            p += 2;
            enum sp_status status = read_unicode_escape(reader, &p, end, &to);
            if (status != SP_OK) {
                return status;
            }
        } else {
            return fault_at(reader, p, SP_JSON_SYNTAX, "an unknown escape");
        }
    }
    *to = '\0';
    *text = sp_str(out, (size_t)(to - out));
    return SP_OK;
}

/* A string that is not plain as a whole, or too near the end to be looked at in steps. */
static __attribute__((noinline)) enum sp_status read_string_slowly(struct reader *reader, struct sp_str *text)
{
    const char *start = reader->at + 1, *p = start;
    bool escaped = false, beyond_ascii = false;
    for (;; p++) {
        unsigned plain = 8;
        while (plain == 8 && reader->end - p >= 8) {
            plain = sp_plain_count(p);
            p += plain;
        }
        if (p >= reader->end) {
            reader->at = p;
            return unexpected(reader, "");
        }
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            break;
        }
        if (c == '\\') {
            escaped = true;
            p += p + 1 < reader->end; /* whatever is escaped, a quote included */
        } else if (c < 0x20) {
            return fault_at(reader, p, SP_JSON_SYNTAX, "a control character inside a string");
        }
        beyond_ascii |= c >= 0x80;
    }
    reader->at = p + 1;
    struct sp_str raw = sp_str(start, (size_t)(p - start));
    if ((beyond_ascii || escaped) && !sp_str_is_utf8(raw)) {
        return fault_at(reader, start, SP_JSON_UTF8, "a string that is not UTF-8");
    }
    if (!escaped) {
        *text = raw;
        return SP_OK;
    }
    return unescape(reader, start, p, text);
}

/* At an opening quote. */
static inline enum sp_status read_string(struct reader *reader, struct sp_str *text)
{
    const char *start = reader->at + 1, *p = start;
    while (reader->end - p >= SP_PLAIN_STEP) {
        const unsigned plain = sp_plain_step(p);
        p += plain;
        if (plain < SP_PLAIN_STEP) {
            if (*p != '"') {
                break;
            }
            reader->at = p + 1;
            *text = sp_str(start, (size_t)(p - start));
            return SP_OK;
        }
    }
    return read_string_slowly(reader, text);
}

static bool skip_digits(struct reader *reader)
{
    const char *from = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        reader->at++;
    }
    return reader->at > from;
}

/* RFC 8259 6 */
static enum sp_status read_number(struct reader *reader, struct sp_str *text)
{
    const char *start = reader->at;
    if (*reader->at == '-') {
        reader->at++;
    }
    if (reader->at < reader->end && *reader->at == '0') {
        reader->at++;
    } else if (!skip_digits(reader)) {
        return unexpected(reader, "a number needs a digit");
    }
    if (reader->at < reader->end && *reader->at == '.') {
        reader->at++;
        if (!skip_digits(reader)) {
            return unexpected(reader, "a fraction needs a digit");
        }
    }
    if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
        reader->at++;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-')) {
            reader->at++;
        }
        if (!skip_digits(reader)) {
            return unexpected(reader, "an exponent needs a digit");
        }
    }
    *text = sp_str(start, (size_t)(reader->at - start));
    return SP_OK;
}

static enum sp_status read_word(struct reader *reader, struct sp_json *value)
{
    static const struct {
        struct sp_str word;
        enum sp_json_type type;
    } words[] = {{{"true", 4}, SP_JSON_TRUE}, {{"false", 5}, SP_JSON_FALSE}, {{"null", 4}, SP_JSON_NULL}};
    struct sp_str rest = sp_str(reader->at, (size_t)(reader->end - reader->at));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (sp_str_has_prefix(rest, words[i].word)) {
            value->type = words[i].type;
            value->text = sp_str(reader->at, words[i].word.len);
            reader->at += words[i].word.len;
            return SP_OK;
        }
        if (rest.len > 0 && sp_str_has_prefix(words[i].word, rest)) {
            return fault_at(reader, reader->end, SP_JSON_CUT, "the text ends inside a value");
        }
    }
    return unexpected(reader, "no JSON value begins here");
}

static int by_name(const void *a, const void *b)
{
    const struct sp_json *left = *(const struct sp_json *const *)a, *right = *(const struct sp_json *const *)b;
    int order = sp_str_compare(left->name, right->name);
    return order != 0 ? order : (left->offset > right->offset) - (left->offset < right->offset);
}

/* What equal names have in common, and few others: the length, the ends and the middle. */
static uint32_t mark_of(struct sp_str name)
{
    return name.len == 0 ? 0
                         : (uint32_t)name.len | (uint32_t)(unsigned char)name.at[0] << 8 |
                               (uint32_t)(unsigned char)name.at[name.len / 2] << 16 |
                               (uint32_t)(unsigned char)name.at[name.len - 1] << 24;
}

static const struct sp_json *duplicate_of_few(const struct sp_json *object)
{
    uint64_t seen = 0; /* a bit for each mark that was met; two marks may share one */
    for (const struct sp_json *member = object->first; member != NULL; member = member->next) {
        const uint64_t bit = UINT64_C(1) << (mark_of(member->name) * UINT32_C(0x9E3779B1) >> 26);
        for (const struct sp_json *other = object->first; (seen & bit) != 0 && other != member; other = other->next) {
            if (sp_str_equal(other->name, member->name)) {
                return member;
            }
        }
        seen |= bit;
    }
    return NULL;
}

/* *twice: the second of two members of one name, or NULL. */
static enum sp_status find_duplicate(struct reader *reader, const struct sp_json *object, const struct sp_json **twice)
{
    *twice = NULL;
    if (object->count <= SMALL_OBJECT_MEMBERS) {
        *twice = duplicate_of_few(object);
        return SP_OK;
    }
    const struct sp_json **sorted = sp_arena_calloc(reader->arena, object->count, sizeof *sorted);
    if (sorted == NULL) {
        return SP_NO_MEMORY;
    }
    size_t count = 0;
    for (const struct sp_json *member = object->first; member != NULL; member = member->next) {
        sorted[count++] = member;
    }
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count && *twice == NULL; i++) {
        if (sp_str_equal(sorted[i - 1]->name, sorted[i]->name)) {
            *twice = sorted[i];
        }
    }
    return SP_OK;
}

/* At the closing bracket of the innermost container. */
static enum sp_status close_container(struct reader *reader)
{
    struct sp_json *value = reader->open[reader->depth - 1].value;
    reader->at++;
    value->text.len = (size_t)(reader->at - value->text.at);
    if (value->type == SP_JSON_OBJECT) {
        const struct sp_json *twice;
        enum sp_status status = find_duplicate(reader, value, &twice);
        if (status != SP_OK) {
            return status;
        }
        if (twice != NULL) {
            fault_at(reader, reader->start + twice->offset, SP_JSON_DUPLICATE_MEMBER,
                     "a member name twice in one object");
            reader->error->name = twice->name;
            return SP_MALFORMED;
        }
    }
    reader->depth--;
    return SP_OK;
}

static enum sp_status open_container(struct reader *reader, struct sp_json *value)
{
    if (reader->depth >= reader->limits->max_depth || reader->depth >= SP_MAX_DOCUMENT_JSON_DEPTH) {
        return fault_at(reader, reader->at, SP_JSON_TOO_DEEP, "arrays and objects nested too deep");
    }
    value->type = *reader->at == '{' ? SP_JSON_OBJECT : SP_JSON_ARRAY;
    value->text = sp_str(reader->at, 0);
    reader->open[reader->depth++] = (struct container){.value = value};
    reader->at++;
    return SP_OK;
}

/* "name": of a member, up to its value. */
static enum sp_status read_name(struct reader *reader, struct sp_str *name)
{
    if (reader->at >= reader->end || *reader->at != '"') {
        return unexpected(reader, "a member name in quotes must stand here");
    }
    enum sp_status status = read_string(reader, name);
    if (status != SP_OK) {
        return status;
    }
    skip_space(reader);
    if (reader->at >= reader->end || *reader->at != ':') {
        return unexpected(reader, "a colon must follow the member name");
    }
    reader->at++;
    skip_space(reader);
    return SP_OK;
}

/* Reads one value (of a container only its opening bracket) and hangs it into the innermost container. */
static enum sp_status read_value(struct reader *reader, struct sp_json **root)
{
    if (reader->values >= reader->limits->max_values) {
        return fault_at(reader, reader->at, SP_JSON_TOO_MANY, "too many values");
    }
    struct sp_json *value = sp_arena_alloc(reader->arena, sizeof *value);
    if (value == NULL) {
        return SP_NO_MEMORY;
    }
    *value = (struct sp_json){.type = SP_JSON_NULL};
    reader->values++;
    struct container *parent = reader->depth > 0 ? &reader->open[reader->depth - 1] : NULL;
    if (parent != NULL && parent->value->type == SP_JSON_OBJECT) {
        enum sp_status status = read_name(reader, &value->name);
        if (status != SP_OK) {
            return status;
        }
    }
    value->offset = (uint32_t)(reader->at - reader->start);
    if (reader->limits->with_lines) {
        value->line = reader->line;
        value->column = (uint32_t)(reader->at - reader->line_start) + 1;
    }
    if (parent == NULL) {
        *root = value;
    } else {
        if (parent->last == NULL) {
            parent->value->first = value;
        } else {
            parent->last->next = value;
        }
        parent->last = value;
        parent->value->count++;
    }
    char c = reader->at < reader->end ? *reader->at : '\0';
    if (c == '"') {
        value->type = SP_JSON_STRING;
        return read_string(reader, &value->text);
    }
    if (c == '{' || c == '[') {
        return open_container(reader, value);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        value->type = SP_JSON_NUMBER;
        return read_number(reader, &value->text);
    }
    return read_word(reader, value);
}

/* Between two values of the innermost container: closes what ends here, or stops where the next value begins. */
static enum sp_status read_between(struct reader *reader)
{
    while (reader->depth > 0) {
        const struct container *container = &reader->open[reader->depth - 1];
        char close = container->value->type == SP_JSON_OBJECT ? '}' : ']';
        skip_space(reader);
        if (reader->at >= reader->end) {
            return unexpected(reader, "");
        }
        if (*reader->at == close) {
            enum sp_status status = close_container(reader);
            if (status != SP_OK) {
                return status;
            }
            continue;
        }
        if (container->last == NULL) {
            return SP_OK;
        }
        if (*reader->at != ',') {
            return unexpected(reader, "a comma or the closing bracket must stand here");
        }
        reader->at++;
        skip_space(reader);
        if (reader->at < reader->end && *reader->at == close) {
            return unexpected(reader, "a value must follow the comma");
        }
        return SP_OK;
    }
    return SP_OK;
}

enum sp_status sp_json_parse(struct sp_arena *arena, struct sp_str text, const struct sp_json_limits *limits,
                             const struct sp_json **out, struct sp_json_error *error)
{
    struct sp_json_error ignored;
    struct reader reader;
    reader.arena = arena;
    reader.start = reader.at = reader.line_start = text.at != NULL ? text.at : "";
    reader.end = reader.start + text.len;
    reader.limits = limits;
    reader.values = 0;
    reader.line = 1;
    reader.error = error != NULL ? error : &ignored;
    reader.depth = 0;
    *reader.error = (struct sp_json_error){.fault = SP_JSON_OK};
    if (text.len > UINT32_MAX) {
        *reader.error = (struct sp_json_error){.fault = SP_JSON_TOO_MANY, .message = "more than 4 GiB of text"};
        return SP_MALFORMED;
    }
    struct sp_json *root = NULL;
    skip_space(&reader);
    do {
        enum sp_status status = read_value(&reader, &root);
        if (status == SP_OK) {
            status = read_between(&reader);
        }
        if (status != SP_OK) {
            return status;
        }
    } while (reader.depth > 0);
    skip_space(&reader);
    if (reader.at < reader.end) {
        return fault_at(&reader, reader.at, SP_JSON_TRAILING, "more text behind the value");
    }
    *out = root;
    return SP_OK;
}
