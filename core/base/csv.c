/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/csv.h"

#include "core/base/limits.h"

void sp_csv_init(struct sp_csv *csv, struct sp_str text)
{
    if (sp_str_has_prefix(text, SP_STR("\xEF\xBB\xBF")))
        text = sp_str_slice(text, 3, text.len);
    *csv = (struct sp_csv){.rest = text, .line = 1};
}

static void advance(struct sp_csv *csv, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (csv->rest.at[i] == '\n')
            csv->line++;
    csv->rest = sp_str_slice(csv->rest, bytes, csv->rest.len);
}

static void skip_line(struct sp_csv *csv)
{
    size_t end = sp_str_index_of(csv->rest, '\n', 0);
    advance(csv, end < csv->rest.len ? end + 1 : end);
}

/* Bytes of the line end at `at`: 0 when there is none. */
static size_t line_end(struct sp_str text, size_t at)
{
    if (at < text.len && text.at[at] == '\n')
        return 1;
    return at + 1 < text.len && text.at[at] == '\r' && text.at[at + 1] == '\n' ? 2 : 0;
}

static bool ends_field(struct sp_str text, size_t at)
{
    return at >= text.len || text.at[at] == ',' || line_end(text, at) > 0;
}

static enum sp_status read_quoted(struct sp_csv *csv, struct sp_arena *arena, struct sp_str *field,
                                  const char **trouble)
{
    struct sp_str text = csv->rest;
    size_t end = 1, len = 0, doubled = 0;
    while (end < text.len && (text.at[end] != '"' || (end + 1 < text.len && text.at[end + 1] == '"'))) {
        doubled += text.at[end] == '"';
        end += text.at[end] == '"' ? 2 : 1;
    }
    if (end >= text.len) {
        *trouble = "a quote opens here that nothing closes";
        return SP_MALFORMED;
    }
    if (!ends_field(text, end + 1) && (text.at[end + 1] == ';' || text.at[end + 1] == '\t')) {
        *trouble = "the columns are separated by something else than commas: after a closing quote stands a semicolon "
                   "or a tab";
        return SP_MALFORMED;
    }
    if (!ends_field(text, end + 1)) {
        *trouble = "after the closing quote stands neither a comma nor the end of the line; inside a field write \"\" "
                   "for a quote";
        return SP_MALFORMED;
    }
    struct sp_str raw = sp_str_slice(text, 1, end);
    if (doubled > 0) {
        char *copy = sp_arena_alloc(arena, raw.len);
        if (copy == NULL)
            return SP_NO_MEMORY;
        for (size_t i = 0; i < raw.len; i++) {
            copy[len++] = raw.at[i];
            i += raw.at[i] == '"';
        }
        raw = sp_str(copy, len);
    }
    *field = raw;
    advance(csv, end + 1);
    return SP_OK;
}

static enum sp_status read_plain(struct sp_csv *csv, struct sp_str *field, const char **trouble)
{
    size_t end = 0;
    while (!ends_field(csv->rest, end)) {
        if (csv->rest.at[end] == '"' || csv->rest.at[end] == '\r' || csv->rest.at[end] == '\0') {
            *trouble = "a quote, a lone carriage return or a NUL stands inside a field without quotes";
            return SP_MALFORMED;
        }
        end++;
    }
    *field = sp_str_slice(csv->rest, 0, end);
    advance(csv, end);
    return SP_OK;
}

static enum sp_status read_row(struct sp_csv *csv, struct sp_arena *arena, struct sp_csv_row *row, const char **trouble)
{
    struct sp_str fields[SP_MAX_CSV_FIELDS];
    size_t count = 0;
    bool more = true;
    while (more) {
        bool quoted = csv->rest.len > 0 && csv->rest.at[0] == '"';
        if (count == SP_MAX_CSV_FIELDS) {
            *trouble = "there are more fields than a table of people can have";
            return SP_TOO_LARGE;
        }
        enum sp_status status =
            quoted ? read_quoted(csv, arena, &fields[count], trouble) : read_plain(csv, &fields[count], trouble);
        if (status != SP_OK)
            return status;
        count++;
        more = csv->rest.len > 0 && csv->rest.at[0] == ',';
        advance(csv, more ? 1 : line_end(csv->rest, 0));
    }
    row->fields = sp_arena_calloc(arena, count, sizeof *row->fields);
    if (row->fields == NULL)
        return SP_NO_MEMORY;
    memcpy(row->fields, fields, count * sizeof *fields);
    row->count = count;
    return SP_OK;
}

enum sp_status sp_csv_next(struct sp_csv *csv, struct sp_arena *arena, struct sp_csv_row *row, const char **trouble)
{
    for (size_t empty = line_end(csv->rest, 0); empty > 0; empty = line_end(csv->rest, 0))
        advance(csv, empty);
    if (csv->rest.len == 0)
        return SP_NOT_FOUND;
    struct sp_csv_row read = {.line = csv->line};
    enum sp_status status = read_row(csv, arena, &read, trouble);
    if (status == SP_MALFORMED || status == SP_TOO_LARGE) {
        row->line = csv->line;
        skip_line(csv);
    } else if (status == SP_OK) {
        *row = read;
    }
    return status;
}
