/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/account_import.h"

#include <stdarg.h>
#include <stdio.h>
#include "core/base/json.h"
#include "core/base/nearest.h"

static const struct {
    struct sp_str name;
    enum sp_account_column kind;
} known[] = {
    {{"name", 4}, SP_COLUMN_NAME},
    {{"id", 2}, SP_COLUMN_ID},
    {{"password", 8}, SP_COLUMN_PASSWORD},
    {{"password_hash", 13}, SP_COLUMN_PASSWORD_HASH},
    {{"disabled", 8}, SP_COLUMN_DISABLED},
    {{"claims", 6}, SP_COLUMN_CLAIMS},
    {{"claims.name", 11}, SP_COLUMN_TEXT_CLAIM},
    {{"given_name", 10}, SP_COLUMN_TEXT_CLAIM},
    {{"family_name", 11}, SP_COLUMN_TEXT_CLAIM},
    {{"middle_name", 11}, SP_COLUMN_TEXT_CLAIM},
    {{"nickname", 8}, SP_COLUMN_TEXT_CLAIM},
    {{"preferred_username", 18}, SP_COLUMN_TEXT_CLAIM},
    {{"profile", 7}, SP_COLUMN_TEXT_CLAIM},
    {{"picture", 7}, SP_COLUMN_TEXT_CLAIM},
    {{"website", 7}, SP_COLUMN_TEXT_CLAIM},
    {{"email", 5}, SP_COLUMN_TEXT_CLAIM},
    {{"email_verified", 14}, SP_COLUMN_BOOL_CLAIM},
    {{"gender", 6}, SP_COLUMN_TEXT_CLAIM},
    {{"birthdate", 9}, SP_COLUMN_TEXT_CLAIM},
    {{"zoneinfo", 8}, SP_COLUMN_TEXT_CLAIM},
    {{"locale", 6}, SP_COLUMN_TEXT_CLAIM},
    {{"phone_number", 12}, SP_COLUMN_TEXT_CLAIM},
    {{"phone_number_verified", 21}, SP_COLUMN_BOOL_CLAIM},
};
static const size_t known_count = sizeof known / sizeof known[0];

#define OWN_CLAIM SP_STR("claims.")

__attribute__((format(printf, 2, 3))) static enum sp_status complain(char trouble[256], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trouble, 256, format, arguments);
    va_end(arguments);
    return SP_MALFORMED;
}

/* What other systems call it, where that is too far from our name for a slip of the fingers. In small letters. */
static const struct {
    const char *theirs, *ours;
} other_names[] = {
    {"sub", "id"},
    {"subject", "id"},
    {"user_id", "id"},
    {"uid", "id"},
    {"uuid", "id"},
    {"user", "name"},
    {"username", "name"},
    {"user_name", "name"},
    {"login", "name"},
    {"account", "name"},
    {"hash", "password_hash"},
    {"pass", "password"},
    {"secret", "password"},
    {"firstname", "given_name"},
    {"first_name", "given_name"},
    {"first name", "given_name"},
    {"lastname", "family_name"},
    {"last_name", "family_name"},
    {"last name", "family_name"},
    {"surname", "family_name"},
    {"mail", "email"},
    {"email address", "email"},
    {"phone", "phone_number"},
    {"mobile", "phone_number"},
    {"language", "locale"},
    {"timezone", "zoneinfo"},
    {"birthday", "birthdate"},
    {"display_name", "claims.name"},
    {"displayname", "claims.name"},
};

/* Absent: it is like none. */
static struct sp_str nearest_known(struct sp_str name)
{
    char small[64];
    size_t least = SP_NOT_NEAR;
    struct sp_str best = SP_STR_NONE;
    if (name.len > sizeof small)
        return best;
    for (size_t i = 0; i < name.len; i++)
        small[i] = (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] + ('a' - 'A') : name.at[i]);
    name = sp_str(small, name.len);
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (sp_str_equal(name, sp_str_from_cstr(other_names[i].theirs)))
            return sp_str_from_cstr(other_names[i].ours);
    for (size_t i = 0; i < known_count; i++)
        sp_nearest_keep(known[i].name, name, &least, &best);
    return best;
}

static size_t find_known(struct sp_str name)
{
    size_t at = 0;
    while (at < known_count && !sp_str_equal(known[at].name, name))
        at++;
    return at;
}

static bool is_own_claim(struct sp_str name)
{
    return sp_str_has_prefix(name, OWN_CLAIM) && name.len > OWN_CLAIM.len;
}

/* All of them at once, as far as there is room: a table from elsewhere has several. */
static enum sp_status complain_of_columns(const struct sp_csv_row *row, char trouble[256])
{
    size_t at = 0;
    for (size_t i = 0; i < row->count; i++) {
        struct sp_str name = sp_str_trim(row->fields[i]), known_name = nearest_known(name);
        if (find_known(name) < known_count || is_own_claim(name))
            continue;
        int len = 0;
        if (name.len == 0)
            len = snprintf(trouble + at, 256 - at, "%scolumn %zu has no name", at > 0 ? "; " : "", i + 1);
        else if (known_name.at != NULL)
            len = snprintf(trouble + at, 256 - at, "%sthere is no column '%.*s'; the nearest known one is '%.*s'",
                           at > 0 ? "; " : "", SP_STR_ARG(sp_str_slice(name, 0, 80)), SP_STR_ARG(known_name));
        else
            len = snprintf(trouble + at, 256 - at,
                           "%sthere is no column '%.*s'; write claims.NAME for a claim of your own", at > 0 ? "; " : "",
                           SP_STR_ARG(sp_str_slice(name, 0, 80)));
        if ((size_t)len >= 256 - at) {
            trouble[at] = '\0'; /* whole ones or none */
            break;
        }
        at += (size_t)len;
    }
    return SP_MALFORMED;
}

/* Spreadsheets in half of Europe write semicolons. */
static const struct {
    char mark;
    const char *name;
} separators[] = {{';', "semicolons"}, {'\t', "tabs"}, {'|', "vertical bars"}};

static const char *separator_of(struct sp_str name)
{
    for (size_t i = 0; i < sizeof separators / sizeof separators[0]; i++)
        if (sp_str_index_of(name, separators[i].mark, 0) < name.len)
            return separators[i].name;
    return NULL;
}

enum sp_status sp_account_columns_read(const struct sp_csv_row *row, struct sp_account_columns *columns,
                                       char trouble[256])
{
    struct sp_account_columns read = {.count = row->count};
    bool has_name = false;
    for (size_t i = 0; i < row->count; i++) {
        struct sp_str name = sp_str_trim(row->fields[i]);
        size_t at = find_known(name);
        bool is_own = at == known_count && is_own_claim(name);
        if (at == known_count && separator_of(name) != NULL)
            return complain(trouble, "the columns are separated by something else than commas (%s): '%.*s'",
                            separator_of(name), SP_STR_ARG(sp_str_slice(name, 0, 120)));
        if (at == known_count && !is_own)
            return complain_of_columns(row, trouble);
        for (size_t j = 0; j < i; j++)
            if (sp_str_equal(sp_str_trim(row->fields[j]), name))
                return complain(trouble, "the column '%.*s' is there twice", SP_STR_ARG(sp_str_slice(name, 0, 120)));
        read.at[i].kind = is_own ? SP_COLUMN_TEXT_CLAIM : known[at].kind;
        read.at[i].claim = sp_str_has_prefix(name, OWN_CLAIM) ? sp_str_slice(name, OWN_CLAIM.len, name.len) : name;
        has_name = has_name || read.at[i].kind == SP_COLUMN_NAME;
    }
    if (!has_name)
        return complain(trouble, "the first row must name the columns, 'name' among them");
    *columns = read;
    return SP_OK;
}

/* ---- a row ---- */
static enum sp_status read_bool(struct sp_str text, bool *value, char trouble[256])
{
    static const struct sp_str yes[] = {{"true", 4}, {"1", 1}, {"yes", 3}}, no[] = {{"false", 5}, {"0", 1}, {"no", 2}};
    for (size_t i = 0; i < 3; i++)
        if (sp_str_equal_ignoring_case(text, yes[i]) || sp_str_equal_ignoring_case(text, no[i])) {
            *value = sp_str_equal_ignoring_case(text, yes[i]);
            return SP_OK;
        }
    return complain(trouble, "'%.*s' is neither true nor false", SP_STR_ARG(sp_str_slice(text, 0, 120)));
}

/* The members of a JSON object in a field, but none that has a column of its own. */
static enum sp_status write_object(struct sp_arena *arena, const struct sp_account_columns *columns, struct sp_str text,
                                   struct sp_json_writer *json, char trouble[256])
{
    const struct sp_json *object = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(arena, text, &sp_json_limits_document, &object, &error);
    if (status == SP_NO_MEMORY)
        return status;
    if (status != SP_OK || !sp_json_is(object, SP_JSON_OBJECT))
        return complain(trouble, "the claims are no JSON object: %.*s", SP_STR_ARG(sp_str_slice(text, 0, 120)));
    for (const struct sp_json *member = object->first; member != NULL; member = member->next) {
        for (size_t i = 0; i < columns->count; i++)
            if (columns->at[i].kind >= SP_COLUMN_TEXT_CLAIM && sp_str_equal(columns->at[i].claim, member->name))
                return complain(trouble, "the claim '%.*s' has a column of its own",
                                SP_STR_ARG(sp_str_slice(member->name, 0, 120)));
        sp_json_name(json, member->name);
        sp_json_put_value(json, member);
    }
    return SP_OK;
}

struct reading {
    struct sp_arena *arena;
    const struct sp_account_columns *columns;
    struct sp_account_request request;
    struct sp_json_writer claims;
    struct sp_str *emptied; /* the request's, room for each column */
};

static enum sp_status read_field(struct reading *r, size_t at, struct sp_str field, char trouble[256])
{
    bool value = false;
    enum sp_account_column kind = r->columns->at[at].kind;
    if (!sp_str_is_utf8(field) || sp_str_index_of(field, '\0', 0) < field.len)
        return complain(trouble, "the column '%.*s' holds bytes that are no UTF-8 text",
                        SP_STR_ARG(sp_str_slice(r->columns->at[at].claim, 0, 120)));
    if (field.len == 0) {
        if (kind == SP_COLUMN_TEXT_CLAIM || kind == SP_COLUMN_BOOL_CLAIM)
            r->emptied[r->request.emptied_count++] = r->columns->at[at].claim;
        return SP_OK;
    }
    switch (kind) {
    case SP_COLUMN_NAME:
        r->request.name = field;
        return SP_OK;
    case SP_COLUMN_ID:
        r->request.id = field;
        return SP_OK;
    case SP_COLUMN_PASSWORD:
        r->request.password = field;
        return SP_OK;
    case SP_COLUMN_PASSWORD_HASH:
        r->request.password_hash = field;
        return SP_OK;
    case SP_COLUMN_DISABLED:
        r->request.has_disabled = true;
        return read_bool(field, &r->request.disabled, trouble);
    case SP_COLUMN_CLAIMS:
        return write_object(r->arena, r->columns, field, &r->claims, trouble);
    case SP_COLUMN_TEXT_CLAIM:
        sp_json_name(&r->claims, r->columns->at[at].claim);
        sp_json_put_string(&r->claims, field);
        return SP_OK;
    case SP_COLUMN_BOOL_CLAIM:
        if (read_bool(field, &value, trouble) != SP_OK)
            return SP_MALFORMED;
        sp_json_name(&r->claims, r->columns->at[at].claim);
        sp_json_put_bool(&r->claims, value);
        return SP_OK;
    }
    return SP_OK;
}

static bool has_claims(const struct sp_account_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        if (columns->at[i].kind >= SP_COLUMN_CLAIMS)
            return true;
    return false;
}

enum sp_status sp_account_row_read(struct sp_arena *arena, const struct sp_account_columns *columns,
                                   const struct sp_csv_row *row, struct sp_account_request *request, char trouble[256])
{
    struct reading r = {.arena = arena,
                        .columns = columns,
                        .emptied = sp_arena_calloc(arena, columns->count + 1, sizeof(struct sp_str))};
    struct sp_buffer text;
    if (r.emptied == NULL)
        return SP_NO_MEMORY;
    r.request.emptied = r.emptied;
    if (row->count != columns->count) {
        snprintf(trouble, 256, "it has %zu fields, the first row names %zu columns", row->count, columns->count);
        return SP_MALFORMED;
    }
    sp_buffer_init(&text, arena, 64u * 1024);
    sp_json_writer_init(&r.claims, &text, false);
    sp_json_begin_object(&r.claims);
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < row->count; i++)
        status = read_field(&r, i, row->fields[i], trouble);
    sp_json_end_object(&r.claims);
    if (status == SP_OK)
        status = sp_buffer_status(&text);
    if (status == SP_TOO_LARGE)
        return complain(trouble, "its claims are too long");
    if (status != SP_OK)
        return status;
    /* A table that says nothing of claims takes none away. */
    if (has_claims(columns))
        r.request.claims = sp_buffer_str(&text);
    if (r.request.password.at != NULL && r.request.password_hash.at != NULL)
        return complain(trouble, "it has both a password and a hash of one");
    status = sp_account_check(arena, &r.request, trouble);
    if (status == SP_OK)
        *request = r.request;
    return status;
}
