/* SPDX-License-Identifier: Apache-2.0 */
/* Command line to values, by the rows of the command. Options and arguments may stand in any order; "--" ends the
 * options; "-" is an argument (stdin). */
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/nearest.h"

const struct sp_cli_option sp_cli_common_options[] = {
    {"json", 0, SP_OPTION_FLAG, NULL, "Print JSON."},
    {"help", 'h', SP_OPTION_FLAG, NULL, "Show this text."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static const struct sp_cli_option *find_in(const struct sp_cli_option *options, struct sp_str name)
{
    for (; options != NULL && options->name != NULL; options++)
        if (sp_str_equal(sp_str_from_cstr(options->name), name) ||
            (name.len == 1 && options->letter != 0 && name.at[0] == options->letter))
            return options;
    return NULL;
}

static const struct sp_cli_option *find_option(const struct sp_cli *cli, struct sp_str name)
{
    const struct sp_cli_option *option = find_in(cli->command->options, name);
    return option != NULL ? option : find_in(sp_cli_common_options, name);
}

const struct sp_cli_command *sp_cli_nearest(const struct sp_cli_command *const *commands, struct sp_str name)
{
    const struct sp_cli_command *nearest = NULL;
    size_t least = SP_NOT_NEAR;
    for (; *commands != NULL; commands++) {
        size_t apart = sp_nearness(sp_str_from_cstr((*commands)->name), name);
        if (apart < least) {
            least = apart;
            nearest = *commands;
        }
    }
    return nearest;
}

static const char *nearest_option(const struct sp_cli *cli, struct sp_str name)
{
    const char *nearest = NULL;
    size_t least = SP_NOT_NEAR;
    const struct sp_cli_option *const tables[] = {cli->command->options, sp_cli_common_options};
    for (size_t t = 0; t < 2; t++)
        for (const struct sp_cli_option *option = tables[t]; option != NULL && option->name != NULL; option++) {
            size_t apart = sp_nearness(sp_str_from_cstr(option->name), name);
            if (apart < least) {
                least = apart;
                nearest = option->name;
            }
        }
    return nearest;
}

static bool is_number(struct sp_str value)
{
    char *end = NULL;
    errno = 0;
    strtoll(value.at, &end, 10); /* from argv: ends with NUL */
    return value.len > 0 && errno == 0 && end == value.at + value.len;
}

static enum sp_status complain_of_option(const struct sp_cli *cli, struct sp_str name)
{
    const char *nearest = nearest_option(cli, name);
    const char *dashes = name.len == 1 ? "-" : "--";
    if (nearest != NULL)
        sp_cli_usage_error(cli, "there is no option '%s%.*s'. Did you mean '--%s'?", dashes, SP_STR_ARG(name), nearest);
    else
        sp_cli_usage_error(cli, "there is no option '%s%.*s' (an argument that begins with '-' goes after '--')",
                           dashes, SP_STR_ARG(name));
    return SP_MALFORMED;
}

struct words {
    int argc, at;
    char **argv;
};

static enum sp_status take_option(struct sp_cli *cli, struct words *words)
{
    const char *word = words->argv[words->at];
    bool is_long = word[1] == '-';
    struct sp_str text = sp_str_from_cstr(word + (is_long ? 2 : 1));
    size_t equals = is_long ? sp_str_index_of(text, '=', 0) : text.len;
    struct sp_str name = is_long ? sp_str_slice(text, 0, equals) : sp_str_slice(text, 0, 1);
    struct sp_str value = SP_STR_NONE;
    if (is_long && equals < text.len)
        value = sp_str_slice(text, equals + 1, text.len);
    else if (!is_long && text.len > 1)
        value = sp_str_slice(text, 1, text.len);

    const struct sp_cli_option *option = is_long && name.len < 2 ? NULL : find_option(cli, name);
    if (option == NULL)
        return complain_of_option(cli, name);
    if (option->kind == SP_OPTION_FLAG && value.at != NULL) {
        sp_cli_usage_error(cli, "option '--%s' takes no value", option->name);
        return SP_MALFORMED;
    }
    if (option->kind != SP_OPTION_FLAG && value.at == NULL) {
        if (words->at + 1 >= words->argc) {
            sp_cli_usage_error(cli, "option '--%s' needs a value: %s", option->name, option->argument);
            return SP_MALFORMED;
        }
        value = sp_str_from_cstr(words->argv[++words->at]);
    }
    if (option->kind == SP_OPTION_NUMBER && !is_number(value)) {
        sp_cli_usage_error(cli, "option '--%s' needs a number, not '%.*s'", option->name, SP_STR_ARG(value));
        return SP_MALFORMED;
    }
    if (option->kind != SP_OPTION_LIST && option->kind != SP_OPTION_FLAG && sp_cli_is_given(cli, option->name)) {
        sp_cli_usage_error(cli, "option '--%s' is given twice", option->name);
        return SP_MALFORMED;
    }
    cli->given[cli->given_count++] = (struct sp_cli_given){option, value};
    return SP_OK;
}

enum sp_status sp_cli_parse(struct sp_cli *cli, int argc, char **argv)
{
    if ((unsigned)argc > SP_CLI_MAX_ARGUMENTS) {
        sp_cli_usage_error(cli, "too many arguments");
        return SP_MALFORMED;
    }
    cli->given = sp_arena_calloc(cli->arena, (size_t)argc + 1, sizeof *cli->given);
    cli->arguments = sp_arena_calloc(cli->arena, (size_t)argc + 1, sizeof *cli->arguments);
    if (cli->given == NULL || cli->arguments == NULL)
        return SP_NO_MEMORY;
    bool options_end = false;
    for (struct words words = {argc, 1, argv}; words.at < argc; words.at++) {
        const char *word = argv[words.at];
        if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (!options_end && word[0] == '-' && word[1] != '\0') {
            enum sp_status status = take_option(cli, &words);
            if (status != SP_OK)
                return status;
        } else {
            cli->arguments[cli->argument_count++] = sp_str_from_cstr(word);
        }
    }
    if (cli->argument_count < cli->command->min_arguments) {
        sp_cli_usage_error(cli, "missing argument: %s", cli->command->arguments);
        return SP_MALFORMED;
    }
    if (cli->argument_count > cli->command->max_arguments) {
        sp_cli_usage_error(cli, "too many arguments, from '%.*s' on (quote a text that has spaces)",
                           SP_STR_ARG(cli->arguments[cli->command->max_arguments]));
        return SP_MALFORMED;
    }
    return SP_OK;
}

static const struct sp_cli_given *find_given(const struct sp_cli *cli, const char *name)
{
    const struct sp_cli_option *option = find_option(cli, sp_str_from_cstr(name));
    assert(option != NULL);
    for (size_t i = 0; i < cli->given_count; i++)
        if (cli->given[i].option == option)
            return &cli->given[i];
    return NULL;
}

bool sp_cli_is_given(const struct sp_cli *cli, const char *name)
{
    return find_given(cli, name) != NULL;
}

bool sp_cli_flag(const struct sp_cli *cli, const char *name)
{
    return find_given(cli, name) != NULL;
}

struct sp_str sp_cli_text(const struct sp_cli *cli, const char *name)
{
    const struct sp_cli_given *given = find_given(cli, name);
    return given != NULL ? given->value : SP_STR_NONE;
}

int64_t sp_cli_number(const struct sp_cli *cli, const char *name, int64_t when_absent)
{
    const struct sp_cli_given *given = find_given(cli, name);
    return given != NULL ? strtoll(given->value.at, NULL, 10) : when_absent;
}

size_t sp_cli_list(const struct sp_cli *cli, const char *name, const struct sp_str **values)
{
    const struct sp_cli_given *first = find_given(cli, name);
    struct sp_str *list = first != NULL ? sp_arena_calloc(cli->arena, cli->given_count, sizeof *list) : NULL;
    size_t count = 0;
    for (size_t i = 0; list != NULL && i < cli->given_count; i++)
        if (cli->given[i].option == first->option)
            list[count++] = cli->given[i].value;
    *values = list;
    return count;
}

size_t sp_cli_argument_count(const struct sp_cli *cli)
{
    return cli->argument_count;
}

struct sp_str sp_cli_argument(const struct sp_cli *cli, size_t index)
{
    return index < cli->argument_count ? cli->arguments[index] : SP_STR_NONE;
}

bool sp_cli_wants_json(const struct sp_cli *cli)
{
    return sp_cli_flag(cli, "json");
}

struct sp_arena *sp_cli_arena(const struct sp_cli *cli)
{
    return cli->arena;
}
