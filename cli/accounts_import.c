/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport accounts import FILE.csv`. The whole file is judged first – against itself by a rehearsal in a store in
 * memory, and against the accounts that are there – and nothing is written while a single row is wrong. Then it is
 * written in batches, each all or nothing and durable before the next; passwords in plain text are hashed by as many
 * threads as there are processors. */
#include "authority/account_import.h"
#include "authority/password.h"
#include "authority/person.h"
#include "cli/accounts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 1000u
#define BATCH_ARENA_BYTES (256u * 1024 * 1024)
#define MAX_THREADS 16
#define MAX_PROBLEMS_TOLD 100u

enum existing { EXISTING_REFUSED, EXISTING_SKIPPED, EXISTING_CHANGED };

struct import {
    struct sp_cli *cli;
    struct sp_accounts_desk desk;
    struct sp_csv csv, behind_head; /* the next row; the first of the people's */
    struct sp_account_columns columns;
    enum existing existing;
    bool shows_progress;
    struct sp_buffer told; /* problems as JSON */
    struct sp_json_writer json;
    size_t rows, added, changed, skipped, problems;
};

/* ---- problems ---- */
static void tell(struct import *import, size_t line, const char *message)
{
    import->problems++;
    if (import->problems > MAX_PROBLEMS_TOLD)
        return;
    if (sp_cli_wants_json(import->cli)) {
        sp_json_begin_object(&import->json);
        sp_json_int_member(&import->json, "line", (int64_t)line);
        sp_json_string_member(&import->json, "message", sp_str_from_cstr(message));
        sp_json_end_object(&import->json);
        return;
    }
    sp_cli_print_safe(stderr, sp_cli_argument(import->cli, 0));
    fprintf(stderr, ":%zu: ", line);
    sp_cli_print_safe(stderr, sp_str_from_cstr(message));
    fputc('\n', stderr);
}

static void show_progress(const struct import *import, const char *what, size_t done)
{
    if (import->shows_progress)
        fprintf(stderr, "\r%s %zu", what, done);
}

/* ---- judging ---- */
static enum sp_status find_conflict(struct import *import, struct sp_arena *arena,
                                    const struct sp_account_request *request, bool *exists, char trouble[256])
{
    struct sp_store *store = import->desk.authority.store;
    struct sp_account found;
    enum sp_status status = store->methods->find_account(store, request->name, arena, &found);
    *exists = status == SP_OK;
    if (status == SP_OK && import->existing == EXISTING_REFUSED) {
        snprintf(trouble, 256, "there is an account '%.*s' already (see --skip-existing and --update)",
                 SP_STR_ARG(sp_str_slice(request->name, 0, 150)));
        return SP_NOT_FOUND;
    }
    if (status == SP_NOT_FOUND && request->id.at != NULL) {
        if (import->desk.configured != NULL && sp_client_find(import->desk.configured, request->id) != NULL) {
            snprintf(trouble, 256, "the id '%.*s' is a client's: APIs would take its tokens for the person's",
                     SP_STR_ARG(sp_str_slice(request->id, 0, 150)));
            return SP_NOT_FOUND;
        }
        status = store->methods->get_account(store, request->id, arena, &found);
        if (status == SP_OK) {
            snprintf(trouble, 256, "the id is that of the account '%.*s'",
                     SP_STR_ARG(sp_str_slice(found.name, 0, 150)));
            return SP_NOT_FOUND;
        }
    }
    return status == SP_NOT_FOUND ? SP_OK : status;
}

/* Its verified address may be another account's. */
static enum sp_status find_address(struct import *import, struct sp_arena *arena,
                                   const struct sp_account_request *request, char trouble[256])
{
    struct sp_store *store = import->desk.authority.store;
    struct sp_account probe = {.id = SP_STR("?"), .name = request->name, .claims = SP_STR("{}")};
    enum sp_status status = store->methods->find_account(store, request->name, arena, &probe);
    struct sp_str email = SP_STR_NONE;
    struct sp_record record;
    if ((status == SP_OK || status == SP_NOT_FOUND) && request->claims.at != NULL)
        status = sp_account_verified_email(arena, request->claims, &email);
    if (status != SP_OK || email.at == NULL)
        return status == SP_NOT_FOUND ? SP_OK : status;
    status = store->methods->find_record(store, SP_RECORD_EMAIL, email, arena, &record);
    if (status == SP_OK && !sp_str_equal(record.owner, probe.id)) {
        snprintf(trouble, 256, "the e-mail address is another account's");
        return SP_NOT_FOUND;
    }
    return status == SP_NOT_FOUND ? SP_OK : status;
}

static enum sp_status judge_row(struct import *import, struct sp_arena *arena, struct sp_store *rehearsal,
                                const struct sp_csv_row *row, char trouble[256])
{
    struct sp_account_request request;
    bool exists = false;
    enum sp_status status = sp_account_row_read(arena, &import->columns, row, &request, trouble);
    if (status != SP_OK)
        return status;
    request.password = SP_STR_NONE; /* hashing them all is for later */
    request.password_hash = SP_STR_NONE;
    status = sp_account_write(rehearsal, arena, &request, SP_ACCOUNT_ADD, 0, NULL, trouble);
    if (status == SP_NOT_FOUND) {
        snprintf(trouble, 256, "its name, id or e-mail address is that of an earlier row");
        return status;
    }
    if (status == SP_OK)
        status = find_conflict(import, arena, &request, &exists, trouble);
    if (status == SP_OK && !(exists && import->existing == EXISTING_SKIPPED))
        status = find_address(import, arena, &request, trouble);
    return status;
}

static enum sp_status judge(struct import *import)
{
    struct sp_arena *arena = sp_arena_create(BATCH_ARENA_BYTES);
    struct sp_store *rehearsal = NULL;
    char trouble[256] = "";
    enum sp_status status = arena != NULL ? sp_store_open_sqlite(":memory:", &rehearsal, trouble) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = rehearsal->methods->begin(rehearsal);
    import->csv = import->behind_head;
    while (status == SP_OK) {
        struct sp_csv_row row = {0};
        const char *wrong = NULL;
        enum sp_status read = sp_csv_next(&import->csv, arena, &row, &wrong);
        if (read == SP_NOT_FOUND)
            break;
        if (read == SP_OK)
            read = judge_row(import, arena, rehearsal, &row, trouble);
        if (read == SP_IO || read == SP_NO_MEMORY)
            status = read;
        else if (read != SP_OK)
            tell(import, row.line, wrong != NULL ? wrong : trouble);
        import->rows++;
        if (import->rows % BATCH == 0)
            show_progress(import, "rows read:", import->rows);
        sp_arena_reset(arena);
    }
    if (rehearsal != NULL) {
        rehearsal->methods->undo(rehearsal);
        rehearsal->methods->destroy(&rehearsal);
    }
    sp_arena_destroy(&arena);
    return status;
}

/* ---- hashing ---- */
struct hashing {
    struct sp_account_request *requests;
    char (*encoded)[SP_PASSWORD_ENCODED_BYTES];
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
};

static void *hash_some(void *context)
{
    struct hashing *hashing = context;
    for (size_t i = atomic_fetch_add(&hashing->next, 1); i < hashing->count; i = atomic_fetch_add(&hashing->next, 1)) {
        if (hashing->requests[i].password.at == NULL)
            continue;
        if (sp_password_hash_into(hashing->requests[i].password, hashing->encoded[i]) != SP_OK)
            atomic_store(&hashing->failed, true);
        hashing->requests[i].password_hash = sp_str_from_cstr(hashing->encoded[i]);
    }
    return NULL;
}

static enum sp_status hash_passwords(struct sp_arena *arena, struct sp_account_request *requests, size_t count)
{
    struct hashing hashing = {.requests = requests, .count = count};
    pthread_t threads[MAX_THREADS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int wanted = processors < 1 ? 1 : processors > MAX_THREADS ? MAX_THREADS : (int)processors, started = 0;
    hashing.encoded = sp_arena_calloc(arena, count + 1, sizeof *hashing.encoded);
    if (hashing.encoded == NULL)
        return SP_NO_MEMORY;
    while (started < wanted - 1 && pthread_create(&threads[started], NULL, hash_some, &hashing) == 0)
        started++;
    (void)hash_some(&hashing);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&hashing.failed) ? SP_NO_MEMORY : SP_OK;
}

/* ---- writing ---- */
static enum sp_status read_batch(struct import *import, struct sp_arena *arena, struct sp_account_request *requests,
                                 size_t *lines, size_t *count)
{
    char trouble[256];
    enum sp_status status = SP_OK;
    for (*count = 0; *count < BATCH; ++*count) {
        struct sp_csv_row row;
        const char *wrong;
        status = sp_csv_next(&import->csv, arena, &row, &wrong);
        if (status == SP_OK)
            status = sp_account_row_read(arena, &import->columns, &row, &requests[*count], trouble);
        if (status != SP_OK)
            break;
        lines[*count] = row.line;
    }
    return status == SP_NOT_FOUND ? SP_OK : status;
}

static enum sp_status write_one(struct import *import, struct sp_arena *arena, const struct sp_account_request *request,
                                size_t *added, size_t *changed, char trouble[256])
{
    struct sp_store *store = import->desk.authority.store;
    struct sp_account found, written;
    struct sp_call call = import->desk.call;
    enum sp_status status = store->methods->find_account(store, request->name, arena, &found);
    bool exists = status == SP_OK;
    call.arena = arena; /* it goes with the batch */
    if (status != SP_OK && status != SP_NOT_FOUND)
        return status;
    if (exists && import->existing == EXISTING_SKIPPED)
        return SP_OK;
    bool changes = exists && import->existing == EXISTING_CHANGED;
    status = sp_account_write(store, arena, request, changes ? SP_ACCOUNT_CHANGE : SP_ACCOUNT_ADD, call.now, &written,
                              trouble);
    if (status == SP_OK && changes && sp_account_change_ends(&found, &written))
        status = sp_person_end_all(&call, written.id, NULL);
    *added += status == SP_OK && !changes;
    *changed += status == SP_OK && changes;
    return status;
}

static enum sp_status write_batch(struct import *import, struct sp_arena *arena,
                                  const struct sp_account_request *requests, const size_t *lines, size_t count,
                                  char trouble[256])
{
    struct sp_store *store = import->desk.authority.store;
    size_t added = 0, changed = 0;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return status;
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        status = write_one(import, arena, &requests[i], &added, &changed, trouble);
        if (status == SP_NOT_FOUND)
            tell(import, lines[i], trouble); /* it came meanwhile */
    }
    status = sp_store_commit(store, status);
    if (status == SP_OK) {
        import->added += added;
        import->changed += changed;
        import->skipped += count - added - changed;
    }
    return status;
}

static enum sp_status write_all(struct import *import, char trouble[256])
{
    struct sp_arena *arena = sp_arena_create(BATCH_ARENA_BYTES);
    enum sp_status status = arena != NULL ? SP_OK : SP_NO_MEMORY;
    size_t count = BATCH, lines[BATCH];
    import->csv = import->behind_head;
    while (status == SP_OK && count == BATCH) {
        struct sp_account_request *requests = sp_arena_calloc(arena, BATCH, sizeof *requests);
        status = requests != NULL ? read_batch(import, arena, requests, lines, &count) : SP_NO_MEMORY;
        if (status == SP_OK)
            status = hash_passwords(arena, requests, count);
        if (status == SP_OK)
            status = write_batch(import, arena, requests, lines, count, trouble);
        if (status == SP_OK)
            show_progress(import, "accounts written:", import->added + import->changed + import->skipped);
        sp_arena_reset(arena);
    }
    sp_arena_destroy(&arena);
    return status;
}

/* ---- the command ---- */
static enum sp_status read_head(struct import *import, struct sp_str text)
{
    struct sp_csv_row row = {.line = 1};
    const char *wrong = NULL;
    char trouble[256] = "";
    sp_csv_init(&import->csv, text);
    enum sp_status status = sp_csv_next(&import->csv, sp_cli_arena(import->cli), &row, &wrong);
    if (status == SP_NOT_FOUND)
        wrong = "the file is empty; its first row names the columns";
    if (status == SP_OK)
        status = sp_account_columns_read(&row, &import->columns, trouble);
    if (status != SP_OK && status != SP_NO_MEMORY)
        tell(import, row.line, wrong != NULL ? wrong : trouble);
    import->behind_head = import->csv;
    return status;
}

static int report(struct import *import, enum sp_status status, const char *trouble)
{
    struct sp_cli *cli = import->cli;
    int exit_status = import->problems > 0 ? SP_CLI_REJECTED : status == SP_OK ? SP_CLI_FINE : SP_CLI_UNEXAMINED;
    bool dry = sp_cli_flag(cli, "dry-run");
    if (import->shows_progress)
        fputc('\n', stderr);
    if (import->problems == 0 && status != SP_OK)
        exit_status = sp_accounts_failure(cli, &import->desk, status, trouble);
    if (sp_cli_wants_json(cli)) {
        struct sp_buffer buffer;
        struct sp_json_writer json;
        sp_buffer_init(&buffer, sp_cli_arena(cli), 1024u * 1024);
        sp_json_writer_init(&json, &buffer, false);
        sp_json_begin_object(&json);
        sp_json_bool_member(&json, "dry_run", dry);
        sp_json_int_member(&json, "rows", (int64_t)import->rows);
        sp_json_int_member(&json, "added", (int64_t)import->added);
        sp_json_int_member(&json, "changed", (int64_t)import->changed);
        sp_json_int_member(&json, "skipped", (int64_t)import->skipped);
        sp_json_int_member(&json, "problem_count", (int64_t)import->problems);
        sp_json_name(&json, SP_STR("problems"));
        sp_json_put_raw(&json, sp_buffer_str(&import->told));
        sp_json_end_object(&json);
        return sp_cli_print_json(cli, &buffer, exit_status);
    }
    if (import->problems > MAX_PROBLEMS_TOLD)
        fprintf(stderr, "and %zu more\n", import->problems - MAX_PROBLEMS_TOLD);
    if (import->problems > 0 && import->rows == 0)
        printf("the first row is wrong; nothing was written\n");
    else if (import->problems > 0 && import->added + import->changed == 0)
        printf("%zu of %zu rows %s wrong; nothing was written\n", import->problems, import->rows,
               import->problems == 1 ? "is" : "are");
    else if (dry)
        printf("%zu %s fine; nothing was written (--dry-run)\n", import->rows,
               import->rows == 1 ? "row is" : "rows are");
    else
        printf("%zu %s added, %zu changed, %zu skipped\n", import->added, import->added == 1 ? "account" : "accounts",
               import->changed, import->skipped);
    return exit_status;
}

static int run(struct sp_cli *cli)
{
    struct import import = {.cli = cli, .shows_progress = isatty(STDERR_FILENO) && !sp_cli_wants_json(cli)};
    struct sp_str text;
    char trouble[256] = "";
    if (sp_cli_flag(cli, "update") && sp_cli_flag(cli, "skip-existing"))
        return sp_cli_usage_error(cli, "--update and --skip-existing exclude each other");
    import.existing = sp_cli_flag(cli, "update")          ? EXISTING_CHANGED
                      : sp_cli_flag(cli, "skip-existing") ? EXISTING_SKIPPED
                                                          : EXISTING_REFUSED;
    if (sp_cli_read(cli, sp_cli_argument(cli, 0), SP_MAX_CSV_BYTES, &text) != SP_OK)
        return SP_CLI_UNEXAMINED;
    sp_buffer_init(&import.told, sp_cli_arena(cli), 1024u * 1024);
    sp_json_writer_init(&import.json, &import.told, false);
    sp_json_begin_array(&import.json);
    int exit_status = SP_CLI_UNEXAMINED;
    if (sp_accounts_open_or_make(cli, &import.desk) == SP_OK) {
        enum sp_status status = read_head(&import, text);
        if (status == SP_OK)
            status = judge(&import);
        if (status == SP_OK && import.problems == 0 && !sp_cli_flag(cli, "dry-run"))
            status = write_all(&import, trouble);
        sp_json_end_array(&import.json);
        exit_status = report(&import, status, trouble);
    }
    sp_accounts_close(&import.desk);
    return exit_status;
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration whose authority.store is used; without one, the file in DIR."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {"dry-run", 0, SP_OPTION_FLAG, NULL, "Judge every row and write nothing."},
    {"update", 0, SP_OPTION_FLAG, NULL,
     "Change accounts that are there already; what the table has no column for stays, an empty field takes its claim "
     "away. Another password, or disabled, "
     "ends their sessions and takes tokens back."},
    {"skip-existing", 0, SP_OPTION_FLAG, NULL, "Leave accounts alone that are there already."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_accounts_import = {
    .name = "import",
    .summary = "add accounts from a table",
    .arguments = "FILE.csv",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text = "The first row names the columns: name; password or password_hash; id (the `sub` of before); disabled; any "
            "claim of\n"
            "OpenID Connect (email, email_verified, given_name, …); claims.NAME for a text of your own; claims for a "
            "JSON object.\n"
            "Hashes may be argon2id, bcrypt ($2a$, $2b$, $2y$) and SHA-crypt ($5$, $6$); the last two become argon2id "
            "when their owner signs in.\n"
            "Names by which tokens speak of themselves (sub, exp, scope, acr, …) are no claims of an account.\n"
            "While one row is wrong nothing is written; each wrong one is told with its line.\n\n"
            "  sallyport accounts import people.csv --dry-run",
    .run = run,
};
