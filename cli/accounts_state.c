/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport accounts disable|enable|remove NAME`. */
#include "authority/person.h"
#include "cli/accounts.h"

static enum sp_status disable(struct sp_call *call, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    account->disabled = true;
    enum sp_status status = store->methods->put_account(store, account);
    return status == SP_OK ? sp_person_end_all(call, account->id, NULL) : status;
}

static enum sp_status enable(struct sp_call *call, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    account->disabled = false;
    account->failures = 0;
    return store->methods->put_account(store, account);
}

static enum sp_status end_all(struct sp_call *call, struct sp_account *account)
{
    return sp_person_end_all(call, account->id, NULL);
}

static enum sp_status remove_account(struct sp_call *call, struct sp_account *account)
{
    return sp_person_remove(call, account->id);
}

static enum sp_status change(struct sp_accounts_desk *desk, struct sp_str name,
                             enum sp_status (*what)(struct sp_call *, struct sp_account *), char trouble[256])
{
    struct sp_store *store = desk->authority.store;
    struct sp_account account;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return status;
    status = store->methods->find_account(store, name, desk->call.arena, &account);
    if (status == SP_NOT_FOUND)
        snprintf(trouble, 256, "there is no account '%.*s'", SP_STR_ARG(sp_str_slice(name, 0, 200)));
    if (status == SP_OK)
        status = what(&desk->call, &account);
    return sp_store_commit(store, status);
}

enum sp_status sp_accounts_end_all(struct sp_accounts_desk *desk, struct sp_str name, char trouble[256])
{
    return change(desk, name, end_all, trouble);
}

static int run(struct sp_cli *cli, enum sp_status (*what)(struct sp_call *, struct sp_account *))
{
    struct sp_accounts_desk desk = {0};
    char trouble[256] = "";
    int exit_status = SP_CLI_UNEXAMINED;
    if (sp_accounts_open(cli, &desk) == SP_OK) {
        enum sp_status status = change(&desk, sp_cli_argument(cli, 0), what, trouble);
        exit_status = status == SP_OK ? SP_CLI_FINE : sp_accounts_failure(cli, &desk, status, trouble);
    }
    sp_accounts_close(&desk);
    return exit_status;
}

static int run_disable(struct sp_cli *cli)
{
    return run(cli, disable);
}

static int run_enable(struct sp_cli *cli)
{
    return run(cli, enable);
}

static int run_remove(struct sp_cli *cli)
{
    return run(cli, remove_account);
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration whose authority.store is used; without one, the file in DIR."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

#define COMMAND(word, does, function)                                                                                  \
    const struct sp_cli_command sp_cli_accounts_##word = {                                                             \
        .name = #word,                                                                                                 \
        .summary = does,                                                                                               \
        .arguments = "NAME",                                                                                           \
        .min_arguments = 1,                                                                                            \
        .max_arguments = 1,                                                                                            \
        .options = options,                                                                                            \
        .run = function,                                                                                               \
    }

COMMAND(disable, "let nobody sign in with it, end its sessions and take its tokens back", run_disable);
COMMAND(enable, "let its owner sign in again", run_enable);
COMMAND(remove, "forget it with its sessions, tokens, consents and factors", run_remove);
