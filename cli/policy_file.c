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
        return sp_cli_failure(cli, "the configuration is refused: %.*s ('sallyport check' says all)",
                              SP_STR_ARG(report->problems[0].message));
    if (status != SP_OK || sp_arena_defer(cli->arena, release_policy, *policy) != SP_OK)
        return sp_cli_failure(cli, "the configuration cannot be read");
    return SP_CLI_FINE;
}
