/* SPDX-License-Identifier: Apache-2.0 */
/* Logout: asked for by the client's browser (OIDC RP-Initiated Logout), told by the issuer (OIDC Back-Channel Logout).
 */
#include "core/flow/judge.h"

#include "core/jose/jwk_set.h"

static bool refused_for_uri(const struct sp_flow_message *message)
{
    static const char *const says[] = {"post_logout_redirect_uri", "redirect_uri", "redirect uri", "returnTo"};
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        if (message->exchange.status >= 400 && sp_flow_answer_says(message, says[i]))
            return true;
    return false;
}

void sp_flow_judge_logout(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str uri = sp_flow_parameter(message, "post_logout_redirect_uri");
    bool named =
        sp_flow_parameter(message, "id_token_hint").at != NULL || sp_flow_parameter(message, "client_id").at != NULL;
    bool form = sp_str_equal(message->exchange.method, SP_STR("POST")) && message->body.count > 0;
    if (uri.at != NULL && refused_for_uri(message)) {
        const struct sp_json *registration = NULL;
        const struct sp_flow_client *client =
            sp_flow_client_find(capture, message->flow->client_id.at != NULL ? message->flow->client_id
                                                                             : sp_flow_parameter(message, "client_id"));
        if (client != NULL)
            registration = sp_json_member(client->registered, SP_STR("post_logout_redirect_uris"));
        sp_flow_tell(capture, message, SP_CAUSE_LOGOUT_URI_UNREGISTERED,
                     registration != NULL ? sp_flow_list_in_words(capture->arena, registration)
                                          : SP_STR("the registered ones, which the recording does not show"),
                     uri);
    }
    if (!named && !form && !sp_flow_has_told(message, SP_CAUSE_LOGOUT_NO_HINT))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_LOGOUT_NO_HINT, SP_STR("id_token_hint or client_id"),
                                SP_STR("neither"));
}

/* ---- logout tokens (2.4) ---- */

#define LOGOUT_EVENT "http://schemas.openid.net/event/backchannel-logout"

static const char *fault_of(const struct sp_flow_capture *capture, const struct sp_json *claims)
{
    const struct sp_json *events = sp_json_member(claims, SP_STR("events"));
    struct sp_str iss = sp_json_string(sp_json_member(claims, SP_STR("iss")));
    bool known = capture->issuers == NULL;
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        known = known || at->issuer.at == NULL || sp_str_equal(at->issuer, iss);
    if (claims == NULL)
        return "its form: it is no JWT";
    if (iss.at == NULL || !known)
        return "iss";
    if (sp_json_member(claims, SP_STR("aud")) == NULL)
        return "aud: there is none";
    if (sp_json_member(events, SP_STR(LOGOUT_EVENT)) == NULL)
        return "events: the logout event is missing";
    if (sp_json_member(claims, SP_STR("sub")) == NULL && sp_json_member(claims, SP_STR("sid")) == NULL)
        return "sub and sid: both are missing";
    if (sp_json_member(claims, SP_STR("nonce")) != NULL)
        return "nonce: there must be none";
    if (sp_json_member(claims, SP_STR("iat")) == NULL || sp_json_member(claims, SP_STR("jti")) == NULL)
        return "iat or jti: missing";
    return NULL;
}

void sp_flow_judge_logout_token(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str token = sp_flow_parameter(message, "logout_token");
    const struct sp_json *claims = sp_flow_jwt_part(capture->arena, token, 1);
    const char *fault = fault_of(capture, claims);
    if (fault != NULL)
        sp_flow_tell(capture, message, SP_CAUSE_LOGOUT_TOKEN_INVALID, SP_STR("a logout token"),
                     sp_flow_masked(capture, token))
            ->detail = sp_str_from_cstr(fault);
}
