/* SPDX-License-Identifier: Apache-2.0 */
/* GET /signed_out: the person comes back from the provider where they were signed out, and goes on to where the
 * application wanted – an address that was compared with the registered ones before. Without a state of ours, or in
 * another browser, nobody is sent anywhere. */
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/front_channel_logout.h"
#include "authority/visit.h"
#include "core/base/secret.h"
#include "core/jose/crypto.h"

static enum sp_status find_next(struct sp_call *call, struct sp_str *next)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    unsigned char hash[32];
    struct sp_str browser = sp_browser_hash(call);
    sp_sha256(sp_call_parameter(call, "state"), hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_SIGN_OUT, hash, call->arena, &ticket);
    if (status == SP_OK && ticket.expires_at <= call->now)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_document, &data, &error);
    if (status != SP_OK)
        return status == SP_NOT_FOUND ? SP_OK : status;
    struct sp_str own = sp_json_string(sp_json_member(data, SP_STR("browser")));
    if (browser.at != NULL && own.at != NULL && sp_secret_equal(browser, own))
        *next = sp_json_string(sp_json_member(data, SP_STR("next")));
    return SP_OK;
}

enum sp_step sp_signed_out_endpoint(struct sp_call *call)
{
    static const struct sp_session none;
    struct sp_str next = SP_STR_NONE;
    call->deny = sp_denial_page;
    enum sp_status status = find_next(call, &next);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (next.len == 0) {
        sp_front_channel_logout_page(call, &none, SP_STR_NONE);
        return SP_GOES_ON;
    }
    call->answer.status = 303;
    sp_answer_header(call, "Location", next);
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}
