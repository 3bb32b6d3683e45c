/* SPDX-License-Identifier: Apache-2.0 */
/* The authority's section, read as the authority will read it: what it would not start with is found by `check`,
 * and refused by `serve`. */
#include "authority/settings.h"
#include "cli/check.h"
#include "core/policy/check.h"

#define MAX_SETTINGS_BYTES ((size_t)512 * 1024 * 1024)

/* "authority.clients.web.grants" → its value, or the innermost part that is there. Client ids may have dots, so of the
 * members that begin the rest the longest is taken. */
static const struct sp_json *value_at(const struct sp_json *root, struct sp_str path)
{
    const struct sp_json *value = root;
    while (path.len > 0) {
        const struct sp_json *next = NULL;
        for
            SP_JSON_EACH(member, value)
            {
                bool begins = member->name.len > 0 && sp_str_has_prefix(path, member->name) &&
                              (path.len == member->name.len || path.at[member->name.len] == '.');
                if (begins && (next == NULL || member->name.len > next->name.len)) {
                    next = member;
                }
            }
        if (next == NULL) {
            break;
        }
        path = sp_str_slice(path, next->name.len + 1, path.len);
        value = next;
    }
    return value;
}

enum sp_status sp_check_authority(const struct sp_policy *policy, struct sp_policy_report *report)
{
    const struct sp_json *section = sp_json_member(policy->source, SP_STR("authority"));
    if (section == NULL || section->type == SP_JSON_NULL) {
        return SP_OK;
    }
    struct sp_arena *arena = sp_arena_create(MAX_SETTINGS_BYTES);
    struct sp_authority_settings settings;
    struct sp_settings_error error = {SP_STR_NONE, SP_STR_NONE};
    enum sp_status status =
        arena == NULL ? SP_NO_MEMORY : sp_authority_settings_read(arena, section, SP_STR_NONE, &settings, &error);
    if (status == SP_MALFORMED) {
        struct sp_policy_problem problem = sp_policy_place(policy, value_at(policy->source, error.member));
        problem.finding = (struct sp_finding){.cause = SP_CAUSE_CONFIG_AUTHORITY,
                                              .check = SP_CHECK_COUNT,
                                              .verified = true,
                                              .received = error.member,
                                              .detail = error.message};
        problem.path = error.member;
        problem.message = sp_arena_printf(arena, "%.*s: %.*s", SP_STR_ARG(error.member), SP_STR_ARG(error.message));
        status = sp_policy_report_add(report, &problem);
    }
    sp_arena_destroy(&arena);
    return status;
}
