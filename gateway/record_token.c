/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/record_token.h"

#include "core/backtest/recorded_token.h"
#include "gateway/cors.h"
#include "gateway/snapshot.h"

static void put_token(struct sp_json_writer *json, const struct sp_call *call)
{
    const struct sp_policy *policy = call->snapshot->policy;
    const struct sp_requirements *requirements = call->match.requirements;
    const struct sp_token_told told = {
        .facts = &call->facts,
        .token = call->credential.value,
        .issuer = policy->issuers[call->facts.issuer].issuer,
        .whole = policy->serving.logged_token == SP_LOGGED_WHOLE,
        .looks_at_key = requirements->dpop != SP_BINDING_OFF,
        .looks_at_certificate = requirements->mtls != SP_BINDING_OFF,
    };
    sp_json_name(json, SP_STR("token"));
    sp_recorded_token_write(json, call->arena, &told);
}

/* Which issuer's keys or answer spoke against a token is not always in its verdict. */
static void put_issuer_of_refused(struct sp_json_writer *json, const struct sp_call *call)
{
    const struct sp_policy *policy = call->snapshot->policy;
    if (call->exam != NULL && call->match.requirements->issuer_count > 0 &&
        sp_exam_issuer(call->exam) < policy->issuer_count) {
        sp_json_string_member(json, "judged_as_of", policy->issuers[sp_exam_issuer(call->exam)].issuer);
    }
}

void sp_record_credential(struct sp_json_writer *json, const struct sp_call *call)
{
    static const struct sp_str kinds[] = {[SP_CREDENTIAL_NONE] = {"none", 4},
                                          [SP_CREDENTIAL_BEARER] = {"query", 5},
                                          [SP_CREDENTIAL_DPOP] = {"dpop", 4},
                                          [SP_CREDENTIAL_API_KEY] = {"api_key", 7}};
    const struct sp_credential *credential = &call->credential;
    const bool is_bearer = credential->kind == SP_CREDENTIAL_BEARER && !credential->from_query;
    const bool is_unseen = credential->kind == SP_CREDENTIAL_NONE && call->stage != SP_STAGE_PASSED;
    if (sp_cors_is_preflight(call)) {
        sp_json_string_member(json, "preflight", call->headers.preflight_method);
    } else if (!is_bearer && !is_unseen) {
        sp_json_string_member(json, "presented", kinds[credential->kind]);
    }
    if (!call->has_facts) {
        put_issuer_of_refused(json, call);
    } else if (call->snapshot->policy->serving.logged_token != SP_LOGGED_NOTHING) {
        put_token(json, call);
    }
}
