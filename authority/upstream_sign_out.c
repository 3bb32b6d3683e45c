/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/upstream_sign_out.h"

#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/page.h"
#include "authority/visit.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define RETURN_LIFETIME_S 600

/* ---- to the provider ---- */
bool sp_upstream_sign_out_is_due(const struct sp_call *call, const struct sp_session *session)
{
    const struct sp_upstream_provider *upstream =
        session->origin.upstream.at != NULL ? sp_upstream_find(call->authority->settings, session->origin.upstream)
                                            : NULL;
    /* Another provider under the same name is not the one that signed the person in. */
    return upstream != NULL && upstream->sign_out && session->origin.end_session_endpoint.len > 0 &&
           sp_str_equal(upstream->issuer, session->origin.issuer);
}

static struct sp_str hint_label(struct sp_call *call, struct sp_str subject)
{
    return sp_arena_printf(call->arena, "upstream id_token %.*s", SP_STR_ARG(subject));
}

enum sp_status sp_upstream_hint_seal(struct sp_call *call, struct sp_str subject, struct sp_str id_token,
                                     struct sp_str *sealed)
{
    struct sp_str bytes, label = hint_label(call, subject);
    *sealed = SP_STR_NONE;
    if (id_token.len == 0 || id_token.len > SP_MAX_UPSTREAM_HINT_BYTES)
        return SP_OK;
    enum sp_status status =
        label.at != NULL ? sp_key_ring_seal(call->authority->keys, label, id_token, call->arena, &bytes) : SP_NO_MEMORY;
    if (status == SP_OK)
        *sealed = sp_base64url_of(call->arena, bytes.at, bytes.len);
    return status == SP_OK && sealed->at == NULL ? SP_NO_MEMORY : status;
}

/* Absent: there is none that could be read. */
static struct sp_str unseal_hint(struct sp_call *call, const struct sp_session *session)
{
    struct sp_str bytes, hint = SP_STR_NONE, label = hint_label(call, session->subject);
    if (session->origin.hint.len == 0 || label.at == NULL ||
        sp_base64url_decode(call->arena, session->origin.hint, &bytes) != SP_OK ||
        sp_key_ring_unseal(call->authority->keys, label, bytes, call->arena, &hint) != SP_OK)
        return SP_STR_NONE;
    return hint;
}

/* Of this browser, so that nobody else is sent where it leads. */
static enum sp_status put_return(struct sp_call *call, struct sp_str next, struct sp_str *state)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    struct sp_str browser = sp_browser_hash(call);
    *state = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "next", next);
    if (browser.at != NULL)
        sp_json_string_member(&json, "browser", browser);
    sp_json_end_object(&json);
    if (state->at == NULL || sp_buffer_status(&data) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_ticket ticket = {.kind = SP_TICKET_SIGN_OUT,
                               .issued_at = call->now,
                               .expires_at = call->now + RETURN_LIFETIME_S,
                               .data = sp_buffer_str(&data)};
    sp_sha256(*state, ticket.hash);
    return store->methods->put_ticket(store, &ticket, NULL);
}

enum sp_status sp_upstream_sign_out_begin(struct sp_call *call, const struct sp_session *session, struct sp_str next,
                                          struct sp_str *url)
{
    struct sp_str endpoint = session->origin.end_session_endpoint, state = SP_STR_NONE,
                  hint = unseal_hint(call, session);
    const struct sp_upstream_provider *upstream = sp_upstream_find(call->authority->settings, session->origin.upstream);
    struct sp_buffer text;
    char separator = sp_str_contains(endpoint, SP_STR("?")) ? '&' : '?';
    enum sp_status status = next.at != NULL ? put_return(call, next, &state) : SP_OK;
    if (status != SP_OK)
        return status;
    sp_answer_buffer(call, &text);
    sp_buffer_append(&text, endpoint);
    if (hint.at != NULL)
        sp_form_add(&text, &separator, "id_token_hint", hint);
    sp_form_add(&text, &separator, "client_id", upstream->client_id);
    sp_form_add(&text, &separator, "post_logout_redirect_uri", sp_authority_url(call, "/signed_out"));
    if (state.at != NULL)
        sp_form_add(&text, &separator, "state", state);
    sp_form_add(&text, &separator, "ui_locales", sp_language_tag(sp_call_language(call)));
    status = sp_buffer_status(&text);
    if (status == SP_OK)
        *url = sp_buffer_str(&text);
    return status;
}

/* ---- from the provider ---- */
enum sp_status sp_upstream_remember_keys(struct sp_call *call, const struct sp_upstream_provider *upstream,
                                         struct sp_str jwks_uri)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    struct sp_str known = SP_STR_NONE;
    enum sp_status status = sp_upstream_keys_place(call, upstream, &known);
    if (status == SP_OK && sp_str_equal(known, jwks_uri))
        return SP_OK;
    if (status != SP_OK && status != SP_NOT_FOUND)
        return status;
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "jwks_uri", jwks_uri);
    sp_json_end_object(&json);
    const struct sp_record record = {
        .kind = SP_RECORD_UPSTREAM, .id = upstream->issuer, .data = sp_buffer_str(&data), .created_at = call->now};
    status = sp_buffer_status(&data);
    return status == SP_OK ? store->methods->put_record(store, &record, NULL) : status;
}

enum sp_status sp_upstream_keys_place(struct sp_call *call, const struct sp_upstream_provider *upstream,
                                      struct sp_str *jwks_uri)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    enum sp_status status =
        store->methods->find_record(store, SP_RECORD_UPSTREAM, upstream->issuer, call->arena, &record);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, record.data, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        *jwks_uri = sp_json_string(sp_json_member(data, SP_STR("jwks_uri")));
    return status == SP_OK && jwks_uri->len == 0 ? SP_NOT_FOUND : status;
}

/* Neither an issuer nor a sid holds a line end. */
static enum sp_status hash_of_sid(struct sp_call *call, struct sp_str issuer, struct sp_str sid, unsigned char hash[32])
{
    struct sp_str whole = sp_arena_printf(call->arena, "sid\n%.*s\n%.*s", SP_STR_ARG(issuer), SP_STR_ARG(sid));
    if (whole.at == NULL)
        return SP_NO_MEMORY;
    sp_sha256(whole, hash);
    return SP_OK;
}

enum sp_status sp_upstream_remember_sid(struct sp_call *call, const struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_UPSTREAM_SESSION,
                               .subject = session->subject,
                               .issued_at = call->now,
                               .expires_at = session->expires_at,
                               .data = SP_STR("{}")};
    bool fresh = false;
    if (session->origin.sid.len == 0)
        return SP_OK;
    enum sp_status status = hash_of_sid(call, session->origin.issuer, session->origin.sid, ticket.hash);
    if (status == SP_OK)
        status = store->methods->put_ticket(store, &ticket, &fresh);
    if (status == SP_OK && !fresh)
        status = store->methods->change_ticket(store, ticket.kind, ticket.hash, ticket.expires_at, ticket.subject,
                                               ticket.data);
    return status;
}

enum sp_status sp_upstream_account_of_sid(struct sp_call *call, struct sp_str issuer, struct sp_str sid,
                                          struct sp_str *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    unsigned char hash[32];
    enum sp_status status = hash_of_sid(call, issuer, sid, hash);
    if (status == SP_OK)
        status = store->methods->find_ticket(store, SP_TICKET_UPSTREAM_SESSION, hash, call->arena, &ticket);
    if (status == SP_OK && ticket.expires_at <= call->now)
        return SP_NOT_FOUND;
    if (status == SP_OK)
        *account = ticket.subject;
    return status;
}
