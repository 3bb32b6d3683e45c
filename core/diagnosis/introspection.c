/* SPDX-License-Identifier: Apache-2.0 */
/* What the issuer says of the token itself (RFC 7662). For opaque tokens its answer is where all claims come from; a
 * JWT may be asked about once everything else holds, to learn of its revocation. */
#include "core/diagnosis/introspection.h"

#include "core/diagnosis/examination.h"
#include "core/diagnosis/issuer_form.h"

/* The answer's object, or NULL with the reason why it is none. */
static const struct sp_json *read_answer(struct sp_arena *arena, struct sp_str body, struct sp_str *fault)
{
    const struct sp_json *json, *active;
    struct sp_json_error error;
    enum sp_status status = body.len > SP_MAX_INTROSPECTION_BYTES
                                ? SP_TOO_LARGE
                                : sp_json_parse(arena, body, &sp_json_limits_token, &json, &error);
    if (status == SP_TOO_LARGE) {
        *fault =
            sp_arena_printf(arena, "The answer has %zu bytes, more than %u.", body.len, SP_MAX_INTROSPECTION_BYTES);
        return NULL;
    }
    if (status != SP_OK) {
        *fault = status == SP_NO_MEMORY
                     ? SP_STR("The answer needs more memory than is allowed.")
                     : sp_arena_printf(arena, "The answer is not JSON at byte %zu: %s.", error.offset, error.message);
        return NULL;
    }
    active = sp_json_member(json, SP_STR("active"));
    if (json->type != SP_JSON_OBJECT)
        *fault = SP_STR("The answer is JSON but not an object.");
    else if (active == NULL)
        *fault = SP_STR("The answer has no member active.");
    else if (active->type != SP_JSON_TRUE && active->type != SP_JSON_FALSE)
        *fault = SP_STR("The answer's active is neither true nor false.");
    else
        return json;
    return NULL;
}

/* ---- of a fetch ---- */

void sp_introspection_judge(struct sp_arena *arena, const struct sp_fetch_report *report,
                            struct sp_introspection_outcome *out)
{
    struct sp_introspection_outcome outcome = {0};
    struct sp_str fault = SP_STR_NONE, url = report->url;
    if (report->failure != SP_CAUSE_NONE || report->http_status == 0) {
        outcome.failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
        outcome.reason = report->failure;
        outcome.detail = sp_arena_printf(arena, "%.*s: %.*s", SP_STR_ARG(url), SP_STR_ARG(report->failure_detail));
    } else if (report->http_status == 401 || report->http_status == 403) {
        outcome.failure = SP_CAUSE_INTROSPECTION_UNAUTHORIZED;
        outcome.detail = sp_arena_printf(arena, "%.*s answered %d to the gateway's own credentials.", SP_STR_ARG(url),
                                         report->http_status);
    } else if (report->http_status != 200) {
        outcome.failure = SP_CAUSE_INTROSPECTION_HTTP_STATUS;
        outcome.detail = report->location.len > 0
                             ? sp_arena_printf(arena, "%.*s answered %d and redirects to %.*s, which is not followed.",
                                               SP_STR_ARG(url), report->http_status, SP_STR_ARG(report->location))
                             : sp_arena_printf(arena, "%.*s answered %d.", SP_STR_ARG(url), report->http_status);
        outcome.reason = report->location.len > 0 ? SP_CAUSE_NETWORK_HTTP_REDIRECT : SP_CAUSE_NONE;
    } else if (report->too_large) {
        outcome.failure = SP_CAUSE_INTROSPECTION_MALFORMED;
        outcome.detail =
            sp_arena_printf(arena, "%.*s: the answer is larger than %zu bytes.", SP_STR_ARG(url), report->max_bytes);
    } else {
        const struct sp_json *answer = read_answer(arena, report->body, &fault);
        outcome.active = sp_json_is(sp_json_member(answer, SP_STR("active")), SP_JSON_TRUE);
        if (sp_json_int64(sp_json_member(answer, SP_STR("exp")), &outcome.expires_at) != SP_OK)
            outcome.expires_at = 0;
        if (answer == NULL) {
            outcome.failure = SP_CAUSE_INTROSPECTION_MALFORMED;
            outcome.detail = sp_arena_printf(arena, "%.*s: %.*s", SP_STR_ARG(url), SP_STR_ARG(fault));
        }
    }
    *out = outcome;
}

/* ---- of an examination ---- */

/* Nothing speaks against the token, unless that it names its server by another host: then the answer explains. */
static bool is_refused_for_host_only(const struct sp_exam *exam)
{
    for (size_t i = 0; i < exam->finding_count; i++) {
        const struct sp_finding *finding = &exam->findings[i];
        bool other_host = finding->cause == SP_CAUSE_ISSUER_MISMATCH &&
                          sp_issuer_difference(finding->expected, finding->received) == SP_CAUSE_ISSUER_HOST_ALIAS;
        if (sp_finding_severity(finding) == SP_SEVERITY_REJECT && !other_host)
            return false;
    }
    return !exam->incomplete;
}

bool sp_introspection_is_due(const struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    if (terms == NULL || !terms->introspects)
        return false;
    if (exam->kind == SP_TOKEN_OPAQUE)
        return true;
    return exam->input.requirements->introspect_jwt && exam->authenticated && is_refused_for_host_only(exam);
}

static bool says_active(const struct sp_exam *exam, bool *decided)
{
    struct sp_str fault;
    const struct sp_json *answer = exam->introspection.failure == SP_CAUSE_NONE
                                       ? read_answer(exam->arena, exam->introspection.body, &fault)
                                       : NULL;
    *decided = answer != NULL;
    return sp_json_is(sp_json_member(answer, SP_STR("active")), SP_JSON_TRUE);
}

bool sp_introspection_goes_on(struct sp_exam *exam)
{
    const size_t count = exam->input.requirements->issuer_count;
    bool decided;
    if (exam->kind != SP_TOKEN_OPAQUE || count < 2 || says_active(exam, &decided))
        return false;
    if (!decided && exam->undecided_place == 0) {
        exam->undecided = exam->introspection;
        exam->undecided_place = exam->issuer_place + 1;
    }
    const size_t next = sp_issuer_next_asked(exam);
    if (next < count) {
        exam->introspection_given = false;
        sp_issuer_choose_at(exam, next);
        return true;
    }
    /* All others said no: whose token it is lies with the one that could not be asked. */
    if (exam->undecided_place != 0) {
        sp_issuer_choose_at(exam, exam->undecided_place - 1);
        exam->introspection = exam->undecided;
    }
    return false;
}

static void tell_inactive(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    /* A JWT that verified and has not expired was valid until someone took it back; an opaque one may never have
     * existed. */
    if (exam->kind == SP_TOKEN_OPAQUE) {
        sp_exam_saw(exam, SP_CAUSE_INTROSPECTION_INACTIVE, SP_CHECK_REVOCATION, terms->issuer, SP_STR("active: false"));
        return;
    }
    enum sp_cause difference = sp_issuer_difference(terms->issuer, sp_json_string(exam->claims.iss));
    if (difference == SP_CAUSE_ISSUER_HOST_ALIAS)
        sp_exam_saw(exam, SP_CAUSE_INTROSPECTION_OTHER_HOSTNAME, SP_CHECK_REVOCATION, terms->issuer,
                    sp_json_string(exam->claims.iss));
    else
        sp_exam_saw(exam, SP_CAUSE_TOKEN_REVOKED, SP_CHECK_REVOCATION, SP_STR("active: true"), SP_STR("active: false"))
            ->detail =
            SP_STR("The token is well signed and has not expired, yet its issuer says that it is not active.");
}

void sp_introspection_examine(struct sp_exam *exam)
{
    struct sp_str fault = SP_STR_NONE;
    if (exam->introspection.failure != SP_CAUSE_NONE) {
        struct sp_finding *finding = sp_exam_saw(exam, exam->introspection.failure, SP_CHECK_REVOCATION,
                                                 SP_STR("an introspection answer"), SP_STR_NONE);
        finding->detail = exam->introspection.detail;
        finding->reason = exam->introspection.reason;
        return;
    }
    const struct sp_json *answer = read_answer(exam->arena, exam->introspection.body, &fault);
    if (answer == NULL) {
        sp_exam_saw(exam, SP_CAUSE_INTROSPECTION_MALFORMED, SP_CHECK_REVOCATION, SP_STR("an introspection answer"),
                    SP_STR_NONE)
            ->detail = fault;
        return;
    }
    if (!sp_json_is(sp_json_member(answer, SP_STR("active")), SP_JSON_TRUE)) {
        tell_inactive(exam);
        return;
    }
    sp_exam_pass_with(exam, SP_CHECK_REVOCATION, SP_STR("active: true"), SP_STR("active: true"));
    if (exam->kind != SP_TOKEN_OPAQUE)
        return;
    exam->authenticated = true;
    exam->body = answer;
    sp_claims_find(answer, &exam->claims);
}

void sp_introspection_examine_absence(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    if (!exam->input.requirements->introspect_jwt || exam->refused || terms == NULL || terms->introspects)
        return;
    sp_exam_saw(exam, SP_CAUSE_INTROSPECTION_UNREACHABLE, SP_CHECK_REVOCATION, terms->issuer, SP_STR_NONE)->detail =
        SP_STR("The API wants its tokens introspected, but no introspection is configured for this issuer.");
}
