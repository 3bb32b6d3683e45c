/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration from anywhere: refused with a reason, or a policy that is closed by default and that its own snapshot
 * reproduces. */
#include "core/policy/policy.h"
#include "core/policy/report.h"
#include "core/policy/snapshot.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum sp_status parse(struct sp_str text, struct sp_policy **policy, struct sp_policy_report *report)
{
    const struct sp_policy_text file = {.name = SP_STR("fuzz.yaml"), .text = text};
    const struct sp_policy_input input = {.texts = &file, .text_count = 1, .max_arena_bytes = 64 << 20};
    return sp_policy_parse_input(&input, policy, report);
}

static void check_closed(const struct sp_policy *policy)
{
    for (size_t i = 0; i < policy->api_count; i++) {
        const struct sp_api *api = &policy->apis[i];
        ALWAYS(api->anonymous || api->accepts_token || api->accepts_api_key);
        ALWAYS(api->method_count > 0);
        for (size_t j = 0; j < api->method_count; j++)
            for (size_t k = 0; k < api->methods[j].requirements.issuer_count; k++)
                ALWAYS(api->methods[j].requirements.issuers[k] < policy->issuer_count);
    }
    struct sp_route_match match;
    static const char *const paths[] = {"/", "/photos", "/photos/1", "/photosX", "/%", ""};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (sp_policy_match(policy, SP_STR("api.example.com"), sp_str_from_cstr(paths[i]), SP_STR("GET"), &match) ==
            SP_MATCH_FOUND)
            ALWAYS(match.api != NULL && match.requirements != NULL);
}

static void check_snapshot(const struct sp_policy *policy)
{
    struct sp_arena *arena = sp_arena_create(64 << 20);
    struct sp_policy_report *report = sp_policy_report_create();
    struct sp_policy *again = NULL;
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 32 << 20);
    sp_policy_snapshot(policy, NULL, &out);
    if (sp_buffer_status(&out) == SP_OK) {
        enum sp_status status = parse(sp_buffer_str(&out), &again, report);
        ALWAYS(status == SP_OK || status == SP_NO_MEMORY);
        if (status == SP_OK) {
            struct sp_buffer second;
            sp_buffer_init(&second, NULL, 32 << 20);
            ALWAYS(again->api_count == policy->api_count && again->issuer_count == policy->issuer_count);
            sp_policy_snapshot(again, NULL, &second);
            ALWAYS(sp_buffer_status(&second) != SP_OK || sp_str_equal(sp_buffer_str(&second), sp_buffer_str(&out)));
            sp_buffer_fini(&second);
        }
    }
    sp_policy_unref(&again);
    sp_policy_report_destroy(&report);
    sp_arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536) /* beyond it only the same again, slowly */
        return 0;
    struct sp_policy_report *report = sp_policy_report_create();
    struct sp_policy *policy = NULL;
    enum sp_status status = parse(sp_str((const char *)data, size), &policy, report);
    ALWAYS((status == SP_OK) == (policy != NULL));
    if (status == SP_MALFORMED)
        ALWAYS(report->error_count > 0);
    if (status == SP_OK) {
        ALWAYS(report->error_count == 0);
        check_closed(policy);
        check_snapshot(policy);
    }
    sp_policy_unref(&policy);
    sp_policy_report_destroy(&report);
    return 0;
}
