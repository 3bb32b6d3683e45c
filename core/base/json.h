/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as judged by us: RFC 8259 without any leniency. One pass, an immutable tree in the caller's arena, byte offsets
 * for evidence, duplicate member names reported (RFC 7519 4 lets us refuse them), numbers kept as written (a 400-digit
 * number is well-formed; whether it fits is asked by who reads it), bounded size, depth and count. Why not jansson
 * here: docs/decisions/0001-json-reader.md (6.5 µs per token against a budget of 3; no byte offsets; its own heap). */
#ifndef SP_BASE_JSON_H
#define SP_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/str.h"

enum sp_json_type {
    SP_JSON_NULL,
    SP_JSON_FALSE,
    SP_JSON_TRUE,
    SP_JSON_NUMBER,
    SP_JSON_STRING,
    SP_JSON_ARRAY,
    SP_JSON_OBJECT
};

struct sp_json {
    enum sp_json_type type;
    uint32_t offset;       /* of the value's first byte in the source */
    uint32_t line, column; /* of the value, from 1; 0 where the source has no lines worth naming (tokens) */
    uint32_t count;        /* elements of an array, members of an object */
    struct sp_str name;    /* member name, unescaped, when inside an object */
    struct sp_str text;    /* STRING: unescaped; NUMBER: as written; ARRAY and OBJECT: the source bytes */
    const struct sp_json *first, *next; /* children in source order; next sibling */
};

enum sp_json_fault {
    SP_JSON_OK,
    SP_JSON_SYNTAX,
    SP_JSON_UTF8,             /* bytes that are not UTF-8, or a lone surrogate escape */
    SP_JSON_DUPLICATE_MEMBER, /* `name` says which */
    SP_JSON_TOO_DEEP,
    SP_JSON_TOO_MANY, /* values */
    SP_JSON_CUT,      /* the text ends inside a value: truncated */
    SP_JSON_TRAILING, /* bytes after the value */
};

struct sp_json_error {
    enum sp_json_fault fault;
    size_t offset;       /* byte offset in the text */
    struct sp_str name;  /* DUPLICATE_MEMBER: the name; in the arena */
    const char *message; /* static text */
};

struct sp_json_limits {
    uint32_t max_depth, max_values;
    bool with_lines; /* fill line and column */
};

extern const struct sp_json_limits sp_json_limits_token;    /* tokens and small answers */
extern const struct sp_json_limits sp_json_limits_document; /* configuration, key sets, metadata, admin requests */

/* Status: SP_MALFORMED with *error filled, SP_NO_MEMORY; *out untouched then. The tree borrows from text and arena. */
SP_MUST_CHECK enum sp_status sp_json_parse(struct sp_arena *arena, struct sp_str text,
                                           const struct sp_json_limits *limits, const struct sp_json **out,
                                           struct sp_json_error *error);

/* NULL when json is NULL, no object, or has no such member. */
const struct sp_json *sp_json_member(const struct sp_json *json, struct sp_str name);
/* The text of a string value; SP_STR_NONE when json is NULL or of another type. */
struct sp_str sp_json_string(const struct sp_json *json);
/* A string's text, a number as written, "true" or "false"; SP_STR_NONE for all else and for NULL. */
struct sp_str sp_json_scalar_text(const struct sp_json *json);
bool sp_json_is(const struct sp_json *json, enum sp_json_type type); /* false for NULL */
/* SP_UNSUPPORTED: not a number; SP_TOO_LARGE: outside int64 (fractions are cut: 1.9 → 1; 1e3 is 1000). */
SP_MUST_CHECK enum sp_status sp_json_int64(const struct sp_json *json, int64_t *out);
#define SP_JSON_EACH(child, parent)                                                                                    \
    (const struct sp_json *child = (parent) != NULL ? (parent)->first : NULL; child != NULL; child = child->next)

/* ---- writing: into a buffer, commas and escapes are its job; invalid UTF-8 is written as U+FFFD, never raw ---- */
struct sp_json_writer {
    struct sp_buffer *out;
    unsigned depth;
    bool pretty;         /* two spaces of indent, for people */
    uint64_t has_member; /* bit per depth: a comma is due */
    bool after_name;
};

void sp_json_writer_init(struct sp_json_writer *writer, struct sp_buffer *out, bool pretty);
void sp_json_begin_object(struct sp_json_writer *writer);
void sp_json_end_object(struct sp_json_writer *writer);
void sp_json_begin_array(struct sp_json_writer *writer);
void sp_json_end_array(struct sp_json_writer *writer);
void sp_json_name(struct sp_json_writer *writer, struct sp_str name);
void sp_json_put_string(struct sp_json_writer *writer, struct sp_str value);
void sp_json_put_int(struct sp_json_writer *writer, int64_t value);
void sp_json_put_bool(struct sp_json_writer *writer, bool value);
void sp_json_put_null(struct sp_json_writer *writer);
void sp_json_put_value(struct sp_json_writer *writer, const struct sp_json *value); /* NULL writes null */
/* A text that is JSON already and known to be (a subtree's source). */
void sp_json_put_raw(struct sp_json_writer *writer, struct sp_str json);
/* name + value in one call. */
void sp_json_string_member(struct sp_json_writer *writer, const char *name, struct sp_str value);
void sp_json_int_member(struct sp_json_writer *writer, const char *name, int64_t value);
void sp_json_bool_member(struct sp_json_writer *writer, const char *name, bool value);

#endif
