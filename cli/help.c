/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, made from the rows of the commands and their options. */
#include "cli/cli.h"

static void print_option(FILE *out, const struct sp_cli_option *option)
{
    char left[64];
    int used = option->letter != 0 ? snprintf(left, sizeof left, "-%c, --%s", option->letter, option->name)
                                   : snprintf(left, sizeof left, "    --%s", option->name);
    if (option->argument != NULL && used > 0 && (size_t)used < sizeof left)
        snprintf(left + used, sizeof left - (size_t)used, " %s", option->argument);
    fprintf(out, "  %-26s ", left);
    if (strlen(left) > 26)
        fprintf(out, "\n%29s", "");
    sp_cli_print_wrapped(out, sp_str_from_cstr(option->text), 29, 29);
    if (option->kind == SP_OPTION_LIST)
        fputs(" (repeatable)", out);
    fputc('\n', out);
}

static void print_commands(FILE *out, const struct sp_cli_command *const *commands)
{
    for (; *commands != NULL; commands++) {
        fprintf(out, "  %s%-12s%s ", sp_cli_style(SP_STYLE_BOLD), (*commands)->name, sp_cli_style(SP_STYLE_PLAIN));
        sp_cli_print_wrapped(out, sp_str_from_cstr((*commands)->summary), 15, 15);
        fputc('\n', out);
    }
}

void sp_cli_print_help(FILE *out, const struct sp_cli_command *command, const char *path)
{
    fprintf(out, "%s%s%s: %s\n\n", sp_cli_style(SP_STYLE_BOLD), path, sp_cli_style(SP_STYLE_PLAIN), command->summary);
    if (command->commands != NULL) {
        fprintf(out, "Usage: %s COMMAND …\n\nCommands:\n", path);
        print_commands(out, command->commands);
    } else {
        fprintf(out, "Usage: %s [OPTION]…%s%s\n\nOptions:\n", path, command->arguments != NULL ? " " : "",
                command->arguments != NULL ? command->arguments : "");
        for (const struct sp_cli_option *option = command->options; option != NULL && option->name != NULL; option++)
            print_option(out, option);
        for (const struct sp_cli_option *option = sp_cli_common_options; option->name != NULL; option++)
            print_option(out, option);
    }
    if (command->text != NULL)
        fprintf(out, "\n%s\n", command->text);
}

void sp_cli_print_overview(FILE *out, const struct sp_cli_command *const *commands)
{
    fprintf(out,
            "%ssallyport%s: an OAuth 2.0 and OpenID Connect API gateway that says why.\n\n"
            "Usage: sallyport COMMAND …\n\nCommands:\n",
            sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
    print_commands(out, commands);
    fputs("\n'sallyport help COMMAND' explains one; every command knows --json.\n"
          "Exit status: 0 fine or accepted, 1 rejected or problems found, 2 usage, 3 could not be examined.\n",
          out);
}
