/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the reference pages from the rows that the program itself reads, so that they cannot tell another story:
 * `reference causes` prints docs/causes.md, `reference configuration` docs/configuration.md. `make docs` runs both,
 * `make lint` fails when a page is not what would be written. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "core/diagnosis/cause.h"

/* A cell of a Markdown table: '|' ends it otherwise. */
static void print_cell(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '|')
            putchar('\\');
        putchar(text.at[i]);
    }
}

static void print_cause(const struct sp_cause_info *info)
{
    printf("### %.*s\n**", SP_STR_ARG(info->id));
    print_cell(info->title);
    printf(".** %.*s\n\n", SP_STR_ARG(info->explanation));
    printf("*Fix:* %.*s\n\n", SP_STR_ARG(info->fix));
    struct sp_str severity = sp_severity_name(info->severity), component = sp_component_name(info->component);
    printf("%.*s · at fault: %.*s", SP_STR_ARG(severity), SP_STR_ARG(component));
    if (info->http_status > 0)
        printf(" · HTTP %d", info->http_status);
    if (!sp_str_is_empty(info->oauth_error))
        printf(" `%.*s`", SP_STR_ARG(info->oauth_error));
    if (!sp_str_is_empty(info->references))
        printf(" · %.*s", SP_STR_ARG(info->references));
    puts("\n");
}

static void print_causes(void)
{
    puts("<!-- Made by `make docs` from core/diagnosis/causes.def: edit there. -->\n"
         "# The causes\n\n"
         "Every refusal, failed flow and warning names one of these. The ids are a public contract: they appear in "
         "responses, the call log, metrics and\n`sallyport cause ID`, and are never renamed. A cause is named only "
         "when it is proven.\n\n"
         "`{expected}`, `{received}` and `{detail}` stand for the values of the case at hand.\n");
    struct sp_str group = SP_STR_NONE;
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        struct sp_str now = sp_cause_group(cause);
        if (group.at == NULL || !sp_str_equal(group, now))
            printf("## %.*s\n\n", SP_STR_ARG(now));
        group = now;
        print_cause(sp_cause_get(cause));
    }
}

static void print_number(int64_t value, const char *kind)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    if (strcmp(kind, "DURATION") != 0 || value == 0) {
        printf("%lld", (long long)value);
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (value % units[i].ms == 0) {
            printf("%lld%s", (long long)(value / units[i].ms), units[i].unit);
            return;
        }
    }
}

static void begin_row(const char *member, const char *help)
{
    printf("| `%s` | ", member);
    print_cell(sp_str_from_cstr(help));
    fputs(" | ", stdout);
}

static void print_kind(const char *kind)
{
    static const struct {
        const char *kind, *words;
    } all[] = {
        {"ADDRESS", "HOST:PORT"},
        {"ALGORITHM", "algorithm"},
        {"ALGORITHMS", "algorithms"},
        {"BOOL", "true, false"},
        {"CLAIMS", "claims by name"},
        {"DURATION", "duration (30s, 5m, 1h)"},
        {"HEADERS", "headers by name"},
        {"HOST", "host name"},
        {"INTEGER", "number"},
        {"KEY_HASHES", "sha256:… hashes"},
        {"METHODS", "HTTP methods"},
        {"NAMES", "text, or a list"},
        {"NETWORKS", "networks (10.0.0.0/8)"},
        {"OPEN", "true, or an object"},
        {"PATH", "file"},
        {"PREFIX", "path prefix"},
        {"SCOPES", "list, or lists by method"},
        {"SECRET", "text, from ${…}"},
        {"SECRETS", "text, or a list, from ${…}"},
        {"SIZE", "bytes"},
        {"TEXT", "text"},
        {"UPSTREAM_URL", "URL"},
        {"URL", "URL"},
        {"WORDING", "text, or texts by language"},
        {"WORKERS", "number, or auto"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].kind, kind) == 0) {
            printf("%s | ", all[i].words);
            return;
        }
    }
    printf("%s | ", kind);
}

static void print_choices(const char *choices)
{
    const char *bar = strchr(choices, '|');
    int first = bar != NULL ? (int)(bar - choices) : (int)strlen(choices);
    for (const char *at = choices; *at != '\0'; at++) {
        if (*at == '|')
            fputs(", ", stdout);
        else
            putchar(*at);
    }
    printf(" | %.*s |\n", first, choices);
}

struct section {
    const char *name, *place, *help;
};

static const struct section sections[] = {
#define SECTION(name, place, help) {#name, place, help},
#define NUMBER(...)
#define CHOICE(...)
#define VALUE(...)
#define INSIDE(...)
#include "core/policy/options.def"
#undef SECTION
#undef NUMBER
#undef CHOICE
#undef VALUE
#undef INSIDE
};

struct option {
    enum { NUMBER_ROW, CHOICE_ROW, VALUE_ROW, INSIDE_ROW } row;
    const char *section, *member, *kind, *text, *help;
    int64_t value, min, max;
};

static const struct option options[] = {
#define SECTION(...)
#define NUMBER(section, name, member, kind, value, min, max, help)                                                     \
    {NUMBER_ROW, #section, member, #kind, NULL, help, value, min, max},
#define CHOICE(section, name, member, choices, help) {CHOICE_ROW, #section, member, NULL, choices, help, 0, 0, 0},
#define VALUE(section, name, member, kind, value, help) {VALUE_ROW, #section, member, #kind, value, help, 0, 0, 0},
#define INSIDE(section, name, member, kind, inside, help) {INSIDE_ROW, #section, member, #kind, #inside, help, 0, 0, 0},
#include "core/policy/options.def"
};

static void print_inside(const struct option *option)
{
    static const char *const shapes[][2] = {{"OBJECT", "object"},
                                            {"OBJECTS", "object, or a list"},
                                            {"MAP", "objects by name"},
                                            {"SWITCH", "object, or false"}};
    const char *shape = "object";
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (strcmp(shapes[i][0], option->kind) == 0)
            shape = shapes[i][1];
    const char *place = "";
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        if (strcmp(sections[i].name, option->text) == 0)
            place = sections[i].place;
    printf("%s, see `%s` | |\n", shape, place);
}

static void print_option(const struct option *option)
{
    begin_row(option->member, option->help);
    switch (option->row) {
    case NUMBER_ROW:
        print_kind(option->kind);
        print_number(option->value, option->kind);
        fputs(" (", stdout);
        print_number(option->min, option->kind);
        fputs(" to ", stdout);
        print_number(option->max, option->kind);
        puts(") |");
        break;
    case CHOICE_ROW:
        print_choices(option->text);
        break;
    case VALUE_ROW:
        print_kind(option->kind);
        print_cell(sp_str_from_cstr(option->text));
        puts(option->text[0] != '\0' ? " |" : "|");
        break;
    case INSIDE_ROW:
        print_inside(option);
        break;
    }
}

static void print_configuration(void)
{
    puts("<!-- Made by `make docs` from core/policy/options.def: edit there. -->\n"
         "# Configuration reference\n\n"
         "`sallyport.yaml` is YAML (JSON is a subset). Several `-c` files merge in order, member by member. `${NAME}` "
         "reads "
         "the environment, `${file:PATH}` a file.\nUnknown members are errors that name the nearest known one. "
         "`sallyport check` finds what would fail. Durations: `500ms`, `30s`, `5m`, `1h`, `30d`.\n");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        printf("## %s%s%s\n%s\n\n| member | what it is | value | default (range) |\n|---|---|---|---|\n",
               sections[i].place[0] != '\0' ? "`" : "", sections[i].place[0] != '\0' ? sections[i].place : "Top level",
               sections[i].place[0] != '\0' ? "`" : "", sections[i].help);
        for (size_t j = 0; j < sizeof options / sizeof options[0]; j++)
            if (strcmp(options[j].section, sections[i].name) == 0)
                print_option(&options[j]);
        puts("");
    }
}
int main(int argc, char **argv)
{
    const char *page = argc == 2 ? argv[1] : "";
    if (strcmp(page, "causes") == 0)
        print_causes();
    else if (strcmp(page, "configuration") == 0)
        print_configuration();
    else
        return fputs("Usage: reference causes|configuration\n", stderr), 2;
    return fflush(stdout) != 0;
}
