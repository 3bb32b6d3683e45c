/* SPDX-License-Identifier: Apache-2.0 */
/* By which method a refused client authenticated, against those that it is registered for or the server takes. */
#include "core/flow/judge.h"

static struct sp_str client_in_words(struct sp_flow_capture *capture, const struct sp_flow_credentials *who)
{
    return sp_arena_printf(capture->arena, "The client is %.*s.", SP_STR_ARG(sp_str_slice(who->client_id, 0, 200)));
}

void sp_flow_judge_client_method(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                 const struct sp_flow_credentials *who, const struct sp_flow_client *client)
{
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    const struct sp_json *registered =
        client != NULL ? sp_json_member(client->registered, SP_STR("token_endpoint_auth_method")) : NULL;
    const struct sp_json *list =
        issuer != NULL ? sp_json_member(issuer->metadata, SP_STR("token_endpoint_auth_methods_supported")) : NULL;
    struct sp_str used = sp_str_from_cstr(sp_flow_client_method_name(who->method));
    struct sp_str expected = sp_json_string(registered);
    bool jwt = who->method == SP_CLIENT_METHOD_ASSERTION;
    if (expected.at != NULL) {
        bool fits = sp_str_equal(expected, used) || (jwt && sp_str_equal(expected, SP_STR("client_secret_jwt")));
        if (!fits)
            sp_flow_tell(capture, message,
                         who->method == SP_CLIENT_METHOD_NONE ? SP_CAUSE_CLIENT_AUTHENTICATION_MISSING
                                                              : SP_CAUSE_CLIENT_METHOD_MISMATCH,
                         expected, used)
                ->detail = client_in_words(capture, who);
        return;
    }
    if (who->method == SP_CLIENT_METHOD_NONE)
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                     list != NULL ? sp_flow_list_in_words(capture->arena, list) : SP_STR("client authentication"),
                     SP_STR("none"));
    else if (list != NULL && !jwt && !sp_flow_list_has(list, used, true))
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_METHOD_MISMATCH, sp_flow_list_in_words(capture->arena, list),
                     used)
            ->detail = client_in_words(capture, who);
}
