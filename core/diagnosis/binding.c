/* SPDX-License-Identifier: Apache-2.0 */
/* Is the caller the one that the token was given to? DPoP (RFC 9449 7) by a proof of the key's possession, mTLS (RFC
 * 8705 3) by the certificate of the connection. */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/facts.h"
#include "core/jose/base64url.h"
#include "core/oauth/dpop_proof.h"

static const struct sp_possession nothing;

static const struct sp_possession *possession_of(const struct sp_exam *exam)
{
    return exam->input.possession != NULL ? exam->input.possession : &nothing;
}

static bool is_bound_by(const struct sp_exam *exam, struct sp_str member)
{
    return sp_confirmation_binds(exam->claims.cnf, member);
}

/* ---- DPoP ---- */

static void tell_proof(struct sp_exam *exam, const struct sp_dpop_result *result)
{
    static const struct {
        enum sp_dpop_fault fault;
        enum sp_cause cause;
    } rows[] = {{SP_DPOP_HTU_PROXY, SP_CAUSE_BINDING_DPOP_HTU_PROXY}, {SP_DPOP_NONCE, SP_CAUSE_BINDING_DPOP_NONCE}};
    enum sp_cause cause = SP_CAUSE_BINDING_DPOP_INVALID;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].fault == result->fault)
            cause = rows[i].cause;
    sp_exam_saw(exam, cause, SP_CHECK_BINDING, result->expected, result->received)->detail = result->part;
}

/* Whether the proof holds, told if it does not. */
static bool check_proof(struct sp_exam *exam, struct sp_str jkt)
{
    const struct sp_possession *possession = possession_of(exam);
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    struct sp_dpop_result result;
    if (jkt.len != sizeof result.jkt) {
        sp_exam_claimed(exam, SP_CAUSE_BINDING_DPOP_INVALID, SP_CHECK_BINDING,
                        SP_STR("a token bound to the proof's key (cnf.jkt)"),
                        jkt.at == NULL ? SP_STR("a token that is bound to no key") : sp_str_slice(jkt, 0, 100))
            ->detail = SP_STR("jkt");
        return false;
    }
    struct sp_dpop_expectation expectation = {
        .method = possession->method,
        .url = possession->url,
        .nonce = possession->expected_nonce,
        .access_token = exam->input.token,
        .jkt = jkt.at,
        .now = exam->input.now,
        .leeway_s = terms != NULL ? terms->leeway_s : 0,
    };
    if (sp_dpop_check(exam->arena, possession->dpop_proof, &expectation, &result) != SP_OK) {
        exam->incomplete = true;
        return false;
    }
    if (result.fault != SP_DPOP_OK) {
        tell_proof(exam, &result);
        return false;
    }
    memcpy(exam->proof_id, result.proof_id, sizeof exam->proof_id);
    exam->proof_jti = result.jti;
    return true;
}

static enum sp_need examine_proof(struct sp_exam *exam, struct sp_str jkt)
{
    const struct sp_possession *possession = possession_of(exam);
    /* Back from the replay cache the proof is known to hold: its signature is not verified twice. */
    if (exam->proof_jti.at == NULL && !check_proof(exam, jkt))
        return SP_EXAM_DONE;
    if (!exam->replay_given && !possession->jti_seen)
        return SP_NEED_REPLAY_CHECK;
    if (exam->replay_seen || possession->jti_seen)
        sp_exam_saw(exam, SP_CAUSE_BINDING_DPOP_REPLAYED, SP_CHECK_BINDING, SP_STR("a fresh jti"),
                    sp_str_slice(exam->proof_jti, 0, 200));
    else
        sp_exam_pass_with(exam, SP_CHECK_BINDING, SP_STR("a DPoP proof"), SP_STR("a DPoP proof"));
    return SP_EXAM_DONE;
}

static enum sp_need examine_dpop(struct sp_exam *exam)
{
    const struct sp_possession *possession = possession_of(exam);
    enum sp_binding_rule rule = exam->input.requirements->dpop;
    /* One that is no text binds too: to nothing that could be shown. */
    struct sp_str jkt = sp_json_string(sp_json_member(exam->claims.cnf, SP_STR("jkt")));
    bool is_bound = is_bound_by(exam, SP_STR("jkt"));
    bool has_proof = possession->dpop_proof.len > 0;
    if (rule == SP_BINDING_OFF || (rule == SP_BINDING_OPTIONAL && !is_bound && !possession->scheme_is_dpop))
        return SP_EXAM_DONE;
    if (possession->scheme_is_dpop && has_proof)
        return examine_proof(exam, jkt);
    sp_exam_claimed(exam, SP_CAUSE_BINDING_DPOP_MISSING, SP_CHECK_BINDING, SP_STR("the scheme DPoP and a proof"),
                    possession->scheme_is_dpop ? SP_STR("without a DPoP header")
                    : has_proof                ? SP_STR("with a proof, but with the scheme Bearer")
                                               : SP_STR("with the scheme Bearer and without a proof"));
    return SP_EXAM_DONE;
}

/* ---- mTLS ---- */

/* A cnf that is no object is told once: by DPoP, where that is looked at. */
static bool is_bound_to_certificate(const struct sp_exam *exam)
{
    const struct sp_json *cnf = exam->claims.cnf;
    bool is_told_by_dpop =
        cnf != NULL && cnf->type != SP_JSON_OBJECT && exam->input.requirements->dpop != SP_BINDING_OFF;
    return is_bound_by(exam, SP_STR("x5t#S256")) && !is_told_by_dpop;
}

static void examine_certificate(struct sp_exam *exam)
{
    const struct sp_possession *possession = possession_of(exam);
    enum sp_binding_rule rule = exam->input.requirements->mtls;
    struct sp_str bound = sp_json_string(sp_json_member(exam->claims.cnf, SP_STR("x5t#S256")));
    char presented[43];
    if (rule == SP_BINDING_OFF || (rule == SP_BINDING_OPTIONAL && !is_bound_to_certificate(exam)))
        return;
    if (possession->certificate_sha256 == NULL) {
        sp_exam_claimed(exam, SP_CAUSE_BINDING_MTLS_MISSING, SP_CHECK_BINDING, SP_STR("a client certificate"),
                        SP_STR("none"));
        return;
    }
    sp_base64url_encode_into(sp_str((const char *)possession->certificate_sha256, 32), presented);
    if (sp_str_equal(bound, sp_str(presented, sizeof presented))) {
        sp_exam_pass_with(exam, SP_CHECK_BINDING, SP_STR("the token's certificate"), SP_STR("the token's certificate"));
        return;
    }
    sp_exam_claimed(exam, SP_CAUSE_BINDING_MTLS_MISMATCH, SP_CHECK_BINDING,
                    bound.at != NULL ? sp_str_slice(bound, 0, 100) : SP_STR("(the token is bound to none)"),
                    sp_arena_printf(exam->arena, "%.43s", presented));
}

/* With the token alone at hand nothing can be said but that it is bound. */
static void tell_bound(struct sp_exam *exam)
{
    bool to_key = is_bound_by(exam, SP_STR("jkt")), to_certificate = is_bound_by(exam, SP_STR("x5t#S256"));
    if (!to_key && !to_certificate)
        return;
    if (to_key && exam->input.scheme_is_bearer && exam->input.requirements->dpop != SP_BINDING_OFF)
        sp_exam_claimed(exam, SP_CAUSE_BINDING_DPOP_MISSING, SP_CHECK_BINDING, SP_STR("the scheme DPoP and a proof"),
                        SP_STR("with the scheme Bearer"));
    exam->verdict.checks[SP_CHECK_BINDING].detail = SP_STR("Bound; the call itself is not at hand.");
    sp_exam_hint(
        exam, to_key
                  ? SP_STR("The token is bound to a key (cnf.jkt): it must be sent with the scheme DPoP and a proof.")
                  : SP_STR("The token is bound to a certificate (cnf.x5t#S256): it must be sent over a connection that "
                           "uses it."));
}

/* Whoever made the token meant to bind it; as if it were not there, it would be a token for anybody. */
static void tell_no_object(struct sp_exam *exam)
{
    const struct sp_requirements *requirements = exam->input.requirements;
    const struct sp_json *cnf = exam->claims.cnf;
    bool is_looked_at = requirements->dpop != SP_BINDING_OFF || requirements->mtls != SP_BINDING_OFF;
    if (is_looked_at && cnf != NULL && cnf->type != SP_JSON_OBJECT && cnf->type != SP_JSON_NULL)
        sp_exam_hint(exam, SP_STR("The token's cnf is no JSON object (RFC 7800 3.1): it is bound to nothing that a "
                                  "caller could show. Its issuer must write cnf as an object with jkt or x5t#S256."));
}

enum sp_need sp_binding_examine(struct sp_exam *exam)
{
    if (!exam->replay_given)
        tell_no_object(exam);
    if (exam->input.possession_unknown) {
        tell_bound(exam);
        return SP_EXAM_DONE;
    }
    if (!exam->replay_given)
        examine_certificate(exam);
    return examine_dpop(exam);
}
