/* SPDX-License-Identifier: Apache-2.0 */
/* POST /admin/accounts/import: a table of people in one write, all or nothing. The whole table is judged, so that every
 * row that is wrong is told at once. Other calls wait while it is written, which bounds it: whoever has more rows, or
 * more passwords in plain, has `sallyport accounts import`. */
#include <stdio.h>
#include "authority/account_import.h"
#include "authority/admin.h"
#include "authority/denial.h"
#include "authority/errand.h"
#include "authority/notice.h"
#include "authority/person.h"

#define MAX_PROBLEMS 100u

enum existing { EXISTING_REFUSED, EXISTING_SKIPPED, EXISTING_CHANGED };

struct row {
    struct sp_account_request request;
    size_t line;
};

struct import {
    struct sp_call *call;
    enum existing existing;
    bool is_dry;
    struct row *rows;
    size_t count, added, changed, skipped, problems;
    struct sp_buffer told;
    struct sp_json_writer json;
};

static void tell(struct import *import, size_t line, const char *message)
{
    if (import->problems++ >= MAX_PROBLEMS)
        return;
    sp_json_begin_object(&import->json);
    sp_json_int_member(&import->json, "line", (int64_t)line);
    sp_json_string_member(&import->json, "message", sp_str_from_cstr(message));
    sp_json_end_object(&import->json);
}

/* ---- what is asked ---- */
static enum sp_step refuse_type(struct sp_call *call, struct sp_str sent)
{
    char trouble[160];
    snprintf(trouble, sizeof trouble, "the body is to be text/csv; sent was: %.*s", SP_STR_ARG(sent));
    return sp_admin_refuse(call, sent, trouble);
}

static enum sp_step read_terms(struct import *import)
{
    static const struct sp_str words[] = {
        [EXISTING_REFUSED] = {"refuse", 6}, [EXISTING_SKIPPED] = {"skip", 4}, [EXISTING_CHANGED] = {"update", 6}};
    struct sp_call *call = import->call;
    struct sp_str type = call->asked.content_type, existing = sp_call_parameter(call, "existing"),
                  dry = sp_call_parameter(call, "dry_run");
    size_t i = 0;
    type = sp_str_trim(sp_str_slice(type, 0, sp_str_index_of(type, ';', 0)));
    if (!sp_str_equal_ignoring_case(type, SP_STR("text/csv")))
        return refuse_type(call, type.len > 0 ? sp_str_slice(type, 0, 100) : SP_STR("no Content-Type"));
    while (i < 3 && existing.at != NULL && !sp_str_equal(words[i], existing))
        i++;
    import->is_dry = sp_str_equal(dry, SP_STR("true"));
    if (i == 3)
        return sp_admin_refuse_parameter(call, "existing", "refuse, skip or update", existing);
    if (dry.at != NULL && !import->is_dry && !sp_str_equal(dry, SP_STR("false")))
        return sp_admin_refuse_parameter(call, "dry_run", "true or false", dry);
    import->existing = (enum existing)i;
    return SP_GOES_ON;
}

static enum sp_step read_rows(struct import *import)
{
    struct sp_call *call = import->call;
    struct sp_csv csv;
    struct sp_csv_row row = {.line = 1};
    struct sp_account_columns *columns = SP_ARENA_NEW(call->arena, struct sp_account_columns);
    const char *wrong = NULL;
    char trouble[256] = "";
    import->rows = sp_arena_calloc(call->arena, SP_MAX_ADMIN_IMPORT_ROWS, sizeof *import->rows);
    if (columns == NULL || import->rows == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    sp_csv_init(&csv, call->asked.body);
    enum sp_status status = sp_csv_next(&csv, call->arena, &row, &wrong);
    if (status == SP_NOT_FOUND)
        wrong = "the table is empty; its first row names the columns";
    if (status == SP_OK)
        status = sp_account_columns_read(&row, columns, trouble);
    if (status == SP_NO_MEMORY)
        return sp_deny_failure(call, status);
    if (status != SP_OK)
        return sp_admin_refuse(call, SP_STR("the first row"), wrong != NULL ? wrong : trouble);
    while ((status = sp_csv_next(&csv, call->arena, &row, &wrong)) != SP_NOT_FOUND) {
        if (import->count == SP_MAX_ADMIN_IMPORT_ROWS)
            return sp_admin_refuse(call, SP_STR("more rows"),
                                   "at most 1000 rows; send several tables, or use `sallyport accounts import`");
        struct row *into = &import->rows[import->count];
        if (status == SP_OK)
            status = sp_account_row_read(call->arena, columns, &row, &into->request, trouble);
        if (status == SP_NO_MEMORY)
            return sp_deny_failure(call, status);
        into->line = row.line;
        if (status != SP_OK)
            tell(import, row.line, wrong != NULL ? wrong : trouble);
        import->count++;
        if (wrong != NULL)
            break; /* what stands behind a broken quote is anybody's guess */
    }
    return SP_GOES_ON;
}

/* Off the loop, in one errand. */
static enum sp_step hash_passwords(struct import *import)
{
    struct sp_call *call = import->call;
    struct sp_str *passwords = sp_arena_calloc(call->arena, import->count + 1, sizeof *passwords);
    const char(*hashes)[SP_PASSWORD_ENCODED_BYTES] = NULL;
    size_t count = 0;
    if (passwords == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    for (size_t i = 0; i < import->count; i++)
        if (import->rows[i].request.password.at != NULL)
            passwords[count++] = import->rows[i].request.password;
    if (count > SP_MAX_ADMIN_IMPORT_PASSWORDS)
        return sp_admin_refuse(call, SP_STR("more passwords"),
                               "at most 200 rows with a password in plain; send password_hash, or use `sallyport "
                               "accounts import`");
    if (count == 0 || import->is_dry || import->problems > 0)
        return SP_GOES_ON;
    enum sp_step step = sp_errand_password_hashes(call, passwords, count, &hashes);
    if (step != SP_GOES_ON)
        return step;
    count = 0;
    for (size_t i = 0; i < import->count; i++)
        if (import->rows[i].request.password.at != NULL)
            import->rows[i].request.password_hash = sp_str_from_cstr(hashes[count++]);
    return SP_GOES_ON;
}

/* ---- writing ---- */
/* What a change of the one account would end, and tell its owner. */
static enum sp_status follow_up(struct sp_call *call, const struct sp_account *before, const struct sp_account *after)
{
    struct sp_str email = SP_STR_NONE;
    enum sp_status status = sp_account_verified_email(call->arena, before->claims, &email);
    if (status == SP_OK && sp_account_change_ends(before, after))
        status = sp_person_end_all(call, after->id, NULL);
    if (status == SP_OK && !sp_str_equal(before->password_hash, after->password_hash))
        status = sp_notice_send(call, after, SP_NOTICE_PASSWORD_SET);
    return status == SP_OK ? sp_notice_send_moved(call, after, email, SP_NOTICE_EMAIL_SET) : status;
}

static enum sp_status write_row(struct import *import, struct row *row, char trouble[256])
{
    struct sp_store *store = import->call->authority->store;
    struct sp_arena *arena = import->call->arena;
    struct sp_account found, written;
    enum sp_status status = store->methods->find_account(store, row->request.name, arena, &found);
    bool exists = status == SP_OK;
    if (status != SP_OK && status != SP_NOT_FOUND)
        return status;
    if (exists && import->existing == EXISTING_SKIPPED) {
        import->skipped++;
        return SP_OK;
    }
    bool changes = exists && import->existing == EXISTING_CHANGED;
    row->request.settings = import->call->authority->settings;
    row->request.password = SP_STR_NONE; /* its hash stands beside it, or nothing is kept */
    status = sp_account_write(store, arena, &row->request, changes ? SP_ACCOUNT_CHANGE : SP_ACCOUNT_ADD,
                              import->call->now, &written, trouble);
    if (status == SP_OK && changes)
        status = follow_up(import->call, &found, &written);
    if (status == SP_OK && changes)
        import->changed++;
    else if (status == SP_OK)
        import->added++;
    return status;
}

static enum sp_step write_all(struct sp_call *call, void *context)
{
    struct import *import = context;
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < import->count; i++) {
        char trouble[256] = "";
        if (import->rows[i].request.name.at == NULL)
            continue; /* told already */
        status = write_row(import, &import->rows[i], trouble);
        if (status == SP_NOT_FOUND)
            tell(import, import->rows[i].line, trouble);
        else if (status != SP_OK)
            return sp_deny_failure(call, status);
    }
    /* Handed up so that it is undone; the caller answers. */
    return import->problems > 0 || import->is_dry ? SP_DENIED : SP_GOES_ON;
}

static void answer(struct import *import)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    bool wrote = import->problems == 0 && !import->is_dry;
    sp_json_end_array(&import->json);
    sp_admin_buffer(import->call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "dry_run", import->is_dry);
    sp_json_int_member(&json, "rows", (int64_t)import->count);
    sp_json_int_member(&json, "added", wrote || import->is_dry ? (int64_t)import->added : 0);
    sp_json_int_member(&json, "changed", wrote || import->is_dry ? (int64_t)import->changed : 0);
    sp_json_int_member(&json, "skipped", (int64_t)import->skipped);
    sp_json_int_member(&json, "problem_count", (int64_t)import->problems);
    sp_json_name(&json, SP_STR("problems"));
    sp_json_put_raw(&json, sp_buffer_str(&import->told));
    sp_json_end_object(&json);
    sp_answer_json(import->call, import->problems > 0 ? 400 : 200, &text);
    if (import->problems > 0)
        import->call->finding = (struct sp_finding){
            .cause = SP_CAUSE_ACCOUNT_MALFORMED,
            .received = sp_arena_printf(import->call->arena, "%zu of %zu rows", import->problems, import->count),
            .detail = SP_STR("nothing was written")};
}

enum sp_step sp_admin_accounts_import(struct sp_call *call, const struct sp_admin_path *path)
{
    struct import import = {.call = call};
    (void)path;
    sp_admin_buffer(call, &import.told);
    sp_json_writer_init(&import.json, &import.told, false);
    sp_json_begin_array(&import.json);
    enum sp_step step = read_terms(&import);
    if (step == SP_GOES_ON)
        step = read_rows(&import);
    if (step == SP_GOES_ON)
        step = hash_passwords(&import);
    if (step != SP_GOES_ON)
        return step;
    step = sp_call_in_write(call, write_all, &import);
    if (step != SP_GOES_ON && call->answer.status != 0)
        return step; /* our failure */
    answer(&import);
    return SP_GOES_ON;
}
