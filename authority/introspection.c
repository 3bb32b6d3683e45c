/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7662: a protected resource asks what a token means. Only confidential clients are answered; what is not alive is
 * {"active":false} and nothing more, the reason goes to the log. So is any token that is neither of the client nor for
 * it, where the client registered itself: nobody said that it is one of the APIs here (4, 2.2).
 *
 * Refresh tokens are told to the client alone that has them, and only when it asks for one by its hint: an API that
 * asks what it was sent never takes one for an access token. */
#include "authority/asked_token.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/key_ring.h"
#include "authority/refresh_token.h"
#include "authority/signed_jwt.h"
#include "authority/subject.h"

/* RFC 9701: the answer itself signed, for whoever has to prove later what was said. */
static enum sp_step answer_signed(struct sp_call *call, const struct sp_client *client, struct sp_str answer)
{
    struct sp_buffer claims;
    struct sp_json_writer json;
    struct sp_str jws = SP_STR_NONE;
    sp_answer_buffer(call, &claims);
    sp_json_writer_init(&json, &claims, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "iss", call->authority->settings->issuer);
    sp_json_string_member(&json, "aud", client->id);
    sp_json_int_member(&json, "iat", call->now);
    sp_json_name(&json, SP_STR("token_introspection"));
    sp_json_put_raw(&json, answer);
    sp_json_end_object(&json);
    enum sp_status status = sp_buffer_status(&claims);
    if (status == SP_OK)
        status = sp_key_ring_sign(call->authority->keys, call->arena, client->introspection_algorithm,
                                  "token-introspection+jwt", sp_buffer_str(&claims), call->now, &jws);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->answer.status = 200;
    call->answer.content_type = "application/token-introspection+jwt";
    call->answer.body = jws;
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}

static enum sp_step answer(struct sp_call *call, const struct sp_client *client, const struct sp_buffer *buffer)
{
    bool wants_jwt = client->introspection_algorithm != SP_ALGORITHM_UNKNOWN ||
                     sp_str_contains(call->asked.accept, SP_STR("application/token-introspection+jwt"));
    if (sp_buffer_status(buffer) == SP_OK && wants_jwt)
        return answer_signed(call, client, sp_buffer_str(buffer));
    sp_answer_json(call, 200, buffer);
    return SP_GOES_ON;
}

static enum sp_step answer_inactive(struct sp_call *call, const struct sp_client *client,
                                    const struct sp_finding *finding)
{
    struct sp_buffer buffer;
    sp_answer_buffer(call, &buffer);
    sp_buffer_append(&buffer, SP_STR("{\"active\":false}"));
    call->finding = *finding;
    call->finding.tolerated = true;
    return answer(call, client, &buffer);
}

static bool may_read(const struct sp_client *client, const struct sp_json *claims)
{
    return !client->is_stranger || sp_claims_are_for(claims, client->id) ||
           sp_str_equal(sp_json_string(sp_json_member(claims, SP_STR("client_id"))), client->id);
}

static bool is_bound(const struct sp_json *claims)
{
    return sp_json_member(sp_json_member(claims, SP_STR("cnf")), SP_STR("jkt")) != NULL;
}

/* The claims leave as they were written, by us; that there are any, exp at least, was seen. */
static enum sp_step answer_active(struct sp_call *call, const struct sp_client *client,
                                  const struct sp_live_token *token)
{
    struct sp_buffer buffer;
    sp_answer_buffer(call, &buffer);
    sp_buffer_append(&buffer, SP_STR("{\"active\":true,\"token_type\":"));
    sp_buffer_append(&buffer, is_bound(token->claims) ? SP_STR("\"DPoP\",") : SP_STR("\"Bearer\","));
    sp_buffer_append(&buffer, sp_str_slice(token->claims_text, 1, token->claims_text.len));
    return answer(call, client, &buffer);
}

/* What is wrong with it is for the log; our own failure is an answer. */
static enum sp_step say_nothing(struct sp_call *call, const struct sp_denial *denial)
{
    if (denial->cause != SP_CAUSE_STORE_UNAVAILABLE)
        return SP_DENIED;
    call->deny = NULL;
    return sp_deny(call, denial);
}

static enum sp_step answer_refresh_token(struct sp_call *call, const struct sp_client *client, struct sp_str value)
{
    struct sp_live_refresh_token token;
    struct sp_buffer buffer;
    struct sp_json_writer json;
    call->deny = say_nothing;
    enum sp_step step = sp_refresh_token_look(call, client, value, &token);
    call->deny = NULL;
    if (step != SP_GOES_ON) {
        const struct sp_finding why = call->finding;
        bool is_dead = call->waits_for == NULL && why.cause != SP_CAUSE_STORE_UNAVAILABLE;
        return is_dead ? answer_inactive(call, client, &why) : step;
    }
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "active", true);
    sp_json_string_member(&json, "iss", call->authority->settings->issuer);
    sp_json_string_member(&json, "client_id", client->id);
    sp_json_string_member(&json, "scope", token.scope);
    sp_json_int_member(&json, "iat", token.issued_at);
    sp_json_int_member(&json, "exp", token.expires_at);
    sp_json_end_object(&json);
    return answer(call, client, &buffer);
}

static bool hints_at_refresh_token(const struct sp_call *call)
{
    return sp_str_equal(sp_call_parameter(call, "token_type_hint"), SP_STR("refresh_token"));
}

enum sp_step sp_introspection_endpoint(struct sp_call *call)
{
    struct sp_asked_token asked;
    if (sp_asked_token_take(call, SP_ASKED_BY_CONFIDENTIAL, &asked) != SP_GOES_ON)
        return SP_DENIED;
    if (!asked.is_live && hints_at_refresh_token(call))
        return answer_refresh_token(call, asked.client, asked.value);
    if (!asked.is_live)
        return answer_inactive(call, asked.client, &asked.why);
    const struct sp_json *claims = asked.token.claims;
    if (!may_read(asked.client, claims))
        return answer_inactive(call, asked.client,
                               &(const struct sp_finding){.cause = SP_CAUSE_AUDIENCE_MISMATCH,
                                                          .check = SP_CHECK_AUDIENCE,
                                                          .expected = asked.client->id,
                                                          .received = sp_claims_audience_words(claims)});
    /* The log knows people by their account, whatever the client calls them. */
    struct sp_str subject = sp_json_string(sp_json_member(claims, SP_STR("sub")));
    enum sp_status status = sp_subject_account(call, subject, &call->subject);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return answer_active(call, asked.client, &asked.token);
}
