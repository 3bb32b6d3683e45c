/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport token get: grants without a person: client credentials, refresh, token exchange. */
#include "cli/token.h"
#include "cli/token_grant.h"

static const struct sp_cli_option options[] = {
    SP_TOKEN_CLIENT_OPTIONS,
    {"refresh-token-file", 0, SP_OPTION_TEXT, "FILE",
     "Use this refresh token (or \"-\": standard input) instead of client credentials."},
    {"subject-token-file", 0, SP_OPTION_TEXT, "FILE",
     "Exchange this token (or \"-\": standard input) for another (RFC 8693)."},
    {"subject-token-type", 0, SP_OPTION_TEXT, "URN",
     "Its type. Default: urn:ietf:params:oauth:token-type:access_token."},
    {"actor-token-file", 0, SP_OPTION_TEXT, "FILE", "The token of who acts for the subject."},
    {"actor-token-type", 0, SP_OPTION_TEXT, "URN", "Its type. Default: urn:ietf:params:oauth:token-type:access_token."},
    {"requested-token-type", 0, SP_OPTION_TEXT, "URN", "The type of the token that is wanted."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

#define ACCESS_TOKEN_TYPE "urn:ietf:params:oauth:token-type:access_token"

struct wanted {
    struct sp_str grant, refresh_token, subject_token, subject_type, actor_token, actor_type, requested_type;
};

static bool ask(struct sp_client_session *session, void *context, struct sp_client_tokens *tokens)
{
    const struct wanted *wanted = context;
    const struct sp_client_parameter rows[] = {{"grant_type", wanted->grant},
                                               {"scope", session->settings->scope},
                                               {"refresh_token", wanted->refresh_token},
                                               {"subject_token", wanted->subject_token},
                                               {"subject_token_type", wanted->subject_type},
                                               {"actor_token", wanted->actor_token},
                                               {"actor_token_type", wanted->actor_type},
                                               {"requested_token_type", wanted->requested_type}};
    struct sp_client_ask request = {
        .parameters = rows, .count = sizeof rows / sizeof rows[0], .with_targets = true, .proves = true};
    const struct sp_json *json;
    struct sp_str error;
    if (!sp_client_needs(session, "token_endpoint", &request.url) ||
        !sp_client_request(session, &request, &json, &error) ||
        !sp_client_take_tokens(session, json, SP_STR_NONE, SP_STR_NONE, tokens))
        return false;
    if (wanted->refresh_token.len > 0 && tokens->refresh_token.len == 0)
        tokens->refresh_token = wanted->refresh_token;
    return true;
}

static struct sp_str type_of(const struct sp_cli *cli, const char *option, struct sp_str token)
{
    struct sp_str given = sp_cli_text(cli, option);
    return given.at != NULL || token.len == 0 ? given : SP_STR(ACCESS_TOKEN_TYPE);
}

static int read_wanted(const struct sp_cli *cli, struct wanted *wanted)
{
    struct sp_str refresh = sp_cli_text(cli, "refresh-token-file"), subject = sp_cli_text(cli, "subject-token-file");
    struct sp_str actor = sp_cli_text(cli, "actor-token-file");
    int exit_status = SP_CLI_FINE;
    *wanted = (struct wanted){.grant = SP_STR("client_credentials")};
    if (refresh.at != NULL && subject.at != NULL)
        return sp_cli_usage_error(cli, "give one of --refresh-token-file and --subject-token-file");
    if (subject.at == NULL && (actor.at != NULL || sp_cli_is_given(cli, "requested-token-type")))
        return sp_cli_usage_error(cli, "--actor-token-file and --requested-token-type belong to --subject-token-file");
    if (refresh.at != NULL) {
        wanted->grant = SP_STR("refresh_token");
        return sp_token_secret_read(cli, refresh, &wanted->refresh_token);
    }
    if (subject.at == NULL)
        return SP_CLI_FINE;
    wanted->grant = SP_STR("urn:ietf:params:oauth:grant-type:token-exchange");
    exit_status = sp_token_secret_read(cli, subject, &wanted->subject_token);
    if (exit_status == SP_CLI_FINE && actor.at != NULL)
        exit_status = sp_token_secret_read(cli, actor, &wanted->actor_token);
    wanted->subject_type = type_of(cli, "subject-token-type", wanted->subject_token);
    wanted->actor_type = type_of(cli, "actor-token-type", wanted->actor_token);
    wanted->requested_type = sp_cli_text(cli, "requested-token-type");
    return exit_status;
}

static int run_get(struct sp_cli *cli)
{
    struct sp_token_run run = {.grants = ask};
    struct wanted wanted;
    int exit_status = read_wanted(cli, &wanted);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_token_run_read(cli, sp_str_equal(wanted.grant, SP_STR("client_credentials")), &run);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    run.context = &wanted;
    run.key.grant = wanted.grant;
    /* A token that was handed in is used as it is: what it brings is not found by a later one, nor by another. */
    run.key.subject = wanted.refresh_token.len > 0 ? wanted.refresh_token : wanted.subject_token;
    if (wanted.actor_token.len > 0)
        run.key.subject =
            sp_arena_printf(cli->arena, "%.*s %.*s", SP_STR_ARG(wanted.subject_token), SP_STR_ARG(wanted.actor_token));
    return sp_token_run_all(cli, &run);
}

const struct sp_cli_command sp_cli_token_get = {
    .name = "get",
    .summary = "Get a token without a person: client credentials, refresh, token exchange.",
    .arguments = "ISSUER",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text =
        "Prints the access token and nothing else on standard output; --json prints the response and the claims. "
        "Tokens are kept in a\n"
        "file that only you can read, and taken from there until they are due. When the issuer refuses, the cause is "
        "named.\n"
        "\n"
        "Examples:\n"
        "  curl -H \"Authorization: Bearer $(sallyport token get https://idp.example.com --client-id app "
        "--client-secret-file app.secret)\" …\n"
        "  sallyport token get https://idp.example.com --client-id app --assertion-key app.pem --scope read "
        "--resource https://api.example\n"
        "  sallyport token get https://idp.example.com --client-id app --client-secret-file app.secret "
        "--subject-token-file - <token\n"
        "\n"
        "Exit status: 0 a token, 1 the issuer refused or cannot be used (the cause says why), 2 usage, 3 a file could "
        "not be read.",
    .run = run_get,
};
