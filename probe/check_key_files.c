/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/check_key_files.h"

#include <errno.h>

#include "core/base/limits.h"
#include "core/diagnosis/document.h"
#include "core/diagnosis/verdict.h"
#include "core/policy/check.h"
#include "core/policy/settings.h"
#include "probe/file.h"

static enum sp_status add(const struct sp_policy *policy, size_t issuer, const struct sp_finding *finding,
                          struct sp_arena *arena, struct sp_policy_report *report)
{
    const struct sp_json *value = sp_setting_value(policy->issuer_sources[issuer], SP_SETTING_ISSUER_JWKS_FILE);
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    struct sp_str name = policy->issuers[issuer].name, text = sp_finding_fill(arena, info->explanation, finding);
    struct sp_policy_problem problem = sp_policy_place(policy, value);
    problem.finding = *finding;
    problem.path = sp_arena_printf(arena, "issuers.%.*s.jwks_file", SP_STR_ARG(name));
    problem.message = sp_arena_printf(arena, "issuers.%.*s.jwks_file: %.*s. %.*s", SP_STR_ARG(name),
                                      SP_STR_ARG(info->title), SP_STR_ARG(text));
    return problem.message.at != NULL ? sp_policy_report_add(report, &problem) : SP_NO_MEMORY;
}

/* Fills findings; a file that cannot be read is one. */
static enum sp_status judge(struct sp_arena *arena, struct sp_str path, struct sp_document_findings *findings)
{
    struct sp_fetch_report read = {.url = path, .http_status = 200, .max_bytes = SP_MAX_JWKS_BYTES};
    struct sp_jwk_set *set = NULL;
    struct sp_str terminated;
    enum sp_status status = sp_arena_copy(arena, path, &terminated);
    if (status == SP_OK) {
        status = sp_file_read(arena, terminated.at, SP_MAX_JWKS_BYTES, &read.body);
    }
    if (status == SP_NO_MEMORY) {
        return status;
    }
    if (status != SP_OK && status != SP_TOO_LARGE) {
        findings->count = 1;
        findings->rows[0] = (struct sp_finding){.cause = SP_CAUSE_KEYS_UNREACHABLE,
                                                .check = SP_CHECK_COUNT,
                                                .verified = true,
                                                .expected = path,
                                                .detail = sp_str_from_cstr(strerror(errno))};
        return SP_OK;
    }
    read.too_large = status == SP_TOO_LARGE;
    status = sp_keys_document_examine(arena, &read, &set, findings);
    sp_jwk_set_unref(&set);
    return status;
}

enum sp_status sp_check_key_files(const struct sp_policy *policy, struct sp_policy_report *report)
{
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < policy->issuer_count && status == SP_OK; i++) {
        struct sp_str path = sp_setting_text(policy->issuer_sources[i], SP_SETTING_ISSUER_JWKS_FILE);
        struct sp_document_findings findings = {.count = 0};
        struct sp_arena *arena = path.len > 0 ? sp_arena_create(SP_MAX_EXAM_ARENA_BYTES) : NULL;
        if (path.len == 0) {
            continue;
        }
        status = arena != NULL ? judge(arena, path, &findings) : SP_NO_MEMORY;
        for (size_t n = 0; n < findings.count && status == SP_OK; n++) {
            status = add(policy, i, &findings.rows[n], arena, report);
        }
        sp_arena_destroy(&arena);
    }
    sp_policy_report_sort(report);
    return status;
}
