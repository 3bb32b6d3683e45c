/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values, RFC 4180: fields in quotes may hold commas, line ends and doubled quotes. Lines end with LF
 * or CRLF; a byte order mark in front and empty lines are passed over. What is no such text is refused with its line,
 * never guessed at. */
#ifndef SP_BASE_CSV_H
#define SP_BASE_CSV_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"

struct sp_csv {
    struct sp_str rest;
    size_t line; /* of the rest, from 1 */
};

struct sp_csv_row {
    size_t line; /* where it begins */
    struct sp_str *fields;
    size_t count;
};

/* text must outlive the rows: fields without quotes are slices of it. */
void sp_csv_init(struct sp_csv *csv, struct sp_str text);

/* The next row; its fields in arena. SP_NOT_FOUND: there is none. SP_MALFORMED: *trouble says why, row->line where; the
 * next call goes on with the line behind. SP_TOO_LARGE: more than SP_MAX_CSV_FIELDS. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_csv_next(struct sp_csv *csv, struct sp_arena *arena, struct sp_csv_row *row,
                                         const char **trouble);

#endif
