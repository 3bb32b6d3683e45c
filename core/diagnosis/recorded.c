/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/recorded.h"

#include "core/diagnosis/examination.h"
#include "core/diagnosis/form.h"

#define AS_RECORDED "As recorded: the token itself is not."

/* By the beginning of the id, the longest first. What is not here depends on the policy and is judged anew. */
static const struct {
    struct sp_str prefix;
    enum sp_check check;
} recorded_checks[] = {
    {{"token.kind.", 11}, SP_CHECK_COUNT},
    {{"token.critical_header", 21}, SP_CHECK_COUNT},
    {{"token.revoked", 13}, SP_CHECK_REVOCATION},
    {{"token.opaque", 12}, SP_CHECK_COUNT},
    {{"token.", 6}, SP_CHECK_FORM},
    {{"algorithm.key_", 14}, SP_CHECK_ALGORITHM},
    {{"keys.", 5}, SP_CHECK_KEY},
    {{"signature.", 10}, SP_CHECK_SIGNATURE},
    {{"introspection.", 14}, SP_CHECK_REVOCATION},
    {{"binding.", 8}, SP_CHECK_BINDING},
    {{"clock.client_device", 19}, SP_CHECK_BINDING}, /* refined from binding.dpop_invalid */
};

enum sp_check sp_recorded_check(enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    for (size_t i = 0; i < sizeof recorded_checks / sizeof recorded_checks[0]; i++)
        if (sp_str_has_prefix(id, recorded_checks[i].prefix))
            return recorded_checks[i].check;
    return SP_CHECK_COUNT;
}

static bool is_of_certificate(enum sp_cause cause)
{
    return sp_str_has_prefix(sp_cause_get(cause)->id, SP_STR("binding.mtls"));
}

static bool is_of_anything_else(enum sp_cause cause)
{
    return !is_of_certificate(cause);
}

/* Tells again what was found then, of this check and this kind; true when some of it rejects. */
static bool tell_kind_again(struct sp_exam *exam, enum sp_check check, bool (*is_meant)(enum sp_cause cause))
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    bool rejects = false;
    for (size_t i = 0; i < recorded->finding_count; i++) {
        const struct sp_finding *then = &recorded->findings[i];
        if (then->check != check || sp_finding_severity(then) != SP_SEVERITY_REJECT || !is_meant(then->cause))
            continue;
        struct sp_finding *told = sp_exam_saw_fatal(exam, then->cause, check, then->expected, then->received);
        told->verified = then->verified;
        told->detail = then->detail;
        told->reason = then->reason;
        rejects = true;
    }
    return rejects;
}

static bool tell_again(struct sp_exam *exam, enum sp_check check)
{
    return tell_kind_again(exam, check, is_of_anything_else);
}

static bool is_same_issuer(const struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    return terms != NULL && sp_str_equal(terms->issuer, exam->input.recorded->issuer);
}

/* ---- the stages ---- */

void sp_recorded_examine_form(struct sp_exam *exam)
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    exam->kind = recorded->kind;
    exam->header = recorded->header;
    exam->body = recorded->body;
    if (exam->body != NULL)
        sp_claims_find(exam->body, &exam->claims);
    if (tell_again(exam, SP_CHECK_FORM) || sp_form_tell_too_large(exam, recorded->bytes))
        return;
    if (recorded->kind == SP_TOKEN_NONE || (recorded->kind == SP_TOKEN_JWT && recorded->header == NULL))
        sp_exam_lack(exam, SP_STR("the token's header and claims"));
    else
        sp_exam_pass(exam, SP_CHECK_FORM);
}

bool sp_recorded_is_of(const struct sp_exam *exam, const struct sp_known_issuer *issuer)
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    return recorded != NULL && recorded->issuer.len > 0 && sp_str_equal(recorded->issuer, issuer->terms->issuer);
}

void sp_recorded_examine_key(struct sp_exam *exam)
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    struct sp_str issuer = sp_exam_terms(exam)->issuer;
    if (recorded->signature_verified) {
        exam->signature_verified = true;
        if (tell_again(exam, SP_CHECK_KEY))
            return;
        exam->authenticated = true;
        sp_exam_pass(exam, SP_CHECK_KEY);
        sp_exam_pass(exam, SP_CHECK_SIGNATURE);
        exam->verdict.checks[SP_CHECK_SIGNATURE].detail = SP_STR(AS_RECORDED);
        return;
    }
    if (!is_same_issuer(exam)) {
        sp_exam_lack(
            exam, sp_arena_printf(exam->arena, "a check of its signature with the keys of %.*s", SP_STR_ARG(issuer)));
        return;
    }
    bool told = tell_again(exam, SP_CHECK_ALGORITHM);
    told = tell_again(exam, SP_CHECK_KEY) || told;
    told = tell_again(exam, SP_CHECK_SIGNATURE) || told;
    if (!told)
        sp_exam_lack(exam, SP_STR("a check of its signature"));
}

void sp_recorded_examine_introspection(struct sp_exam *exam)
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    bool same = is_same_issuer(exam);
    if (same && tell_again(exam, SP_CHECK_REVOCATION))
        return;
    if (!same || !recorded->introspected) {
        sp_exam_lack(exam, sp_arena_printf(exam->arena, "what %.*s says of the token (introspection)",
                                           SP_STR_ARG(sp_exam_terms(exam)->issuer)));
        return;
    }
    sp_exam_pass(exam, SP_CHECK_REVOCATION);
    exam->verdict.checks[SP_CHECK_REVOCATION].detail = SP_STR(AS_RECORDED);
    if (exam->kind == SP_TOKEN_OPAQUE)
        exam->authenticated = true;
}

/* ---- binding ---- */

static void pass_binding(struct sp_exam *exam)
{
    sp_exam_pass(exam, SP_CHECK_BINDING);
    exam->verdict.checks[SP_CHECK_BINDING].detail = SP_STR(AS_RECORDED);
}

static void examine_key_binding(struct sp_exam *exam)
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    enum sp_binding_rule rule = exam->input.requirements->dpop;
    if (rule == SP_BINDING_OFF || (rule == SP_BINDING_OPTIONAL && !recorded->bound_to_key && !recorded->shown_by_dpop))
        return;
    if (!recorded->shown_by_dpop)
        sp_exam_claimed(exam, SP_CAUSE_BINDING_DPOP_MISSING, SP_CHECK_BINDING, SP_STR("the scheme DPoP and a proof"),
                        SP_STR("with the scheme Bearer"));
    else if (tell_again(exam, SP_CHECK_BINDING))
        return;
    else if (!recorded->bound_to_key)
        sp_exam_claimed(exam, SP_CAUSE_BINDING_DPOP_INVALID, SP_CHECK_BINDING,
                        SP_STR("a token bound to the proof's key (cnf.jkt)"), SP_STR("a token that is bound to no key"))
            ->detail = SP_STR("jkt");
    else if (recorded->binding_proven)
        pass_binding(exam);
    else
        sp_exam_lack(exam, SP_STR("whether the caller held the token's key (DPoP)"));
}

static void examine_certificate_binding(struct sp_exam *exam)
{
    const struct sp_recorded_token *recorded = exam->input.recorded;
    enum sp_binding_rule rule = exam->input.requirements->mtls;
    if (rule == SP_BINDING_OFF || (rule == SP_BINDING_OPTIONAL && !recorded->bound_to_certificate))
        return;
    if (tell_kind_again(exam, SP_CHECK_BINDING, is_of_certificate))
        return;
    if (!recorded->bound_to_certificate)
        sp_exam_claimed(exam, SP_CAUSE_BINDING_MTLS_MISMATCH, SP_CHECK_BINDING, SP_STR("(the token is bound to none)"),
                        SP_STR_NONE);
    else if (recorded->binding_proven)
        pass_binding(exam);
    else
        sp_exam_lack(exam, SP_STR("whether the caller held the token's certificate (mTLS)"));
}

void sp_recorded_examine_binding(struct sp_exam *exam)
{
    examine_certificate_binding(exam);
    examine_key_binding(exam);
}

/* ---- claims ---- */

/* Absent in the record: was it absent in the token? These are always told when they are there. */
bool sp_recorded_tells(const struct sp_exam *exam, struct sp_str claim)
{
    static const struct sp_str always[] = {{"sub", 3}, {"exp", 3}, {"nbf", 3}, {"iat", 3}, {"auth_time", 9}};
    const struct sp_recorded_token *recorded = exam->input.recorded;
    if (recorded == NULL || recorded->whole)
        return true;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (sp_str_equal(always[i], claim))
            return true;
    return false;
}
