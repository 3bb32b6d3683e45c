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

/* Proxies read 8 kB a line. */
#define MAX_QUERY_BYTES (6u * 1024)

static enum sp_step refuse_silently(struct sp_call *call, enum sp_authorization_need need)
{
    bool login = need == SP_NEEDS_LOGIN;
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_INTERACTION_REQUIRED,
                   .error = login ? "login_required" : "consent_required",
                   .expected = login ? SP_STR("a session that fits the request") : SP_STR("a consent given before"),
                   .received = SP_STR("prompt=none"));
}

/* A browser leaves our cookies, which are SameSite=Lax, out of a form of another site, and sends them with the GET that
 * follows: so whether somebody is signed in is known there, and the same as for whoever came by GET. A GET is decided
 * as it is, so this ends; what is too long for a URL is decided at once. */
static bool may_have_left_cookies_out(const struct sp_call *call)
{
    return sp_str_equal(call->asked.method, SP_STR("POST")) && !sp_session_has_cookie(call);
}

static enum sp_step ask_by_get(struct sp_call *call, const struct sp_form *sent)
{
    struct sp_buffer query;
    sp_buffer_init(&query, call->arena, MAX_QUERY_BYTES);
    sp_form_write(&query, sent);
    if (sp_buffer_status(&query) != SP_OK)
        return refuse_silently(call, SP_NEEDS_LOGIN);
    call->answer.status = 303;
    sp_answer_header(call, "Location",
                     sp_arena_printf(call->arena, "%.*s?%.*s", SP_STR_ARG(sp_authority_url(call, "/authorize")),
                                     SP_STR_ARG(sp_buffer_str(&query))));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
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
    const struct sp_form sent = call->parameters;
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
    if (asking.need == SP_NEEDS_LOGIN && asking.request.prompt_none && may_have_left_cookies_out(call))
        return ask_by_get(call, &sent);
    if (asking.need != SP_NEEDS_NOTHING && asking.request.prompt_none)
        return refuse_silently(call, asking.need);
    return asking.need == SP_NEEDS_NOTHING ? sp_call_in_write(call, grant, &asking) : let_wait(call);
}
