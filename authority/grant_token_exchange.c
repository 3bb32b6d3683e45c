/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 8693: a service trades a token that it received for one that fits the next service. What comes out is never more
 * than what went in: scopes within the subject token's and the client's, an audience that the client may have, not a
 * second longer, and it dies with the authorization it comes from. */
#include "authority/access_token.h"
#include "authority/denial.h"
#include "authority/grant.h"
#include "authority/scope.h"
#include "authority/subject.h"

#define TYPE_PREFIX "urn:ietf:params:oauth:token-type:"

static bool is_access_token_type(struct sp_str type)
{
    return sp_str_equal(type, SP_STR(TYPE_PREFIX "access_token")) || sp_str_equal(type, SP_STR(TYPE_PREFIX "jwt"));
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
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = cause, .error = "invalid_request", .status = 400,
                       .tell = sp_arena_printf(call->arena, "It is the %s.", name));
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static struct sp_str text_of(const struct sp_live_token *token, const char *name)
{
    return sp_json_string(sp_json_member(token->claims, sp_str_from_cstr(name)));
}

/* RFC 8693 4.1: who acts now, with whoever acted before inside. */
static enum sp_step read_actor(struct sp_call *call, const struct sp_live_token *subject, struct sp_str *actor)
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
        if (sp_scope_decide(call, client, false, scope) != SP_GOES_ON)
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

static enum sp_step prepare(struct sp_call *call, const struct sp_client *client, struct sp_token_order *order)
{
    struct sp_live_token subject;
    struct sp_str wanted = sp_call_parameter(call, "requested_token_type");
    if (sp_client_is_public(client))
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                       .expected = SP_STR("a client that can prove itself"), .received = SP_STR("a public client"));
    if (wanted.at != NULL && !is_access_token_type(wanted))
        return refuse(call, "requested_token_type", wanted);
    if (read_token(call, "subject_token", &subject) != SP_GOES_ON)
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
    if (read_actor(call, &subject, &order->actor) != SP_GOES_ON ||
        sp_audience_decide(call, client, &order->audiences) != SP_GOES_ON)
        return SP_DENIED;
    return decide_scope(call, client, text_of(&subject, "scope"), &order->scope);
}

enum sp_step sp_grant_token_exchange(struct sp_call *call, const struct sp_client *client)
{
    struct sp_token_order order;
    enum sp_step step = prepare(call, client, &order);
    return step == SP_GOES_ON ? sp_grant_access_token(call, &order, SP_STR(TYPE_PREFIX "access_token")) : step;
}
