/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport accounts …`: who may sign in at the authority. Works on the store, whether the authority runs or not. */
#include "cli/accounts.h"
#include "authority/account.h"

/* A revoked token is remembered as long as any may live here; the configuration is not asked for. */
#define LONGEST_TOKEN_S (365 * 86400)

static enum sp_status read_configured(const struct sp_cli *cli, struct sp_accounts_desk *desk)
{
    struct sp_authority_settings *configured = SP_ARENA_NEW(sp_cli_arena(cli), struct sp_authority_settings);
    if (configured == NULL || !sp_cli_is_given(cli, "config"))
        return configured != NULL ? SP_OK : SP_NO_MEMORY;
    desk->configured = configured;
    return sp_cli_authority_settings(cli, sp_cli_arena(cli), SP_STR("https://authority.invalid"), NULL, configured);
}

static enum sp_status open_desk(const struct sp_cli *cli, bool makes, struct sp_accounts_desk *desk)
{
    char trouble[256] = "";
    *desk = (struct sp_accounts_desk){.settings = {.max_token_lifetime_s = LONGEST_TOKEN_S}};
    enum sp_status status = read_configured(cli, desk);
    if (status == SP_OK)
        status = makes ? sp_cli_open_store(cli, NULL, &desk->authority.store, trouble)
                       : sp_cli_open_present_store(cli, &desk->authority.store, trouble);
    if (status != SP_OK && (trouble[0] != '\0' || status == SP_NO_MEMORY))
        (void)sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
    desk->authority.settings = &desk->settings;
    desk->call = (struct sp_call){.authority = &desk->authority, .arena = sp_cli_arena(cli), .now = sp_cli_now()};
    return status;
}

enum sp_status sp_accounts_open(const struct sp_cli *cli, struct sp_accounts_desk *desk)
{
    return open_desk(cli, false, desk);
}

enum sp_status sp_accounts_open_or_make(const struct sp_cli *cli, struct sp_accounts_desk *desk)
{
    return open_desk(cli, true, desk);
}

void sp_accounts_close(struct sp_accounts_desk *desk)
{
    if (desk->authority.store != NULL)
        desk->authority.store->methods->destroy(&desk->authority.store);
}

int sp_accounts_failure(const struct sp_cli *cli, const struct sp_accounts_desk *desk, enum sp_status status,
                        const char *trouble)
{
    const struct sp_store *store = desk->authority.store;
    const char *why = trouble[0] != '\0'                 ? trouble
                      : status == SP_IO && store != NULL ? store->trouble
                                                         : sp_status_text(status);
    (void)sp_cli_failure(cli, "%s", why);
    return status == SP_MALFORMED || status == SP_NOT_FOUND ? SP_CLI_REJECTED : SP_CLI_UNEXAMINED;
}

static int put(struct sp_cli *cli, bool replaces)
{
    struct sp_str text = SP_STR_NONE;
    char trouble[256] = "";
    struct sp_accounts_desk desk = {0};
    if (sp_cli_read(cli, SP_STR("-"), 4096, &text) != SP_OK)
        return SP_CLI_UNEXAMINED;
    /* One line: what stands behind it is not part of the password. */
    size_t end = sp_str_index_of(text, '\n', 0);
    struct sp_account_request request = {.name = sp_cli_argument(cli, 0),
                                         .password = end > 0 ? sp_str_slice(text, 0, end) : SP_STR(""),
                                         .claims = sp_cli_text(cli, "claims")};
    int exit_status = SP_CLI_UNEXAMINED;
    if ((replaces ? sp_accounts_open(cli, &desk) : sp_accounts_open_or_make(cli, &desk)) == SP_OK) {
        enum sp_status status =
            sp_account_put(desk.authority.store, sp_cli_arena(cli), &request, replaces, sp_cli_now(), trouble);
        if (status == SP_OK && replaces)
            status = sp_accounts_end_all(&desk, request.name, trouble);
        exit_status = status == SP_OK ? SP_CLI_FINE : sp_accounts_failure(cli, &desk, status, trouble);
    }
    sp_accounts_close(&desk);
    return exit_status;
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
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration whose authority.store is used; without one, the file in DIR."},
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

static const struct sp_cli_command *const members[] = {
    &add_command,
    &password_command,
    &sp_cli_accounts_import,
    &sp_cli_accounts_list,
    &sp_cli_accounts_show,
    &sp_cli_accounts_disable,
    &sp_cli_accounts_enable,
    &sp_cli_accounts_remove,
    &sp_cli_accounts_factors,
    NULL,
};

const struct sp_cli_command sp_cli_accounts = {
    .name = "accounts",
    .summary = "who may sign in at the authority",
    .commands = members,
};
