/* SPDX-License-Identifier: Apache-2.0 */
/* What an authorization request still needs, and the code that it gets. */
#include "authority/authorization.h"

#include "authority/denial.h"
#include "authority/handle.h"
#include "authority/scope.h"
#include "core/jose/crypto.h"

enum sp_authorization_need sp_authorization_need(const struct sp_authorization *a, const struct sp_session *session,
                                                 struct sp_str consented, bool signed_in, int64_t now)
{
    bool too_old = a->max_age_s >= 0 && now - session->auth_time > a->max_age_s;
    bool other_person = a->hint_subject.at != NULL && !sp_str_equal(a->hint_subject, session->subject);
    if (session->subject.at == NULL || ((a->prompt_login || too_old) && !signed_in) || other_person)
        return SP_NEEDS_LOGIN;
    if (a->prompt_consent || (!a->client->skip_consent && !sp_scope_covers(consented, a->scope)))
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

enum sp_step sp_authorization_grant(struct sp_call *call, const struct sp_authorization *a,
                                    const struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
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
    if (a->dpop_jkt.at != NULL)
        sp_json_string_member(&json, "dpop_jkt", a->dpop_jkt);
    sp_json_int_member(&json, "auth_time", session->auth_time);
    sp_json_string_member(&json, "acr", session->acr);
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
                               .family = sp_handle_make(call->arena, "", 16),
                               .client_id = a->client->id,
                               .subject = session->subject,
                               .issued_at = call->now,
                               .expires_at = call->now + call->authority->settings->code_lifetime_s,
                               .data = sp_buffer_str(&data)};
    enum sp_status status = code.at != NULL && ticket.family.at != NULL ? sp_buffer_status(&data) : SP_NO_MEMORY;
    if (status == SP_OK) {
        sp_sha256(code, ticket.hash);
        status = store->methods->put_ticket(store, &ticket, NULL);
    }
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = session->subject;
    sp_authorization_respond(call, a, &(struct sp_answer_pair){"code", code}, 1);
    return SP_GOES_ON;
}
