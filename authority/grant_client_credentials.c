/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6749 4.4: a client asks for itself. A JWT needs nothing of the store; an opaque token is one ticket. */
#include "authority/access_token.h"
#include "authority/denial.h"
#include "authority/grant.h"
#include "authority/scope.h"

enum sp_step sp_grant_client_credentials(struct sp_call *call, const struct sp_client *client)
{
    struct sp_token_order order = {.client = client, .subject = client->id, .jkt = call->jkt};
    if (sp_scope_decide(call, client, true, &order.scope) != SP_GOES_ON ||
        sp_audience_decide(call, client, &order.audiences) != SP_GOES_ON)
        return SP_DENIED;
    call->subject = order.subject;
    return sp_grant_access_token(call, &order, SP_STR_NONE);
}
