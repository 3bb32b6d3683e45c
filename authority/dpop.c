/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/dpop.h"

#include "authority/client.h"
#include "authority/denial.h"
#include "authority/fapi2.h"
#include "authority/replay.h"
#include "authority/handle.h"
#include "authority/signed_jwt.h"
#include "core/base/secret.h"
#include "core/oauth/dpop_proof.h"

/* A nonce is a moment in time that only we can write: nothing is stored, and a restart makes clients ask once more. */
#define NONCE_PERIOD_S 120
#define NONCE_BYTES 16u

static struct sp_str nonce_of(struct sp_call *call, int64_t period)
{
    unsigned char mac[32];
    struct sp_str text = sp_arena_printf(call->arena, "dpop nonce %lld", (long long)period);
    sp_mac(call->authority->process_secret, text, mac);
    return sp_base64url_of(call->arena, mac, NONCE_BYTES);
}

static enum sp_step refuse(struct sp_call *call, const struct sp_dpop_result *result, int status)
{
    enum sp_cause cause = result->fault == SP_DPOP_HTU_PROXY ? SP_CAUSE_BINDING_DPOP_HTU_PROXY
                          : result->fault == SP_DPOP_NONCE   ? SP_CAUSE_BINDING_DPOP_NONCE
                                                             : SP_CAUSE_BINDING_DPOP_INVALID;
    return SP_DENY(call, .cause = cause, .expected = result->expected, .received = result->received,
                   .detail = result->part, .status = status,
                   .tell = sp_arena_printf(call->arena, "It fails at %.*s.", SP_STR_ARG(result->part)));
}

/* FAPI 2.0 5.4.1: told as the alg that it is. */
static void check_profile(const struct sp_client *client, struct sp_dpop_result *result)
{
    if (client == NULL || !client->is_fapi2 || sp_fapi2_allows(result->algorithm, result->curve))
        return;
    result->fault = SP_DPOP_ALGORITHM;
    result->part = SP_STR("alg");
    result->expected = SP_STR(SP_FAPI2_ALGORITHMS);
    result->received =
        result->curve == SP_CURVE_ED448 ? SP_STR("EdDSA with Ed448") : sp_algorithm_get(result->algorithm)->name;
}

#define GOOD_NONCES 3

/* The present one or the one before; that of the next period is another node's, whose clock is ahead of ours. */
static struct sp_str good_nonce(struct sp_call *call, size_t which)
{
    static const int periods_ahead[GOOD_NONCES] = {0, -1, 1};
    return nonce_of(call, call->now / NONCE_PERIOD_S + periods_ahead[which]);
}

static void announce_nonce(struct sp_call *call)
{
    sp_answer_header(call, "DPoP-Nonce", good_nonce(call, 0));
}

static enum sp_status check(struct sp_call *call, const struct sp_dpop_expectation *like, struct sp_dpop_result *result)
{
    struct sp_dpop_expectation expectation = *like;
    if (!call->authority->settings->dpop_nonce)
        return sp_dpop_check(call->arena, call->asked.dpop, &expectation, result);
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < GOOD_NONCES; i++) {
        expectation.nonce = good_nonce(call, i);
        status = sp_dpop_check(call->arena, call->asked.dpop, &expectation, result);
        if (status != SP_OK || result->fault != SP_DPOP_NONCE)
            break;
    }
    return status;
}

static enum sp_step remember(struct sp_call *call, const struct sp_dpop_result *result, int status)
{
    bool fresh = false;
    int64_t expires_at = call->now + SP_DPOP_MAX_AGE_S + SP_DPOP_MAX_AHEAD_S;
    enum sp_step step = sp_replay_spend(call, result->proof_id, SP_STR_NONE, expires_at, &fresh);
    if (step != SP_GOES_ON)
        return step;
    if (!fresh)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_REPLAYED, .received = result->jti, .status = status);
    return SP_GOES_ON;
}

enum sp_step sp_dpop_take(struct sp_call *call, const struct sp_dpop_terms *terms)
{
    struct sp_str jkt = terms->jkt;
    struct sp_dpop_result result;
    char bound[64] = "";
    /* RFC 9449 5 and 7.1: 400 where tokens are asked for, 401 where one is presented. */
    const int refusal = terms->access_token.at == NULL ? 400 : 401;
    if (call->asked.dpop_count == 0)
        return SP_GOES_ON;
    if (call->asked.dpop_count > 1)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_INVALID, .expected = SP_STR("one DPoP header"),
                       .received = SP_STR("several"), .detail = SP_STR("form"), .status = refusal);
    if (jkt.len > 0 && jkt.len < sizeof bound)
        memcpy(bound, jkt.at, jkt.len);
    struct sp_dpop_expectation expectation = {.method = call->asked.method,
                                              .url = sp_authority_url(call, terms->path),
                                              .access_token = terms->access_token,
                                              .jkt = bound[0] != '\0' ? bound : NULL,
                                              .now = call->now};
    if (call->authority->settings->dpop_nonce)
        announce_nonce(call);
    enum sp_status status = check(call, &expectation, &result);
    struct sp_str alias = sp_authority_alias_url(call, terms->path);
    if (status == SP_OK && result.fault == SP_DPOP_HTU_PROXY && alias.at != NULL) {
        expectation.url = alias;
        status = check(call, &expectation, &result);
    }
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (result.fault == SP_DPOP_OK)
        check_profile(terms->client, &result);
    if (result.fault != SP_DPOP_OK)
        return refuse(call, &result, refusal);
    if (remember(call, &result, refusal) != SP_GOES_ON)
        return SP_DENIED;
    status = sp_arena_copy(call->arena, sp_str(result.jkt, sizeof result.jkt), &call->jkt);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_dpop_ask_nonce(struct sp_call *call)
{
    struct sp_signed_jwt proof;
    const char *fault = NULL;
    if (!call->authority->settings->dpop_nonce || call->asked.dpop_count != 1)
        return SP_GOES_ON;
    enum sp_status status = sp_signed_jwt_read(call->arena, call->asked.dpop, &proof, &fault);
    if (status == SP_MALFORMED)
        return SP_GOES_ON; /* sp_dpop_take names what is wrong with it */
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_str nonce = sp_signed_jwt_text(&proof, "nonce");
    for (size_t i = 0; i < GOOD_NONCES; i++)
        if (sp_secret_equal(nonce, good_nonce(call, i)))
            return SP_GOES_ON;
    announce_nonce(call);
    return refuse(call,
                  &(struct sp_dpop_result){.fault = SP_DPOP_NONCE,
                                           .part = SP_STR("nonce"),
                                           .expected = SP_STR("the nonce last given"),
                                           .received = nonce.at != NULL ? nonce : SP_STR("none")},
                  400);
}
