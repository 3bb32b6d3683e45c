/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/client_answers.h"

#include "core/diagnosis/audience.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/exam.h"
#include "core/diagnosis/token_answer.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define MAX_SUBJECT_BYTES 255u
#define MAX_TOKEN_RESPONSE_TEXT 200u

static const struct sp_document_causes answer_causes = {
    .unreachable = SP_CAUSE_NETWORK_HTTP_TIMEOUT, /* its reason says what it was */
    .not_found = SP_CAUSE_RESPONSE_NOT_JSON,
    .http_status = SP_CAUSE_RESPONSE_NOT_JSON,
    .too_large = SP_CAUSE_NETWORK_HTTP_TOO_LARGE,
    .html = SP_CAUSE_RESPONSE_HTML,
    .not_json = SP_CAUSE_RESPONSE_NOT_JSON,
};

static struct sp_str member(const struct sp_json *json, const char *name)
{
    return sp_json_string(sp_json_member(json, sp_str_from_cstr(name)));
}

/* A JSON object with a status of its own choice: error responses have one too. */
static enum sp_status read_object(struct sp_arena *arena, const struct sp_fetch_report *report,
                                  const struct sp_json **json, struct sp_finding *finding)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_fetch_report any_status = *report;
    if (report->failure != SP_CAUSE_NONE) {
        *finding = (struct sp_finding){.cause = report->failure,
                                       .check = SP_CHECK_COUNT,
                                       .expected = report->url,
                                       .detail = report->failure_detail,
                                       .verified = true};
        *json = NULL;
        return SP_OK;
    }
    if (report->http_status == 400 || report->http_status == 401 || report->http_status == 403)
        any_status.http_status = 200;
    enum sp_status status = sp_document_read(arena, &any_status, &answer_causes, &findings, json);
    *finding = findings.refused ? findings.rows[0] : (struct sp_finding){.cause = SP_CAUSE_NONE};
    finding->check = SP_CHECK_COUNT;
    if (findings.refused && report->http_status != 200 && finding->cause == SP_CAUSE_RESPONSE_NOT_JSON)
        finding->detail =
            sp_arena_printf(arena, "HTTP status %d from %.*s.", report->http_status, SP_STR_ARG(report->url));
    return status;
}

static struct sp_finding saw(enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    return (struct sp_finding){
        .cause = cause, .check = SP_CHECK_COUNT, .expected = expected, .received = received, .verified = true};
}

static struct sp_finding saw_error(struct sp_arena *arena, struct sp_str error, const struct sp_json *json)
{
    struct sp_finding finding =
        saw(SP_CAUSE_RESPONSE_ERROR, SP_STR_NONE, sp_str_slice(error, 0, MAX_TOKEN_RESPONSE_TEXT));
    struct sp_str description = member(json, "error_description");
    if (description.len > 0)
        finding.detail =
            sp_arena_printf(arena, "It says: %.*s", SP_STR_ARG(sp_str_slice(description, 0, MAX_TOKEN_RESPONSE_TEXT)));
    return finding;
}

enum sp_status sp_token_response_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                         struct sp_token_response *response, struct sp_finding *finding)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_token_answer answer;
    enum sp_status status = sp_token_answer_examine(arena, report, &answer, &findings);
    *finding = (struct sp_finding){.cause = SP_CAUSE_NONE};
    if (status != SP_OK)
        return status;
    *response = (struct sp_token_response){.access_token = answer.access_token, .id_token = answer.id_token};
    for (size_t i = 0; i < findings.count && finding->cause == SP_CAUSE_NONE; i++)
        if (sp_finding_severity(&findings.rows[i]) == SP_SEVERITY_REJECT)
            *finding = findings.rows[i];
    finding->check = SP_CHECK_COUNT;
    if (finding->cause == SP_CAUSE_NONE && answer.id_token.len == 0)
        *finding = saw(SP_CAUSE_RESPONSE_ID_TOKEN_MISSING, SP_STR("id_token"), SP_STR_NONE);
    return SP_OK;
}

/* ---- the ID token ---- */
static enum sp_status examine_token(struct sp_arena *arena, struct sp_str id_token,
                                    const struct sp_id_token_terms *terms, const struct sp_verdict **verdict)
{
    static const uint16_t first = 0;
    struct sp_issuer_terms issuer_terms = {
        .name = terms->issuer, .issuer = terms->issuer, .algorithms = terms->algorithms, .leeway_s = terms->leeway_s};
    struct sp_known_issuer issuer = {.terms = &issuer_terms,
                                     .known = {.keys = terms->keys, .refetched = true, .fetched_at = terms->now}};
    struct sp_world world = {.issuers = &issuer, .issuer_count = 1};
    struct sp_requirements requirements = {.api = SP_STR("sign-in"),
                                           .issuers = &first,
                                           .issuer_count = 1,
                                           .audiences = {&terms->client_id, 1},
                                           .dpop = SP_BINDING_OFF,
                                           .mtls = SP_BINDING_OFF};
    struct sp_exam_input input = {.token = id_token,
                                  .requirements = &requirements,
                                  .world = &world,
                                  .now = terms->now,
                                  .possession_unknown = true,
                                  .wants_id_token = true};
    struct sp_exam *exam = sp_exam_start(arena, &input);
    if (exam == NULL)
        return SP_NO_MEMORY;
    for (enum sp_need need = sp_exam_step(exam); need != SP_EXAM_DONE; need = sp_exam_step(exam)) {
        if (need == SP_NEED_KEYS)
            sp_exam_give_world(exam, &world); /* they were fetched for it: there are no newer ones */
        else if (need == SP_NEED_INTROSPECTION)
            sp_exam_give_introspection(exam, SP_STR_NONE, SP_CAUSE_TOKEN_OPAQUE, SP_CAUSE_NONE, SP_STR_NONE);
        else
            sp_exam_give_replay(exam, true);
    }
    /* Its findings borrow from what stands on this stack: the verdict is complete, and its texts are the arena's. */
    *verdict = sp_exam_verdict(exam);
    return SP_OK;
}

/* OIDC Core 3.1.3.6: the left half of the hash of the signature's algorithm. */
static struct sp_str half_hash(struct sp_arena *arena, enum sp_algorithm algorithm, struct sp_str text)
{
    unsigned char digest[64];
    struct sp_str encoded = SP_STR_NONE;
    size_t bytes = sp_hash_bytes(sp_algorithm_get(algorithm)->hash, text, digest);
    return sp_base64url_encode(arena, sp_str((const char *)digest, bytes / 2), &encoded) == SP_OK ? encoded
                                                                                                  : SP_STR_NONE;
}

static bool has_wrong_hash(struct sp_arena *arena, const struct sp_verdict *verdict, const char *claim,
                           enum sp_cause cause, struct sp_str text, struct sp_finding *finding)
{
    struct sp_str received = member(verdict->claims, claim);
    enum sp_algorithm algorithm = sp_algorithm_find(member(verdict->header, "alg"));
    /* EdDSA names no hash; OpenID leaves open which, so it is not judged. */
    if (received.at == NULL || text.at == NULL || sp_algorithm_get(algorithm)->family == SP_FAMILY_EDDSA)
        return false;
    struct sp_str expected = half_hash(arena, algorithm, text);
    if (sp_str_equal(expected, received))
        return false;
    *finding = saw(cause, expected, received);
    return true;
}

static size_t count_audiences(const struct sp_json *audience)
{
    return sp_json_is(audience, SP_JSON_ARRAY) ? audience->count : 1;
}

static struct sp_finding examine_claims(struct sp_arena *arena, const struct sp_verdict *verdict,
                                        const struct sp_id_token_terms *terms)
{
    const struct sp_json *claims = verdict->claims;
    struct sp_finding finding = {.cause = SP_CAUSE_NONE};
    struct sp_str nonce = member(claims, "nonce"), azp = member(claims, "azp"), subject = member(claims, "sub");
    if (!terms->without_nonce && nonce.len == 0)
        return saw(SP_CAUSE_NONCE_MISSING, terms->nonce, SP_STR_NONE);
    if (!terms->without_nonce && !sp_str_equal(nonce, terms->nonce))
        return saw(SP_CAUSE_NONCE_MISMATCH, terms->nonce, sp_str_slice(nonce, 0, MAX_TOKEN_RESPONSE_TEXT));
    if (count_audiences(sp_json_member(claims, SP_STR("aud"))) > 1 && azp.len == 0)
        return saw(
            SP_CAUSE_ID_TOKEN_MULTIPLE_AUDIENCES, terms->client_id,
            sp_arena_printf(arena, "%zu audiences and no azp", count_audiences(sp_json_member(claims, SP_STR("aud")))));
    if (azp.len > 0 && !sp_str_equal(azp, terms->client_id))
        return saw(SP_CAUSE_ID_TOKEN_AZP, terms->client_id, azp);
    if (has_wrong_hash(arena, verdict, "at_hash", SP_CAUSE_ID_TOKEN_AT_HASH, terms->access_token, &finding) ||
        has_wrong_hash(arena, verdict, "c_hash", SP_CAUSE_ID_TOKEN_C_HASH, terms->code, &finding))
        return finding;
    if (subject.len == 0 || subject.len > MAX_SUBJECT_BYTES)
        return saw(subject.len == 0 ? SP_CAUSE_CLAIM_MISSING : SP_CAUSE_CLAIM_MISMATCH,
                   SP_STR("sub: 1 to 255 characters"), sp_str_slice(subject, 0, MAX_TOKEN_RESPONSE_TEXT));
    return finding;
}

enum sp_status sp_id_token_examine(struct sp_arena *arena, struct sp_str id_token,
                                   const struct sp_id_token_terms *terms, const struct sp_json **claims,
                                   struct sp_finding *finding)
{
    const struct sp_verdict *verdict = NULL;
    enum sp_status status = examine_token(arena, id_token, terms, &verdict);
    if (status != SP_OK)
        return status;
    if (verdict->accepted && verdict->kind == SP_TOKEN_JWT && verdict->signature_verified)
        *finding = examine_claims(arena, verdict, terms);
    else
        *finding = verdict->cause != NULL ? *verdict->cause : saw(SP_CAUSE_TOKEN_OPAQUE, SP_STR("a JWT"), SP_STR_NONE);
    if (finding->cause == SP_CAUSE_NONE)
        *claims = verdict->claims;
    return SP_OK;
}

/* ---- userinfo ---- */
enum sp_status sp_userinfo_examine(struct sp_arena *arena, const struct sp_fetch_report *report, struct sp_str subject,
                                   const struct sp_json **claims, struct sp_finding *finding)
{
    const struct sp_json *json = NULL;
    if (report->failure == SP_CAUSE_NONE &&
        sp_str_equal_ignoring_case(sp_str_slice(report->content_type, 0, 15), SP_STR("application/jwt"))) {
        *finding = saw(SP_CAUSE_USERINFO_SIGNED_UNEXPECTEDLY, SP_STR("application/json"), report->content_type);
        return SP_OK;
    }
    enum sp_status status = read_object(arena, report, &json, finding);
    if (status != SP_OK || finding->cause != SP_CAUSE_NONE)
        return status;
    struct sp_str about = member(json, "sub"), error = member(json, "error");
    if (report->http_status != 200)
        *finding = saw_error(arena, error.at != NULL ? error : SP_STR("no error code"), json);
    else if (!sp_str_equal(about, subject))
        *finding = saw(SP_CAUSE_USERINFO_SUBJECT_MISMATCH, subject,
                       about.at != NULL ? sp_str_slice(about, 0, MAX_TOKEN_RESPONSE_TEXT) : SP_STR("no sub"));
    else
        *claims = json;
    return SP_OK;
}
