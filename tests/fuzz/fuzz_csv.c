/* SPDX-License-Identifier: Apache-2.0 */
/* A table from anywhere: reading ends, lines only grow, and what was read, written with every field in quotes, reads
 * the same. */
#include "core/base/buffer.h"
#include "core/base/csv.h"
#include "core/base/limits.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_row(struct sp_buffer *out, const struct sp_csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        sp_buffer_append(out, i > 0 ? SP_STR(",\"") : SP_STR("\""));
        for (size_t j = 0; j < row->fields[i].len; j++) {
            if (row->fields[i].at[j] == '"')
                sp_buffer_append_char(out, '"');
            sp_buffer_append_char(out, row->fields[i].at[j]);
        }
        sp_buffer_append_char(out, '"');
    }
    sp_buffer_append_char(out, '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_csv csv;
    struct sp_csv_row row;
    const char *trouble = NULL;
    size_t line = 0;
    struct sp_arena *arena = sp_arena_create(16 << 20);
    enum sp_status status = SP_OK;
    sp_csv_init(&csv, sp_str((const char *)data, size));
    while (status != SP_NOT_FOUND && status != SP_NO_MEMORY) {
        size_t before = csv.rest.len;
        status = sp_csv_next(&csv, arena, &row, &trouble);
        ALWAYS(status == SP_NOT_FOUND || status == SP_NO_MEMORY || csv.rest.len < before);
        if (status == SP_MALFORMED || status == SP_TOO_LARGE)
            ALWAYS(trouble != NULL && row.line >= line);
        if (status != SP_OK)
            continue;
        ALWAYS(row.line > line && row.count > 0 && row.count <= SP_MAX_CSV_FIELDS);
        line = row.line;
        struct sp_buffer out;
        struct sp_csv written;
        struct sp_csv_row again;
        sp_buffer_init(&out, arena, 2 * size + 1024);
        write_row(&out, &row);
        sp_csv_init(&written, sp_buffer_str(&out));
        if (sp_buffer_status(&out) != SP_OK || sp_csv_next(&written, arena, &again, &trouble) != SP_OK)
            break;
        ALWAYS(again.count == row.count && written.rest.len == 0);
        for (size_t i = 0; i < row.count; i++)
            ALWAYS(sp_str_equal(again.fields[i], row.fields[i]));
    }
    sp_arena_destroy(&arena);
    return 0;
}
