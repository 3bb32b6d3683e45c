/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport accounts add|password NAME`: who may sign in at the authority. Works on the store, whether the authority
 * runs or not. */
#include "authority/account.h"
#include "cli/authority_context.h"

#include <errno.h>
#include <sys/stat.h>

static int put(struct sp_cli *cli, bool replaces)
{
    struct sp_arena *arena = sp_cli_arena(cli);
    struct sp_str text = SP_STR_NONE;
    char trouble[256] = "";
    struct sp_store *store = NULL;
    if (sp_cli_read(cli, SP_STR("-"), 4096, &text) != SP_OK)
        return SP_CLI_UNEXAMINED;
    /* One line: what stands behind it is not part of the password. */
    size_t end = sp_str_index_of(text, '\n', 0);
    struct sp_account_request request = {
        .name = sp_cli_argument(cli, 0), .password = sp_str_slice(text, 0, end), .claims = sp_cli_text(cli, "claims")};
    const char *state = sp_cli_authority_state(cli);
    if (mkdir(state, 0700) != 0 && errno != EEXIST)
        return sp_cli_failure(cli, "%s: %s", state, strerror(errno));
    struct sp_str path = sp_arena_printf(arena, "%s/authority.sqlite", state);
    enum sp_status status = sp_store_open_sqlite(path.at, &store, trouble);
    if (status == SP_OK) {
        status = sp_account_put(store, arena, &request, replaces, sp_cli_now(), trouble);
        store->methods->destroy(&store);
    }
    if (status == SP_MALFORMED || status == SP_NOT_FOUND) {
        (void)sp_cli_failure(cli, "%s", trouble);
        return SP_CLI_REJECTED;
    }
    return status == SP_OK ? SP_CLI_FINE
                           : sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
}

static int add(struct sp_cli *cli)
{
    return put(cli, false);
}

static int set_password(struct sp_cli *cli)
{
    return put(cli, true);
}

static const struct sp_cli_option options[] = {
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {"claims", 0, SP_OPTION_TEXT, "JSON",
     "What applications may learn: {\"name\": …, \"email\": …, \"email_verified\": true}."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static const struct sp_cli_command add_command = {
    .name = "add",
    .summary = "add an account; the password is read from standard input",
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text = "  printf '%s\\n' \"$PASSWORD\" | sallyport accounts add ann --claims '{\"name\":\"Ann\"}'",
    .run = add,
};

static const struct sp_cli_command password_command = {
    .name = "password",
    .summary = "set an account's password, read from standard input",
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = set_password,
};

static const struct sp_cli_command *const members[] = {&add_command, &password_command, NULL};

const struct sp_cli_command sp_cli_accounts = {
    .name = "accounts",
    .summary = "who may sign in at the authority",
    .commands = members,
};
