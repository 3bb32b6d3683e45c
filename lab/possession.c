/* SPDX-License-Identifier: Apache-2.0 */
/* Proof of possession (RFC 9449): a client that shows a DPoP proof gets tokens that are bound to its key, and has to
 * show another one where it uses them. */
#include "lab/possession.h"

#include "core/oauth/dpop_proof.h"

#define LEEWAY_S 30

static bool refuse(struct sp_lab_call *call, unsigned status, const struct sp_dpop_result *result)
{
    struct sp_str words =
        result == NULL ? SP_STR("there is no DPoP proof")
                       : sp_arena_printf(call->arena, "%.*s: expected %.*s, received %.*s", SP_STR_ARG(result->part),
                                         SP_STR_ARG(result->expected), SP_STR_ARG(result->received));
    const char *text = sp_arena_printf(call->arena, "%.*s", SP_STR_ARG(words)).at;
    sp_lab_answer_error(call, status, "invalid_dpop_proof", text);
    if (status == 401)
        sp_lab_answer_header(call, "WWW-Authenticate", SP_STR("DPoP error=\"invalid_dpop_proof\""));
    return false;
}

static bool check(struct sp_lab_call *call, const struct sp_dpop_expectation *expectation, unsigned status,
                  struct sp_str *jkt)
{
    struct sp_dpop_result result;
    if (sp_dpop_check(call->arena, call->dpop, expectation, &result) != SP_OK) {
        sp_lab_answer_error(call, 500, "server_error", NULL);
        return false;
    }
    if (result.fault != SP_DPOP_OK)
        return refuse(call, status, &result);
    return sp_arena_copy(call->arena, sp_str(result.jkt, sizeof result.jkt), jkt) == SP_OK;
}

bool sp_lab_take_proof(struct sp_lab_call *call)
{
    const struct sp_dpop_expectation expectation = {
        .method = call->method, .url = call->lab->facts.token_endpoint, .now = call->now, .leeway_s = LEEWAY_S};
    return call->dpop.at == NULL || check(call, &expectation, 400, &call->jkt);
}

bool sp_lab_is_possessed(struct sp_lab_call *call, const struct sp_json *claims, struct sp_str token, const char *path)
{
    struct sp_str bound = sp_json_string(sp_json_member(sp_json_member(claims, SP_STR("cnf")), SP_STR("jkt"))), jkt;
    const char *text = sp_arena_printf(call->arena, "%.*s", SP_STR_ARG(bound)).at;
    const struct sp_dpop_expectation expectation = {
        .method = call->method,
        .url = sp_arena_printf(call->arena, "%.*s%s", SP_STR_ARG(call->lab->facts.issuer), path),
        .access_token = token,
        .jkt = text,
        .now = call->now,
        .leeway_s = LEEWAY_S};
    if (bound.len != 43)
        return true;
    return call->dpop.at == NULL ? refuse(call, 401, NULL) : check(call, &expectation, 401, &jkt);
}
