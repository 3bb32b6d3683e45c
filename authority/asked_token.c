/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/asked_token.h"

#include "authority/client_authentication.h"
#include "authority/denial.h"
#include "authority/refused_token.h"

enum sp_step sp_asked_token_take(struct sp_call *call, enum sp_asked_by by, struct sp_asked_token *asked)
{
    struct sp_asked_token taken = {.is_live = false};
    enum sp_cause cause = SP_CAUSE_NONE;
    if (sp_client_authenticate(call, &taken.client) != SP_GOES_ON)
        return SP_DENIED;
    if (by == SP_ASKED_BY_CONFIDENTIAL && sp_client_is_public(taken.client))
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_AUTHENTICATION_MISSING,
                       .expected = SP_STR("a client that can prove itself"), .received = SP_STR("a public client"));
    taken.value = sp_call_parameter(call, "token");
    if (taken.value.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("token"),
                       .tell = SP_STR("It is 'token'."));
    enum sp_status status = sp_access_token_find(call, taken.value, &taken.token, &cause);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    taken.is_live = status == SP_OK;
    if (!taken.is_live)
        taken.why = sp_refused_token_judge(call, taken.value, &taken.token, cause);
    *asked = taken;
    return SP_GOES_ON;
}
