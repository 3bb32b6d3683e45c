/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 8693: a service trades a token that it received for one that fits the next service. It must have been meant to
 * receive it: the token is for the client (aud), or the client got it itself, or it stays where it is good already.
 * What comes out is never more than what went in: scopes within the subject token's and the client's, an audience that
 * the client may have, bound to a key where the subject token is, not a second longer, and it dies with the token and
 * the authorization it comes from. */
#include "authority/access_token.h"
#include "authority/denial.h"
#include "authority/grant.h"
#include "authority/refused_token.h"
#include "authority/scope.h"
#include "authority/signed_jwt.h"
#include "authority/subject.h"
#include "core/base/limits.h"

#define TYPE_PREFIX "urn:ietf:params:oauth:token-type:"

static bool is_access_token_type(struct sp_str type)
{
    return sp_str_equal(type, SP_STR(TYPE_PREFIX "access_token")) || sp_str_equal(type, SP_STR(TYPE_PREFIX "jwt"));
}

/* RFC 8693 2.2.1: told is what was asked for. An opaque token is no JWT; refresh tokens, ID tokens and SAML assertions
 * are not made here. */
static enum sp_step name_issued(struct sp_call *call, const struct sp_client *client, struct sp_str *type)
{
    struct sp_str wanted = sp_call_parameter(call, "requested_token_type");
    *type = wanted.at != NULL ? wanted : SP_STR(TYPE_PREFIX "access_token");
    if (sp_str_equal(*type, SP_STR(TYPE_PREFIX "access_token")))
        return SP_GOES_ON;
    bool is_jwt = sp_str_equal(*type, SP_STR(TYPE_PREFIX "jwt"));
    if (is_jwt && client->token_format == SP_TOKEN_FORMAT_JWT)
        return SP_GOES_ON;
    return SP_DENY(
        call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
        .expected = client->token_format == SP_TOKEN_FORMAT_JWT
                        ? SP_STR(TYPE_PREFIX "access_token or " TYPE_PREFIX "jwt")
                        : SP_STR(TYPE_PREFIX "access_token, since the client's token_format is opaque"),
        .received = sp_arena_printf(call->arena, "requested_token_type=%.*s", SP_STR_ARG(sp_str_slice(wanted, 0, 120))),
        .tell = is_jwt ? SP_STR("It is 'requested_token_type': this client gets opaque access tokens.")
                       : SP_STR("It is 'requested_token_type': access tokens are exchanged for access "
                                "tokens."));
}

static enum sp_step refuse(struct sp_call *call, const char *name, struct sp_str received)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR(TYPE_PREFIX "access_token"),
                   .received =
                       sp_arena_printf(call->arena, "%s=%.*s", name, SP_STR_ARG(sp_str_slice(received, 0, 120))),
                   .tell = sp_arena_printf(call->arena, "It is '%s'.", name));
}

/* One of the two presented tokens, alive and ours. */
static enum sp_step read_token(struct sp_call *call, const char *name, struct sp_live_token *token)
{
    struct sp_str value = sp_call_parameter(call, name);
    struct sp_str type_name = sp_arena_printf(call->arena, "%s_type", name);
    struct sp_str type = sp_form_value(&call->parameters, type_name);
    enum sp_cause cause = SP_CAUSE_NONE;
    if (value.at == NULL || type.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING,
                       .expected = value.at == NULL ? sp_str_from_cstr(name) : type_name,
                       .tell = sp_arena_printf(call->arena, "It is '%s' or its type.", name));
    if (!is_access_token_type(type))
        return refuse(call, type_name.at, type);
    enum sp_status status = sp_access_token_find(call, value, token, &cause);
    if (status == SP_NOT_FOUND) {
        const struct sp_finding why = sp_refused_token_judge(call, value, token, cause);
        return SP_DENY(call, .cause = why.cause, .expected = why.expected, .received = why.received,
                       .detail = why.detail, .error = "invalid_request", .status = 400,
                       .tell = sp_arena_printf(call->arena, "It is the %s.", name));
    }
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static struct sp_str text_of(const struct sp_live_token *token, const char *name)
{
    return sp_json_string(sp_json_member(token->claims, sp_str_from_cstr(name)));
}

static bool is_own(const struct sp_client *client, const struct sp_live_token *token)
{
    return sp_str_equal(text_of(token, "client_id"), client->id);
}

/* Handed to the client, which is the API that it is for. */
static bool is_received(const struct sp_client *client, const struct sp_live_token *token)
{
    for (size_t i = 0; i < client->exchange_from.count; i++)
        if (sp_claims_are_for(token->claims, client->exchange_from.at[i]))
            return true;
    return sp_claims_are_for(token->claims, client->id);
}

/* A token for one API opens no other in the hands of whoever else has it. */
static enum sp_step check_receiver(struct sp_call *call, const struct sp_token_order *order,
                                   const struct sp_live_token *token)
{
    const struct sp_client *client = order->client;
    bool is_within = order->audiences.count > 0;
    for (size_t i = 0; is_within && i < order->audiences.count; i++)
        is_within = sp_claims_are_for(token->claims, order->audiences.at[i]);
    if (is_within || is_own(client, token) || is_received(client, token))
        return SP_GOES_ON;
    struct sp_str received = sp_list_in_words(call->arena, client->exchange_from, "it has none");
    return SP_DENY(call, .cause = SP_CAUSE_AUDIENCE_MISMATCH, .error = "invalid_request", .status = 400,
                   .expected = sp_arena_printf(call->arena, "the client itself or one of its exchange_from (%.*s)",
                                               SP_STR_ARG(received)),
                   .received = sp_claims_audience_words(token->claims), .tell = SP_STR("It is the subject_token."));
}

/* Whoever got a bound token proves the same key again (RFC 9449 7, RFC 8705 3); whoever received it cannot have that
 * key, and gets a token that is bound to one of its own: no bearer token comes out of a bound one. */
static enum sp_step check_binding(struct sp_call *call, const struct sp_client *client,
                                  const struct sp_live_token *token)
{
    const struct sp_json *cnf = sp_json_member(token->claims, SP_STR("cnf"));
    struct sp_str jkt = sp_json_string(sp_json_member(cnf, SP_STR("jkt"))),
                  x5t = sp_json_string(sp_json_member(cnf, SP_STR("x5t#S256")));
    if (jkt.len == 0 && x5t.len == 0)
        return SP_GOES_ON;
    if (!is_own(client, token) && is_received(client, token) && (call->jkt.len > 0 || call->x5t.len > 0))
        return SP_GOES_ON;
    if (jkt.len > 0 && !sp_str_equal(jkt, call->jkt))
        return SP_DENY(
            call, .cause = SP_CAUSE_BINDING_DPOP_MISSING, .error = "invalid_request", .status = 400, .expected = jkt,
            .received = call->jkt.len > 0 ? SP_STR("with a proof of another key") : SP_STR("without a proof"));
    if (x5t.len > 0 && !sp_str_equal(x5t, call->x5t))
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_MTLS_MISMATCH, .error = "invalid_request", .status = 400,
                       .expected = x5t, .received = call->x5t.len > 0 ? call->x5t : SP_STR("none"));
    return SP_GOES_ON;
}

/* The tokens that it comes from, the latest last. */
static enum sp_step name_origins(struct sp_call *call, const struct sp_live_token *subject, struct sp_str *origins)
{
    struct sp_str before = text_of(subject, "origin_jti"), rest = before, word;
    unsigned count = 0;
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        count++;
    if (count >= SP_MAX_EXCHANGES)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE, .status = 400,
                       .received = SP_STR("a token that was exchanged too often"),
                       .expected = sp_arena_printf(call->arena, "at most %u exchanges of one token", SP_MAX_EXCHANGES));
    *origins = sp_arena_printf(call->arena, "%.*s%s%.*s", SP_STR_ARG(before), before.len > 0 ? " " : "",
                               SP_STR_ARG(subject->jti));
    return origins->at != NULL ? SP_GOES_ON : sp_deny_failure(call, SP_NO_MEMORY);
}

/* RFC 8693 4.1: who acts now, with whoever acted before inside. A client names itself, or whom a token that it got is
 * of: our tokens have no may_act (4.4), so nobody else has said that they act here. */
static enum sp_step read_actor(struct sp_call *call, const struct sp_client *client,
                               const struct sp_live_token *subject, struct sp_str *actor)
{
    struct sp_live_token token;
    struct sp_buffer buffer;
    struct sp_json_writer json;
    if (sp_call_parameter(call, "actor_token").at == NULL) {
        const struct sp_json *before = sp_json_member(subject->claims, SP_STR("act"));
        *actor = before != NULL ? before->text : SP_STR_NONE;
        return SP_GOES_ON;
    }
    if (read_token(call, "actor_token", &token) != SP_GOES_ON)
        return SP_DENIED;
    if (!is_own(client, &token))
        return SP_DENY(
            call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
            .expected = sp_arena_printf(call->arena, "a token that was issued to %.*s", SP_STR_ARG(client->id)),
            .received = sp_arena_printf(call->arena, "actor_token of %.*s", SP_STR_ARG(text_of(&token, "client_id"))),
            .tell = SP_STR("It is 'actor_token': it was issued to another client."));
    if (check_binding(call, client, &token) != SP_GOES_ON)
        return SP_DENIED;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "sub", text_of(&token, "sub"));
    const struct sp_json *before = sp_json_member(subject->claims, SP_STR("act"));
    if (before != NULL) {
        sp_json_name(&json, SP_STR("act"));
        sp_json_put_value(&json, before);
    }
    sp_json_end_object(&json);
    if (sp_buffer_status(&buffer) != SP_OK)
        return sp_deny_failure(call, sp_buffer_status(&buffer));
    *actor = sp_buffer_str(&buffer);
    return SP_GOES_ON;
}

/* Asked for: within both. Not asked for: what the subject token has and the client may have. */
static enum sp_step decide_scope(struct sp_call *call, const struct sp_client *client, struct sp_str had,
                                 struct sp_str *scope)
{
    struct sp_buffer both;
    struct sp_str rest = had, word;
    if (sp_call_parameter(call, "scope").at != NULL) {
        if (sp_scope_decide(call, client, SP_SCOPE_NONE_BY_DEFAULT, scope) != SP_GOES_ON)
            return SP_DENIED;
        if (sp_scope_covers(had, *scope))
            return SP_GOES_ON;
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED, .expected = had, .received = *scope,
                       .tell = SP_STR("The subject token has less."));
    }
    sp_answer_buffer(call, &both);
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        if (sp_list_has(client->scopes, word))
            sp_buffer_printf(&both, "%s%.*s", both.len > 0 ? " " : "", SP_STR_ARG(word));
    if (sp_buffer_status(&both) != SP_OK)
        return sp_deny_failure(call, sp_buffer_status(&both));
    *scope = sp_buffer_str(&both);
    return SP_GOES_ON;
}

/* Each client knows a person by the name of its own sector (subject.h); machines have one name. */
static enum sp_status name_subject(struct sp_call *call, const struct sp_client *client, struct sp_str told,
                                   struct sp_token_order *order)
{
    struct sp_store *store = call->authority->store;
    struct sp_account account;
    struct sp_str subject = told;
    enum sp_status status = sp_subject_account(call, told, &subject);
    bool is_known = status == SP_OK && !sp_str_equal(subject, told);
    if (status == SP_OK && !is_known && client->sector.at != NULL) {
        status = store->methods->get_account(store, subject, call->arena, &account);
        is_known = status == SP_OK;
        status = status == SP_NOT_FOUND ? SP_OK : status;
    }
    if (is_known)
        order->account = subject;
    else
        order->subject = subject;
    call->subject = subject;
    return status;
}

static enum sp_step prepare(struct sp_call *call, const struct sp_client *client, struct sp_token_order *order,
                            struct sp_str *type)
{
    struct sp_live_token subject;
    if (sp_client_is_public(client))
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                       .expected = SP_STR("a client that can prove itself"), .received = SP_STR("a public client"));
    if (name_issued(call, client, type) != SP_GOES_ON || read_token(call, "subject_token", &subject) != SP_GOES_ON)
        return SP_DENIED;
    *order = (struct sp_token_order){.client = client,
                                     .family = text_of(&subject, "grant_id"),
                                     .acr = text_of(&subject, "acr"),
                                     .jkt = call->jkt,
                                     .not_after = subject.expires_at};
    const struct sp_json *auth_time = sp_json_member(subject.claims, SP_STR("auth_time"));
    if (auth_time != NULL && sp_json_int64(auth_time, &order->auth_time) != SP_OK)
        return refuse(call, "subject_token", SP_STR("a token with a broken auth_time"));
    enum sp_status status = name_subject(call, client, text_of(&subject, "sub"), order);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (name_origins(call, &subject, &order->origins) != SP_GOES_ON ||
        read_actor(call, client, &subject, &order->actor) != SP_GOES_ON ||
        sp_audience_decide(call, client, &order->audiences) != SP_GOES_ON ||
        check_receiver(call, order, &subject) != SP_GOES_ON || check_binding(call, client, &subject) != SP_GOES_ON)
        return SP_DENIED;
    return decide_scope(call, client, text_of(&subject, "scope"), &order->scope);
}

enum sp_step sp_grant_token_exchange(struct sp_call *call, const struct sp_client *client)
{
    struct sp_token_order order;
    struct sp_str type;
    enum sp_step step = prepare(call, client, &order, &type);
    return step == SP_GOES_ON ? sp_grant_access_token(call, &order, type) : step;
}
