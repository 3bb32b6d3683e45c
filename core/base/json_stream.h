/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of any size, as events: bytes in, events out, memory that does not grow. For captures, whose gigabytes are read
 * piece by piece; what is small and judged as a whole is core/base/json.h's. A text comes in pieces, unescaped; whoever
 * does not want a value says so after its name, and it is then passed over at the speed of a scan for its end.
 *
 *   give(bytes) ─► next() … next() ─► SP_JSON_EVENT_MORE ─► give(bytes) …  give(nothing) ─► END or BROKEN
 *
 * Bytes inside of texts are handed on as they are, valid UTF-8 or not: a reader of evidence refuses none. */
#ifndef SP_BASE_JSON_STREAM_H
#define SP_BASE_JSON_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

#define SP_JSON_STREAM_DEPTH 128u
#define SP_JSON_STREAM_NAME_BYTES 64u

enum sp_json_event {
    SP_JSON_EVENT_MORE, /* all that was given is used up */
    SP_JSON_EVENT_BEGIN_OBJECT,
    SP_JSON_EVENT_END_OBJECT,
    SP_JSON_EVENT_BEGIN_ARRAY,
    SP_JSON_EVENT_END_ARRAY,
    SP_JSON_EVENT_NAME,     /* text: the member's name, cut at SP_JSON_STREAM_NAME_BYTES */
    SP_JSON_EVENT_PIECE,    /* text: the next bytes of a text; valid until the next call */
    SP_JSON_EVENT_TEXT_END, /* the text is whole */
    SP_JSON_EVENT_SCALAR,   /* text: a number, true, false or null as written */
    SP_JSON_EVENT_END,      /* the one value is whole and nothing but space follows */
    SP_JSON_EVENT_BROKEN,   /* `fault` and `offset` say why and where; for good */
};

struct sp_json_stream {
    const char *at, *end;
    uint64_t offset; /* bytes given before `end` */
    const char *fault;
    struct sp_str text;
    uint32_t depth;
    uint32_t skip_depth; /* value being passed over when skipping */
    uint8_t state;
    bool skipping, skip_to_close, last, name_is_string;
    bool in_array[SP_JSON_STREAM_DEPTH + 1];
    uint8_t escape_digits;
    uint16_t unit, high_surrogate;
    uint16_t small_len;
    char small[SP_JSON_STREAM_NAME_BYTES];
    char unescaped[8];
    char gathered[1024];
};

void sp_json_stream_init(struct sp_json_stream *stream);
/* Borrowed until the next MORE. last: nothing follows; an empty piece is fine then. */
void sp_json_stream_give(struct sp_json_stream *stream, struct sp_str bytes, bool last);
enum sp_json_event sp_json_stream_next(struct sp_json_stream *stream);
/* After NAME: no event of its value will be told. After BEGIN_…: none of what is inside, up to and without its END.
 * Amid PIECEs: the rest of the text, up to and without its TEXT_END. */
void sp_json_stream_skip(struct sp_json_stream *stream);
/* Bytes used up so far. */
uint64_t sp_json_stream_offset(const struct sp_json_stream *stream);

#endif
