/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport token login: a token for a person: code flow with PKCE by the browser, or the device grant. */
#include "cli/token.h"
#include "cli/token_grant.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_PATIENCE_S 300

static const struct sp_cli_option options[] = {
    SP_TOKEN_CLIENT_OPTIONS,
    {"device", 0, SP_OPTION_FLAG, NULL, "Log in on another device: show a code to enter there (RFC 8628)."},
    {"no-browser", 0, SP_OPTION_FLAG, NULL, "Print the address instead of opening the browser."},
    {"redirect-uri", 0, SP_OPTION_TEXT, "URI",
     "As registered, on this machine. Default: http://127.0.0.1:PORT/callback with a free port."},
    {"par", 0, SP_OPTION_FLAG, NULL, "Push the request (RFC 9126), even where the issuer does not ask for it."},
    {"patience", 0, SP_OPTION_NUMBER, "SECONDS", "Wait this long for the person. Default: 300."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

extern char **environ;

#define MAX_WORDS 16u

/* Neither our input nor our output is the browser's. */
static bool spawn(char *const arguments[])
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool ready = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
                 posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
                 posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0;
    bool started = ready && posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return started;
}

/* A program with its options; the address stands for %s, or behind them. No shell sees it. */
static bool start_program(struct sp_arena *arena, struct sp_str command, struct sp_str url)
{
    char *arguments[MAX_WORDS + 2] = {NULL};
    size_t count = 0;
    bool placed = false;
    struct sp_str word, copy;
    while (count < MAX_WORDS && sp_str_next_word(&command, SP_STR(" "), &word)) {
        bool is_place = sp_str_equal(word, SP_STR("%s"));
        if (sp_arena_copy(arena, is_place ? url : word, &copy) != SP_OK)
            return false;
        placed = placed || is_place;
        arguments[count++] = (char *)(uintptr_t)copy.at; /* our own copy, ends with NUL */
    }
    if (!placed)
        arguments[count] = (char *)(uintptr_t)url.at; /* an arena's: ends with NUL */
    return count > 0 && spawn(arguments);
}

/* $BROWSER is a list, the first that can be started is it; else whatever the desktop opens addresses with. */
static bool start_browser(struct sp_arena *arena, struct sp_str url)
{
    const char *named = getenv("BROWSER");
    struct sp_str list = named != NULL ? sp_str_from_cstr(named) : SP_STR_NONE, command;
    while (sp_str_next_word(&list, SP_STR(":"), &command))
        if (start_program(arena, command, url))
            return true;
    return start_program(arena, SP_STR("xdg-open"), url);
}

static void show_address(void *context, struct sp_str url, struct sp_str start)
{
    const struct sp_cli *cli = context;
    bool opens = !sp_cli_flag(cli, "no-browser") && start.len > 0 && start_browser(cli->arena, start);
    fputs(opens ? "The browser opens this address; log in there:\n" : "Open this address in a browser:\n", stderr);
    sp_cli_print_safe(stderr, url);
    fputc('\n', stderr);
}

static bool log_in(struct sp_client_session *session, void *context, struct sp_client_tokens *tokens)
{
    struct sp_cli *cli = context;
    const struct sp_client_login login = {.redirect_uri = sp_cli_text(cli, "redirect-uri"),
                                          .pushes = sp_cli_flag(cli, "par"),
                                          .patience_ms = sp_cli_number(cli, "patience", DEFAULT_PATIENCE_S) * 1000,
                                          .opens = show_address,
                                          .context = cli};
    return sp_cli_flag(cli, "device") ? sp_client_login_by_device(session, &login, tokens)
                                      : sp_client_login_by_browser(session, &login, tokens);
}

static int run_login(struct sp_cli *cli)
{
    struct sp_token_run run = {.grants = log_in, .context = cli, .is_interactive = true};
    int64_t patience = sp_cli_number(cli, "patience", DEFAULT_PATIENCE_S);
    if (patience < 1 || patience > 3600)
        return sp_cli_usage_error(cli, "--patience is between 1 and 3600 seconds");
    if (sp_cli_flag(cli, "device") && (sp_cli_is_given(cli, "redirect-uri") || sp_cli_flag(cli, "par")))
        return sp_cli_usage_error(cli, "--redirect-uri and --par are for a login by browser, not for --device");
    int exit_status = sp_token_run_read(cli, false, &run);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    run.key.grant = SP_STR("login");
    return sp_token_run_all(cli, &run);
}

const struct sp_cli_command sp_cli_token_login = {
    .name = "login",
    .summary = "Get a token for a person: by the browser, or by a code on another device.",
    .arguments = "ISSUER",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text =
        "Opens the issuer's login in the browser and waits on 127.0.0.1 for the answer (RFC 8252); PKCE, state, nonce "
        "and iss are always\n"
        "checked, and an ID token is verified. Prints the access token and nothing else on standard output. Later "
        "calls "
        "take it from\n"
        "the cache, and refresh it when it is due. A client for this has redirect URI http://127.0.0.1/callback, any "
        "port.\n"
        "\n"
        "Examples:\n"
        "  sallyport token login https://idp.example.com --client-id cli --scope 'openid offline_access'\n"
        "  sallyport token login https://idp.example.com --client-id tv --device --json\n"
        "\n"
        "Exit status: 0 a token, 1 the issuer or the person refused (the cause says why), 2 usage, 3 a file could not "
        "be read.",
    .run = run_login,
};
