/* SPDX-License-Identifier: Apache-2.0 */
/* The authorization request (RFC 6749 4.1.1, OIDC Core 3.1.2.1, RFC 9126) and its redirect URI. When the parameters
 * were pushed they are judged where they were pushed. */
#include "core/flow/judge.h"

#include "core/diagnosis/redirect_uri.h"

static const struct sp_json *metadata_of(const struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    return issuer != NULL ? issuer->metadata : NULL;
}

static const struct sp_json *advertised(const struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                        const char *member)
{
    return sp_json_member(metadata_of(capture, message), sp_str_from_cstr(member));
}

static void judge_response_type(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str type = sp_flow_parameter(message, "response_type");
    const struct sp_json *list = advertised(capture, message, "response_types_supported");
    bool refused = sp_flow_error_is(message, "unsupported_response_type");
    if (type.at != NULL && (refused || !sp_flow_list_has(list, type, true)))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_RESPONSE_TYPE,
                                sp_flow_list_in_words(capture->arena, list), type);
}

static void judge_scope(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str scope = sp_flow_parameter(message, "scope"), type = sp_flow_parameter(message, "response_type");
    const struct sp_json *list = advertised(capture, message, "scopes_supported");
    struct sp_str missing;
    bool has_openid = sp_flow_words_within(SP_STR("openid"), scope, &missing);
    bool is_openid = sp_flow_parameter(message, "nonce").at != NULL || sp_text_has(type, "id_token");
    if (is_openid && !has_openid && sp_flow_parameter(message, "request").at == NULL && type.at != NULL)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_OPENID_MISSING, SP_STR("openid"),
                                sp_flow_parameter(message, "nonce").at != NULL ? SP_STR("a nonce")
                                                                               : SP_STR("response_type id_token"));
    if (!sp_flow_error_is(message, "invalid_scope"))
        return;
    struct sp_str known = sp_flow_list_in_words(capture->arena, list);
    if (list != NULL && !sp_flow_words_within(scope, known, &missing))
        sp_flow_tell(capture, message, SP_CAUSE_REQUEST_SCOPE_UNKNOWN, known, missing);
    else
        sp_flow_tell(capture, message, SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED, known, scope);
}

static bool is_base64url(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '=' || c == '+' || c == '/')
            return false;
    }
    return true;
}

static void judge_pkce(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str challenge = sp_flow_parameter(message, "code_challenge");
    struct sp_str method = sp_flow_parameter(message, "code_challenge_method");
    bool refused = sp_flow_has_failed(message);
    if (challenge.at == NULL && method.at == NULL) {
        bool about_pkce = sp_flow_answer_says(message, "code_challenge") || sp_flow_answer_says(message, "PKCE");
        if (refused && about_pkce)
            sp_flow_tell(capture, message, SP_CAUSE_PKCE_REQUIRED, SP_STR("code_challenge"), SP_STR("none"));
        return;
    }
    bool plain = method.at == NULL || sp_str_equal(method, SP_STR("plain"));
    bool about_method = sp_flow_answer_says(message, "code_challenge_method") ||
                        sp_flow_answer_says(message, "plain") || sp_flow_answer_says(message, "S256");
    if (plain)
        sp_flow_tell(capture, message, SP_CAUSE_PKCE_PLAIN_NOT_ALLOWED, SP_STR("S256"),
                     method.at != NULL ? method : SP_STR("not sent, which means plain"))
            ->tolerated = !(refused && about_method);
    else if (!is_base64url(challenge))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_PKCE_CHALLENGE_PADDED,
                                SP_STR("43 characters of base64url without padding"), challenge);
}

static void judge_state_sent(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    /* PKCE protects as well (RFC 9700 2.1); without either nothing does. */
    bool protects = sp_flow_parameter(message, "state").at != NULL ||
                    sp_flow_parameter(message, "code_challenge").at != NULL ||
                    sp_flow_parameter(message, "request").at != NULL;
    if (!protects && sp_flow_parameter(message, "response_type").at != NULL)
        sp_flow_tell(capture, message, SP_CAUSE_STATE_MISSING, SP_STR("state, or code_challenge"), SP_STR("neither"))
            ->tolerated = true;
}

void sp_flow_judge_authorization(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str repeated = sp_form_repeated(&message->query);
    if (sp_flow_parameter(message, "response_type").at == NULL && sp_flow_parameter(message, "redirect_uri").at == NULL)
        return; /* it was pushed, or is a signed object */
    if (repeated.at != NULL && message->kind == SP_FLOW_AUTHORIZATION_REQUEST)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_DUPLICATE_PARAMETER, SP_STR("once"), repeated);
    judge_response_type(capture, message);
    judge_scope(capture, message);
    judge_pkce(capture, message);
    judge_state_sent(capture, message);
    if (sp_flow_error_is(message, "invalid_target"))
        sp_flow_tell(capture, message, SP_CAUSE_REQUEST_RESOURCE_INVALID, SP_STR("a resource this client may use"),
                     sp_flow_parameter(message, "resource"));
}

/* ---- redirect URI ---- */

static bool refused_for_redirect_uri(const struct sp_flow_message *message)
{
    static const char *const says[] = {"redirect_uri",          "redirect uri", "redirecturi",
                                       "callback url mismatch", "AADSTS50011",  "AADSTS500113"};
    bool refused = message->exchange.status >= 400 || sp_flow_answered(message, "error").at != NULL;
    for (size_t i = 0; refused && i < sizeof says / sizeof says[0]; i++)
        if (sp_flow_answer_says(message, says[i]))
            return true;
    return false;
}

/* Came through TLS and says http: the application does not see the proxy in front of it. */
static bool started_by_https(const struct sp_flow_message *message)
{
    const struct sp_flow *flow = message->flow;
    if (flow->start == NULL)
        return false;
    struct sp_str forwarded = sp_flow_header(&flow->start->exchange.request_headers, "X-Forwarded-Proto");
    return sp_str_equal_ignoring_case(flow->start->url.scheme, SP_STR("https")) ||
           sp_str_equal_ignoring_case(forwarded, SP_STR("https"));
}

/* The client that has it registered, other than this one. */
static const struct sp_flow_client *other_client(const struct sp_flow_capture *capture, struct sp_str client_id,
                                                 struct sp_str uri)
{
    for (const struct sp_flow_client *at = capture->clients; at != NULL; at = at->next)
        if (!sp_str_equal(at->client_id, client_id) && sp_redirect_uri_is_registered(at->redirect_uris, uri, false) &&
            !(capture->terms.client_id.at == NULL && capture->terms.redirect_uris.count > 0))
            return at;
    return NULL;
}

static void explain_redirect_uri(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str sent)
{
    struct sp_str client_id = sp_flow_parameter(message, "client_id");
    const struct sp_flow_client *client = sp_flow_client_find(capture, client_id);
    struct sp_str_list known = client != NULL ? client->redirect_uris : (struct sp_str_list){NULL, 0};
    const struct sp_flow_client *other = other_client(capture, client_id, sent);
    if (known.count == 0 && other == NULL) {
        bool none = client != NULL && client->uris_registered;
        struct sp_finding *finding =
            none ? sp_flow_tell(capture, message, SP_CAUSE_REDIRECT_URI_UNREGISTERED, client_id, sent)
                 : sp_flow_tell_named(capture, message, SP_CAUSE_REDIRECT_URI_MISMATCH,
                                      SP_STR("not shown by the recording (give it by --redirect-uri)"), sent);
        finding->detail = sp_flow_error_in_words(capture, message);
        return;
    }
    struct sp_redirect_uri_finding found =
        sp_redirect_uri_explain(capture->arena, known, sent, started_by_https(message));
    bool vague = found.cause == SP_CAUSE_REDIRECT_URI_MISMATCH || found.cause == SP_CAUSE_REDIRECT_URI_UNREGISTERED;
    if (other != NULL && vague) {
        sp_flow_tell(capture, message, SP_CAUSE_REDIRECT_URI_OTHER_CLIENT, client_id, sent)->detail = other->client_id;
        return;
    }
    sp_flow_tell(capture, message, found.cause, found.nearest, sent)->detail =
        client->uris_registered ? SP_STR("Compared with what is registered.")
                                : SP_STR("Compared with what the issuer accepted elsewhere in this recording.");
}

void sp_flow_judge_redirect_uri(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str sent = sp_flow_parameter(message, "redirect_uri");
    const struct sp_flow_client *client = sp_flow_client_find(capture, sp_flow_parameter(message, "client_id"));
    bool refused = refused_for_redirect_uri(message);
    if (sent.at == NULL) {
        if (refused && sp_flow_parameter(message, "response_type").at != NULL)
            sp_flow_tell(capture, message, SP_CAUSE_REDIRECT_URI_MISSING, SP_STR("redirect_uri"),
                         client != NULL && client->redirect_uris.count > 0 ? client->redirect_uris.at[0]
                                                                           : SP_STR("not shown by the recording"));
        return;
    }
    if (sp_str_index_of(sent, '#', 0) < sent.len) {
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REDIRECT_URI_FRAGMENT, SP_STR("no fragment"), sent);
        return;
    }
    bool known_wrong = client != NULL && client->uris_registered &&
                       !sp_redirect_uri_is_registered(client->redirect_uris, sent, true) && sp_flow_has_failed(message);
    if (refused || known_wrong)
        explain_redirect_uri(capture, message, sent);
}
