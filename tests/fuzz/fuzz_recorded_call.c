/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a call log from anywhere: a call is accepted only when its line says that the token's signature was
 * verified, or its issuer said active, or that no token was needed; and twice the same. */
#include "core/backtest/tally.h"
#include "core/policy/policy.h"
#include "core/policy/report.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] =
    "{\"issuers\":{\"corp\":{\"issuer\":\"https://"
    "idp.example.com\",\"audience\":[\"a\"],\"introspection\":{\"client_id\":"
    "\"g\"}}},"
    "\"apis\":{\"photos\":{\"match\":{\"path\":\"/photos\"},\"upstream\":{\"url\":\"http://127.0.0.1:9\"},\"auth\":{"
    "\"scopes\":[\"read\"]},\"limits\":[{\"requests\":1,\"window\":\"1m\"}]},"
    "\"keys\":{\"match\":{\"path\":\"/keys\"},\"upstream\":{\"url\":\"http://"
    "127.0.0.1:9\"},\"auth\":{\"api_keys\":true}},"
    "\"open\":{\"match\":{\"path\":\"/open\"},\"upstream\":{\"url\":\"http://"
    "127.0.0.1:9\"},\"auth\":{\"anonymous\":true}},"
    "\"bound\":{\"match\":{\"path\":\"/bound\"},\"upstream\":{\"url\":\"http://127.0.0.1:9\"},\"auth\":{\"dpop\":"
    "\"required\",\"claims\":{\"dept\":true}}}},"
    "\"consumers\":{\"acme\":{\"client_ids\":[\"app\"]}}}";

static struct sp_bench *known_bench(void)
{
    static struct sp_bench *bench;
    struct sp_policy *policy = NULL;
    struct sp_policy_report *report = bench == NULL ? sp_policy_report_create() : NULL;
    if (bench == NULL)
        ALWAYS(sp_policy_parse(SP_STR(policy_text), SP_STR("p"), &policy, report) == SP_OK &&
               sp_bench_create(policy, &bench) == SP_OK);
    sp_policy_unref(&policy);
    sp_policy_report_destroy(&report);
    return bench;
}

static bool judge(struct sp_arena *arena, struct sp_str line, struct sp_recorded_call *call, struct sp_rejudgement *out)
{
    static const struct sp_rejudge_terms as_then = {0};
    const struct sp_json *json;
    struct sp_json_error error;
    if (sp_json_parse(arena, line, &sp_json_limits_document, &json, &error) != SP_OK ||
        sp_recorded_call_read(arena, json, call) != SP_OK)
        return false;
    sp_rejudge(arena, known_bench(), call, &as_then, out);
    return true;
}

static bool is_accepted(const struct sp_rejudgement *judged)
{
    bool decided = judged->change != SP_CHANGE_UNKNOWN && judged->change != SP_CHANGE_OUTSIDE;
    return decided && judged->cause == SP_CAUSE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(64 << 20), *second = sp_arena_create(64 << 20);
    const struct sp_str line = sp_str(size > 0 ? (const char *)data : "", size);
    struct sp_recorded_call call, same;
    struct sp_rejudgement judged, again;
    if (judge(arena, line, &call, &judged)) {
        ALWAYS(judge(second, line, &same, &again) && again.change == judged.change && again.cause == judged.cause);
        if (is_accepted(&judged)) {
            bool by_token = call.has_token && (call.token.signature_verified || call.token.introspected);
            bool by_key = call.credential == SP_RECORDED_API_KEY && judged.consumer != NULL;
            bool without = call.credential != SP_RECORDED_BEARER && judged.api->anonymous;
            ALWAYS(by_token || by_key || without);
        }
        ALWAYS((judged.change == SP_CHANGE_UNKNOWN) == (judged.lacking.at != NULL));
        struct sp_tally *tally = sp_tally_create();
        ALWAYS(tally != NULL && sp_tally_add(tally, &call, &judged) == SP_OK);
        const struct sp_tally_row *const *rows;
        ALWAYS(sp_tally_rows(tally, &rows) <= 1 && sp_tally_total(tally, judged.change) == 1);
        sp_tally_destroy(&tally);
    }
    sp_arena_destroy(&second);
    sp_arena_destroy(&arena);
    return 0;
}
