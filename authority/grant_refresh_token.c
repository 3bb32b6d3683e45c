/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6749 6 with rotation (RFC 9700 4.14.2): every use makes a new token, by a rule from the old one (token_handle.h).
 * A second use within the grace window is taken for two requests of one client at once and gets that same token again,
 * as long as it was not used itself. Later, or behind it, it is theft, and the whole family dies.
 *
 *   first ── used ──► second ── used ──► third      never two that are alive; whoever copied one meets the other's use
 *     └ again, within the grace window: second       of what both have
 *     └ again, when second was used: all of them die */
#include "authority/denial.h"
#include "authority/grant_allowed.h"
#include "authority/grant_record.h"
#include "authority/handle.h"
#include "authority/refresh_token.h"
#include "authority/scope.h"
#include "authority/token_handle.h"
#include "core/diagnosis/cause.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

struct rotation {
    const struct sp_client *client;
    struct sp_str token;
    struct sp_ticket ticket;
    const struct sp_json *data;
    struct sp_grant_record record;
    struct sp_session session; /* that it is bound to */
};

static struct sp_str ago(struct sp_call *call, int64_t then)
{
    return then <= call->now
               ? sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - then))
               : sp_arena_printf(call->arena, "%lld s ahead of this clock", (long long)(then - call->now));
}

static enum sp_step find_token(struct sp_call *call, struct rotation *r)
{
    struct sp_store *store = call->authority->store;
    struct sp_json_error error;
    enum sp_status status = sp_token_handle_find(store, SP_TICKET_REFRESH, r->token, call->arena, &r->ticket);
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_UNKNOWN,
                       .detail = sp_str_has_prefix(r->token, SP_STR(SP_REFRESH_TOKEN_PREFIX))
                                     ? SP_STR("It was revoked with its family, or is long forgotten.")
                                     : SP_STR("It does not look like a refresh token of this server."));
    if (status == SP_OK)
        status = sp_json_parse(call->arena, r->ticket.data, &sp_json_limits_token, &r->data, &error);
    if (status == SP_OK)
        status = sp_grant_record_read(call->arena, &r->ticket, r->data, &r->record);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = r->ticket.subject;
    if (!sp_str_equal(r->ticket.client_id, r->client->id))
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_OTHER_CLIENT, .expected = r->ticket.client_id,
                       .received = r->client->id);
    return SP_GOES_ON;
}

static enum sp_step check_session(struct sp_call *call, struct rotation *r)
{
    struct sp_str hash;
    if (r->record.session.at == NULL)
        return SP_GOES_ON;
    enum sp_status status = sp_base64url_decode(call->arena, r->record.session, &hash);
    if (status == SP_OK)
        status = hash.len == 32 ? sp_session_find_granted(call, (const unsigned char *)hash.at, r->record.subject,
                                                          r->record.sid, &r->session)
                                : SP_MALFORMED;
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_SESSION_ENDED,
                       .expected = SP_STR("a session, or the scope offline_access"),
                       .detail = SP_STR("or the session expired"));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    r->record.session = sp_base64url_of(call->arena, r->session.hash, sizeof r->session.hash);
    return SP_GOES_ON;
}

/* RFC 9449 5, RFC 8705 4: a public client's refresh token is bound to its key and its certificate; a confidential
 * client proves itself otherwise. */
static enum sp_step check_key(struct sp_call *call, struct rotation *r)
{
    if (sp_client_is_public(r->client) && r->record.jkt.at != NULL && !sp_str_equal(r->record.jkt, call->jkt))
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_INVALID, .expected = r->record.jkt,
                       .received = call->jkt.at != NULL ? call->jkt : SP_STR("no proof"), .detail = SP_STR("jkt"),
                       .error = "invalid_grant", .status = 400);
    if (sp_client_is_public(r->client) && r->record.x5t.at != NULL && !sp_str_equal(r->record.x5t, call->x5t))
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_MTLS_MISMATCH, .expected = r->record.x5t,
                       .received = call->x5t.at != NULL ? call->x5t : SP_STR("none"), .error = "invalid_grant",
                       .status = 400, .tell = SP_STR("It is the refresh token."));
    r->record.jkt = call->jkt;
    return SP_GOES_ON;
}

static enum sp_step check_token(struct sp_call *call, struct rotation *r)
{
    struct sp_str issuer = sp_json_string(sp_json_member(r->data, SP_STR("issuer")));
    if (r->ticket.expires_at <= call->now)
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_EXPIRED, .detail = ago(call, r->ticket.expires_at));
    if (!sp_str_equal(issuer, call->authority->settings->issuer))
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_ISSUER_CHANGED, .expected = issuer,
                       .received = call->authority->settings->issuer);
    if (check_session(call, r) != SP_GOES_ON)
        return SP_DENIED;
    return sp_grant_check_offline(call, r->client, &r->record);
}

static enum sp_step narrow_scope(struct sp_call *call, const struct rotation *r, struct sp_str *scope)
{
    struct sp_str asked = sp_call_parameter(call, "scope");
    if (asked.at != NULL && !sp_scope_covers(r->record.scope, asked))
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_SCOPE_GREW, .expected = r->record.scope, .received = asked);
    *scope = asked.at != NULL ? asked : r->record.scope;
    return SP_GOES_ON;
}

/* Nodes' clocks differ by a little, and one may have been set back: further ahead than behind is no window. */
static bool is_within_grace(const struct sp_call *call, const struct rotation *r)
{
    int64_t grace = call->authority->settings->refresh_grace_s, since = call->now - r->ticket.used_at;
    return grace > 0 && since <= grace && -since <= grace;
}

static enum sp_status is_next_unused(struct sp_call *call, const struct rotation *r, bool *unused)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket next;
    enum sp_status status =
        store->methods->find_ticket(store, SP_TICKET_REFRESH, r->record.next_hash, call->arena, &next);
    *unused = status == SP_OK && next.used_at == 0;
    return status == SP_NOT_FOUND ? SP_OK : status;
}

static enum sp_step judge_second_use(struct sp_call *call, struct rotation *r)
{
    struct sp_str when = ago(call, r->ticket.used_at);
    bool unused = false;
    enum sp_status status = is_within_grace(call, r) ? is_next_unused(call, r, &unused) : SP_OK;
    if (status == SP_OK && unused) {
        call->finding = (struct sp_finding){.cause = SP_CAUSE_REFRESH_RACE, .detail = when, .tolerated = true};
        r->record.keeps_refresh_token = true;
        return SP_GOES_ON;
    }
    if (status == SP_OK)
        status = sp_grant_family_revoke(call, r->ticket.family);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->keeps_refusal = true;
    return SP_DENY(call, .cause = SP_CAUSE_REFRESH_REUSED, .detail = when);
}

/* The tickets of a revoked family stay so that reuse is told; its mark says that they are dead. */
static enum sp_step check_family(struct sp_call *call, const struct rotation *r)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket mark;
    unsigned char hash[32];
    sp_sha256(r->ticket.family, hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_REVOKED, hash, call->arena, &mark);
    if (status == SP_OK)
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_REVOKED, .detail = ago(call, mark.issued_at));
    return status == SP_NOT_FOUND ? SP_GOES_ON : sp_deny_failure(call, status);
}

/* What the token is followed by, when it was used first at `at`. */
static enum sp_status follow(struct sp_call *call, struct rotation *r, int64_t at)
{
    struct sp_authority *authority = call->authority;
    enum sp_status status = authority->follow_key != NULL
                                ? SP_OK
                                : sp_token_handle_follow_key(authority->process_secret, &authority->follow_key);
    if (status != SP_OK)
        return status;
    r->record.next = sp_token_handle_follow(call->arena, SP_REFRESH_TOKEN_PREFIX, authority->follow_key, r->token, at,
                                            r->record.next_hash);
    return r->record.next.at != NULL ? SP_OK : SP_NO_MEMORY;
}

/* Whether this is its first use or not. */
static enum sp_step use_up(struct sp_call *call, struct rotation *r)
{
    struct sp_store *store = call->authority->store;
    bool first = false;
    enum sp_status status = store->methods->use_ticket(store, SP_TICKET_REFRESH, r->ticket.hash, call->now, &first);
    /* Another node used it since it was read: the rule goes by that one's clock. */
    if (status == SP_OK && !first && r->ticket.used_at == 0)
        status = store->methods->find_ticket(store, SP_TICKET_REFRESH, r->ticket.hash, call->arena, &r->ticket);
    if (status == SP_OK)
        status = follow(call, r, first ? call->now : r->ticket.used_at);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return first ? SP_GOES_ON : judge_second_use(call, r);
}

/* A device is signed in for as long as its newest refresh token lives. */
static enum sp_step prolong_device(struct sp_call *call, const struct rotation *r)
{
    if (r->session.device.at == NULL || r->record.keeps_refresh_token)
        return SP_GOES_ON;
    enum sp_status status =
        sp_session_prolong(call, &r->session, call->now + call->authority->settings->refresh_lifetime_s);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static enum sp_step rotate(struct sp_call *call, void *context)
{
    struct rotation *r = context;
    struct sp_str scope = SP_STR_NONE;
    struct sp_token_answer answer;
    if (find_token(call, r) != SP_GOES_ON || check_family(call, r) != SP_GOES_ON ||
        check_token(call, r) != SP_GOES_ON || narrow_scope(call, r, &scope) != SP_GOES_ON ||
        check_key(call, r) != SP_GOES_ON)
        return SP_DENIED;
    /* FAPI 2.0 5.3.2.1: no rotation where the client proves itself and its tokens are bound; a lost answer then costs
     * nobody a sign-in. */
    if (r->client->is_fapi2)
        r->record.keeps_refresh_token = true;
    else if (use_up(call, r) != SP_GOES_ON)
        return SP_DENIED;
    if (sp_grant_record_issue(call, r->client, &r->record, scope, &answer) != SP_GOES_ON ||
        prolong_device(call, r) != SP_GOES_ON)
        return SP_DENIED;
    answer.refresh_token = r->record.next;
    return sp_token_answer_write(call, &answer);
}

enum sp_step sp_grant_refresh_token(struct sp_call *call, const struct sp_client *client)
{
    struct rotation r = {.client = client, .token = sp_call_parameter(call, "refresh_token")};
    if (r.token.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("refresh_token"),
                       .tell = SP_STR("It is 'refresh_token'."));
    return sp_call_in_write(call, rotate, &r);
}

enum sp_step sp_refresh_token_look(struct sp_call *call, const struct sp_client *client, struct sp_str value,
                                   struct sp_live_refresh_token *token)
{
    struct rotation r = {.client = client, .token = value};
    if (find_token(call, &r) != SP_GOES_ON || check_family(call, &r) != SP_GOES_ON ||
        check_token(call, &r) != SP_GOES_ON)
        return SP_DENIED;
    if (r.ticket.used_at != 0 && !client->is_fapi2)
        return SP_DENY(call, .cause = SP_CAUSE_REFRESH_REUSED, .detail = ago(call, r.ticket.used_at));
    *token = (struct sp_live_refresh_token){r.record.scope, r.ticket.issued_at, r.ticket.expires_at};
    return SP_GOES_ON;
}
