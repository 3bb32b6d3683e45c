/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/access_token.h"

#include "authority/claims.h"
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/denial.h"
#include "authority/client_directory.h"
#include "authority/subject.h"
#include "authority/token_handle.h"
#include "authority/token_seal.h"
#include "core/jose/crypto.h"
#include "core/diagnosis/cause.h"

/* Of what a sealed token says by its client's words; the rest of it has less than 280, and all is written as 4/3. */
#define MAX_SEALED_WORDS 800u

static void write_audience(struct sp_json_writer *json, const struct sp_token_order *order)
{
    sp_json_name(json, SP_STR("aud"));
    /* RFC 9068 wants one; a client for which no API is registered gets tokens that name itself, which gateways explain
     * as audience.is_client_id. */
    if (order->audiences.count == 0) {
        sp_json_put_string(json, order->client->id);
    } else if (order->audiences.count == 1) {
        sp_json_put_string(json, order->audiences.at[0]);
    } else {
        sp_json_begin_array(json);
        for (size_t i = 0; i < order->audiences.count; i++)
            sp_json_put_string(json, order->audiences.at[i]);
        sp_json_end_array(json);
    }
}

static enum sp_step write_claims(struct sp_json_writer *json, struct sp_call *call, const struct sp_token_order *order,
                                 struct sp_str subject, int64_t expires_at, struct sp_str jti)
{
    const struct sp_claims_wish wish = {.scope = order->scope, .in = SP_TOLD_IN_ACCESS_TOKEN};
    sp_json_begin_object(json);
    sp_json_string_member(json, "iss", call->authority->settings->issuer);
    sp_json_string_member(json, "sub", subject);
    write_audience(json, order);
    sp_json_string_member(json, "client_id", order->client->id);
    sp_json_int_member(json, "iat", call->now);
    sp_json_int_member(json, "exp", expires_at);
    sp_json_string_member(json, "jti", jti);
    if (order->scope.len > 0)
        sp_json_string_member(json, "scope", order->scope);
    if (order->auth_time != 0)
        sp_json_int_member(json, "auth_time", order->auth_time);
    if (order->acr.len > 0)
        sp_json_string_member(json, "acr", order->acr);
    if (order->userinfo_claims.len > 0)
        sp_json_string_member(json, "userinfo_claims", order->userinfo_claims);
    if (order->family.len > 0)
        sp_json_string_member(json, "grant_id", order->family);
    if (order->jkt.len > 0 || call->x5t.len > 0) {
        sp_json_name(json, SP_STR("cnf"));
        sp_json_begin_object(json);
        if (order->jkt.len > 0)
            sp_json_string_member(json, "jkt", order->jkt);
        if (call->x5t.len > 0)
            sp_json_string_member(json, "x5t#S256", call->x5t);
        sp_json_end_object(json);
    }
    if (order->origins.len > 0)
        sp_json_string_member(json, "origin_jti", order->origins);
    if (order->actor.len > 0) {
        sp_json_name(json, SP_STR("act"));
        sp_json_put_raw(json, order->actor);
    }
    if (sp_claims_tell(call, json, order->account, &wish) != SP_GOES_ON)
        return SP_DENIED;
    sp_json_end_object(json);
    return SP_GOES_ON;
}

bool sp_access_token_is_sealed(const struct sp_authority_settings *settings, const struct sp_token_order *order)
{
    bool is_machines = order->account.at == NULL && order->family.len == 0 && order->origins.len == 0 &&
                       order->auth_time == 0 && order->actor.len == 0;
    size_t words = order->client->id.len + order->subject.len + order->scope.len;
    for (size_t i = 0; i < order->audiences.count; i++)
        words += order->audiences.at[i].len + sizeof "\"\",";
    return settings->seals_tokens && is_machines && order->client->token_format == SP_TOKEN_FORMAT_OPAQUE &&
           words <= MAX_SEALED_WORDS;
}

static enum sp_status store_opaque(struct sp_call *call, const struct sp_token_order *order, int64_t expires_at,
                                   struct sp_str claims, struct sp_str *value)
{
    struct sp_ticket ticket = {.kind = SP_TICKET_ACCESS,
                               .family = order->family,
                               .client_id = order->client->id,
                               .subject = order->account.at != NULL ? order->account : order->subject,
                               .issued_at = call->now,
                               .expires_at = expires_at,
                               .data = claims};
    *value = sp_token_handle_make(call->arena, SP_OPAQUE_TOKEN_PREFIX, ticket.hash);
    if (value->at == NULL)
        return SP_NO_MEMORY;
    struct sp_store *store = call->authority->store;
    return store->methods->put_ticket(store, &ticket, NULL);
}

/* Imported before the client was there, or by a command that knew no configuration: `sub` would name both (RFC 9068 5,
 * RFC 9700 4.15). What the client gets for itself is asked of no store, so it is the person who has to wait. */
static enum sp_step check_account_id(struct sp_call *call, const struct sp_token_order *order)
{
    const struct sp_client *client = NULL;
    if (order->account.at != NULL && sp_client_look_up(call, order->account, &client) != SP_GOES_ON)
        return SP_DENIED;
    if (client == NULL)
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_ACCOUNT_ID_OF_CLIENT, .error = "invalid_grant", .status = 400,
                   .expected = SP_STR("an account whose id is no client's"), .received = order->account);
}

enum sp_step sp_access_token_issue(struct sp_call *call, const struct sp_token_order *order,
                                   struct sp_issued_token *token)
{
    /* Where a reload lengthened it, for the second until the store knows: as long as it knows. */
    int64_t longest_s = sp_key_ring_longest_s(call->authority->keys);
    int64_t expires_at =
        call->now + (order->client->token_lifetime_s < longest_s ? order->client->token_lifetime_s : longest_s);
    if (order->not_after != 0 && order->not_after < expires_at)
        expires_at = order->not_after;
    struct sp_buffer buffer;
    struct sp_json_writer json;
    struct sp_str value = SP_STR_NONE, claims = SP_STR_NONE, subject = order->subject;
    if (check_account_id(call, order) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status =
        order->account.at != NULL ? sp_subject_tell(call, order->client, order->account, &subject) : SP_OK;
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    unsigned char id[16];
    sp_random_bytes(id, sizeof id);
    if (write_claims(&json, call, order, subject, expires_at, sp_base64url_of(call->arena, id, sizeof id)) !=
        SP_GOES_ON)
        return SP_DENIED;
    status = sp_buffer_status(&buffer);
    if (status == SP_OK && sp_access_token_is_sealed(call->authority->settings, order))
        status = sp_token_seal(call, sp_buffer_str(&buffer), &value);
    else if (status == SP_OK && order->client->token_format == SP_TOKEN_FORMAT_OPAQUE)
        status = store_opaque(call, order, expires_at, sp_buffer_str(&buffer), &value);
    else
        claims = sp_buffer_str(&buffer);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    *token = (struct sp_issued_token){value, claims, expires_at - call->now};
    return SP_GOES_ON;
}

enum sp_algorithm sp_access_token_algorithm(const struct sp_call *call)
{
    return sp_key_ring_algorithm(call->authority->keys, SP_ALGORITHM_UNKNOWN, call->now);
}

enum sp_status sp_access_token_sign(struct sp_call *call, struct sp_str claims, struct sp_str *value)
{
    return sp_key_ring_sign(call->authority->keys, call->arena, SP_ALGORITHM_UNKNOWN, "at+jwt", claims, call->now,
                            value);
}

/* ---- coming back ---- */
static enum sp_status is_revoked(struct sp_call *call, struct sp_str text, bool *revoked)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    unsigned char hash[32];
    sp_sha256(text, hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_REVOKED, hash, call->arena, &ticket);
    *revoked = *revoked || status == SP_OK;
    return status == SP_NOT_FOUND ? SP_OK : status;
}

/* What nothing was written of when it was issued: that it is revoked was. */
static enum sp_status read_unmarked(struct sp_call *call, struct sp_str claims, struct sp_live_token *token,
                                    enum sp_cause *cause)
{
    struct sp_json_error error;
    bool revoked = false;
    enum sp_status status = sp_json_parse(call->arena, claims, &sp_json_limits_token, &token->claims, &error);
    if (status != SP_OK)
        return status;
    token->claims_text = claims;
    status = is_revoked(call, sp_json_string(sp_json_member(token->claims, SP_STR("jti"))), &revoked);
    struct sp_str family = sp_json_string(sp_json_member(token->claims, SP_STR("grant_id")));
    if (status == SP_OK && !revoked && family.len > 0)
        status = is_revoked(call, family, &revoked);
    if (status == SP_OK && revoked) {
        *cause = SP_CAUSE_TOKEN_REVOKED;
        return SP_NOT_FOUND;
    }
    return status;
}

static enum sp_status find_jwt(struct sp_call *call, struct sp_str value, struct sp_live_token *token,
                               enum sp_cause *cause)
{
    struct sp_str payload;
    enum sp_status status = sp_key_ring_verify(call->authority->keys, call->arena, "at+jwt", value, &payload);
    if (status == SP_NOT_FOUND || status == SP_MALFORMED) {
        *cause = SP_CAUSE_SIGNATURE_INVALID;
        return SP_NOT_FOUND;
    }
    return status == SP_OK ? read_unmarked(call, payload, token, cause) : status;
}

static enum sp_status find_ticket(struct sp_call *call, struct sp_str value, struct sp_live_token *token,
                                  enum sp_cause *cause)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    struct sp_json_error error;
    enum sp_status status = sp_token_handle_find(store, SP_TICKET_ACCESS, value, call->arena, &ticket);
    if (status == SP_NOT_FOUND)
        *cause = SP_CAUSE_TOKEN_REVOKED; /* or never was: a forgotten ticket cannot tell */
    if (status != SP_OK)
        return status;
    token->has_ticket = true;
    memcpy(token->hash, ticket.hash, sizeof token->hash);
    token->claims_text = ticket.data;
    return sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &token->claims, &error);
}

static enum sp_status find_opaque(struct sp_call *call, struct sp_str value, struct sp_live_token *token,
                                  enum sp_cause *cause)
{
    struct sp_str claims;
    enum sp_status status = sp_token_unseal(call, value, &claims);
    if (status == SP_NOT_FOUND)
        return find_ticket(call, value, token, cause);
    return status == SP_OK ? read_unmarked(call, claims, token, cause) : status;
}

/* One of those that it was exchanged from is. */
static enum sp_status is_origin_revoked(struct sp_call *call, const struct sp_json *claims, bool *revoked)
{
    struct sp_str rest = sp_json_string(sp_json_member(claims, SP_STR("origin_jti"))), word;
    enum sp_status status = SP_OK;
    while (status == SP_OK && sp_str_next_word(&rest, SP_STR(" "), &word))
        status = is_revoked(call, word, revoked);
    return status;
}

/* The client is gone, whether it registered itself or was taken out of the file: what it was given goes with it (RFC
 * 7592 2.3). */
static enum sp_status is_orphan(struct sp_call *call, struct sp_live_token *token, bool *orphan)
{
    struct sp_str id = sp_json_string(sp_json_member(token->claims, SP_STR("client_id")));
    const struct sp_client *client = NULL;
    enum sp_status status = sp_client_find_any(call, id, &client);
    *orphan = status == SP_OK && client == NULL;
    if (*orphan)
        token->gone_client = id;
    return status;
}

/* A client's token for itself, where no grant of the client could have made it a person's who happens to have the same
 * id: there is no account to look for. */
static bool is_of_client_itself(const struct sp_call *call, const struct sp_json *claims)
{
    struct sp_str id = sp_json_string(sp_json_member(claims, SP_STR("client_id")));
    if (!sp_str_equal(sp_json_string(sp_json_member(claims, SP_STR("sub"))), id))
        return false;
    const struct sp_client *client = sp_client_find(call->authority->settings, id);
    return client != NULL && client->grants == (unsigned)SP_GRANT_CLIENT_CREDENTIALS;
}

/* Of a person who is disabled now, or was removed. Whatever is in a family died with it then; this meets what has none
 * (RFC 7523). Machines have no account, and nobody logged in for them. */
static enum sp_status is_of_nobody(struct sp_call *call, const struct sp_json *claims, bool *is_dead)
{
    struct sp_store *store = call->authority->store;
    struct sp_str id;
    struct sp_account account;
    if (is_of_client_itself(call, claims))
        return SP_OK;
    enum sp_status status = sp_subject_account(call, sp_json_string(sp_json_member(claims, SP_STR("sub"))), &id);
    if (status == SP_OK)
        status = store->methods->get_account(store, id, call->arena, &account);
    if (status == SP_NOT_FOUND)
        *is_dead = sp_json_member(claims, SP_STR("auth_time")) != NULL;
    else if (status == SP_OK)
        *is_dead = account.disabled;
    return status == SP_NOT_FOUND ? SP_OK : status;
}

enum sp_status sp_access_token_find(struct sp_call *call, struct sp_str value, struct sp_live_token *token,
                                    enum sp_cause *cause)
{
    struct sp_live_token found = {0};
    bool is_opaque = sp_str_has_prefix(value, SP_STR(SP_OPAQUE_TOKEN_PREFIX));
    enum sp_status status = is_opaque ? find_opaque(call, value, &found, cause) : find_jwt(call, value, &found, cause);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(found.claims, SP_STR("exp")), &found.expires_at);
    if (status == SP_OK && found.expires_at <= call->now) {
        *cause = SP_CAUSE_TIME_EXPIRED;
        status = SP_NOT_FOUND;
    }
    bool dead = false;
    if (status == SP_OK)
        status = is_orphan(call, &found, &dead);
    if (status == SP_OK && !dead)
        status = is_origin_revoked(call, found.claims, &dead);
    if (status == SP_OK && !dead)
        status = is_of_nobody(call, found.claims, &dead);
    if (status == SP_OK && dead) {
        *cause = SP_CAUSE_TOKEN_REVOKED;
        status = SP_NOT_FOUND;
    }
    if (status == SP_OK)
        found.jti = sp_json_string(sp_json_member(found.claims, SP_STR("jti")));
    *token = found;
    return status;
}
