/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "core/base/csv.h"

/* Rows as text: fields joined by |, rows by ; a refused one as !LINE. */
static const struct {
    const char *says, *text, *rows;
} rows[] = {
    {"nothing has no row", "", ""},
    {"empty lines are passed over", "\n\r\n\na\n\n", "4a"},
    {"the last line needs no end", "a,b\nc,d", "1a|b;2c|d"},
    {"CRLF ends a line too", "a,b\r\nc,d\r\n", "1a|b;2c|d"},
    {"a byte order mark is no part of a name", "\xEF\xBB\xBFname\nann", "1name;2ann"},
    {"fields may be empty", ",\na,,b\n", "1|;2a||b"},
    {"quotes hold commas, line ends and doubled quotes", "\"a,b\",\"c\nd\",\"e\"\"f\"\"\"\ng\n", "1a,b|c\nd|e\"f\";3g"},
    {"quotes may hold nothing", "\"\"\n\"\",\"\"\n", "1;2|"},
    {"white space is a part of the field", " a , b \n", "1 a | b "},
    {"a quote that nothing closes is told with its line", "a\nb,\"c\nd\n", "1a;!2;3d"},
    {"text behind the closing quote is refused", "\"a\"b,c\nd\n", "!1;2d"},
    {"a quote inside a field without quotes is refused", "a\"b\nc\n", "!1;2c"},
    {"a lone carriage return is refused", "a\rb\nc\n", "!1;2c"},
};

static void write_rows(struct sp_arena *arena, struct sp_str text, char *out, size_t size)
{
    struct sp_csv csv;
    struct sp_csv_row row;
    const char *trouble = NULL, *between = "";
    size_t used = 0;
    out[0] = '\0';
    sp_csv_init(&csv, text);
    for (;;) {
        enum sp_status status = sp_csv_next(&csv, arena, &row, &trouble);
        if (status == SP_NOT_FOUND)
            return;
        used += (size_t)snprintf(out + used, size - used, "%s%s%zu", between, status == SP_OK ? "" : "!", row.line);
        for (size_t i = 0; status == SP_OK && i < row.count; i++)
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", i > 0 ? "|" : "", SP_STR_ARG(row.fields[i]));
        between = ";";
        assert_true(used < size);
    }
}

static void rows_are_read_as_rfc_4180_says(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    char out[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_rows(arena, sp_str_from_cstr(rows[i].text), out, sizeof out);
        if (strcmp(out, rows[i].rows) != 0)
            fail_msg("%s: %s", rows[i].says, out);
    }
    sp_arena_destroy(&arena);
}

static void too_many_fields_are_refused(void **state)
{
    (void)state;
    char text[400], out[64];
    memset(text, ',', sizeof text);
    struct sp_arena *arena = sp_arena_create(1 << 20);
    write_rows(arena, sp_str(text, sizeof text), out, sizeof out);
    assert_string_equal(out, "!1");
    sp_arena_destroy(&arena);
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    struct sp_csv csv;
    struct sp_csv_row row;
    const char *trouble;
    enum sp_status status = SP_NO_MEMORY;
    for (size_t limit = 64; status == SP_NO_MEMORY; limit += 16) {
        struct sp_arena *arena = sp_arena_create(limit);
        sp_csv_init(&csv, SP_STR("\"a\"\"b\",c\n"));
        status = arena != NULL ? sp_csv_next(&csv, arena, &row, &trouble) : SP_NO_MEMORY;
        sp_arena_destroy(&arena);
        assert_true(limit < 1 << 20);
    }
    assert_int_equal(status, SP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_as_rfc_4180_says),
        cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
