/* SPDX-License-Identifier: Apache-2.0 */
/* A token response as tokens: its members, and the ID token verified with the issuer's keys. */
#include <time.h>
#include "client/session_parts.h"
#include "core/diagnosis/client_answers.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/json_answer.h"

#define LEEWAY_S 30
#define MAX_LIFETIME_S 315360000

static bool fetch_keys(struct sp_client_session *session)
{
    struct sp_http_request request = {
        .url = session->metadata.jwks_uri, .max_bytes = SP_MAX_JWKS_BYTES, .max_redirects = 3};
    if (session->keys != NULL)
        return true;
    const struct sp_fetch_report *report = sp_client_call(session, request);
    if (report == NULL)
        return false;
    session->status = sp_keys_document_examine(session->arena, report, &session->keys, &session->findings);
    if (session->status != SP_OK || session->keys == NULL)
        return false;
    session->findings.count = 0;
    session->findings.refused = false;
    return true;
}

static bool verify_id_token(struct sp_client_session *session, struct sp_str nonce, struct sp_str code,
                            struct sp_client_tokens *tokens)
{
    struct sp_finding finding = {.cause = SP_CAUSE_NONE};
    if (!fetch_keys(session))
        return false;
    uint32_t algorithms = session->metadata.algorithms & sp_algorithms_asymmetric();
    const struct sp_id_token_terms terms = {.issuer = session->settings->issuer,
                                            .client_id = session->settings->client_id,
                                            .nonce = nonce,
                                            .without_nonce = nonce.at == NULL,
                                            .code = code,
                                            .access_token = tokens->access_token,
                                            .algorithms = algorithms != 0 ? algorithms : sp_algorithms_asymmetric(),
                                            .keys = session->keys,
                                            .now = time(NULL),
                                            .leeway_s = LEEWAY_S};
    session->status = sp_id_token_examine(session->arena, tokens->id_token, &terms, &tokens->id_claims, &finding);
    if (session->status == SP_OK && finding.cause != SP_CAUSE_NONE)
        sp_client_tell(session, &finding);
    return session->status == SP_OK && finding.cause == SP_CAUSE_NONE;
}

static struct sp_str member(const struct sp_json *json, const char *name)
{
    return sp_json_string(sp_json_member(json, sp_str_from_cstr(name)));
}

static bool refuse(struct sp_client_session *session, enum sp_cause cause, struct sp_str expected,
                   struct sp_str received)
{
    const struct sp_finding finding = {
        .cause = cause, .check = SP_CHECK_COUNT, .verified = true, .expected = expected, .received = received};
    sp_client_tell(session, &finding);
    return false;
}

bool sp_client_take_tokens(struct sp_client_session *session, const struct sp_json *json, struct sp_str nonce,
                           struct sp_str code, struct sp_client_tokens *tokens)
{
    int64_t lifetime = 0;
    *tokens = (struct sp_client_tokens){.access_token = member(json, "access_token"),
                                        .token_type = member(json, "token_type"),
                                        .refresh_token = member(json, "refresh_token"),
                                        .id_token = member(json, "id_token"),
                                        .scope = member(json, "scope"),
                                        .response = json->text};
    if (tokens->access_token.len == 0)
        return refuse(session, SP_CAUSE_RESPONSE_ACCESS_TOKEN_MISSING, SP_STR("access_token"), SP_STR("none"));
    if (sp_token_has_strange_bytes(tokens->access_token))
        return refuse(session, SP_CAUSE_RESPONSE_TOKEN_CHARACTERS, SP_STR("visible ASCII characters"),
                      sp_token_strange_words(tokens->access_token));
    if (tokens->token_type.len == 0)
        return refuse(session, SP_CAUSE_RESPONSE_TOKEN_TYPE_MISSING, SP_STR("token_type"), SP_STR("none"));
    /* A token that was to be bound and is not is no token for whoever asked for one. */
    if (session->settings->dpop != NULL && !sp_str_equal_ignoring_case(tokens->token_type, SP_STR("DPoP")) &&
        !sp_str_equal(tokens->token_type, SP_STR("N_A")))
        return refuse(session, SP_CAUSE_RESPONSE_TOKEN_TYPE_UNEXPECTED, SP_STR("DPoP"), tokens->token_type);
    if (sp_json_int64(sp_json_member(json, SP_STR("expires_in")), &lifetime) == SP_OK && lifetime > 0)
        tokens->expires_at = time(NULL) + (lifetime < MAX_LIFETIME_S ? lifetime : MAX_LIFETIME_S);
    if (nonce.at != NULL && tokens->id_token.len == 0)
        return refuse(session, SP_CAUSE_RESPONSE_ID_TOKEN_MISSING, SP_STR("id_token"), SP_STR("none"));
    return tokens->id_token.len == 0 || verify_id_token(session, nonce, code, tokens);
}
