/* SPDX-License-Identifier: Apache-2.0 */
/* Is it an access token, and are all its critical extensions understood? An ID or refresh token is well signed by the
 * right issuer and still must not open an API (RFC 8725 3.11, RFC 9068 5). */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/audience.h"

static struct sp_str media_type_of(struct sp_str typ)
{
    struct sp_str prefix = SP_STR("application/");
    return sp_str_equal_ignoring_case(sp_str_slice(typ, 0, prefix.len), prefix) ? sp_str_slice(typ, prefix.len, typ.len)
                                                                                : typ;
}

static bool is_access_token_type(struct sp_str typ)
{
    /* Okta's own servers write okta-internal-at+jwt. */
    return sp_str_equal_ignoring_case(typ, SP_STR("at+jwt")) ||
           sp_str_equal_ignoring_case(typ, SP_STR("okta-internal-at+jwt"));
}

bool sp_token_kind_is_access_type(struct sp_str typ)
{
    return is_access_token_type(media_type_of(typ));
}

/* RFC 6838 4.2.8: something/kind+suffix. */
static bool is_structured_type(struct sp_str typ, struct sp_str suffix)
{
    return typ.len > suffix.len && sp_str_equal_ignoring_case(sp_str_slice(typ, typ.len - suffix.len, typ.len), suffix);
}

static void examine_type_header(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    const struct sp_json *member = sp_json_member(exam->header, SP_STR("typ"));
    struct sp_str typ = media_type_of(sp_json_string(member));
    bool required = terms != NULL && terms->require_type;
    struct sp_str received = member == NULL ? SP_STR("no typ") : member->text;
    if (is_access_token_type(typ) && exam->input.wants_id_token) {
        sp_exam_saw(exam, SP_CAUSE_TOKEN_KIND_TYPE_HEADER, SP_CHECK_TYPE, SP_STR("an ID token"), received);
        return;
    }
    if (is_access_token_type(typ)) {
        sp_exam_pass_with(exam, SP_CHECK_TYPE, required ? SP_STR("at+jwt") : SP_STR_NONE, received);
        return;
    }
    bool other_kind = is_structured_type(typ, SP_STR("+jwt")) || is_structured_type(typ, SP_STR("+sd-jwt"));
    bool is_text = member == NULL || member->type == SP_JSON_STRING;
    if (!required && !other_kind && is_text) {
        sp_exam_pass_with(exam, SP_CHECK_TYPE, SP_STR_NONE, received);
        return;
    }
    if (sp_str_equal_ignoring_case(typ, SP_STR("rt+jwt")) || sp_str_equal_ignoring_case(typ, SP_STR("refresh+jwt"))) {
        sp_exam_saw(exam, SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, SP_CHECK_TYPE, SP_STR("an access token"), received);
        return;
    }
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_KIND_TYPE_HEADER, SP_CHECK_TYPE,
                                             required ? SP_STR("at+jwt") : SP_STR("at+jwt or JWT"), received);
    if (!is_text)
        finding->detail = SP_STR("The header's typ is not a string.");
    else if (required && !other_kind)
        finding->detail = SP_STR("This issuer is configured to sign access tokens as RFC 9068 asks, with typ at+jwt.");
    else
        finding->detail = SP_STR("A token of this type serves another purpose.");
}

/* Nothing is understood that would need `crit`, so any is refused; its form is checked to name it well. */
static void examine_critical(struct sp_exam *exam)
{
    const struct sp_json *crit = sp_json_member(exam->header, SP_STR("crit"));
    if (crit == NULL)
        return;
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_CRITICAL_HEADER, SP_CHECK_FORM, SP_STR("no crit"),
                                             sp_str_slice(crit->text, 0, 200));
    if (crit->type != SP_JSON_ARRAY || crit->count == 0)
        finding->detail = SP_STR("crit must be an array of at least one name.");
    else
        finding->detail =
            SP_STR("The token says that its receiver must understand these extensions; this one does not.");
}

void sp_token_kind_examine_header(struct sp_exam *exam)
{
    examine_critical(exam);
    if (!exam->input.signature_only)
        examine_type_header(exam);
}

/* Opaque texts that an issuer marks as refresh tokens. */
static bool is_marked_refresh_token(struct sp_str token)
{
    static const char *const marks[] = {"1//" /* Google */, "v1.M" /* Auth0 */, "M.C5" /* Microsoft account */};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (sp_str_has_prefix(token, sp_str_from_cstr(marks[i])))
            return true;
    return false;
}

void sp_token_kind_examine_opaque(struct sp_exam *exam)
{
    if (sp_introspection_is_due(exam))
        return;
    if (is_marked_refresh_token(exam->input.token))
        sp_exam_saw(exam, SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, SP_CHECK_TYPE, SP_STR("an access token"),
                    SP_STR("a refresh token"))
            ->detail = SP_STR("It begins as its issuer's refresh tokens do.");
    else
        sp_exam_saw(exam, SP_CAUSE_TOKEN_OPAQUE, SP_CHECK_FORM, SP_STR("a JWT"), SP_STR("an opaque token"));
}

static bool text_is(const struct sp_json *claim, struct sp_str text)
{
    return sp_str_equal_ignoring_case(sp_json_string(claim), text) && claim != NULL;
}

static bool member_is(const struct sp_exam *exam, struct sp_str name, struct sp_str text)
{
    return text_is(sp_json_member(exam->body, name), text);
}

/* Its claims say outright that it is an access token, as issuers do that copy a login's nonce into one (Keycloak,
 * ForgeRock). */
static bool says_access_token(const struct sp_exam *exam)
{
    return text_is(exam->claims.typ, SP_STR("Bearer")) || text_is(exam->claims.typ, SP_STR("DPoP")) ||
           text_is(exam->claims.token_use, SP_STR("access")) ||
           member_is(exam, SP_STR("token_type"), SP_STR("Bearer")) ||
           member_is(exam, SP_STR("tokenName"), SP_STR("access_token"));
}

/* at+jwt, logout+jwt …: it says itself what it is, and that is no ID token. */
static bool has_structured_type(const struct sp_exam *exam)
{
    struct sp_str typ = media_type_of(sp_json_string(sp_json_member(exam->header, SP_STR("typ"))));
    return is_structured_type(typ, SP_STR("+jwt")) || is_structured_type(typ, SP_STR("+sd-jwt"));
}

/* Microsoft's access tokens may have the login's nonce, and grant by scp or roles, which no ID token has. */
static bool grants_as_microsoft(const struct sp_claims *claims)
{
    return claims->scp != NULL || claims->roles != NULL;
}

static bool grants_something(const struct sp_claims *claims)
{
    return claims->scope != NULL || claims->scp != NULL || claims->roles != NULL;
}

/* Some value of aud is a client that is known here by its id. A client that the token names itself (azp, client_id) is
 * no proof: access tokens do that too, and the forgotten audience has a cause of its own. */
static bool audience_is_client(const struct sp_exam *exam, struct sp_str *client)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    struct sp_str value;
    unsigned seen = 0;
    for (const struct sp_json *at = NULL; seen < SP_MAX_AUDIENCES && sp_audience_next(exam->claims.aud, &at, &value);
         seen++)
        if ((terms != NULL && sp_str_list_has(terms->client_ids, value)) ||
            (exam->input.requirements->client_id.len > 0 && sp_str_equal(value, exam->input.requirements->client_id))) {
            *client = value;
            return true;
        }
    return false;
}

/* Why it is an ID token, as a sentence; absent when nothing proves it. */
static struct sp_str id_token_proof(struct sp_exam *exam)
{
    const struct sp_claims *claims = &exam->claims;
    struct sp_str client;
    if (text_is(claims->typ, SP_STR("ID")))
        return SP_STR("Its claim typ is \"ID\".");
    if (text_is(claims->token_use, SP_STR("id")))
        return SP_STR("Its claim token_use is \"id\".");
    if (says_access_token(exam))
        return SP_STR_NONE;
    if (claims->at_hash != NULL || claims->c_hash != NULL)
        return SP_STR("It has at_hash or c_hash, which only ID tokens carry.");
    if (claims->nonce != NULL && !grants_as_microsoft(claims))
        return SP_STR("It has a nonce, which a login puts into ID tokens.");
    if (has_structured_type(exam))
        return SP_STR_NONE;
    /* Unless the API goes by its client's id, as some do. */
    bool audience_holds = exam->verdict.checks[SP_CHECK_AUDIENCE].outcome == SP_OUTCOME_PASS;
    if (!audience_holds && claims->client_id == NULL && claims->azp == NULL && !grants_something(claims) &&
        audience_is_client(exam, &client))
        return SP_STR("Its audience is the client itself and it grants no scope.");
    return SP_STR_NONE;
}

void sp_token_kind_examine_claims(struct sp_exam *exam)
{
    struct sp_str typ = sp_json_string(exam->claims.typ);
    if (sp_str_equal_ignoring_case(typ, SP_STR("Refresh")) || sp_str_equal_ignoring_case(typ, SP_STR("Offline")) ||
        text_is(exam->claims.token_use, SP_STR("refresh")) ||
        member_is(exam, SP_STR("token_type"), SP_STR("refresh")) ||
        member_is(exam, SP_STR("type"), SP_STR("refresh"))) {
        sp_exam_claimed(exam, SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, SP_CHECK_TYPE, SP_STR("an access token"),
                        SP_STR("a refresh token"))
            ->detail = SP_STR("Its own claims say that it is a refresh token.");
        return;
    }
    struct sp_str proof = exam->input.wants_id_token ? SP_STR_NONE : id_token_proof(exam);
    if (proof.at != NULL)
        sp_exam_claimed(exam, SP_CAUSE_TOKEN_KIND_ID_TOKEN, SP_CHECK_TYPE, SP_STR("an access token"),
                        SP_STR("an ID token"))
            ->detail = proof;
}
