/* SPDX-License-Identifier: Apache-2.0 */
/* A table of people as accounts. The first row names the columns: name, and as they apply id, password, password_hash,
 * disabled, claims (a JSON object), a claim of OIDC Core 5.1 by its name, or claims.NAME for a text of one's own. An
 * empty field is a claim that the person lacks, and nothing said of the rest. */
#ifndef SP_AUTHORITY_ACCOUNT_IMPORT_H
#define SP_AUTHORITY_ACCOUNT_IMPORT_H

#include "authority/account.h"
#include "core/base/csv.h"
#include "core/base/limits.h"

enum sp_account_column {
    SP_COLUMN_NAME,
    SP_COLUMN_ID,
    SP_COLUMN_PASSWORD,
    SP_COLUMN_PASSWORD_HASH,
    SP_COLUMN_DISABLED,
    SP_COLUMN_CLAIMS, /* from here on what applications may learn */
    SP_COLUMN_TEXT_CLAIM,
    SP_COLUMN_BOOL_CLAIM,
};

struct sp_account_columns {
    struct {
        enum sp_account_column kind;
        struct sp_str claim;
    } at[SP_MAX_CSV_FIELDS];
    size_t count;
};

/* From the first row. SP_MALFORMED: an unknown or repeated column (the nearest known one is named), or none for the
 * name; the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_account_columns_read(const struct sp_csv_row *row, struct sp_account_columns *columns,
                                                     char trouble[256]);

/* A row as a checked request; texts in arena or slices of the row. SP_MALFORMED: the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_account_row_read(struct sp_arena *arena, const struct sp_account_columns *columns,
                                                 const struct sp_csv_row *row, struct sp_account_request *request,
                                                 char trouble[256]);

#endif
