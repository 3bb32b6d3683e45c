/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6749 4.4: a client asks for itself. A JWT needs nothing of the store; an opaque token is one ticket. */
#include "authority/access_token.h"
#include "authority/denial.h"
#include "authority/grant.h"
#include "authority/scope.h"

enum sp_step sp_grant_client_credentials(struct sp_call *call, const struct sp_client *client)
{
    struct sp_token_order order = {.client = client, .subject = client->id, .jkt = call->jkt};
    struct sp_issued_token token;
    if (sp_scope_decide(call, client, true, &order.scope) != SP_GOES_ON ||
        sp_audience_decide(call, client, &order.audiences) != SP_GOES_ON)
        return SP_DENIED;
    call->subject = order.subject;
    struct sp_store *store = call->authority->store;
    bool writes = client->token_format == SP_TOKEN_FORMAT_OPAQUE;
    enum sp_status status = writes ? store->methods->begin(store) : SP_OK;
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (sp_access_token_issue(call, &order, &token) != SP_GOES_ON) {
        if (writes)
            store->methods->undo(store);
        return SP_DENIED;
    }
    status = writes ? store->methods->keep(store) : SP_OK;
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return sp_token_answer_write(call, &(struct sp_token_answer){.access_token = token.value,
                                                                 .expires_in_s = token.expires_in_s,
                                                                 .scope = order.scope,
                                                                 .bound_to_key = order.jkt.len > 0});
}
