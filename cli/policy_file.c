/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy_file.h"

static void release_policy(void *policy)
{
    struct sp_policy *held = policy;
    sp_policy_unref(&held);
}

static void release_report(void *report)
{
    struct sp_policy_report *held = report;
    sp_policy_report_destroy(&held);
}

/* The first that refuses it, with its place; what --what-if lays over a policy that is good is the asker's mistake. */
static int complain(const struct sp_cli *cli, const struct sp_configuration_terms *terms,
                    const struct sp_policy_report *report)
{
    const struct sp_policy_problem *problem = NULL;
    for (size_t i = 0; i < report->count && problem == NULL; i++)
        if (sp_finding_severity(&report->problems[i].finding) == SP_SEVERITY_REJECT)
            problem = &report->problems[i];
    if (problem == NULL)
        return sp_cli_failure(cli, "the configuration cannot be read");
    if (terms->overlay.at != NULL)
        return sp_cli_usage_error(cli, "%.*s: %.*s", SP_STR_ARG(terms->overlay_name), SP_STR_ARG(problem->message));
    char place[300] = "";
    if (problem->file.len > 0 && problem->line > 0)
        snprintf(place, sizeof place, "%.*s:%u:%u: ", SP_STR_ARG(sp_str_slice(problem->file, 0, 256)), problem->line,
                 problem->column);
    return sp_cli_failure(cli, "the configuration is refused: %s%.*s ('sallyport check' says all)", place,
                          SP_STR_ARG(problem->message));
}

int sp_cli_policy_read(const struct sp_cli *cli, const struct sp_configuration_terms *terms, struct sp_policy **policy)
{
    char trouble[512] = "";
    struct sp_policy_report *report = sp_policy_report_create();
    if (report == NULL || sp_arena_defer(cli->arena, release_report, report) != SP_OK)
        return sp_cli_failure(cli, "out of memory");
    enum sp_status status = sp_configuration_read_as(terms, policy, report, trouble);
    if (status == SP_IO)
        return sp_cli_failure(cli, "%s", trouble);
    if (status == SP_MALFORMED && report->count > 0)
        return complain(cli, terms, report);
    if (status != SP_OK || sp_arena_defer(cli->arena, release_policy, *policy) != SP_OK)
        return sp_cli_failure(cli, "the configuration cannot be read");
    return SP_CLI_FINE;
}
