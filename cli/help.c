/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, made from the rows of the commands and their options. */
#include "cli/cli.h"

/* A name and what it means beside it, or below it where the column has no room for it. */
static void print_entry(FILE *out, const char *name, unsigned width, const char *text)
{
    const unsigned indent = width + 3;
    fprintf(out, "  %s", sp_cli_style(SP_STYLE_BOLD));
    sp_cli_print_sentence(out, sp_str_from_cstr(name));
    fputs(sp_cli_style(SP_STYLE_PLAIN), out);
    if (sp_cli_has_room(indent))
        fprintf(out, strlen(name) > width ? "\n%*s" : "%*s",
                (int)(strlen(name) > width ? indent : indent - 2 - strlen(name)), "");
    sp_cli_print_wrapped(out, sp_str_from_cstr(text), indent, indent);
    fputc('\n', out);
}

static void print_option(FILE *out, const struct sp_cli_option *option)
{
    char left[64];
    int used = option->letter != 0 ? snprintf(left, sizeof left, "-%c, --%s", option->letter, option->name)
                                   : snprintf(left, sizeof left, "    --%s", option->name);
    if (option->argument != NULL && used > 0 && (size_t)used < sizeof left)
        snprintf(left + used, sizeof left - (size_t)used, " %s", option->argument);
    char text[1024];
    snprintf(text, sizeof text, "%s%s", option->text, option->kind == SP_OPTION_LIST ? " (repeatable)" : "");
    print_entry(out, left, 26, text);
}

static void print_commands(FILE *out, const struct sp_cli_command *const *commands)
{
    for (; *commands != NULL; commands++)
        print_entry(out, (*commands)->name, 12, (*commands)->summary);
}

/* Lines that are as long as the source's are parts of a paragraph; a short one ends it. */
#define FULL_LINE 60u

static struct sp_str next_paragraph(struct sp_str *rest)
{
    size_t from = 0, end;
    for (;;) {
        end = sp_str_index_of(*rest, '\n', from);
        bool is_full = end - from >= FULL_LINE && rest->at[from] != ' ';
        if (!is_full || end + 1 >= rest->len || rest->at[end + 1] == ' ' || rest->at[end + 1] == '\n')
            break;
        from = end + 1;
    }
    struct sp_str paragraph = sp_str_slice(*rest, 0, end);
    *rest = sp_str_slice(*rest, end + 1, rest->len);
    return paragraph;
}

static void print_paragraph(FILE *out, struct sp_str text)
{
    unsigned indent = 0;
    while (indent < text.len && text.at[indent] == ' ')
        indent++;
    fprintf(out, "%*s", (int)indent, "");
    text = sp_str_slice(text, indent, text.len);
    if (text.len + indent <= sp_cli_width())
        sp_cli_print_sentence(out, text);
    else
        sp_cli_print_wrapped(out, text, indent > 0 ? indent + 2 : 0, indent);
    fputc('\n', out);
}

static void print_text(FILE *out, struct sp_str text)
{
    while (text.len > 0)
        print_paragraph(out, next_paragraph(&text));
}

static void print_usage(FILE *out, const char *path, const char *what, const char *arguments)
{
    char line[256];
    snprintf(line, sizeof line, "Usage: %s %s %s", path, what, arguments != NULL ? arguments : "");
    sp_cli_print_wrapped(out, sp_str_from_cstr(line), 4, 0);
    fputs("\n\n", out);
}

void sp_cli_print_help(FILE *out, const struct sp_cli_command *command, const char *path)
{
    fputs(sp_cli_style(SP_STYLE_BOLD), out);
    sp_cli_print_wrapped(out, sp_str_from_cstr(path), 2, 0);
    fprintf(out, "%s: ", sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(out, sp_str_from_cstr(command->summary), 2, (unsigned)strlen(path) + 2);
    fputs("\n\n", out);
    if (command->commands != NULL) {
        print_usage(out, path, "COMMAND …", NULL);
        fputs("Commands:\n", out);
        print_commands(out, command->commands);
    } else {
        print_usage(out, path, "[OPTION]…", command->arguments);
        fputs("Options:\n", out);
        for (const struct sp_cli_option *option = command->options; option != NULL && option->name != NULL; option++)
            print_option(out, option);
        for (const struct sp_cli_option *option = sp_cli_common_options; option->name != NULL; option++)
            print_option(out, option);
    }
    if (command->text != NULL) {
        fputc('\n', out);
        print_text(out, sp_str_from_cstr(command->text));
    }
}

void sp_cli_print_overview(FILE *out, const struct sp_cli_command *const *commands)
{
    fprintf(out, "%ssallyport%s: ", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(out, SP_STR("an OAuth 2.0 and OpenID Connect API gateway that says why."), 2, 11);
    fputs("\n\n", out);
    print_usage(out, "sallyport", "COMMAND …", NULL);
    fputs("Commands:\n", out);
    print_commands(out, commands);
    fputc('\n', out);
    print_text(out, SP_STR("'sallyport help COMMAND' explains one; every command knows --json.\n\n"
                           "Exit status: 0 fine or accepted, 1 rejected or problems found, 2 usage, 3 could not be "
                           "examined."));
}
