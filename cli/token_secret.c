/* SPDX-License-Identifier: Apache-2.0 */
/* The client's secret and keys: from files, the environment, the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cli/token_grant.h"
#include "core/base/secret.h"
#include "core/oauth/client_authentication.h"

#define MAX_SECRET_BYTES ((size_t)64 * 1024)

static struct sp_str without_line_end(struct sp_str text)
{
    if (text.len > 0 && text.at[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.at[text.len - 1] == '\r')
        text.len--;
    return text;
}

int sp_token_secret_read(const struct sp_cli *cli, struct sp_str file, struct sp_str *secret)
{
    struct sp_str text;
    if (sp_cli_read(cli, file, MAX_SECRET_BYTES, &text) != SP_OK)
        return SP_CLI_UNEXAMINED;
    *secret = without_line_end(text);
    return secret->len > 0 ? SP_CLI_FINE : sp_cli_failure(cli, "there is nothing in %.*s", SP_STR_ARG(file));
}

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

/* The terminal's line, once there is one, or -1 at the first signal of those that end the program. They are blocked but
 * for the wait, so that one that comes at any other moment – the prompt is shown, the read not begun – ends the wait.
 */
static ssize_t read_line(int terminal, const sigset_t *while_waiting, char *line, size_t room)
{
    struct pollfd watched = {.fd = terminal, .events = POLLIN};
    int ready;
    do {
        ready = ppoll(&watched, 1, NULL, while_waiting);
    } while (ready < 0 && errno == EINTR && caught == 0);
    return ready > 0 && caught == 0 ? read(terminal, line, room) : -1;
}

/* Reads a line; whoever ends the program meanwhile gets a terminal back that shows what is typed. */
static ssize_t read_unseen(int terminal, const struct termios *before, char *line, size_t room)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    enum { COUNT = sizeof ending / sizeof ending[0] };
    struct sigaction note = {.sa_handler = note_signal}, old[COUNT];
    struct termios quiet = *before;
    sigset_t blocked, mask;
    sigemptyset(&note.sa_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < COUNT; i++)
        sigaddset(&blocked, ending[i]);
    sigprocmask(SIG_BLOCK, &blocked, &mask);
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    for (size_t i = 0; i < COUNT; i++)
        sigaction(ending[i], &note, &old[i]);
    /* Before the prompt: what is typed or pasted in answer to it is neither shown nor thrown away. */
    tcsetattr(terminal, TCSAFLUSH, &quiet);
    (void)!write(terminal, "Client secret: ", 15);
    ssize_t got = read_line(terminal, &mask, line, room);
    tcsetattr(terminal, TCSAFLUSH, before);
    (void)!write(terminal, "\n", 1);
    for (size_t i = 0; i < COUNT; i++)
        sigaction(ending[i], &old[i], NULL);
    if (caught != 0)
        raise(caught); /* blocked until the next line: then it ends us as if nothing had been caught */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return got;
}

/* On the terminal itself; standard input and output may be pipes. */
static int ask_for_secret(const struct sp_cli *cli, struct sp_str *secret)
{
    char line[4096];
    struct termios before;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0 || tcgetattr(terminal, &before) != 0) {
        if (terminal >= 0)
            close(terminal);
        return sp_cli_usage_error(cli, "the client's secret is missing: --client-secret-file FILE, or "
                                       "SALLYPORT_CLIENT_SECRET in the environment");
    }
    ssize_t got = read_unseen(terminal, &before, line, sizeof line);
    close(terminal);
    struct sp_str typed = without_line_end(sp_str(line, got > 0 ? (size_t)got : 0));
    enum sp_status status = sp_arena_copy(cli->arena, typed, secret);
    sp_wipe(line, sizeof line);
    return status == SP_OK && typed.len > 0 ? SP_CLI_FINE : sp_cli_failure(cli, "no secret was given");
}

int sp_token_client_secret_read(const struct sp_cli *cli, bool asks, struct sp_client_settings *settings)
{
    struct sp_str file = sp_cli_text(cli, "client-secret-file"), given = sp_cli_text(cli, "client-secret");
    const char *environment = getenv("SALLYPORT_CLIENT_SECRET");
    if (file.at != NULL && given.at != NULL)
        return sp_cli_usage_error(cli, "give one of --client-secret and --client-secret-file");
    if (given.at != NULL)
        fprintf(stderr,
                "%s: warning: other users of this machine can see a secret on a command line; "
                "--client-secret-file or SALLYPORT_CLIENT_SECRET hides it\n",
                cli->path);
    if (file.at != NULL)
        return sp_token_secret_read(cli, file, &settings->secret);
    bool by_secret = settings->method.at == NULL || sp_str_has_prefix(settings->method, SP_STR("client_secret"));
    settings->secret = given;
    if (given.at == NULL && environment != NULL && environment[0] != '\0' && by_secret)
        settings->secret = sp_str_from_cstr(environment);
    bool has_other = settings->key != NULL || settings->certificate_file.len > 0;
    bool needs = sp_str_has_prefix(settings->method, SP_STR("client_secret")) ||
                 (asks && settings->method.at == NULL && !has_other);
    return settings->secret.len == 0 && needs ? ask_for_secret(cli, &settings->secret) : SP_CLI_FINE;
}
