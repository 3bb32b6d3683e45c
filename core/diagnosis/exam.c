/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: one dispatcher over the stages, each of which says what is next. The checks themselves are in the files
 * named in examination.h. */
#include "core/diagnosis/examination.h"

#include <assert.h>

/* ---- telling ---- */

static struct sp_finding *append(struct sp_exam *exam)
{
    static struct sp_finding nobody_reads;
    if (exam->findings == NULL)
        exam->findings = sp_arena_calloc(exam->arena, SP_MAX_FINDINGS, sizeof *exam->findings);
    if (exam->findings == NULL || exam->finding_count == SP_MAX_FINDINGS) {
        exam->incomplete = true;
        return &nobody_reads;
    }
    return &exam->findings[exam->finding_count++];
}

static struct sp_finding *tell(struct sp_exam *exam, const struct sp_finding *finding)
{
    struct sp_check_result *row = &exam->verdict.checks[finding->check];
    bool rejects = sp_cause_get(finding->cause)->severity == SP_SEVERITY_REJECT;
    enum sp_outcome outcome = rejects ? SP_OUTCOME_FAIL : SP_OUTCOME_WARN;
    if (row->outcome < outcome)
        row->outcome = outcome;
    exam->refused = exam->refused || rejects;
    struct sp_finding *told = append(exam);
    *told = *finding;
    return told;
}

struct sp_finding *sp_exam_saw(struct sp_exam *exam, enum sp_cause cause, enum sp_check check, struct sp_str expected,
                               struct sp_str received)
{
    return tell(exam,
                &(struct sp_finding){
                    .cause = cause, .check = check, .verified = true, .expected = expected, .received = received});
}

struct sp_finding *sp_exam_claimed(struct sp_exam *exam, enum sp_cause cause, enum sp_check check,
                                   struct sp_str expected, struct sp_str received)
{
    return tell(exam, &(struct sp_finding){.cause = cause,
                                           .check = check,
                                           .verified = exam->authenticated,
                                           .expected = expected,
                                           .received = received});
}

struct sp_finding *sp_exam_saw_fatal(struct sp_exam *exam, enum sp_cause cause, enum sp_check check,
                                     struct sp_str expected, struct sp_str received)
{
    struct sp_finding *finding = sp_exam_saw(exam, cause, check, expected, received);
    finding->fatal = true;
    exam->refused = true;
    exam->verdict.checks[check].outcome = SP_OUTCOME_FAIL;
    return finding;
}

void sp_exam_tolerate(struct sp_exam *exam, enum sp_cause cause, enum sp_check check, struct sp_str expected,
                      struct sp_str received, struct sp_str detail)
{
    struct sp_check_result *row = &exam->verdict.checks[check];
    if (row->outcome < SP_OUTCOME_WARN)
        row->outcome = SP_OUTCOME_WARN;
    struct sp_finding *told = append(exam);
    *told = (struct sp_finding){.cause = cause,
                                .check = check,
                                .verified = true,
                                .tolerated = true,
                                .expected = expected,
                                .received = received,
                                .detail = detail};
}

void sp_exam_lack(struct sp_exam *exam, struct sp_str what)
{
    if (exam->lacking.at == NULL)
        exam->lacking = what.at != NULL ? what : SP_STR("memory");
}

void sp_exam_hint(struct sp_exam *exam, struct sp_str sentence)
{
    struct sp_hint *hint = sentence.at != NULL ? SP_ARENA_NEW(exam->arena, struct sp_hint) : NULL;
    if (hint == NULL)
        return;
    hint->text = sentence;
    *(exam->last_hint != NULL ? &exam->last_hint->next : &exam->hints) = hint;
    exam->last_hint = hint;
    exam->hint_count++;
}

void sp_exam_pass(struct sp_exam *exam, enum sp_check check)
{
    if (exam->verdict.checks[check].outcome < SP_OUTCOME_PASS)
        exam->verdict.checks[check].outcome = SP_OUTCOME_PASS;
}

void sp_exam_pass_with(struct sp_exam *exam, enum sp_check check, struct sp_str expected, struct sp_str received)
{
    struct sp_check_result *row = &exam->verdict.checks[check];
    if (row->outcome >= SP_OUTCOME_WARN)
        return;
    row->outcome = SP_OUTCOME_PASS;
    row->expected = expected;
    row->received = received;
}

bool sp_exam_has_finding(const struct sp_exam *exam, enum sp_cause cause)
{
    for (size_t i = 0; i < exam->finding_count; i++)
        if (exam->findings[i].cause == cause)
            return true;
    return false;
}

const struct sp_issuer_terms *sp_exam_terms(const struct sp_exam *exam)
{
    return exam->issuer != NULL ? exam->issuer->terms : NULL;
}

/* ---- the stages: each returns the next ---- */

static enum sp_exam_stage examine_form(struct sp_exam *exam)
{
    if (exam->input.recorded != NULL)
        sp_recorded_examine_form(exam);
    else
        sp_form_examine(exam);
    if (exam->kind == SP_TOKEN_OPAQUE) {
        sp_issuer_choose(exam);
        sp_token_kind_examine_opaque(exam);
        return exam->refused ? SP_STAGE_DONE : SP_STAGE_INTROSPECTION;
    }
    /* A JWT whose claims cannot be read may still have a header worth judging; without a header there is nothing left.
     */
    if (exam->kind != SP_TOKEN_JWT || exam->header == NULL)
        return SP_STAGE_DONE;
    sp_issuer_choose(exam);
    sp_token_kind_examine_header(exam);
    sp_algorithm_examine(exam);
    if (exam->input.signature_only)
        return SP_STAGE_KEYS;
    return exam->body != NULL ? SP_STAGE_KEYS : SP_STAGE_DONE;
}

static enum sp_exam_stage examine_key(struct sp_exam *exam)
{
    if (sp_key_examine(exam) == SP_NEED_KEYS)
        return SP_STAGE_KEYS_AWAITED;
    return exam->input.signature_only ? SP_STAGE_DONE : SP_STAGE_CLAIMS;
}

static enum sp_exam_stage examine_claims(struct sp_exam *exam)
{
    sp_issuer_examine(exam);
    sp_audience_examine(exam);
    sp_time_examine(exam);
    if (exam->kind == SP_TOKEN_JWT)
        sp_token_kind_examine_claims(exam);
    sp_authorization_examine(exam);
    /* An opaque token was asked for already; a JWT is, if the route wants it, once nothing else speaks against it. */
    return exam->kind == SP_TOKEN_JWT ? SP_STAGE_INTROSPECTION : SP_STAGE_BINDING;
}

static enum sp_exam_stage examine_standing(struct sp_exam *exam)
{
    if (exam->input.recorded != NULL && sp_introspection_is_due(exam)) {
        sp_recorded_examine_introspection(exam);
    } else if (sp_introspection_is_due(exam)) {
        if (!exam->introspection_given)
            return SP_STAGE_ANSWER_AWAITED;
        if (sp_introspection_goes_on(exam))
            return SP_STAGE_ANSWER_AWAITED;
        sp_introspection_examine(exam);
    }
    if (exam->kind == SP_TOKEN_JWT) {
        sp_introspection_examine_absence(exam);
        return SP_STAGE_BINDING;
    }
    return exam->body != NULL ? SP_STAGE_CLAIMS : SP_STAGE_DONE;
}

static enum sp_exam_stage examine_binding(struct sp_exam *exam)
{
    if (exam->input.recorded != NULL) {
        sp_recorded_examine_binding(exam);
        return SP_STAGE_DONE;
    }
    return sp_binding_examine(exam) == SP_NEED_REPLAY_CHECK ? SP_STAGE_REPLAY_AWAITED : SP_STAGE_DONE;
}

enum sp_need sp_exam_step(struct sp_exam *exam)
{
    for (;;) {
        switch (exam->stage) {
        case SP_STAGE_FORM:
            exam->stage = examine_form(exam);
            break;
        case SP_STAGE_KEYS:
            exam->stage = examine_key(exam);
            break;
        case SP_STAGE_CLAIMS:
            exam->stage = examine_claims(exam);
            break;
        case SP_STAGE_INTROSPECTION:
            exam->stage = examine_standing(exam);
            break;
        case SP_STAGE_BINDING:
            exam->stage = examine_binding(exam);
            break;
        case SP_STAGE_KEYS_AWAITED:
            return SP_NEED_KEYS;
        case SP_STAGE_ANSWER_AWAITED:
            return SP_NEED_INTROSPECTION;
        case SP_STAGE_REPLAY_AWAITED:
            return SP_NEED_REPLAY_CHECK;
        case SP_STAGE_DONE:
            if (!exam->concluded)
                sp_exam_conclude(exam);
            exam->concluded = true;
            return SP_EXAM_DONE;
        }
    }
}

/* ---- the shell's side ---- */

struct sp_exam *sp_exam_start(struct sp_arena *arena, const struct sp_exam_input *input)
{
    struct sp_exam *exam = SP_ARENA_NEW(arena, struct sp_exam);
    if (exam == NULL)
        return NULL;
    exam->arena = arena;
    exam->input = *input;
    exam->world = input->world;
    return exam;
}

size_t sp_exam_issuer(const struct sp_exam *exam)
{
    return exam->issuer_index;
}

struct sp_str sp_exam_kid(const struct sp_exam *exam)
{
    return exam->kid;
}

const unsigned char *sp_exam_proof_id(const struct sp_exam *exam)
{
    return exam->proof_id;
}

void sp_exam_give_world(struct sp_exam *exam, const struct sp_world *world)
{
    assert(exam->stage == SP_STAGE_KEYS_AWAITED);
    exam->world = world;
    exam->keys_asked = true;
    if (exam->issuer != NULL)
        exam->issuer = exam->issuer_index < world->issuer_count ? &world->issuers[exam->issuer_index] : NULL;
    exam->stage = SP_STAGE_KEYS;
}

void sp_exam_give_introspection(struct sp_exam *exam, struct sp_str body, enum sp_cause failure, enum sp_cause reason,
                                struct sp_str detail)
{
    assert(exam->stage == SP_STAGE_ANSWER_AWAITED);
    exam->introspection_given = true;
    exam->introspection =
        (struct sp_introspection_given){.body = body, .failure = failure, .reason = reason, .detail = detail};
    exam->stage = SP_STAGE_INTROSPECTION;
}

void sp_exam_give_replay(struct sp_exam *exam, bool seen)
{
    assert(exam->stage == SP_STAGE_REPLAY_AWAITED);
    exam->replay_given = true;
    exam->replay_seen = seen;
    exam->stage = SP_STAGE_BINDING;
}

struct sp_str sp_exam_lacking(const struct sp_exam *exam)
{
    assert(exam->concluded);
    return exam->lacking;
}

const struct sp_verdict *sp_exam_verdict(const struct sp_exam *exam)
{
    assert(exam->concluded);
    return &exam->verdict;
}
