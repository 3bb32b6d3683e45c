/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7009: a client gives a token back. What is not known or dead already is a success. */
#include "authority/asked_token.h"
#include "authority/grant_record.h"
#include "core/jose/crypto.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/token_handle.h"

/* RFC 7009 2.2: nobody reads the body. simple-oauth2 fails where it is no JSON. */
static enum sp_step answer_done(struct sp_call *call)
{
    struct sp_buffer buffer;
    sp_answer_buffer(call, &buffer);
    sp_buffer_append(&buffer, SP_STR("{}"));
    sp_answer_json(call, 200, &buffer);
    return SP_GOES_ON;
}

/* What has no ticket stays what it is, and so does what any kind was exchanged for: that it is revoked is remembered
 * until it would have died anyway. */
static enum sp_status revoke_access_token(struct sp_call *call, const struct sp_client *client,
                                          const struct sp_live_token *token)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status =
        token->has_ticket ? store->methods->drop_ticket(store, SP_TICKET_ACCESS, token->hash) : SP_OK;
    if (status != SP_OK)
        return status;
    struct sp_ticket ticket = {
        .kind = SP_TICKET_REVOKED, .client_id = client->id, .issued_at = call->now, .expires_at = token->expires_at};
    sp_sha256(token->jti, ticket.hash);
    bool fresh = false;
    return store->methods->put_ticket(store, &ticket, &fresh);
}

static enum sp_step refuse_strangers(struct sp_call *call, const struct sp_client *client, struct sp_str owner)
{
    if (sp_str_equal(owner, client->id))
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOKEN_OF_OTHER_CLIENT, .expected = owner, .received = client->id);
}

struct revocation {
    const struct sp_client *client;
    const struct sp_live_token *token; /* NULL: the family of a refresh token */
    struct sp_str family;
};

static enum sp_step revoke(struct sp_call *call, void *context)
{
    const struct revocation *r = context;
    enum sp_status status =
        r->token != NULL ? revoke_access_token(call, r->client, r->token) : sp_grant_family_revoke(call, r->family);
    return status == SP_OK ? answer_done(call) : sp_deny_failure(call, status);
}

/* With a refresh token goes what it was given for: the access tokens too (RFC 7009 2.1). */
static enum sp_step revoke_refresh_token(struct sp_call *call, const struct sp_client *client, struct sp_str value)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    enum sp_status status = sp_token_handle_find(store, SP_TICKET_REFRESH, value, call->arena, &ticket);
    if (status == SP_NOT_FOUND)
        return answer_done(call);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (refuse_strangers(call, client, ticket.client_id) != SP_GOES_ON)
        return SP_DENIED;
    struct revocation r = {.client = client, .family = ticket.family};
    return sp_call_in_write(call, revoke, &r);
}

enum sp_step sp_revocation_endpoint(struct sp_call *call)
{
    struct sp_asked_token asked;
    if (sp_asked_token_take(call, SP_ASKED_BY_ANY, &asked) != SP_GOES_ON)
        return SP_DENIED;
    if (!asked.is_live)
        return revoke_refresh_token(call, asked.client, asked.value);
    struct sp_str owner = sp_json_string(sp_json_member(asked.token.claims, SP_STR("client_id")));
    if (refuse_strangers(call, asked.client, owner) != SP_GOES_ON)
        return SP_DENIED;
    struct revocation r = {.client = asked.client, .token = &asked.token};
    return sp_call_in_write(call, revoke, &r);
}
