/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7662: a protected resource asks what a token means. Only confidential clients are answered; what is not alive is
 * {"active":false} and nothing more, the reason goes to the log. */
#include "authority/access_token.h"
#include "authority/client_authentication.h"
#include "authority/denial.h"
#include "authority/endpoint.h"

static enum sp_step answer_inactive(struct sp_call *call, enum sp_cause cause)
{
    struct sp_buffer buffer;
    sp_answer_buffer(call, &buffer);
    sp_buffer_append(&buffer, SP_STR("{\"active\":false}"));
    call->finding = (struct sp_finding){.cause = cause, .check = SP_CHECK_REVOCATION, .tolerated = true};
    sp_answer_json(call, 200, &buffer);
    return SP_GOES_ON;
}

static bool is_bound(const struct sp_json *claims)
{
    return sp_json_member(sp_json_member(claims, SP_STR("cnf")), SP_STR("jkt")) != NULL;
}

static enum sp_step answer_active(struct sp_call *call, const struct sp_json *claims)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "active", true);
    sp_json_string_member(&json, "token_type", is_bound(claims) ? SP_STR("DPoP") : SP_STR("Bearer"));
    for (const struct sp_json *claim = claims->first; claim != NULL; claim = claim->next) {
        sp_json_name(&json, claim->name);
        sp_json_put_value(&json, claim);
    }
    sp_json_end_object(&json);
    sp_answer_json(call, 200, &buffer);
    return SP_GOES_ON;
}

enum sp_step sp_introspection_endpoint(struct sp_call *call)
{
    const struct sp_client *client = NULL;
    if (sp_client_authenticate(call, &client) == SP_DENIED)
        return SP_DENIED;
    if (sp_client_is_public(client))
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                       .expected = SP_STR("a client that can prove itself"), .received = SP_STR("a public client"));
    struct sp_str value = sp_call_parameter(call, "token");
    if (value.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("token"),
                       .tell = SP_STR("It is 'token'."));
    struct sp_live_token token;
    enum sp_cause cause = SP_CAUSE_NONE;
    enum sp_status status = sp_access_token_find(call, value, &token, &cause);
    if (status == SP_NOT_FOUND)
        return answer_inactive(call, cause);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = sp_json_string(sp_json_member(token.claims, SP_STR("sub")));
    return answer_active(call, token.claims);
}
