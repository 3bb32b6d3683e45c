/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/grant_record.h"

#include "authority/denial.h"
#include "authority/grant_allowed.h"
#include "authority/id_token.h"
#include "authority/scope.h"
#include "authority/token_handle.h"
#include "authority/token_lifetime.h"
#include "core/base/limits.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

static struct sp_str text_of(const struct sp_json *data, const char *name)
{
    return sp_json_string(sp_json_member(data, sp_str_from_cstr(name)));
}

enum sp_status sp_grant_record_read(struct sp_arena *arena, const struct sp_ticket *ticket, const struct sp_json *data,
                                    struct sp_grant_record *record)
{
    const struct sp_json *list = sp_json_member(data, SP_STR("audiences"));
    size_t count = list != NULL ? list->count : 0;
    struct sp_str *audiences = sp_arena_calloc(arena, count + 1, sizeof *audiences);
    if (audiences == NULL || count > SP_MAX_AUDIENCES)
        return SP_NO_MEMORY;
    struct sp_grant_record read = {.subject = ticket->subject,
                                   .family = ticket->family,
                                   .scope = text_of(data, "scope"),
                                   .nonce = text_of(data, "nonce"),
                                   .acr = text_of(data, "acr"),
                                   .amr = text_of(data, "amr"),
                                   .sid = text_of(data, "sid"),
                                   .jkt = text_of(data, "jkt"),
                                   .x5t = text_of(data, "x5t"),
                                   .session = text_of(data, "session"),
                                   .userinfo_claims = text_of(data, "userinfo_claims"),
                                   .id_token_claims = text_of(data, "id_token_claims"),
                                   .audiences = {audiences, count}};
    size_t i = 0;
    for (const struct sp_json *item = list != NULL ? list->first : NULL; item != NULL; item = item->next)
        audiences[i++] = sp_json_string(item);
    if (sp_json_member(data, SP_STR("auth_time")) != NULL) {
        enum sp_status status = sp_json_int64(sp_json_member(data, SP_STR("auth_time")), &read.auth_time);
        if (status != SP_OK)
            return status;
    }
    *record = read;
    return SP_OK;
}

void sp_grant_record_write(struct sp_json_writer *json, const struct sp_grant_record *record)
{
    const struct {
        const char *name;
        struct sp_str value;
    } texts[] = {{"scope", record->scope},
                 {"acr", record->acr},
                 {"amr", record->amr},
                 {"sid", record->sid},
                 {"jkt", record->jkt},
                 {"x5t", record->x5t},
                 {"session", record->session},
                 {"userinfo_claims", record->userinfo_claims},
                 {"id_token_claims", record->id_token_claims}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].value.at != NULL)
            sp_json_string_member(json, texts[i].name, texts[i].value);
    sp_json_int_member(json, "auth_time", record->auth_time);
    sp_json_name(json, SP_STR("audiences"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < record->audiences.count; i++)
        sp_json_put_string(json, record->audiences.at[i]);
    sp_json_end_array(json);
}

/* The session of the grant is a device's own (session.h). */
static bool is_devices(const struct sp_grant_record *record)
{
    return record->session.at != NULL && record->sid.len > 0 && sp_str_equal(record->sid, record->family);
}

static enum sp_status issue_refresh_token(struct sp_call *call, const struct sp_client *client,
                                          const struct sp_grant_record *record, struct sp_str *token)
{
    struct sp_grant_record kept = *record;
    kept.x5t = call->x5t;
    /* offline_access outlives the browser's session; without it the token ends with the session. A device's is nothing
     * but what was granted to it. */
    if (!is_devices(record) && sp_scope_has(record->scope, SP_STR("offline_access")) &&
        sp_list_has(client->scopes, SP_STR("offline_access")))
        kept.session = SP_STR_NONE;
    struct sp_buffer data;
    struct sp_json_writer json;
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "issuer", call->authority->settings->issuer);
    sp_grant_record_write(&json, &kept);
    sp_json_end_object(&json);
    struct sp_ticket ticket = {.kind = SP_TICKET_REFRESH,
                               .family = record->family,
                               .client_id = client->id,
                               .subject = record->subject,
                               .issued_at = call->now,
                               .expires_at = call->now + call->authority->settings->refresh_lifetime_s,
                               .data = sp_buffer_str(&data)};
    if (record->next.at != NULL) {
        *token = record->next;
        memcpy(ticket.hash, record->next_hash, sizeof ticket.hash);
    } else {
        *token = sp_token_handle_make(call->arena, SP_REFRESH_TOKEN_PREFIX, ticket.hash);
    }
    if (token->at == NULL || sp_buffer_status(&data) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_store *store = call->authority->store;
    return store->methods->put_ticket(store, &ticket, NULL);
}

/* Whoever takes access back finds by it what has no refresh token. */
static enum sp_status note_family(struct sp_call *call, const struct sp_client *client,
                                  const struct sp_grant_record *record, int64_t lifetime_s)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_GRANT,
                               .family = record->family,
                               .client_id = client->id,
                               .subject = record->subject,
                               .issued_at = call->now,
                               .expires_at = call->now + lifetime_s,
                               .data = SP_STR("{}")};
    if (sp_token_handle_make(call->arena, "spgr_", ticket.hash).at == NULL)
        return SP_NO_MEMORY;
    return store->methods->put_ticket(store, &ticket, NULL);
}

/* So that the client hears of the session's end. */
static enum sp_status note_in_session(struct sp_call *call, const struct sp_client *client,
                                      const struct sp_grant_record *record)
{
    struct sp_str hash = SP_STR_NONE;
    struct sp_session session;
    if (record->session.len == 0 || !sp_client_hears_of_logout(client))
        return SP_OK;
    enum sp_status status = sp_base64url_decode(call->arena, record->session, &hash);
    if (status != SP_OK || hash.len != 32)
        return status;
    status = sp_session_find_granted(call, (const unsigned char *)hash.at, record->subject, record->sid, &session);
    if (status == SP_NOT_FOUND)
        return SP_OK;
    return status == SP_OK ? sp_session_add_client(call, session.hash, client) : status;
}

/* Whoever is disabled or removed loses sessions and refresh tokens at once; codes of a login and of a device that were
 * given before are met here. */
static enum sp_step check_account(struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    bool disabled = false;
    enum sp_status status = store->methods->get_account_disabled(store, subject, &disabled);
    if (status == SP_OK && !disabled)
        return SP_GOES_ON;
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    return SP_DENY(call, .cause = SP_CAUSE_TOKEN_REVOKED, .received = subject, .error = "invalid_grant", .status = 400,
                   .detail = SP_STR("Its account was disabled or removed."),
                   .expected = SP_STR("an account that exists and is not disabled"));
}

enum sp_step sp_grant_record_issue(struct sp_call *call, const struct sp_client *client,
                                   const struct sp_grant_record *record, struct sp_str scope,
                                   struct sp_token_answer *answer)
{
    struct sp_issued_token token;
    struct sp_grant_record given = *record;
    if (check_account(call, record->subject) != SP_GOES_ON ||
        sp_grant_keep_allowed(call, client, &given, &scope) != SP_GOES_ON ||
        sp_audience_narrow(call, given.audiences, &given.audiences) != SP_GOES_ON)
        return SP_DENIED;
    struct sp_token_order order = {.client = client,
                                   .account = given.subject,
                                   .scope = scope,
                                   .audiences = given.audiences,
                                   .family = given.family,
                                   .jkt = given.jkt,
                                   .acr = given.acr,
                                   .userinfo_claims = given.userinfo_claims,
                                   .auth_time = given.auth_time};
    if (sp_access_token_issue(call, &order, &token) != SP_GOES_ON)
        return SP_DENIED;
    *answer = (struct sp_token_answer){.access_token = token.value,
                                       .access_claims = token.claims,
                                       .expires_in_s = token.expires_in_s,
                                       .scope = scope,
                                       .bound_to_key = record->jkt.len > 0};
    enum sp_status status = SP_OK;
    if ((client->grants & (unsigned)SP_GRANT_REFRESH_TOKEN) == 0)
        status = note_family(call, client, record, token.expires_in_s);
    else if (!record->keeps_refresh_token)
        status = issue_refresh_token(call, client, record, &answer->refresh_token);
    if (status == SP_OK)
        status = note_in_session(call, client, record);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!sp_scope_has(scope, SP_STR("openid")))
        return SP_GOES_ON;
    return sp_id_token_draft(call, client, &given, scope, &answer->id_token);
}

/* JWTs of the family are alive elsewhere: introspection and userinfo refuse them by their grant_id. Refresh tokens that
 * are kept live longer, and the mark with them: nothing else says that they are dead. */
static enum sp_status mark_dead(struct sp_call *call, struct sp_str family)
{
    struct sp_store *store = call->authority->store;
    int64_t longest_s = 0, last = 0;
    /* Another process may have lengthened it. */
    enum sp_status status = sp_token_lifetime_find(store, call->arena, &longest_s);
    if (status == SP_OK)
        status = store->methods->find_family_end(store, family, SP_TICKET_REFRESH, &last);
    if (status != SP_OK)
        return status;
    const int64_t end = call->now + longest_s;
    struct sp_ticket ticket = {
        .kind = SP_TICKET_REVOKED, .issued_at = call->now, .expires_at = last > end ? last : end};
    bool fresh = false;
    sp_sha256(family, ticket.hash);
    return store->methods->put_ticket(store, &ticket, &fresh);
}

enum sp_status sp_grant_family_revoke(struct sp_call *call, struct sp_str family)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = store->methods->end_family(store, family, call->now);
    return status == SP_OK ? mark_dead(call, family) : status;
}

enum sp_status sp_grant_family_forget(struct sp_call *call, struct sp_str family)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = store->methods->drop_family(store, family);
    return status == SP_OK ? mark_dead(call, family) : status;
}
