/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport check`: what would fail, before it does. Prints as a compiler does: place, sentence, the line with a
 * caret, the fix. A warning is a problem found too (exit status 1): who runs this in a pipeline wants to know. */
#include "cli/check.h"

#include "cli/serve.h"
#include "core/base/limits.h"
#include "core/diagnosis/verdict.h"
#include "core/policy/settings.h"
#include "core/policy/check.h"
#include "probe/certificate_file.h"
#include "probe/check_here.h"
#include "probe/check_key_files.h"
#include "probe/check_online.h"
#include "probe/configuration.h"

#define MAX_REPORT_BYTES (16u * 1024 * 1024)
#define SHOWN_COLUMNS 100u

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "A configuration file; several are merged in order. Default: sallyport.yaml here or in /etc/sallyport."},
    {"online", 0, SP_OPTION_FLAG, NULL,
     "Also ask the outside: the issuers (discovery, key sets, certificates), and the names of upstreams."},
    {"here", 0, SP_OPTION_FLAG, NULL,
     "Also ask this machine, as the user who runs it: can nginx listen on each address, can each file be written."},
    {"state", 0, SP_OPTION_TEXT, "DIR",
     "The state directory of --here, as `serve` has it. Default: $STATE_DIRECTORY, or ./state."},
    {"schema", 0, SP_OPTION_FLAG, NULL, "Print the JSON schema of the configuration, for editors, and check nothing."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

/* ---- for people ---- */
static struct sp_str line_of(struct sp_str text, uint32_t number)
{
    size_t from = 0;
    for (uint32_t line = 1; line < number && from < text.len; line++) {
        from = sp_str_index_of(text, '\n', from) + 1;
    }
    return number == 0 || from >= text.len ? SP_STR_NONE : sp_str_slice(text, from, sp_str_index_of(text, '\n', from));
}

/* The files are read again for their lines, when there is something to show. */
struct sources {
    const struct sp_str *names;
    struct sp_str *texts;
    size_t count;
};

static void read_sources(const struct sp_cli *cli, struct sources *sources)
{
    sources->texts = sp_arena_calloc(sp_cli_arena(cli), sources->count, sizeof *sources->texts);
    for (size_t i = 0; sources->texts != NULL && i < sources->count; i++) {
        if (sp_cli_read(cli, sources->names[i], SP_MAX_POLICY_BYTES, &sources->texts[i]) != SP_OK) {
            sources->texts[i] = SP_STR_NONE;
        }
    }
}

static struct sp_str text_of_file(const struct sources *sources, struct sp_str file)
{
    for (size_t i = 0; i < sources->count; i++) {
        if (sources->texts != NULL && sp_str_equal(sources->names[i], file)) {
            return sources->texts[i];
        }
    }
    return SP_STR_NONE;
}

static bool is_secret(enum sp_setting setting)
{
    enum sp_kind kind = sp_setting_get(setting)->kind;
    return kind == SP_KIND_SECRET || kind == SP_KIND_SECRETS || kind == SP_KIND_KEY_HASHES ||
           setting == SP_SETTING_CLIENT_SECRET_HASH;
}

/* "consumers.acme.api_keys[0]": whether a member of that name holds a secret, or the hash of one, anywhere. */
static bool is_path_of_secret(struct sp_str path)
{
    size_t at = path.len;
    while (at > 0 && path.at[at - 1] != '.') {
        at--;
    }
    struct sp_str name = sp_str_slice(path, at, path.len);
    name = sp_str_slice(name, 0, sp_str_index_of(name, '[', 0));
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        if (is_secret(setting) && sp_str_equal(sp_setting_get(setting)->name, name)) {
            return true;
        }
    }
    return false;
}

/* A line with a secret in it is not shown: reports are pasted into tickets. Where a hash belongs, what stands there
 * instead is the secret itself. */
static bool shows_secret(const struct sp_policy_problem *problem)
{
    return problem->finding.cause == SP_CAUSE_CONFIG_INLINE_SECRET || is_path_of_secret(problem->path);
}

/* The line with a caret under the column, which counts characters; long lines are cut around it. */
static void print_source(const struct sources *sources, const struct sp_policy_problem *problem)
{
    struct sp_str line = line_of(text_of_file(sources, problem->file), problem->line);
    if (line.at == NULL || shows_secret(problem)) {
        return;
    }
    size_t at = 0, end;
    uint32_t column = 1, shown = 0;
    uint32_t first = problem->column > SHOWN_COLUMNS - 20 ? problem->column - (SHOWN_COLUMNS - 20) : 1;
    for (; at < line.len && column < first; column++) {
        for (at++; at < line.len && ((unsigned char)line.at[at] & 0xc0) == 0x80; at++) {
        }
    }
    for (end = at; end < line.len && shown < SHOWN_COLUMNS; shown++) {
        for (end++; end < line.len && ((unsigned char)line.at[end] & 0xc0) == 0x80; end++) {
        }
    }
    printf("%5u | ", problem->line);
    sp_cli_print_safe(stdout, sp_str_slice(line, at, end));
    printf("\n      | %*s%s^%s\n", (int)(problem->column > column ? problem->column - column : 0), "",
           sp_cli_style(SP_STYLE_BAD), sp_cli_style(SP_STYLE_PLAIN));
}

static void print_problem(const struct sp_cli *cli, const struct sources *sources,
                          const struct sp_policy_problem *problem)
{
    bool is_error = sp_finding_severity(&problem->finding) == SP_SEVERITY_REJECT;
    fputs(sp_cli_style(SP_STYLE_BOLD), stdout);
    sp_cli_print_safe(stdout, problem->file);
    if (problem->line > 0) {
        printf(":%u:%u", problem->line, problem->column);
    }
    printf(":%s %s%s:%s ", sp_cli_style(SP_STYLE_PLAIN), sp_cli_style(is_error ? SP_STYLE_BAD : SP_STYLE_WARN),
           is_error ? "error" : "warning", sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_safe(stdout, problem->message);
    printf(" [%.*s", SP_STR_ARG(sp_cause_get(problem->finding.cause)->id));
    if (problem->finding.reason != SP_CAUSE_NONE) {
        printf(", %.*s", SP_STR_ARG(sp_cause_get(problem->finding.reason)->id));
    }
    puts("]");
    print_source(sources, problem);
    fputs("      = ", stdout);
    sp_cli_print_wrapped(stdout, sp_finding_fix(sp_cli_arena(cli), &problem->finding), 8, 8);
    fputs("\n\n", stdout);
}

static void print_report(const struct sp_cli *cli, const struct sources *sources, const struct sp_policy_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        print_problem(cli, sources, &report->problems[i]);
    }
    if (report->count == 0) {
        printf("%sfine%s: nothing found\n", sp_cli_style(SP_STYLE_GOOD), sp_cli_style(SP_STYLE_PLAIN));
    } else {
        size_t warnings = report->count > report->error_count ? report->count - report->error_count : 0;
        printf("%zu error%s, %zu warning%s; `sallyport cause ID` explains each\n", report->error_count,
               report->error_count == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    }
}

/* ---- for programs ---- */
static const struct sp_policy_problem *primary_of(const struct sp_policy_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (sp_finding_severity(&report->problems[i].finding) == SP_SEVERITY_REJECT) {
            return &report->problems[i];
        }
    }
    return report->count > 0 ? &report->problems[0] : NULL;
}

/* As every verdict: the primary cause, then the others. */
static void write_causes(struct sp_json_writer *json, const struct sp_policy_report *report)
{
    const struct sp_policy_problem *primary = primary_of(report);
    sp_json_name(json, SP_STR("cause"));
    if (primary != NULL) {
        sp_finding_write(json, &primary->finding);
    } else {
        sp_json_put_null(json);
    }
    sp_json_name(json, SP_STR("also"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < report->count; i++) {
        if (&report->problems[i] != primary) {
            sp_finding_write(json, &report->problems[i].finding);
        }
    }
    sp_json_end_array(json);
}

static int print_report_json(const struct sp_cli *cli, const struct sp_policy_report *report, int exit_status)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, NULL, MAX_REPORT_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "accepted", report->error_count == 0);
    sp_json_int_member(&json, "errors", (int64_t)report->error_count);
    sp_json_int_member(&json, "warnings", (int64_t)report->count - (int64_t)report->error_count);
    write_causes(&json, report);
    sp_json_name(&json, SP_STR("problems"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < report->count; i++) {
        const struct sp_policy_problem *problem = &report->problems[i];
        sp_json_begin_object(&json);
        sp_json_name(&json, SP_STR("cause"));
        sp_finding_write(&json, &problem->finding);
        sp_json_string_member(&json, "file", problem->file);
        sp_json_int_member(&json, "line", problem->line);
        sp_json_int_member(&json, "column", problem->column);
        sp_json_string_member(&json, "path", problem->path);
        sp_json_string_member(&json, "message", problem->message);
        sp_json_end_object(&json);
    }
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    exit_status = sp_cli_print_json(cli, &buffer, exit_status);
    sp_buffer_fini(&buffer);
    return exit_status;
}

/* ---- the command ---- */
static enum sp_status judge(const struct sp_cli *cli, const struct sources *sources, struct sp_policy_report *report,
                            char trouble[512])
{
    struct sp_policy *policy = NULL;
    enum sp_status status = sp_configuration_read(sources->names, sources->count, &policy, report, trouble);
    if (status == SP_OK) {
        status = sp_policy_check_certificates(policy, &sp_certificate_files, sp_cli_now(), false, report);
    }
    if (status == SP_OK) {
        status = sp_check_key_files(policy, report);
    }
    if (status == SP_OK) {
        status = sp_check_authority(policy, report);
    }
    if (status == SP_OK && sp_cli_flag(cli, "here")) {
        bool is_named;
        struct sp_machine_terms terms = {.state = sp_cli_serve_state(cli, &is_named)};
        terms.is_state_assumed = !is_named;
        status = sp_check_here(policy, &terms, report);
    }
    if (status == SP_OK && sp_cli_flag(cli, "online")) {
        status = sp_check_online(policy, report);
    }
    sp_policy_unref(&policy);
    return status == SP_MALFORMED ? SP_OK : status;
}

static int print_schema(const struct sp_cli *cli)
{
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, NULL, MAX_REPORT_BYTES);
    sp_settings_write_schema(&buffer);
    int exit_status = sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
    sp_buffer_fini(&buffer);
    return exit_status;
}

static int run_check(struct sp_cli *cli)
{
    if (sp_cli_flag(cli, "schema")) {
        return print_schema(cli);
    }
    struct sources sources = {0};
    struct sp_str found;
    char trouble[512] = "";
    sources.count = sp_cli_list(cli, "config", &sources.names);
    if (sources.count == 0) {
        found = sp_configuration_default();
        sources.names = &found;
        sources.count = 1;
    }
    struct sp_policy_report *report = sp_policy_report_create();
    if (report == NULL) {
        return sp_cli_failure(cli, "out of memory");
    }
    enum sp_status status = judge(cli, &sources, report, trouble);
    int exit_status = report->count > 0 ? SP_CLI_REJECTED : SP_CLI_FINE;
    if (status != SP_OK) {
        exit_status = sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
    } else if (sp_cli_wants_json(cli)) {
        exit_status = print_report_json(cli, report, exit_status);
    } else {
        if (report->count > 0) {
            read_sources(cli, &sources);
        }
        print_report(cli, &sources, report);
    }
    sp_policy_report_destroy(&report);
    return exit_status;
}

const struct sp_cli_command sp_cli_check = {
    .name = "check",
    .summary = "Lint the configuration; with --here also ask this machine, with --online the issuers.",
    .options = options,
    .text =
        "Examples:\n"
        "  sallyport check -c base.yaml -c production.yaml\n"
        "  sallyport check --here --state /var/lib/sallyport     # on the machine that serves, as the user who does\n"
        "  sallyport check --online --json | jq '.problems[].cause.id'\n",
    .run = run_check,
};
