/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that say why (core/diagnosis/stated_cause.h). */
#include "core/flow/judge.h"

static enum sp_answer_place place_of(const struct sp_flow_message *message)
{
    bool sent_back = message->flow->response == message && message->flow->callback == NULL;
    switch (message->kind) {
    case SP_FLOW_TOKEN_REQUEST:
        return SP_ANSWER_TOKEN;
    case SP_FLOW_AUTHORIZATION_REQUEST:
        return sent_back ? SP_ANSWER_CALLBACK : SP_ANSWER_AUTHORIZATION;
    case SP_FLOW_AUTHORIZATION_RESPONSE:
        return sent_back ? SP_ANSWER_CALLBACK : SP_ANSWER_ANY;
    case SP_FLOW_CALLBACK:
        return SP_ANSWER_CALLBACK;
    default:
        return SP_ANSWER_ANY;
    }
}

static enum sp_cause stated_by(const struct sp_flow_message *message, bool *by_id)
{
    bool arrived = message->kind == SP_FLOW_CALLBACK, refuses = message->exchange.status >= 400;
    struct sp_str error = sp_flow_answered(message, "error");
    struct sp_str description = sp_flow_answered(message, "error_description");
    const struct sp_stated_refusal refusal = {
        .place = place_of(message),
        .cause = sp_flow_answered(message, "cause"),
        .error = error.at == NULL && arrived ? sp_flow_parameter(message, "error") : error,
        .description = arrived ? sp_flow_parameter(message, "error_description") : description,
        .body = refuses ? message->exchange.response_body : SP_STR_NONE,
        .is_html = refuses && sp_flow_is_html(message)};
    return sp_stated_cause(&refusal, by_id);
}

/* Judges that compare know both sides: what they find is told instead, and this only where they cannot. */
static bool compared_elsewhere(enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    return sp_str_has_prefix(id, SP_STR("redirect_uri.")) || sp_str_has_prefix(id, SP_STR("pkce.")) ||
           sp_str_has_prefix(id, SP_STR("code.")) || sp_str_has_prefix(id, SP_STR("refresh."));
}

static struct sp_str client_of(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_flow_credentials credentials;
    sp_flow_credentials_read(capture->arena, message, &credentials);
    return credentials.client_id;
}

static struct sp_str request_part(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                  enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    static const struct {
        const char *prefix, *parameter;
    } parts[] = {
        {"redirect_uri.", "redirect_uri"}, {"request.scope", "scope"},      {"request.resource", "resource"},
        {"request.grant", "grant_type"},   {"client.unknown", "client_id"}, {"request.response_type", "response_type"},
        {"request.denied", "error"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (sp_str_has_prefix(id, sp_str_from_cstr(parts[i].prefix))) {
            return sp_str_equal(sp_str_from_cstr(parts[i].parameter), SP_STR("client_id"))
                       ? client_of(capture, message)
                       : sp_flow_parameter(message, parts[i].parameter);
        }
    return SP_STR_NONE;
}

static struct sp_str listed(struct sp_flow_capture *capture, const struct sp_flow_issuer *issuer, const char *name,
                            struct sp_str otherwise)
{
    const struct sp_json *list = issuer != NULL ? sp_json_member(issuer->metadata, sp_str_from_cstr(name)) : NULL;
    return list != NULL ? sp_flow_list_in_words(capture->arena, list) : otherwise;
}

/* OpenID Connect Core 3.1.2.6 */
static struct sp_str missing_person(struct sp_str error)
{
    static const struct {
        const char *error;
        struct sp_str missing;
    } rows[] = {{"login_required", {"a login", 7}},
                {"consent_required", {"the person's consent", 20}},
                {"account_selection_required", {"the choice of an account", 24}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sp_str_equal(error, sp_str_from_cstr(rows[i].error)))
            return rows[i].missing;
    return SP_STR("a page for the person");
}

/* What the request had and what the server is known to take, where the server names the cause and not the two sides. */
static void fill_sides(struct sp_flow_capture *capture, const struct sp_flow_message *message, enum sp_cause cause,
                       struct sp_str *expected, struct sp_str *received)
{
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    struct sp_flow_credentials who;
    struct sp_str audience = sp_flow_parameter(message, "audience");
    sp_flow_credentials_read(capture->arena, message, &who);
    switch (cause) {
    case SP_CAUSE_CLIENT_METHOD_MISMATCH:
        *expected = SP_STR("another method");
        *received = sp_str_from_cstr(sp_flow_client_method_name(who.method));
        break;
    case SP_CAUSE_CLIENT_AUTHENTICATION_MISSING:
        *expected = listed(capture, issuer, "token_endpoint_auth_methods_supported",
                           SP_STR("the method that the client is registered for"));
        *received = sp_str_from_cstr(sp_flow_client_method_name(who.method));
        break;
    case SP_CAUSE_REQUEST_RESPONSE_TYPE:
        *expected = listed(capture, issuer, "response_types_supported", SP_STR("another one"));
        break;
    case SP_CAUSE_REQUEST_INTERACTION_REQUIRED:
        *expected = missing_person(sp_flow_answered(message, "error"));
        break;
    case SP_CAUSE_REQUEST_GRANT_UNKNOWN:
        *expected = listed(capture, issuer, "grant_types_supported", SP_STR("others"));
        break;
    case SP_CAUSE_REQUEST_METHOD:
        *expected = sp_flow_header(&message->exchange.response_headers, "Allow");
        if (expected->len == 0)
            *expected = SP_STR("another method");
        *received = message->exchange.method;
        break;
    case SP_CAUSE_REQUEST_RESOURCE_INVALID:
        *expected = SP_STR("what is registered for it");
        if (received->len == 0)
            *received = audience.len > 0 ? audience : SP_STR("none was asked for");
        break;
    case SP_CAUSE_CODE_REDIRECT_URI_DIFFERS:
        *received = sp_flow_parameter(message, "redirect_uri");
        *expected = sp_flow_asked(message->flow, "redirect_uri");
        if (sp_str_equal(*expected, *received) && received->len > 0)
            *expected = SP_STR("another one, as the server has it");
        break;
    case SP_CAUSE_PKCE_VERIFIER_MISMATCH:
        *received = sp_flow_hashed_verifier(capture, message);
        *expected = sp_flow_asked(message->flow, "code_challenge");
        if (sp_str_equal(*expected, *received) && received->len > 0)
            *expected = SP_STR("another one, as the server has it");
        break;
    case SP_CAUSE_BINDING_DPOP_NONCE:
        *received = sp_flow_header(&message->exchange.request_headers, "DPoP").at != NULL
                        ? SP_STR("none, or an old one")
                        : SP_STR("none, without a proof");
        break;
    default:
        break;
    }
}

void sp_flow_judge_refusal_named(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    bool arrived = message->kind == SP_FLOW_CALLBACK && sp_flow_parameter(message, "error").at != NULL;
    if (!arrived && message->exchange.status < 400 && sp_flow_answered(message, "error").at == NULL)
        return;
    bool by_server = false;
    enum sp_cause cause = stated_by(message, &by_server);
    if (cause == SP_CAUSE_NONE || (!by_server && compared_elsewhere(cause) && message->kind != SP_FLOW_TOKEN_REQUEST))
        return;
    struct sp_str part = request_part(capture, message, cause), other = SP_STR_NONE;
    if (sp_str_has_prefix(sp_cause_get(cause)->id, SP_STR("client.secret")))
        other = client_of(capture, message);
    fill_sides(capture, message, cause, &other, &part);
    struct sp_str words = sp_flow_error_in_words(capture, message);
    struct sp_finding *finding = compared_elsewhere(cause) ? sp_flow_tell_named(capture, message, cause, other, part)
                                                           : sp_flow_tell(capture, message, cause, other, part);
    finding->detail = words.at != NULL ? sp_arena_printf(capture->arena, "The server says: %.*s", SP_STR_ARG(words))
                                       : SP_STR("The server names it itself.");
    finding->is_quote = true;
}
