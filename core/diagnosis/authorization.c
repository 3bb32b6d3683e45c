/* SPDX-License-Identifier: Apache-2.0 */
/* What the route asks of the token beyond being valid: scopes (RFC 6750 3.1), claims, strength and age of the login
 * (RFC 9470). */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/audience.h"
#include "core/diagnosis/authorization.h"
#include "core/diagnosis/words.h"

#define MAX_CLAIM_DEPTH 8

/* ---- scopes ---- */

bool sp_scope_text_has(struct sp_str granted, struct sp_str scope)
{
    struct sp_str word;
    while (sp_str_next_word(&granted, SP_STR(" "), &word))
        if (sp_str_equal(word, scope))
            return true;
    return false;
}

/* In a text of words, or an array of them; an array's element may hold several words too. */
static bool claim_grants(const struct sp_json *claim, struct sp_str scope)
{
    if (sp_json_is(claim, SP_JSON_STRING))
        return sp_scope_text_has(claim->text, scope);
    if (sp_json_is(claim, SP_JSON_ARRAY))
        for
            SP_JSON_EACH(element, claim)
    if (element->type == SP_JSON_STRING && sp_scope_text_has(element->text, scope))
        return true;
    return false;
}

static bool is_granted(const struct sp_claims *claims, struct sp_str scope)
{
    return claim_grants(claims->scope, scope) || claim_grants(claims->scp, scope) || claim_grants(claims->roles, scope);
}

static void append_granted(struct sp_buffer *buffer, const struct sp_json *claim)
{
    struct sp_str text = sp_json_string(claim);
    if (text.len > 0) {
        if (buffer->len > 0)
            sp_buffer_append_char(buffer, ' ');
        sp_buffer_append(buffer, text);
    }
    if (sp_json_is(claim, SP_JSON_ARRAY))
        for
            SP_JSON_EACH(element, claim)
    if (element->type == SP_JSON_STRING)
        append_granted(buffer, element);
}

struct sp_str sp_scope_granted(struct sp_arena *arena, const struct sp_claims *claims)
{
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, arena, SP_MAX_TOKEN_BYTES);
    append_granted(&buffer, claims->scope);
    append_granted(&buffer, claims->scp);
    append_granted(&buffer, claims->roles);
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}

static struct sp_str join(struct sp_arena *arena, struct sp_str_list list, const struct sp_claims *without)
{
    struct sp_buffer buffer;
    sp_buffer_init(&buffer, arena, SP_MAX_TOKEN_BYTES);
    for (size_t i = 0; i < list.count; i++) {
        if (without != NULL && is_granted(without, list.at[i]))
            continue;
        if (buffer.len > 0)
            sp_buffer_append_char(&buffer, ' ');
        sp_buffer_append(&buffer, list.at[i]);
    }
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}

static void examine_scopes(struct sp_exam *exam)
{
    struct sp_str_list required = exam->input.requirements->scopes;
    const struct sp_claims *claims = &exam->claims;
    size_t granted = 0;
    if (required.count == 0)
        return;
    while (granted < required.count && is_granted(claims, required.at[granted]))
        granted++;
    if (granted == required.count) {
        if (exam->input.explain)
            sp_exam_pass_with(exam, SP_CHECK_SCOPE, join(exam->arena, required, NULL),
                              sp_scope_granted(exam->arena, claims));
        else
            sp_exam_pass(exam, SP_CHECK_SCOPE);
        return;
    }
    struct sp_str expected = join(exam->arena, required, NULL), received = sp_scope_granted(exam->arena, claims);
    if (claims->scope == NULL && claims->scp == NULL && claims->roles == NULL) {
        sp_exam_claimed(exam, SP_CAUSE_SCOPE_CLAIM_ABSENT, SP_CHECK_SCOPE, expected, SP_STR_NONE)->detail =
            SP_STR("The token has none of the claims scope, scp and roles.");
        return;
    }
    struct sp_finding *finding = sp_exam_claimed(exam, SP_CAUSE_SCOPE_MISSING, SP_CHECK_SCOPE, expected, received);
    finding->detail = join(exam->arena, required, claims); /* the missing ones */
}

/* ---- claims ---- */

const struct sp_json *sp_claim_at(const struct sp_json *claims, struct sp_str path)
{
    const struct sp_json *whole = sp_json_member(claims, path);
    if (whole != NULL)
        return whole;
    for (unsigned depth = 0; depth < MAX_CLAIM_DEPTH && claims != NULL; depth++) {
        size_t dot = sp_str_index_of(path, '.', 0);
        claims = sp_json_member(claims, sp_str_slice(path, 0, dot));
        if (dot >= path.len)
            return claims;
        path = sp_str_slice(path, dot + 1, path.len);
    }
    return NULL;
}

/* value has one of the texts, or merely exists (and is not null) when there are none. Arrays: any element. */
static bool satisfies(const struct sp_json *value, struct sp_str_list any_of)
{
    if (value == NULL || value->type == SP_JSON_NULL)
        return false;
    if (any_of.count == 0)
        return true;
    if (value->type == SP_JSON_ARRAY) {
        for
            SP_JSON_EACH(element, value)
            {
                struct sp_str text = sp_json_scalar_text(element);
                if (text.at != NULL && sp_str_list_has(any_of, text))
                    return true;
            }
        return false;
    }
    struct sp_str text = sp_json_scalar_text(value);
    return text.at != NULL && sp_str_list_has(any_of, text);
}

/* Entra: more than 200 groups do not fit, so a link stands in their place. */
static bool has_groups_overage(const struct sp_claims *claims, struct sp_str wanted)
{
    if (!sp_str_equal(wanted, SP_STR("groups")))
        return false;
    return sp_json_member(claims->claim_names, SP_STR("groups")) != NULL ||
           sp_json_is(claims->hasgroups, SP_JSON_TRUE) ||
           sp_str_equal_ignoring_case(sp_json_string(claims->hasgroups), SP_STR("true"));
}

static struct sp_str in_words(struct sp_exam *exam, const struct sp_json *value)
{
    struct sp_str text = sp_json_scalar_text(value);
    if (text.at == NULL)
        text = value->text;
    struct sp_str shown = sp_str_slice(text, 0, 200);
    return shown.len < text.len ? sp_arena_printf(exam->arena, "%.*s…", SP_STR_ARG(shown)) : shown;
}

static bool examine_claim(struct sp_exam *exam, const struct sp_claim_rule *rule)
{
    const struct sp_json *value = sp_claim_at(exam->body, rule->name);
    if (satisfies(value, rule->any_of))
        return true;
    if (value == NULL && !sp_recorded_tells(exam, rule->name)) {
        sp_exam_lack(exam, sp_arena_printf(exam->arena, "claim %.*s", SP_STR_ARG(rule->name)));
        return false;
    }
    struct sp_str wanted =
        rule->any_of.count == 0 ? SP_STR("any value") : sp_words_list(exam->arena, rule->any_of.at, rule->any_of.count);
    struct sp_str expected = sp_arena_printf(exam->arena, "%.*s: %.*s", SP_STR_ARG(rule->name), SP_STR_ARG(wanted));
    bool absent = value == NULL || value->type == SP_JSON_NULL;
    if (absent && has_groups_overage(&exam->claims, rule->name)) {
        sp_exam_claimed(exam, SP_CAUSE_CLAIM_GROUPS_OVERAGE, SP_CHECK_CLAIMS, expected,
                        SP_STR("a link in place of the groups"));
        return false;
    }
    struct sp_finding *finding =
        sp_exam_claimed(exam, absent ? SP_CAUSE_CLAIM_MISSING : SP_CAUSE_CLAIM_MISMATCH, SP_CHECK_CLAIMS, expected,
                        absent ? SP_STR_NONE : in_words(exam, value));
    finding->detail = rule->name;
    return false;
}

static bool examine_email(struct sp_exam *exam)
{
    const struct sp_json *verified = exam->claims.email_verified;
    if (!exam->input.requirements->require_verified_email || sp_json_is(verified, SP_JSON_TRUE) ||
        sp_str_equal(sp_json_string(verified), SP_STR("true")))
        return true;
    sp_exam_claimed(exam, SP_CAUSE_CLAIM_EMAIL_UNVERIFIED, SP_CHECK_CLAIMS, SP_STR("email_verified: true"),
                    verified == NULL ? SP_STR("no email_verified") : in_words(exam, verified));
    return false;
}

/* ---- the login behind the token ---- */

static bool examine_strength(struct sp_exam *exam)
{
    struct sp_str_list wanted = exam->input.requirements->acr_values;
    if (wanted.count == 0 || satisfies(exam->claims.acr, wanted))
        return true;
    sp_exam_claimed(exam, SP_CAUSE_AUTHENTICATION_TOO_WEAK, SP_CHECK_CLAIMS, join(exam->arena, wanted, NULL),
                    exam->claims.acr == NULL ? SP_STR("no acr") : in_words(exam, exam->claims.acr));
    return false;
}

static bool examine_age(struct sp_exam *exam)
{
    int64_t max_age = exam->input.requirements->max_age_s, at = 0, age = 0;
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    int64_t leeway = terms != NULL ? terms->leeway_s : 0;
    if (max_age <= 0)
        return true;
    bool known = sp_json_int64(exam->claims.auth_time, &at) == SP_OK && at > 0 &&
                 !__builtin_sub_overflow(exam->input.now, at, &age) && age >= -leeway;
    if (known && age <= max_age + leeway)
        return true;
    struct sp_str most = sp_words_duration(exam->arena, max_age), ago = sp_words_duration(exam->arena, age);
    sp_exam_claimed(exam, SP_CAUSE_AUTHENTICATION_TOO_OLD, SP_CHECK_CLAIMS,
                    sp_arena_printf(exam->arena, "a login at most %.*s ago", SP_STR_ARG(most)),
                    known                            ? sp_arena_printf(exam->arena, "a login %.*s ago", SP_STR_ARG(ago))
                    : exam->claims.auth_time == NULL ? SP_STR("no auth_time")
                                                     : SP_STR("an auth_time that is no past time"));
    return false;
}

void sp_authorization_examine(struct sp_exam *exam)
{
    const struct sp_requirements *required = exam->input.requirements;
    examine_scopes(exam);
    bool holds = true;
    for (size_t i = 0; i < required->claim_count; i++)
        holds = examine_claim(exam, &required->claims[i]) && holds;
    holds = examine_email(exam) && holds;
    holds = examine_strength(exam) && holds;
    holds = examine_age(exam) && holds;
    bool asked = required->claim_count > 0 || required->require_verified_email || required->acr_values.count > 0 ||
                 required->max_age_s > 0;
    if (asked && holds)
        sp_exam_pass(exam, SP_CHECK_CLAIMS);
}
