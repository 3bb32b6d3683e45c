/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport accounts list|show`. */
#include "authority/account_json.h"
#include "authority/subject.h"
#include "cli/accounts.h"

#define PORTION 500u
#define MAX_JSON_BYTES (256u * 1024 * 1024)

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration whose authority.store is used; without one, the file in DIR."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static void print_line(const struct sp_account *account)
{
    sp_cli_print_value(stdout, account->name);
    fputc('\t', stdout);
    sp_cli_print_value(stdout, account->id);
    fputs(account->disabled ? "\tdisabled\n" : "\n", stdout);
}

static enum sp_status walk(struct sp_accounts_desk *desk, struct sp_json_writer *json)
{
    struct sp_store *store = desk->authority.store;
    struct sp_arena *portion = sp_arena_create(64u * 1024 * 1024);
    char after[256] = "";
    size_t count = PORTION;
    enum sp_status status = portion != NULL ? SP_OK : SP_NO_MEMORY;
    while (status == SP_OK && count == PORTION) {
        struct sp_account *accounts = NULL;
        status = store->methods->list_accounts(store, sp_str_from_cstr(after), PORTION, portion, &accounts, &count);
        for (size_t i = 0; status == SP_OK && i < count; i++) {
            if (json == NULL)
                print_line(&accounts[i]);
            else
                status = sp_account_json(json, portion, &accounts[i]);
        }
        if (status == SP_OK && count > 0)
            snprintf(after, sizeof after, "%.*s", SP_STR_ARG(accounts[count - 1].name));
        if (portion != NULL)
            sp_arena_reset(portion);
    }
    sp_arena_destroy(&portion);
    return status;
}

static int list(struct sp_cli *cli)
{
    struct sp_accounts_desk desk = {0};
    struct sp_buffer buffer;
    struct sp_json_writer json;
    int exit_status = SP_CLI_UNEXAMINED;
    sp_buffer_init(&buffer, NULL, MAX_JSON_BYTES);
    sp_json_writer_init(&json, &buffer, false);
    if (sp_accounts_open(cli, &desk) == SP_OK) {
        sp_json_begin_array(&json);
        enum sp_status status = walk(&desk, sp_cli_wants_json(cli) ? &json : NULL);
        sp_json_end_array(&json);
        exit_status = status == SP_OK ? SP_CLI_FINE : sp_accounts_failure(cli, &desk, status, "");
        if (status == SP_OK && sp_cli_wants_json(cli))
            exit_status = sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
    }
    sp_buffer_fini(&buffer);
    sp_accounts_close(&desk);
    return exit_status;
}

/* By name, or by the `sub` that an application knows: the account's id or a pairwise name. */
static enum sp_status find(struct sp_accounts_desk *desk, struct sp_str name, struct sp_account *account)
{
    struct sp_store *store = desk->authority.store;
    struct sp_str id = name;
    enum sp_status status = store->methods->find_account(store, name, desk->call.arena, account);
    if (status != SP_NOT_FOUND)
        return status;
    status = sp_subject_account(&desk->call, name, &id);
    return status == SP_OK ? store->methods->get_account(store, id, desk->call.arena, account) : status;
}

static int show(struct sp_cli *cli)
{
    struct sp_accounts_desk desk = {0};
    struct sp_account account;
    struct sp_buffer buffer;
    struct sp_json_writer json;
    char trouble[256] = "";
    int exit_status = SP_CLI_UNEXAMINED;
    struct sp_str name = sp_cli_argument(cli, 0);
    sp_buffer_init(&buffer, sp_cli_arena(cli), MAX_JSON_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    if (sp_accounts_open(cli, &desk) == SP_OK) {
        enum sp_status status = find(&desk, name, &account);
        if (status == SP_NOT_FOUND)
            snprintf(trouble, sizeof trouble, "there is no account '%.*s'", SP_STR_ARG(sp_str_slice(name, 0, 200)));
        if (status == SP_OK)
            status = sp_account_json_whole(&json, &desk.call, &account);
        exit_status = status == SP_OK ? sp_cli_print_json(cli, &buffer, SP_CLI_FINE)
                                      : sp_accounts_failure(cli, &desk, status, trouble);
    }
    sp_accounts_close(&desk);
    return exit_status;
}

const struct sp_cli_command sp_cli_accounts_list = {
    .name = "list",
    .summary = "all accounts by name: name, id, whether disabled",
    .options = options,
    .run = list,
};

const struct sp_cli_command sp_cli_accounts_show = {
    .name = "show",
    .summary = "one account with its claims, browsers signed in, applications with access, factors",
    .arguments = "NAME|SUB",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = show,
};
