/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6749 4.4: a client asks for itself. Neither a JWT nor an opaque token (token_seal.h) needs anything of the store,
 * unless it says very much. */
#include "authority/access_token.h"
#include "authority/denial.h"
#include "authority/grant.h"
#include "authority/scope.h"

enum sp_step sp_grant_client_credentials(struct sp_call *call, const struct sp_client *client)
{
    struct sp_token_order order = {.client = client, .subject = client->id, .jkt = call->jkt};
    if (sp_scope_decide(call, client, SP_SCOPE_ALL_BY_DEFAULT, &order.scope) != SP_GOES_ON ||
        sp_audience_decide(call, client, &order.audiences) != SP_GOES_ON)
        return SP_DENIED;
    call->subject = order.subject;
    return sp_grant_access_token(call, &order, SP_STR_NONE);
}
