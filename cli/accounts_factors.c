/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport accounts factors NAME`: what somebody shows beside the password; --remove for who lost the phone. */
#include "authority/factors.h"
#include "authority/passkeys.h"
#include "cli/accounts.h"

#define MAX_JSON_BYTES (1024u * 1024)

static enum sp_status find(struct sp_accounts_desk *desk, struct sp_str name, struct sp_account *account,
                           char trouble[256])
{
    struct sp_store *store = desk->authority.store;
    enum sp_status status = store->methods->find_account(store, name, desk->call.arena, account);
    if (status == SP_NOT_FOUND)
        snprintf(trouble, 256, "there is no account '%.*s'", SP_STR_ARG(sp_str_slice(name, 0, 200)));
    return status;
}

/* ---- removing ---- */
static enum sp_status drop(struct sp_accounts_desk *desk, struct sp_str account, struct sp_str what)
{
    struct sp_store *store = desk->authority.store;
    struct sp_arena *arena = desk->call.arena;
    if (sp_str_equal(what, SP_STR("all")))
        return sp_factors_drop_all(store, arena, account);
    if (sp_str_equal(what, SP_STR("app")))
        return sp_factors_drop_app(store, arena, account);
    return sp_factors_drop_passkey(store, arena, account, what);
}

static enum sp_status remove_factor(struct sp_accounts_desk *desk, struct sp_str name, struct sp_str what,
                                    char trouble[256])
{
    struct sp_store *store = desk->authority.store;
    struct sp_account account;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return status;
    status = find(desk, name, &account, trouble);
    if (status == SP_OK) {
        status = drop(desk, account.id, what);
        if (status == SP_NOT_FOUND)
            snprintf(trouble, 256, "'%.*s' has no such factor: write app, all or the id of a passkey that is listed",
                     SP_STR_ARG(sp_str_slice(name, 0, 120)));
    }
    return sp_store_commit(store, status);
}

/* ---- listing ---- */
static void put_passkeys(struct sp_json_writer *json, const struct sp_passkey *passkeys, size_t count)
{
    sp_json_name(json, SP_STR("passkeys"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        sp_json_begin_object(json);
        sp_json_string_member(json, "id", passkeys[i].id);
        sp_json_string_member(json, "name", passkeys[i].name);
        sp_json_int_member(json, "created_at", passkeys[i].created_at);
        sp_json_int_member(json, "used_at", passkeys[i].used_at);
        sp_json_int_member(json, "sign_count", passkeys[i].sign_count);
        sp_json_bool_member(json, "synced", passkeys[i].is_synced);
        sp_json_end_object(json);
    }
    sp_json_end_array(json);
}

static int print(struct sp_cli *cli, const struct sp_factors *factors, const struct sp_passkey *passkeys, size_t count)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    if (!sp_cli_wants_json(cli)) {
        printf("authenticator app  %s\n", factors->has_app ? "yes" : "no");
        for (size_t i = 0; i < count; i++) {
            fputs("passkey            ", stdout);
            sp_cli_print_value(stdout, passkeys[i].id);
            fputs("  ", stdout);
            sp_cli_print_value(stdout, passkeys[i].name);
            putchar('\n');
        }
        printf("recovery codes     %zu\n", factors->recovery_codes);
        return SP_CLI_FINE;
    }
    sp_buffer_init(&buffer, sp_cli_arena(cli), MAX_JSON_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR("app"));
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "confirmed", factors->has_app);
    sp_json_end_object(&json);
    put_passkeys(&json, passkeys, count);
    sp_json_int_member(&json, "recovery_codes", (int64_t)factors->recovery_codes);
    sp_json_end_object(&json);
    return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
}

static int list(struct sp_cli *cli, struct sp_accounts_desk *desk)
{
    struct sp_account account;
    struct sp_factors factors;
    struct sp_passkey *passkeys = NULL;
    size_t count = 0;
    char trouble[256] = "";
    enum sp_status status = find(desk, sp_cli_argument(cli, 0), &account, trouble);
    if (status == SP_OK)
        status = sp_factors_find(desk->authority.store, desk->call.arena, account.id, &factors);
    if (status == SP_OK)
        status = sp_passkeys_list(desk->authority.store, desk->call.arena, account.id, &passkeys, &count);
    return status == SP_OK ? print(cli, &factors, passkeys, count) : sp_accounts_failure(cli, desk, status, trouble);
}

static int run(struct sp_cli *cli)
{
    struct sp_accounts_desk desk = {0};
    struct sp_str what = sp_cli_text(cli, "remove");
    char trouble[256] = "";
    int exit_status = SP_CLI_UNEXAMINED;
    if (sp_accounts_open(cli, &desk) == SP_OK) {
        enum sp_status status = SP_OK;
        if (what.at != NULL)
            status = remove_factor(&desk, sp_cli_argument(cli, 0), what, trouble);
        exit_status = status == SP_OK ? list(cli, &desk) : sp_accounts_failure(cli, &desk, status, trouble);
    }
    sp_accounts_close(&desk);
    return exit_status;
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration whose authority.store is used; without one, the file in DIR."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {"remove", 0, SP_OPTION_TEXT, "WHAT", "Take one away: app, the id of a passkey, or all."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_accounts_factors = {
    .name = "factors",
    .summary = "what somebody shows beside the password: authenticator app, passkeys, recovery codes",
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text = "  sallyport accounts factors ann --remove all     # the phone is lost; make sure that it is Ann who asks",
    .run = run,
};
