/* SPDX-License-Identifier: Apache-2.0 */
/* What an authorization request still needs, and the code that it gets. */
#include "authority/authorization.h"

#include "authority/claims.h"
#include "authority/denial.h"
#include "authority/handle.h"
#include "authority/pushed_request.h"
#include "authority/scope.h"
#include "authority/subject.h"
#include "core/jose/crypto.h"

bool sp_authorization_is_for_another(const struct sp_authorization *a, struct sp_str subject)
{
    char room[SP_PAIRWISE_BYTES];
    return (a->hint_subject.at != NULL && !sp_str_equal(a->hint_subject, subject)) ||
           !sp_claims_request_is_for(&a->claims, sp_subject_of(a->subject_secret, a->client, subject, room));
}

/* Any program on the machine can call itself by a client_id that has no proof and wait at a loopback port or for a
 * scheme: what was allowed once says nothing of who asks now (RFC 8252 8.6; OAuth 2.1 7.3.1). */
static bool may_be_an_impostor(const struct sp_authorization *a)
{
    return a->client->is_native && sp_client_is_public(a->client) &&
           !sp_str_has_prefix(a->redirect_uri, SP_STR("https://"));
}

enum sp_authorization_need sp_authorization_need(const struct sp_authorization *a, const struct sp_session *session,
                                                 struct sp_str consented, bool signed_in, int64_t now)
{
    bool is_untold = a->client->require_auth_time && session->auth_time == 0;
    /* 0: as prompt=login (OIDC Core 3.1.2.1), also within one second. */
    bool too_old = a->max_age_s == 0 || (a->max_age_s > 0 && now - session->auth_time > a->max_age_s) || is_untold;
    bool too_weak = a->acr.values.count > 0 && sp_acr_granted(&a->acr, session->acr).at == NULL;
    bool is_possible = sp_acr_is_possible(&a->acr);
    if (a->acr.essential && !is_possible)
        return SP_NEEDS_TOO_MUCH;
    if (session->subject.at == NULL || ((a->prompt_login || too_old) && !signed_in) ||
        sp_authorization_is_for_another(a, session->subject))
        return SP_NEEDS_LOGIN;
    /* One more login may be stronger; a wish that is not essential must not keep the person from going on. */
    if (too_weak && is_possible && !signed_in && (a->acr.essential || !a->prompt_none))
        return SP_NEEDS_LOGIN;
    if (too_weak && a->acr.essential)
        return SP_NEEDS_TOO_MUCH;
    if (a->prompt_select && !signed_in)
        return SP_NEEDS_ACCOUNT;
    bool is_allowed = sp_scope_covers(consented, a->consent) && !may_be_an_impostor(a);
    if (a->prompt_consent || (!a->client->skip_consent && !is_allowed))
        return SP_NEEDS_CONSENT;
    return SP_NEEDS_NOTHING;
}

enum sp_status sp_authorization_consented(struct sp_call *call, const struct sp_authorization *a,
                                          const struct sp_session *session, struct sp_str *scopes)
{
    struct sp_store *store = call->authority->store;
    *scopes = SP_STR("");
    if (session->subject.at == NULL)
        return SP_OK;
    enum sp_status status = store->methods->find_consent(store, session->subject, a->client->id, call->arena, scopes);
    return status == SP_NOT_FOUND ? SP_OK : status;
}

enum sp_step sp_authorization_deny_unmet(struct sp_call *call, const struct sp_authorization *a,
                                         const struct sp_session *session)
{
    bool login = session->subject.at != NULL;
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_ACR_UNMET,
                   .expected = sp_list_in_words(call->arena, a->acr.values, "an acr"),
                   .received = login ? session->acr : SP_STR("no login that could be so strong"),
                   .error = "unmet_authentication_requirements");
}

/* The names of the claims that the person's account can answer with. */
static enum sp_status resolve_claims(struct sp_call *call, const struct sp_authorization *a, struct sp_str subject,
                                     struct sp_str *userinfo, struct sp_str *id_token)
{
    struct sp_store *store = call->authority->store;
    struct sp_account account;
    const struct sp_authority_settings *settings = call->authority->settings;
    const struct sp_json *claims = NULL;
    if (a->claims.userinfo == NULL && a->claims.id_token == NULL)
        return SP_OK;
    enum sp_status status = store->methods->get_account(store, subject, call->arena, &account);
    if (status == SP_OK)
        status = sp_claims_of_account(call, &account, &claims);
    if (status == SP_OK)
        status = sp_claims_request_names(call->arena, a->claims.userinfo, settings, a->client, claims, userinfo);
    if (status == SP_OK)
        status = sp_claims_request_names(call->arena, a->claims.id_token, settings, a->client, claims, id_token);
    return status;
}

enum sp_step sp_authorization_grant(struct sp_call *call, const struct sp_authorization *a,
                                    const struct sp_session *session, struct sp_str *code_hash)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    struct sp_str userinfo_claims = SP_STR_NONE, id_token_claims = SP_STR_NONE;
    struct sp_str acr = sp_acr_granted(&a->acr, session->acr);
    enum sp_step step = a->is_again ? SP_GOES_ON : sp_pushed_request_spend(call);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = resolve_claims(call, a, session->subject, &userinfo_claims, &id_token_claims);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "redirect_uri", a->redirect_uri);
    sp_json_bool_member(&json, "redirect_uri_sent", a->redirect_uri_sent);
    sp_json_string_member(&json, "scope", a->scope);
    if (a->nonce.at != NULL)
        sp_json_string_member(&json, "nonce", a->nonce);
    if (a->challenge.at != NULL)
        sp_json_string_member(&json, "challenge", a->challenge);
    if (a->challenge_is_plain)
        sp_json_bool_member(&json, "challenge_is_plain", true);
    if (a->dpop_jkt.at != NULL)
        sp_json_string_member(&json, "dpop_jkt", a->dpop_jkt);
    sp_json_int_member(&json, "auth_time", session->auth_time);
    if (userinfo_claims.len > 0)
        sp_json_string_member(&json, "userinfo_claims", userinfo_claims);
    if (id_token_claims.len > 0)
        sp_json_string_member(&json, "id_token_claims", id_token_claims);
    sp_json_string_member(&json, "acr", acr.at != NULL ? acr : session->acr);
    sp_json_string_member(&json, "amr", session->amr);
    sp_json_string_member(&json, "sid", session->sid);
    sp_json_string_member(&json, "session", sp_base64url_of(call->arena, session->hash, sizeof session->hash));
    sp_json_name(&json, SP_STR("audiences"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < a->audiences.count; i++)
        sp_json_put_string(&json, a->audiences.at[i]);
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    struct sp_str code = sp_handle_make(call->arena, "spac_", SP_HANDLE_BYTES);
    struct sp_ticket ticket = {.kind = SP_TICKET_CODE,
                               .family = sp_family_make(call->arena, call->now),
                               .client_id = a->client->id,
                               .subject = session->subject,
                               .issued_at = call->now,
                               .expires_at = call->now + call->authority->settings->code_lifetime_s,
                               .data = sp_buffer_str(&data)};
    status = code.at != NULL && ticket.family.at != NULL ? sp_buffer_status(&data) : SP_NO_MEMORY;
    if (status == SP_OK) {
        sp_sha256(code, ticket.hash);
        status = store->methods->put_ticket(store, &ticket, NULL);
    }
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (code_hash != NULL)
        *code_hash = sp_base64url_of(call->arena, ticket.hash, sizeof ticket.hash);
    call->subject = session->subject;
    sp_authorization_respond(call, a, &(struct sp_answer_pair){"code", code}, 1);
    return SP_GOES_ON;
}
