/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/session.h"

#include "authority/assurance.h"
#include "authority/back_channel_logout.h"
#include "authority/cookie.h"
#include "authority/grant_record.h"
#include "authority/handle.h"
#include "authority/known_browser.h"
#include "authority/upstream_sign_out.h"
#include "authority/user_agent.h"
#include "core/jose/crypto.h"

#define COOKIE "sp_session"
#define SID_BYTES 16u
/* Nobody uses more applications at once; those beyond are not told. */
#define MAX_CLIENTS 100u
/* Nobody is signed in with more browsers that are listed. */
#define MOST_SESSIONS 10000u

/* ---- who signed the person in ---- */
static const struct {
    const char *name;
    size_t offset;
} origin_rows[] = {{"upstream", offsetof(struct sp_session_origin, upstream)},
                   {"issuer", offsetof(struct sp_session_origin, issuer)},
                   {"subject", offsetof(struct sp_session_origin, subject)},
                   {"sid", offsetof(struct sp_session_origin, sid)},
                   {"end_session_endpoint", offsetof(struct sp_session_origin, end_session_endpoint)},
                   {"hint", offsetof(struct sp_session_origin, hint)}};
static const size_t origin_row_count = sizeof origin_rows / sizeof origin_rows[0];

void sp_session_origin_write(struct sp_json_writer *json, const struct sp_session_origin *origin)
{
    if (origin->upstream.at == NULL)
        return;
    sp_json_name(json, SP_STR("origin"));
    sp_json_begin_object(json);
    for (size_t i = 0; i < origin_row_count; i++) {
        struct sp_str value = *(const struct sp_str *)((const char *)origin + origin_rows[i].offset);
        if (value.at != NULL)
            sp_json_string_member(json, origin_rows[i].name, value);
    }
    sp_json_end_object(json);
}

void sp_session_origin_read(const struct sp_json *data, struct sp_session_origin *origin)
{
    const struct sp_json *kept = sp_json_member(data, SP_STR("origin"));
    *origin = (struct sp_session_origin){.upstream = SP_STR_NONE};
    for (size_t i = 0; i < origin_row_count; i++)
        *(struct sp_str *)((char *)origin + origin_rows[i].offset) =
            sp_json_string(sp_json_member(kept, sp_str_from_cstr(origin_rows[i].name)));
}

/* ---- finding ---- */
static enum sp_status read_clients(struct sp_arena *arena, const struct sp_json *list, struct sp_str_list *clients)
{
    size_t room = sp_json_is(list, SP_JSON_ARRAY) ? list->count : 0, count = 0;
    struct sp_str *ids = sp_arena_calloc(arena, room + 1, sizeof *ids);
    if (ids == NULL)
        return SP_NO_MEMORY;
    for (const struct sp_json *item = room > 0 ? list->first : NULL; item != NULL; item = item->next)
        ids[count++] = sp_json_string(item);
    *clients = (struct sp_str_list){ids, count};
    return SP_OK;
}

enum sp_status sp_session_find_by_hash(struct sp_call *call, const unsigned char hash[32], struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_SESSION, hash, call->arena, &ticket);
    if (status == SP_OK && ticket.expires_at <= call->now)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &data, &error);
    if (status != SP_OK)
        return status;
    struct sp_session found = {.subject = ticket.subject,
                               .sid = ticket.family,
                               .expires_at = ticket.expires_at,
                               .device = sp_json_string(sp_json_member(data, SP_STR("device"))),
                               .acr = sp_json_string(sp_json_member(data, SP_STR("acr"))),
                               .amr = sp_json_string(sp_json_member(data, SP_STR("amr")))};
    sp_session_origin_read(data, &found.origin);
    memcpy(found.hash, hash, sizeof found.hash);
    status = read_clients(call->arena, sp_json_member(data, SP_STR("clients")), &found.clients);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("auth_time")), &found.auth_time);
    if (status == SP_OK)
        *session = found;
    return status;
}

enum sp_status sp_session_find_by_sid(struct sp_call *call, struct sp_str subject, struct sp_str sid,
                                      struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket *tickets = NULL;
    size_t count = 0, i = 0;
    enum sp_status status = store->methods->list_tickets(store, SP_TICKET_SESSION, subject, call->now, MOST_SESSIONS,
                                                         call->arena, &tickets, &count);
    if (status != SP_OK)
        return status;
    while (i < count && !sp_str_equal(tickets[i].family, sid))
        i++;
    return i < count ? sp_session_find_by_hash(call, tickets[i].hash, session) : SP_NOT_FOUND;
}

enum sp_status sp_session_find_granted(struct sp_call *call, const unsigned char hash[32], struct sp_str subject,
                                       struct sp_str sid, struct sp_session *session)
{
    enum sp_status status = sp_session_find_by_hash(call, hash, session);
    return status == SP_NOT_FOUND && sid.len > 0 ? sp_session_find_by_sid(call, subject, sid, session) : status;
}

bool sp_session_has_cookie(const struct sp_call *call)
{
    return sp_cookie_get(call, COOKIE).len > 0;
}

static enum sp_status find_by_cookie(struct sp_call *call, struct sp_session *session)
{
    struct sp_str handle = sp_cookie_get(call, COOKIE);
    unsigned char hash[32];
    *session = (struct sp_session){0};
    if (handle.len == 0)
        return SP_OK;
    sp_sha256(handle, hash);
    enum sp_status status = sp_session_find_by_hash(call, hash, session);
    if (status == SP_OK && session->device.at != NULL)
        *session = (struct sp_session){0};
    return status == SP_NOT_FOUND ? SP_OK : status;
}

/* From before a second factor was demanded of everybody. */
static bool is_too_weak(const struct sp_call *call, const struct sp_session *session)
{
    return call->authority->settings->second_factor == SP_SECOND_FACTOR_REQUIRED &&
           !sp_assurance_covers(session->acr, sp_assurance_of(SP_STR("mfa")));
}

enum sp_status sp_session_find(struct sp_call *call, struct sp_session *session)
{
    enum sp_status status = find_by_cookie(call, session);
    if (status == SP_OK && session->subject.at != NULL && is_too_weak(call, session))
        *session = (struct sp_session){0};
    return status;
}

void sp_session_forget_cookie(struct sp_call *call)
{
    sp_cookie_set(call, COOKIE, SP_STR(""), -1);
}

static enum sp_status drop(struct sp_call *call, const struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    return store->methods->drop_ticket(store, SP_TICKET_SESSION, session->hash);
}

enum sp_status sp_session_end(struct sp_call *call, const struct sp_session *session)
{
    enum sp_status status = sp_back_channel_logout_put(call, session);
    if (status == SP_OK && session->device.at != NULL)
        return sp_grant_family_forget(call, session->sid); /* this ticket is of the family, too */
    return status == SP_OK ? drop(call, session) : status;
}

static void write_clients(struct sp_json_writer *json, struct sp_str_list clients, struct sp_str one_more)
{
    sp_json_name(json, SP_STR("clients"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < clients.count; i++)
        sp_json_put_string(json, clients.at[i]);
    if (one_more.at != NULL)
        sp_json_put_string(json, one_more);
    sp_json_end_array(json);
}

/* The ticket's data as it is, but for one client more. */
static struct sp_str data_with(struct sp_call *call, const struct sp_json *data, struct sp_str_list clients,
                               struct sp_str id)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    for (const struct sp_json *member = data->first; member != NULL; member = member->next) {
        if (sp_str_equal(member->name, SP_STR("clients")))
            continue;
        sp_json_name(&json, member->name);
        sp_json_put_value(&json, member);
    }
    write_clients(&json, clients, id);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

enum sp_status sp_session_add_client(struct sp_call *call, const unsigned char hash[32], const struct sp_client *client)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    struct sp_str_list clients;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    if (!sp_client_hears_of_logout(client))
        return SP_OK;
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_SESSION, hash, call->arena, &ticket);
    if (status == SP_NOT_FOUND)
        return SP_OK;
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        status = read_clients(call->arena, sp_json_member(data, SP_STR("clients")), &clients);
    if (status != SP_OK || sp_list_has(clients, client->id) || clients.count >= MAX_CLIENTS)
        return status;
    struct sp_str grown = data_with(call, data, clients, client->id);
    if (grown.at == NULL)
        return SP_NO_MEMORY;
    return store->methods->change_ticket(store, SP_TICKET_SESSION, hash, ticket.expires_at, ticket.subject, grown);
}

static struct sp_str session_data(struct sp_call *call, const struct sp_session *session)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_int_member(&json, "auth_time", session->auth_time);
    sp_json_string_member(&json, "acr", session->acr);
    sp_json_string_member(&json, "amr", session->amr);
    sp_session_origin_write(&json, &session->origin);
    /* So that the person knows it again on the account page. */
    sp_json_string_member(&json, "browser", sp_user_agent_name(call->arena, call->asked.user_agent));
    if (call->asked.client_address.len > 0)
        sp_json_string_member(&json, "address", sp_str_slice(call->asked.client_address, 0, 64));
    if (session->device.at != NULL)
        sp_json_string_member(&json, "device", session->device);
    if (session->clients.count > 0)
        write_clients(&json, session->clients, SP_STR_NONE);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static enum sp_status put_session(struct sp_call *call, const struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_SESSION,
                               .family = session->sid,
                               .subject = session->subject,
                               .issued_at = call->now,
                               .expires_at = session->expires_at,
                               .data = session_data(call, session)};
    memcpy(ticket.hash, session->hash, sizeof ticket.hash);
    return ticket.data.at != NULL ? store->methods->put_ticket(store, &ticket, NULL) : SP_NO_MEMORY;
}

enum sp_status sp_session_start(struct sp_call *call, struct sp_str subject, const char *amr,
                                struct sp_session *session)
{
    const struct sp_session known = {.subject = subject, .amr = sp_str_from_cstr(amr), .auth_time = call->now};
    return sp_session_start_as(call, &known, session);
}

/* All of it is known but the handle. */
static enum sp_status enter(struct sp_call *call, const struct sp_session *known, struct sp_session *session)
{
    struct sp_session fresh = *known;
    struct sp_str handle = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    if (handle.at == NULL || fresh.sid.at == NULL)
        return SP_NO_MEMORY;
    sp_sha256(handle, fresh.hash);
    enum sp_status status = put_session(call, &fresh);
    if (status == SP_OK)
        status = sp_upstream_remember_sid(call, &fresh);
    if (status != SP_OK)
        return status;
    sp_cookie_set(call, COOKIE, handle, 0);
    sp_known_browser_remember(call, fresh.subject);
    *session = fresh;
    return SP_OK;
}

enum sp_status sp_session_renew(struct sp_call *call, const unsigned char hash[32], struct sp_session *session)
{
    struct sp_session before;
    enum sp_status status = sp_session_find_by_hash(call, hash, &before);
    if (status == SP_OK && (before.device.at != NULL || is_too_weak(call, &before)))
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = drop(call, &before);
    return status == SP_OK ? enter(call, &before, session) : status;
}

enum sp_status sp_session_start_as(struct sp_call *call, const struct sp_session *known, struct sp_session *session)
{
    struct sp_session before, fresh = *known;
    if (fresh.acr.at == NULL)
        fresh.acr = sp_assurance_of(fresh.amr);
    enum sp_status status = find_by_cookie(call, &before);
    bool goes_on = status == SP_OK && before.subject.at != NULL && sp_str_equal(before.subject, fresh.subject);
    if (status == SP_OK && before.subject.at != NULL)
        status = goes_on ? drop(call, &before) : sp_session_end(call, &before);
    fresh.sid = goes_on ? before.sid : sp_handle_make(call->arena, "", SID_BYTES);
    if (goes_on)
        fresh.clients = before.clients;
    fresh.expires_at = call->now + call->authority->settings->session_lifetime_s;
    return status == SP_OK ? enter(call, &fresh, session) : status;
}

enum sp_status sp_session_start_device(struct sp_call *call, const struct sp_session *known, struct sp_session *session)
{
    struct sp_session fresh = *known;
    sp_random_bytes(fresh.hash, sizeof fresh.hash); /* of no handle: nobody has one */
    enum sp_status status = put_session(call, &fresh);
    if (status == SP_OK)
        *session = fresh;
    return status;
}

enum sp_status sp_session_prolong(struct sp_call *call, const struct sp_session *session, int64_t expires_at)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_SESSION, session->hash, call->arena, &ticket);
    return status == SP_OK ? store->methods->change_ticket(store, SP_TICKET_SESSION, session->hash, expires_at,
                                                           ticket.subject, ticket.data)
                           : status;
}
