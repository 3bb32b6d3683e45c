/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands and the way to them. A new command is a file with its `const struct sp_cli_command` and one row
 * here. */
#include "cli/cli.h"
#include "cli/authority_context.h"
#include "cli/backtest.h"
#include "cli/check.h"
#include "cli/doctor.h"
#include "cli/explain.h"
#include "cli/inspect.h"
#include "cli/lab.h"
#include "cli/serve.h"
#include "cli/token.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static const struct sp_cli_command *const commands[] = {
    &sp_cli_check,    &sp_cli_cause,    &sp_cli_serve,   &sp_cli_token,
    &sp_cli_explain,  &sp_cli_backtest, &sp_cli_inspect, &sp_cli_authority,
    &sp_cli_accounts, &sp_cli_clients,  &sp_cli_backup,  &sp_cli_keys,
    &sp_cli_doctor,   &sp_cli_record,   &sp_cli_lab,     NULL,
};

#define CLI_ARENA_BYTES (512u * 1024 * 1024)

static int run_command(const struct sp_cli_command *command, const char *path, int argc, char **argv);

static int complain_of_unknown(const struct sp_cli_command *const *known, const char *path, struct sp_str name)
{
    const struct sp_cli_command *nearest = sp_cli_nearest(known, name);
    fprintf(stderr, "%s: there is no command '", path);
    sp_cli_print_safe(stderr, name);
    fputs("'", stderr);
    if (nearest != NULL)
        fprintf(stderr, ". Did you mean '%s'?", nearest->name);
    const char *group = strchr(path, ' ');
    fprintf(stderr, "\nSee 'sallyport help%s'.\n", group != NULL ? group : "");
    return SP_CLI_USAGE;
}

static const struct sp_cli_command *find_command(const struct sp_cli_command *const *known, const char *name)
{
    for (; *known != NULL; known++)
        if (strcmp((*known)->name, name) == 0)
            return *known;
    return NULL;
}

static bool is_help_option(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `sallyport help token examine`: walks down the groups. */
static int print_help_of(int argc, char **argv)
{
    const struct sp_cli_command *const *known = commands;
    const struct sp_cli_command *command = NULL;
    char path[128] = "sallyport";
    for (int i = 0; i < argc; i++) {
        const struct sp_cli_command *next = known != NULL ? find_command(known, argv[i]) : NULL;
        if (next == NULL)
            return complain_of_unknown(known != NULL ? known : (const struct sp_cli_command *const[]){NULL}, path,
                                       sp_str_from_cstr(argv[i]));
        command = next;
        known = next->commands;
        size_t used = strlen(path);
        snprintf(path + used, sizeof path - used, " %s", next->name);
    }
    if (command == NULL)
        sp_cli_print_overview(stdout, commands);
    else
        sp_cli_print_help(stdout, command, path);
    return SP_CLI_FINE;
}

static int run_group(const struct sp_cli_command *group, const char *path, int argc, char **argv)
{
    if (argc < 2 || is_help_option(argv[1])) {
        sp_cli_print_help(argc < 2 ? stderr : stdout, group, path);
        return argc < 2 ? SP_CLI_USAGE : SP_CLI_FINE;
    }
    const struct sp_cli_command *command = find_command(group->commands, argv[1]);
    if (command == NULL)
        return complain_of_unknown(group->commands, path, sp_str_from_cstr(argv[1]));
    char longer[128];
    snprintf(longer, sizeof longer, "%s %s", path, command->name);
    return run_command(command, longer, argc - 1, argv + 1);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help_option(argv[i]))
            return true;
    return false;
}

static int run_command(const struct sp_cli_command *command, const char *path, int argc, char **argv)
{
    if (command->commands != NULL)
        return run_group(command, path, argc, argv);
    if (asks_for_help(argc, argv)) {
        sp_cli_print_help(stdout, command, path);
        return SP_CLI_FINE;
    }
    struct sp_cli cli = {.command = command, .path = path, .arena = sp_arena_create(CLI_ARENA_BYTES)};
    int exit_status = SP_CLI_UNEXAMINED;
    if (cli.arena == NULL)
        fprintf(stderr, "%s: out of memory\n", path);
    else if (sp_cli_parse(&cli, argc, argv) != SP_OK)
        exit_status = SP_CLI_USAGE;
    else
        exit_status = command->run(&cli);
    sp_arena_destroy(&cli.arena);
    return exit_status;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        sp_cli_print_overview(stderr, commands);
        return SP_CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("sallyport %s\n", SP_VERSION);
        return SP_CLI_FINE;
    }
    if (is_help_option(argv[1]) || strcmp(argv[1], "help") == 0)
        return print_help_of(argc - 2, argv + 2);
    const struct sp_cli_command *command = find_command(commands, argv[1]);
    if (command == NULL)
        return complain_of_unknown(commands, "sallyport", sp_str_from_cstr(argv[1]));
    char path[64];
    snprintf(path, sizeof path, "sallyport %s", command->name);
    return run_command(command, path, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    /* A closed pipe (`| head`) is a write that fails, told to nobody, and not death in the middle of a state change. */
    signal(SIGPIPE, SIG_IGN);
    int exit_status = dispatch(argc, argv);
    errno = 0;
    if (fflush(stdout) == 0 || errno == EPIPE)
        return exit_status;
    if (exit_status != SP_CLI_UNEXAMINED) /* else it was told */
        fprintf(stderr, "sallyport: could not write to standard output: %s\n", strerror(errno));
    return exit_status == SP_CLI_FINE ? SP_CLI_UNEXAMINED : exit_status;
}
