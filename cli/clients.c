/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport clients token|list|remove`: clients that register themselves at the authority. Works on the store, whether
 * the authority runs or not. */
#include "authority/handle.h"
#include "authority/store.h"
#include "cli/authority_context.h"
#include "core/jose/crypto.h"
#include "core/policy/settings.h"

#define PORTION 500u
#define MAX_JSON_BYTES (64u * 1024 * 1024)
#define DEFAULT_LIFETIME_S 3600
#define MAX_LIFETIME_S (366 * 86400)
#define MAX_USES 1000000

static int fail(const struct sp_cli *cli, enum sp_status status, const struct sp_store *store, const char *trouble)
{
    if (status == SP_MALFORMED && trouble[0] == '\0')
        return SP_CLI_REJECTED; /* it complained itself */
    const char *why = trouble[0] != '\0'                 ? trouble
                      : store != NULL && status == SP_IO ? store->trouble
                                                         : sp_status_text(status);
    return sp_cli_failure(cli, "%s", why);
}

/* ---- token ---- */
static bool read_number(struct sp_str text, int64_t most, int64_t *number)
{
    int64_t read = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || read > most)
            return false;
        read = read * 10 + (text.at[i] - '0');
    }
    *number = read;
    return text.len > 0 && read >= 1 && read <= most;
}

static enum sp_status put_token(struct sp_cli *cli, struct sp_store *store, struct sp_str token, int64_t uses,
                                int64_t expires_at)
{
    struct sp_ticket ticket = {.kind = SP_TICKET_INITIAL_ACCESS,
                               .issued_at = sp_cli_now(),
                               .expires_at = expires_at,
                               .data = sp_arena_printf(sp_cli_arena(cli), "{\"uses\":%lld}", (long long)uses)};
    sp_sha256(token, ticket.hash);
    enum sp_status status = store->methods->begin(store);
    return status == SP_OK ? sp_store_commit(store, store->methods->put_ticket(store, &ticket, NULL)) : status;
}

static int make_token(struct sp_cli *cli)
{
    int64_t uses = 1, lifetime_ms = DEFAULT_LIFETIME_S * 1000;
    char trouble[256] = "";
    struct sp_store *store = NULL;
    struct sp_str lifetime = sp_cli_text(cli, "lifetime"), times = sp_cli_text(cli, "uses");
    if (times.at != NULL && !read_number(times, MAX_USES, &uses))
        return sp_cli_usage_error(cli, "--uses is a number between 1 and 1000000");
    if (lifetime.at != NULL && (sp_duration_parse(lifetime, &lifetime_ms) != SP_OK || lifetime_ms < 1000 ||
                                lifetime_ms / 1000 > MAX_LIFETIME_S))
        return sp_cli_usage_error(cli, "--lifetime is a duration between 1s and 366d");
    int64_t expires_at = sp_cli_now() + lifetime_ms / 1000;
    struct sp_str token = sp_handle_make(sp_cli_arena(cli), "spia_", SP_HANDLE_BYTES);
    enum sp_status status = sp_cli_open_store(cli, NULL, &store, trouble);
    if (status == SP_OK)
        status = put_token(cli, store, token, uses, expires_at);
    int exit_status = status == SP_OK ? SP_CLI_FINE : fail(cli, status, store, trouble);
    if (store != NULL)
        store->methods->destroy(&store);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    if (!sp_cli_wants_json(cli)) {
        printf("%.*s\n", SP_STR_ARG(token));
        return SP_CLI_FINE;
    }
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, sp_cli_arena(cli), 4096);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "initial_access_token", token);
    sp_json_int_member(&json, "expires_at", expires_at);
    sp_json_int_member(&json, "uses", uses);
    sp_json_end_object(&json);
    return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
}

/* ---- list ---- */
static void print_client(const struct sp_record *record, struct sp_arena *arena, struct sp_json_writer *json)
{
    const struct sp_json *data = NULL, *metadata = NULL;
    struct sp_json_error error;
    if (sp_json_parse(arena, record->data, &sp_json_limits_document, &data, &error) == SP_OK)
        metadata = sp_json_member(data, SP_STR("metadata"));
    if (json == NULL) {
        sp_cli_print_value(stdout, record->id);
        fputc('\t', stdout);
        sp_cli_print_value(stdout, sp_json_string(sp_json_member(metadata, SP_STR("client_name"))));
        fputc('\n', stdout);
        return;
    }
    sp_json_begin_object(json);
    sp_json_string_member(json, "client_id", record->id);
    sp_json_int_member(json, "client_id_issued_at", record->created_at);
    for (const struct sp_json *member = metadata != NULL ? metadata->first : NULL; member != NULL;
         member = member->next) {
        sp_json_name(json, member->name);
        sp_json_put_value(json, member);
    }
    sp_json_end_object(json);
}

static enum sp_status walk(struct sp_store *store, struct sp_json_writer *json)
{
    struct sp_arena *portion = sp_arena_create(64u * 1024 * 1024);
    char after[128] = "";
    size_t count = PORTION;
    enum sp_status status = portion != NULL ? SP_OK : SP_NO_MEMORY;
    while (status == SP_OK && count == PORTION) {
        struct sp_record *records = NULL;
        status = store->methods->list_records(store, SP_RECORD_CLIENT, SP_STR_NONE, sp_str_from_cstr(after), PORTION,
                                              portion, &records, &count);
        for (size_t i = 0; status == SP_OK && i < count; i++)
            print_client(&records[i], portion, json);
        if (status == SP_OK && count > 0)
            snprintf(after, sizeof after, "%.*s", SP_STR_ARG(records[count - 1].id));
        sp_arena_reset(portion);
    }
    sp_arena_destroy(&portion);
    return status;
}

static int list(struct sp_cli *cli)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    char trouble[256] = "";
    struct sp_store *store = NULL;
    sp_buffer_init(&buffer, NULL, MAX_JSON_BYTES);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_array(&json);
    enum sp_status status = sp_cli_open_present_store(cli, &store, trouble);
    if (status == SP_OK)
        status = walk(store, sp_cli_wants_json(cli) ? &json : NULL);
    sp_json_end_array(&json);
    int exit_status = status == SP_OK ? SP_CLI_FINE : fail(cli, status, store, trouble);
    if (exit_status == SP_CLI_FINE && sp_cli_wants_json(cli))
        exit_status = sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
    if (store != NULL)
        store->methods->destroy(&store);
    sp_buffer_fini(&buffer);
    return exit_status;
}

/* ---- remove ---- */
static int remove_client(struct sp_cli *cli)
{
    char trouble[256] = "";
    struct sp_store *store = NULL;
    enum sp_status status = sp_cli_open_present_store(cli, &store, trouble);
    if (status == SP_OK)
        status = store->methods->begin(store);
    if (status == SP_OK)
        status = sp_store_commit(store, store->methods->drop_record(store, SP_RECORD_CLIENT, sp_cli_argument(cli, 0)));
    int exit_status = SP_CLI_FINE;
    if (status == SP_NOT_FOUND) {
        (void)sp_cli_failure(cli, "no client registered itself by this id; `sallyport clients list` shows them");
        exit_status = SP_CLI_REJECTED;
    } else if (status != SP_OK) {
        exit_status = fail(cli, status, store, trouble);
    }
    if (store != NULL)
        store->methods->destroy(&store);
    return exit_status;
}

#define STORE_OPTIONS                                                                                                  \
    {"config", 'c', SP_OPTION_LIST, "FILE",                                                                            \
     "Configuration whose authority.store is used; without one, the file in DIR."},                                    \
    {                                                                                                                  \
        "state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."                         \
    }
static const struct sp_cli_option options[] = {STORE_OPTIONS, {NULL, 0, SP_OPTION_FLAG, NULL, NULL}};
static const struct sp_cli_option token_options[] = {
    STORE_OPTIONS,
    {"uses", 0, SP_OPTION_TEXT, "N", "How many clients may register with it (default: 1)."},
    {"lifetime", 0, SP_OPTION_TEXT, "TIME", "How long it is good (default: 1h)."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static const struct sp_cli_command token_command = {
    .name = "token",
    .summary = "make an initial access token, with which a client may register itself",
    .options = token_options,
    .text = "It is printed once; its hash is kept.\n\n  sallyport clients token --uses 3 --lifetime 1d",
    .run = make_token,
};
static const struct sp_cli_command list_command = {
    .name = "list", .summary = "clients that registered themselves", .options = options, .run = list};
static const struct sp_cli_command remove_command = {
    .name = "remove",
    .summary = "remove a client that registered itself; its tokens end with it",
    .arguments = "CLIENT_ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = remove_client,
};

static const struct sp_cli_command *const members[] = {&token_command, &list_command, &remove_command, NULL};

const struct sp_cli_command sp_cli_clients = {
    .name = "clients",
    .summary = "clients that register themselves at the authority",
    .commands = members,
};
