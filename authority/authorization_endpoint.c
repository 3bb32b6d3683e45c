/* SPDX-License-Identifier: Apache-2.0 */
/* GET or POST /authorize: a code at once when nothing is missing; else the request waits while the person signs in
 * (sign_in_endpoint.c). */
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/pushed_request.h"
#include "authority/request_object.h"
#include "authority/visit.h"
#include "authority/client_directory.h"

static enum sp_step refuse_silently(struct sp_call *call, enum sp_authorization_need need)
{
    bool login = need == SP_NEEDS_LOGIN;
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_INTERACTION_REQUIRED,
                   .error = login ? "login_required" : "consent_required",
                   .expected = login ? SP_STR("a session that fits the request") : SP_STR("a consent given before"),
                   .received = SP_STR("prompt=none"));
}

static enum sp_step let_wait(struct sp_call *call)
{
    struct sp_visit visit;
    enum sp_step step = sp_visit_start(call, &visit);
    if (step == SP_GOES_ON)
        sp_visit_answer(call, &visit);
    return step;
}

struct asking {
    struct sp_authorization request;
    struct sp_session session;
    enum sp_authorization_need need;
};

static enum sp_step grant(struct sp_call *call, void *context)
{
    const struct asking *asking = context;
    return sp_authorization_grant(call, &asking->request, &asking->session, NULL);
}

enum sp_step sp_authorization_endpoint(struct sp_call *call)
{
    struct asking asking = {.need = SP_NEEDS_NOTHING};
    struct sp_str consented;
    bool was_pushed = false;
    sp_authorization_aim(call);
    enum sp_step step = sp_pushed_request_take(call, &was_pushed);
    const struct sp_client *client = NULL;
    if (step == SP_GOES_ON)
        step = sp_client_look_up(call, sp_call_parameter(call, "client_id"), &client);
    if (step == SP_GOES_ON && !was_pushed && client != NULL) /* a pushed one was judged when it was pushed */
        step = sp_request_object_take(call, client);
    if (step == SP_GOES_ON)
        step = sp_authorization_read(call, &asking.request);
    if (step != SP_GOES_ON)
        return step;
    if (asking.request.client->require_pushed && !was_pushed)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("request_uri"),
                       .detail = SP_STR("The client is registered with require_pushed."),
                       .tell = SP_STR("Push the request first (RFC 9126)."));
    enum sp_status status = sp_session_find(call, &asking.session);
    if (status == SP_OK)
        status = sp_authorization_consented(call, &asking.request, &asking.session, &consented);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    asking.need = sp_authorization_need(&asking.request, &asking.session, consented, false, call->now);
    if (asking.need == SP_NEEDS_TOO_MUCH)
        return sp_authorization_deny_unmet(call, &asking.request, &asking.session);
    if (asking.need != SP_NEEDS_NOTHING && asking.request.prompt_none)
        return refuse_silently(call, asking.need);
    return asking.need == SP_NEEDS_NOTHING ? sp_call_in_write(call, grant, &asking) : let_wait(call);
}
