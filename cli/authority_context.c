/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/authority_context.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "authority/master_key.h"
#include "probe/configuration.h"

#define KEY_LIST_BYTES ((size_t)16 * 1024 * 1024)

const char *sp_cli_authority_state(const struct sp_cli *cli)
{
    struct sp_str state = sp_cli_text(cli, "state");
    return state.at != NULL ? state.at : "state"; /* from argv: ends with NUL */
}

static void release_policy(void *policy)
{
    struct sp_policy *held = policy;
    sp_policy_unref(&held);
}

static char *kept; /* the first complaint; NULL: nobody asked */
static size_t kept_size;

void sp_cli_keep_complaint(char *line, size_t size)
{
    kept = line;
    kept_size = size;
    if (line != NULL)
        line[0] = '\0';
}

__attribute__((format(printf, 1, 2))) static void keep(const char *format, ...)
{
    va_list arguments;
    if (kept == NULL || kept[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(kept, kept_size, format, arguments);
    va_end(arguments);
}

static void complain(const struct sp_policy_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct sp_policy_problem *problem = &report->problems[i];
        if (sp_cause_get(problem->finding.cause)->severity != SP_SEVERITY_REJECT)
            continue;
        fprintf(stderr, "%.*s:%u:%u: ", SP_STR_ARG(problem->file), problem->line, problem->column);
        sp_cli_print_safe(stderr, problem->message);
        fputc('\n', stderr);
        keep("%.*s:%u:%u: %.*s: %.*s", SP_STR_ARG(problem->file), problem->line, problem->column,
             SP_STR_ARG(sp_cause_get(problem->finding.cause)->id), SP_STR_ARG(problem->message));
    }
}

/* What the settings are read from; the policy lives as long as they, which borrow from it. */
struct section {
    const struct sp_json *value;
    struct sp_policy *configuration;
    struct sp_str_list blocked_networks;
};

static enum sp_status take_section(struct sp_arena *arena, struct sp_policy *takes, struct section *section)
{
    section->value = sp_json_member(takes->source, SP_STR("authority"));
    section->configuration = takes;
    section->blocked_networks = takes->serving.blocked_networks;
    enum sp_status status = sp_arena_defer(arena, release_policy, takes);
    if (status != SP_OK)
        sp_policy_unref(&takes);
    return status;
}

/* From the -c files, or from what was handed over. */
static enum sp_status read_section(const struct sp_cli *cli, struct sp_arena *arena, struct sp_str handed,
                                   struct section *section)
{
    const struct sp_str *files = NULL;
    size_t count = handed.at == NULL ? sp_cli_list(cli, "config", &files) : 0;
    if (handed.at == NULL && count == 0) {
        (void)sp_cli_failure(cli, "no configuration is given: name it with -c FILE");
        return SP_MALFORMED;
    }
    struct sp_policy_report *report = sp_policy_report_create();
    struct sp_policy *policy = NULL;
    char trouble[512] = "";
    enum sp_status status = SP_NO_MEMORY;
    if (report != NULL && handed.at != NULL)
        status = sp_policy_parse(handed, SP_STR("the configuration in force"), &policy, report);
    else if (report != NULL)
        status = sp_configuration_read(files, count, &policy, report, trouble);
    if (status == SP_MALFORMED)
        complain(report);
    else if (status != SP_OK) {
        (void)sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
        keep("%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
    }
    sp_policy_report_destroy(&report);
    return status == SP_OK ? take_section(arena, policy, section) : status;
}

static enum sp_status read_settings(const struct sp_cli *cli, struct sp_arena *arena, const struct section *section,
                                    struct sp_str default_issuer, struct sp_authority_settings *settings)
{
    if (section->value == NULL) {
        (void)sp_cli_failure(cli,
                             "the configuration has no authority: section; give one with -c FILE, or start with --dev");
        return SP_MALFORMED;
    }
    struct sp_settings_error error = {SP_STR_NONE, SP_STR_NONE};
    enum sp_status status = sp_authority_settings_read(arena, section->value, default_issuer, settings, &error);
    if (status == SP_MALFORMED) {
        (void)sp_cli_failure(cli, "%.*s: %.*s", SP_STR_ARG(error.member), SP_STR_ARG(error.message));
        keep("config.authority: %.*s: %.*s", SP_STR_ARG(error.member), SP_STR_ARG(error.message));
    } else if (status != SP_OK)
        (void)sp_cli_failure(cli, "the configuration: %s", sp_status_text(status));
    else {
        settings->blocked_networks = section->blocked_networks;
        settings->configuration = section->configuration;
    }
    return status;
}

enum sp_status sp_cli_authority_settings(const struct sp_cli *cli, struct sp_arena *arena, struct sp_str default_issuer,
                                         const char *fallback, struct sp_authority_settings *settings)
{
    struct section section = {.value = NULL};
    struct sp_json_error error;
    enum sp_status status =
        !sp_cli_is_given(cli, "config") && fallback != NULL
            ? sp_json_parse(arena, sp_str_from_cstr(fallback), &sp_json_limits_document, &section.value, &error)
            : read_section(cli, arena, SP_STR_NONE, &section);
    return status == SP_OK ? read_settings(cli, arena, &section, default_issuer, settings) : status;
}

enum sp_status sp_cli_authority_settings_handed(const struct sp_cli *cli, struct sp_arena *arena, struct sp_str text,
                                                struct sp_authority_settings *settings)
{
    struct section section = {.value = NULL};
    enum sp_status status = read_section(cli, arena, text, &section);
    return status == SP_OK ? read_settings(cli, arena, &section, SP_STR_NONE, settings) : status;
}

enum sp_status sp_cli_postgres_terms(const struct sp_cli *cli, struct sp_postgres_terms *terms)
{
    struct sp_authority_settings settings;
    *terms = (struct sp_postgres_terms){.url = SP_STR_NONE};
    if (!sp_cli_is_given(cli, "config"))
        return SP_OK;
    enum sp_status status =
        sp_cli_authority_settings(cli, sp_cli_arena(cli), SP_STR("https://authority.invalid"), NULL, &settings);
    if (status == SP_OK)
        *terms = settings.postgres;
    return status;
}

static enum sp_status open_file(const struct sp_cli *cli, bool makes, struct sp_store **store, char trouble[256])
{
    const char *state = sp_cli_authority_state(cli);
    struct sp_str path = sp_arena_printf(sp_cli_arena(cli), "%s/authority.sqlite", state);
    if (path.at == NULL)
        return SP_NO_MEMORY;
    if (!makes && access(path.at, F_OK) != 0) {
        snprintf(trouble, 256, "there is no store at %.120s (%s): name the authority's state directory with --state",
                 path.at, strerror(errno));
        return SP_IO;
    }
    if (makes && mkdir(state, 0700) != 0 && errno != EEXIST) {
        snprintf(trouble, 256, "%.180s: %s", state, strerror(errno));
        return SP_IO;
    }
    return sp_store_open_sqlite(path.at, store, trouble);
}

static enum sp_status open_store(const struct sp_cli *cli, const struct sp_authority_settings *settings, bool makes,
                                 struct sp_store **store, char trouble[256])
{
    struct sp_postgres_terms terms;
    enum sp_status status = SP_OK;
    if (settings != NULL)
        terms = settings->postgres;
    else
        status = sp_cli_postgres_terms(cli, &terms);
    if (status != SP_OK)
        return status;
    return terms.url.len > 0 ? sp_store_open_postgres(&terms, store, trouble) : open_file(cli, makes, store, trouble);
}

enum sp_status sp_cli_open_store(const struct sp_cli *cli, const struct sp_authority_settings *settings,
                                 struct sp_store **store, char trouble[256])
{
    return open_store(cli, settings, true, store, trouble);
}

enum sp_status sp_cli_open_present_store(const struct sp_cli *cli, struct sp_store **store, char trouble[256])
{
    return open_store(cli, NULL, false, store, trouble);
}

enum sp_status sp_cli_master_key(const struct sp_authority_settings *settings, struct sp_store *store,
                                 const char *state, unsigned char key[32], char trouble[256])
{
    struct sp_arena *arena = sp_arena_create(KEY_LIST_BYTES);
    struct sp_stored_key *sealed = NULL;
    size_t count = 0;
    enum sp_status status = arena != NULL ? store->methods->list_keys(store, arena, &sealed, &count) : SP_NO_MEMORY;
    sp_arena_destroy(&arena);
    if (status != SP_OK) {
        snprintf(trouble, 256, "the store: %.230s", status == SP_IO ? store->trouble : sp_status_text(status));
        return status;
    }
    return sp_master_key_get(settings->master_key, state, count == 0, key, trouble);
}
