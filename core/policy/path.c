/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/path.h"

/* ---- one character, escaped or not ---- */
struct unit {
    char c;
    bool escaped;
};

static struct unit next_unit(struct sp_str path, size_t *at)
{
    const size_t from = (*at)++;
    if (path.at[from] == '%' && from + 2 < path.len) {
        const int high = sp_hex_digit(path.at[from + 1]), low = sp_hex_digit(path.at[from + 2]);
        if (high >= 0 && low >= 0) {
            *at = from + 3;
            return (struct unit){.c = (char)(high << 4 | low), .escaped = true};
        }
    }
    return (struct unit){.c = path.at[from]};
}

/* ---- one segment ---- */
struct segment {
    size_t dots;
    bool has_escaped_dot, has_parameters, has_text;
};

static void add_unit(struct segment *segment, struct unit unit)
{
    if (unit.c == ';') {
        segment->has_parameters = true;
    } else if (segment->has_parameters) {
        return;
    } else if (unit.c == '.') {
        segment->dots++;
        segment->has_escaped_dot |= unit.escaped;
    } else {
        segment->has_text = true;
    }
}

struct form {
    bool has_dots, is_doubtful;
};

static void add_segment(struct form *form, const struct segment *segment, bool is_last)
{
    const bool is_empty = !segment->has_text && segment->dots == 0;
    const bool is_dots = !segment->has_text && segment->dots > 0 && segment->dots <= 2;
    form->has_dots |= is_dots;
    form->is_doubtful |= is_empty && (segment->has_parameters || !is_last);
    form->is_doubtful |= is_dots && (segment->has_parameters || segment->has_escaped_dot);
}

bool sp_path_is_unreadable(struct sp_str sent)
{
    struct form form = {0};
    struct segment segment = {0};
    for (size_t at = sp_str_has_prefix(sent, SP_STR("/")) ? 1 : 0; at < sent.len;) {
        const struct unit unit = next_unit(sent, &at);
        if (unit.c != '/' && unit.c != '\\') {
            add_unit(&segment, unit);
            continue;
        }
        form.is_doubtful |= unit.escaped || unit.c == '\\';
        add_segment(&form, &segment, false);
        segment = (struct segment){0};
    }
    add_segment(&form, &segment, true);
    return form.has_dots && form.is_doubtful;
}

size_t sp_path_read_widely(struct sp_str path, char *out)
{
    size_t len = 0;
    bool in_parameters = false;
    for (size_t i = 0; i < path.len; i++) {
        const char c = path.at[i] == '\\' ? '/' : path.at[i];
        if (c == '/') {
            in_parameters = false;
            if (len > 0 && out[len - 1] == '/') {
                continue;
            }
        }
        in_parameters |= c == ';';
        if (!in_parameters) {
            out[len++] = c;
        }
    }
    return len;
}
