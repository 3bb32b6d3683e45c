/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/url_path.h"

/* ---- one character, escaped or not ---- */
struct unit {
    char c;
    bool is_escaped;
};

static struct unit next_unit(struct sp_str text, size_t *at)
{
    const size_t from = (*at)++;
    if (text.at[from] == '%' && from + 2 < text.len) {
        const int high = sp_hex_digit(text.at[from + 1]), low = sp_hex_digit(text.at[from + 2]);
        if (high >= 0 && low >= 0) {
            *at = from + 3;
            return (struct unit){.c = (char)(high << 4 | low), .is_escaped = true};
        }
    }
    return (struct unit){.c = text.at[from]};
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* A lone '%' might make an escape with what is decoded behind it; nginx refuses it. */
static bool has_lone_percent(struct sp_str path)
{
    for (size_t at = 0; at < path.len;) {
        const struct unit unit = next_unit(path, &at);
        if (unit.c == '%' && !unit.is_escaped)
            return true;
    }
    return false;
}

/* ---- segments ---- */
struct segment {
    struct sp_str text;
    bool is_dots;      /* "." or "..", as it is written or as it decodes */
    bool is_escaped;   /* and holds an escape then */
    bool is_ambiguous; /* has what some readers end a segment at, or its parameters */
};

static struct segment read_segment(struct sp_str text)
{
    struct segment segment = {.text = text, .is_dots = text.len > 0};
    size_t count = 0;
    for (size_t at = 0; at < text.len; count++) {
        const struct unit unit = next_unit(text, &at);
        segment.is_dots &= unit.c == '.';
        segment.is_escaped |= unit.is_escaped;
        segment.is_ambiguous |= unit.c == '\\' || unit.c == ';' || (unit.c == '/' && unit.is_escaped);
    }
    segment.is_dots &= count <= 2;
    return segment;
}

/* path.at[at] is the '/' before it. */
static struct segment segment_at(struct sp_str path, size_t at)
{
    return read_segment(sp_str_slice(path, at + 1, sp_str_index_of(path, '/', at + 1)));
}

/* Do all readers take the same away for dot segments? Not beyond the root, and not beside what some merge or split. */
static bool can_be_resolved(struct sp_str path)
{
    size_t depth = 0;
    for (size_t at = 0; at < path.len;) {
        const struct segment segment = segment_at(path, at);
        const bool is_last = at + 1 + segment.text.len >= path.len;
        if (segment.is_ambiguous || (segment.is_dots && segment.is_escaped) || (segment.text.len == 0 && !is_last))
            return false;
        if (!segment.is_dots)
            depth++;
        else if (segment.text.len == 2 && depth-- == 0)
            return false;
        at += 1 + segment.text.len;
    }
    return true;
}

/* ---- writing ---- */
static size_t put_segment(const struct segment *segment, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t at = 0; at < segment->text.len;) {
        const struct unit unit = next_unit(segment->text, &at);
        if (!unit.is_escaped || (is_unreserved(unit.c) && !segment->is_dots)) {
            out[len++] = unit.c;
            continue;
        }
        out[len++] = '%';
        out[len++] = digits[(unsigned char)unit.c >> 4];
        out[len++] = digits[(unsigned char)unit.c & 15];
    }
    return len;
}

static size_t without_last_segment(const char *out, size_t len)
{
    while (out[--len] != '/') {
    }
    return len;
}

size_t sp_url_path_normalise(struct sp_str path, char *out)
{
    size_t len = 0;
    if (path.len == 0 || path.at[0] != '/' || has_lone_percent(path)) {
        memcpy(out, path.len > 0 ? path.at : "/", path.len > 0 ? path.len : 1);
        return path.len > 0 ? path.len : 1;
    }
    const bool resolves = can_be_resolved(path);
    for (size_t at = 0; at < path.len;) {
        const struct segment segment = segment_at(path, at);
        at += 1 + segment.text.len;
        if (resolves && segment.is_dots && segment.text.len == 2)
            len = without_last_segment(out, len);
        const bool is_gone = resolves && segment.is_dots;
        if (!is_gone || at == path.len)
            out[len++] = '/';
        if (!is_gone)
            len += put_segment(&segment, out + len);
    }
    return len;
}
