/* SPDX-License-Identifier: Apache-2.0 */
/* From symptom to root cause: a check found that two things differ; here is asked how. Runs only once the call is
 * refused, so the accepted one pays nothing. One row a refinement; the first row whose proof holds wins, so finer ones
 * stand first. */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/audience.h"
#include "core/diagnosis/issuer_form.h"
#include "core/diagnosis/words.h"

/* ---- issuer ---- */

static bool is_required_issuer(const struct sp_exam *exam, size_t index)
{
    for (size_t i = 0; i < exam->input.requirements->issuer_count; i++)
        if (exam->input.requirements->issuers[i] == index)
            return true;
    return false;
}

/* Where no issuer is the one that was meant, all that the API takes are. */
static void expect_every_issuer(struct sp_exam *exam, struct sp_finding *finding)
{
    const struct sp_requirements *required = exam->input.requirements;
    struct sp_str *names = sp_arena_calloc(exam->arena, required->issuer_count, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; names != NULL && i < required->issuer_count; i++)
        if (required->issuers[i] < exam->world->issuer_count)
            names[count++] = exam->world->issuers[required->issuers[i]].terms->issuer;
    if (count > 1)
        finding->expected = sp_words_list(exam->arena, names, count);
}

/* The token's issuer is configured here, but not for this API. */
static bool is_other_environment(struct sp_exam *exam, struct sp_finding *finding)
{
    for (size_t i = 0; i < exam->world->issuer_count; i++) {
        const struct sp_issuer_terms *terms = exam->world->issuers[i].terms;
        if (is_required_issuer(exam, i) || !sp_str_equal(terms->issuer, finding->received))
            continue;
        finding->detail = sp_arena_printf(exam->arena, "\"%.*s\"%s%.*s%s", SP_STR_ARG(terms->name),
                                          terms->environment.len > 0 ? " (environment \"" : "",
                                          SP_STR_ARG(terms->environment), terms->environment.len > 0 ? "\")" : "");
        expect_every_issuer(exam, finding);
        return true;
    }
    return false;
}

/* ---- audience ---- */

static bool some_pair(struct sp_exam *exam, bool (*differs)(struct sp_str, struct sp_str), struct sp_finding *finding)
{
    struct sp_str_list expected = sp_audience_expected(exam);
    struct sp_str value;
    unsigned seen = 0;
    for (const struct sp_json *at = NULL; seen < SP_MAX_AUDIENCES && sp_audience_next(exam->claims.aud, &at, &value);
         seen++)
        for (size_t i = 0; i < expected.count; i++)
            if (differs(expected.at[i], value)) {
                finding->expected = expected.at[i];
                finding->received = value;
                return true;
            }
    return false;
}

static bool audience_differs_by_slash(struct sp_exam *exam, struct sp_finding *finding)
{
    return some_pair(exam, sp_url_differs_by_slash, finding);
}

/* What stands behind "https://", "api://" and the like; the whole where there is no scheme. */
static struct sp_str behind_scheme(struct sp_str s)
{
    size_t at = sp_str_index_of(s, ':', 0);
    struct sp_str mark = SP_STR("://");
    return at > 0 && sp_str_has_prefix(sp_str_slice(s, at, s.len), mark) ? sp_str_slice(s, at + mark.len, s.len) : s;
}

/* Entra's api://ID and ID are one API too. */
static bool differs_by_scheme(struct sp_str a, struct sp_str b)
{
    struct sp_str rest = behind_scheme(a);
    return rest.len > 0 && sp_str_equal(rest, behind_scheme(b)) && !sp_str_equal(a, b);
}

static bool audience_differs_by_scheme(struct sp_exam *exam, struct sp_finding *finding)
{
    return some_pair(exam, differs_by_scheme, finding);
}

static bool audience_differs_by_case(struct sp_exam *exam, struct sp_finding *finding)
{
    return some_pair(exam, sp_url_differs_by_case, finding);
}

static bool has_audience(const struct sp_exam *exam, struct sp_str wanted)
{
    struct sp_str value;
    unsigned seen = 0;
    for (const struct sp_json *at = NULL; seen < SP_MAX_AUDIENCES && sp_audience_next(exam->claims.aud, &at, &value);
         seen++)
        if (sp_str_equal(value, wanted))
            return true;
    return false;
}

static bool is_keycloak_account(struct sp_exam *exam, struct sp_finding *finding)
{
    struct sp_str azp = sp_json_string(exam->claims.azp);
    if (azp.len == 0 || !has_audience(exam, SP_STR("account")))
        return false;
    finding->detail = sp_arena_printf(exam->arena, "The token was issued to the client \"%.*s\".",
                                      SP_STR_ARG(sp_str_slice(azp, 0, 200)));
    return true;
}

static bool is_cognito(struct sp_exam *exam, struct sp_finding *finding)
{
    struct sp_str iss = sp_json_string(exam->claims.iss), client = sp_json_string(exam->claims.client_id);
    if (!sp_str_has_prefix(iss, SP_STR("https://cognito-idp.")) || exam->claims.aud != NULL || client.len == 0 ||
        !sp_str_equal(sp_json_string(exam->claims.token_use), SP_STR("access")))
        return false;
    finding->received = sp_str_slice(client, 0, 200);
    finding->detail = sp_arena_printf(exam->arena, "Its client_id is \"%.*s\".", SP_STR_ARG(finding->received));
    return true;
}

static bool is_client_id(struct sp_exam *exam, struct sp_finding *finding)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    const struct sp_str known[] = {sp_json_string(exam->claims.azp), sp_json_string(exam->claims.client_id),
                                   exam->input.requirements->client_id};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].len > 0 && has_audience(exam, known[i])) {
            finding->received = known[i];
            return true;
        }
    for (size_t i = 0; terms != NULL && i < terms->client_ids.count; i++)
        if (has_audience(exam, terms->client_ids.at[i])) {
            finding->received = terms->client_ids.at[i];
            return true;
        }
    return false;
}

static bool is_other_api(struct sp_exam *exam, struct sp_finding *finding)
{
    for (size_t i = 0; i < exam->world->api_audience_count; i++) {
        const struct sp_api_audience *other = &exam->world->api_audiences[i];
        if (sp_str_equal(other->api, exam->input.requirements->api) || !has_audience(exam, other->audience))
            continue;
        finding->detail = sp_arena_printf(exam->arena, "\"%.*s\"", SP_STR_ARG(other->api));
        return true;
    }
    return false;
}

/* ---- the client's clock ---- */

#define MAX_DEVICE_SKEW_S 86400

static bool number_of(struct sp_str digits, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || *number > INT64_C(253402300799))
            return false;
        *number = *number * 10 + (digits.at[i] - '0');
    }
    return digits.len > 0;
}

/* The proof is right but for its time, and the issuer's clock agrees with ours. Ahead of us it cannot be stale; behind,
 * it names (ath) a token that did not exist yet by the clock it was made with. */
static bool is_client_device(struct sp_exam *exam, struct sp_finding *finding)
{
    int64_t made_at, issued_at, now = exam->input.now;
    const struct sp_issuer_knowledge *known = exam->issuer != NULL ? &exam->issuer->known : NULL;
    if (!sp_str_equal(finding->detail, SP_STR("iat")) || !number_of(finding->received, &made_at) || known == NULL ||
        !known->clock_skew_known || known->clock_skew_s > 2 || known->clock_skew_s < -2)
        return false;
    int64_t ahead = made_at - now;
    bool is_ahead = ahead > 0;
    bool is_behind = ahead < 0 && sp_json_int64(exam->claims.iat, &issued_at) == SP_OK && issued_at <= now + 2 &&
                     made_at < issued_at - 2;
    if ((!is_ahead && !is_behind) || ahead > MAX_DEVICE_SKEW_S || ahead < -MAX_DEVICE_SKEW_S)
        return false;
    finding->detail = sp_arena_printf(exam->arena, "iat of its DPoP proof is %.*s.",
                                      SP_STR_ARG(sp_words_instant_from(exam->arena, made_at, now)));
    finding->received = sp_words_duration(exam->arena, ahead);
    return true;
}

/* ---- the table ---- */

static const struct {
    enum sp_cause symptom;
    bool (*holds)(struct sp_exam *exam, struct sp_finding *finding); /* may sharpen the evidence when it holds */
    enum sp_cause root;
} refinements[] = {
    {SP_CAUSE_ISSUER_MISMATCH, is_other_environment, SP_CAUSE_ISSUER_OTHER_ENVIRONMENT},
    {SP_CAUSE_AUDIENCE_MISSING, is_cognito, SP_CAUSE_AUDIENCE_COGNITO},
    {SP_CAUSE_AUDIENCE_MISMATCH, audience_differs_by_slash, SP_CAUSE_AUDIENCE_TRAILING_SLASH},
    {SP_CAUSE_AUDIENCE_MISMATCH, audience_differs_by_scheme, SP_CAUSE_AUDIENCE_SCHEME},
    {SP_CAUSE_AUDIENCE_MISMATCH, audience_differs_by_case, SP_CAUSE_AUDIENCE_CASE},
    {SP_CAUSE_AUDIENCE_MISMATCH, is_keycloak_account, SP_CAUSE_AUDIENCE_KEYCLOAK_ACCOUNT},
    {SP_CAUSE_AUDIENCE_MISMATCH, is_client_id, SP_CAUSE_AUDIENCE_IS_CLIENT_ID},
    {SP_CAUSE_AUDIENCE_MISMATCH, is_other_api, SP_CAUSE_AUDIENCE_OTHER_API},
    {SP_CAUSE_BINDING_DPOP_INVALID, is_client_device, SP_CAUSE_CLOCK_CLIENT_DEVICE},
};

static void refine(struct sp_exam *exam, struct sp_finding *finding)
{
    for (size_t i = 0; i < sizeof refinements / sizeof refinements[0]; i++)
        if (refinements[i].symptom == finding->cause && refinements[i].holds(exam, finding)) {
            finding->cause = refinements[i].root;
            return;
        }
    /* How two issuers differ is proven by the texts alone; core/oauth's metadata and the configuration ask the same
     * function. */
    if (finding->cause == SP_CAUSE_ISSUER_MISMATCH && sp_json_is(exam->claims.iss, SP_JSON_STRING))
        finding->cause = sp_issuer_difference(finding->expected, finding->received);
    if (finding->cause == SP_CAUSE_ISSUER_MISMATCH)
        expect_every_issuer(exam, finding);
}

void sp_exam_refine(struct sp_exam *exam)
{
    for (size_t i = 0; i < exam->finding_count; i++)
        refine(exam, &exam->findings[i]);
}
