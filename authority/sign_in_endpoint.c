/* SPDX-License-Identifier: Apache-2.0 */
/* /signin: shows a waiting request's next step – sign in, consent – and takes its form. After every step what is still
 * missing is decided anew from the stored request, the session and the consents; when nothing is, the code goes to the
 * client. */
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/finished_visit.h"
#include "authority/login.h"
#include "authority/own_form.h"
#include "authority/page.h"
#include "authority/scope.h"
#include "authority/second_step.h"
#include "authority/sign_in_pages.h"
#include "authority/upstream_account.h"
#include "core/base/secret.h"
#include "authority/handle.h"

/* A page of our own needs somebody who is signed in, and nothing more: as if a client without scopes asked. */
static enum sp_step restore_local(struct sp_call *call, const struct sp_visit *visit, struct sp_authorization *request)
{
    struct sp_client *client = SP_ARENA_NEW(call->arena, struct sp_client);
    if (client == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    client->id = SP_STR("");
    client->skip_consent = true;
    bool is_device = sp_str_has_prefix(visit->local, SP_STR("/device"));
    client->name = sp_text_get(call, is_device ? SP_TEXT_DEVICE_TITLE : SP_TEXT_ACCOUNT_TITLE);
    *request = (struct sp_authorization){.client = client,
                                         .redirect_uri = call->authority->settings->base,
                                         .scope = SP_STR(""),
                                         .max_age_s = -1,
                                         .prompt_login = visit->fresh};
    return SP_GOES_ON;
}

/* The stored request in place of the form: authorization_read and what follows see what the client sent. */
static enum sp_step restore(struct sp_call *call, const struct sp_visit *visit, struct sp_authorization *request)
{
    if (visit->local.at != NULL)
        return restore_local(call, visit, request);
    size_t offset;
    enum sp_status status = sp_form_parse(call->arena, visit->parameters, &call->parameters, &offset);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return sp_authorization_read(call, request);
}

static enum sp_step refuse_unmet(struct sp_call *call, const struct sp_visit *visit,
                                 const struct sp_authorization *request, const struct sp_session *session)
{
    enum sp_status status = sp_visit_end(call, visit, session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    (void)sp_authorization_deny_unmet(call, request, session);
    return SP_GOES_ON; /* the login and the visit's end are to be kept */
}

/* Nothing is missing: on to the client with a code, or to our own page. */
static enum sp_step finish(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                           const struct sp_session *session)
{
    struct sp_visit_finish finish = {.subject = session->subject,
                                     .session = sp_base64url_of(call->arena, session->hash, sizeof session->hash)};
    bool is_local = visit->local.at != NULL;
    enum sp_step step = is_local ? SP_GOES_ON : sp_authorization_grant(call, request, session, &finish.code);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = sp_visit_finish(call, visit, &finish);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!is_local)
        return SP_GOES_ON;
    call->subject = session->subject;
    call->answer.status = 303;
    sp_answer_header(call, "Location",
                     sp_arena_printf(call->arena, "%.*s%.*s", SP_STR_ARG(call->authority->settings->base),
                                     SP_STR_ARG(visit->local)));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}

static enum sp_step show_or_finish(struct sp_call *call, const struct sp_visit *visit,
                                   const struct sp_authorization *request, const struct sp_session *session)
{
    struct sp_str consented;
    enum sp_status status = sp_authorization_consented(call, request, session, &consented);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    bool signed_in = sp_visit_is_signed_in(visit, session);
    enum sp_authorization_need need = sp_authorization_need(request, session, consented, signed_in, call->now);
    /* Who pressed a button that was shown to somebody else has not said to go on as themselves. */
    if (need == SP_NEEDS_NOTHING && visit->is_stale)
        need = SP_NEEDS_ACCOUNT;
    /* The identity that brought the person here is theirs once they signed in otherwise. */
    if (need != SP_NEEDS_LOGIN && visit->link.at != NULL && signed_in) {
        status = sp_upstream_link(call, visit->link, session->subject);
        if (status != SP_OK && status != SP_NOT_FOUND)
            return sp_deny_failure(call, status);
    }
    switch (need) {
    case SP_NEEDS_LOGIN:
        if (visit->passed.at != NULL)
            return sp_second_step_show(call, visit, request);
        sp_login_page_after(call, visit, request, session);
        return SP_GOES_ON;
    case SP_NEEDS_ACCOUNT:
        sp_choice_page(call, visit, request, session);
        return SP_GOES_ON;
    case SP_NEEDS_CONSENT:
        sp_consent_page(call, visit, request, session);
        return SP_GOES_ON;
    case SP_NEEDS_TOO_MUCH:
        return refuse_unmet(call, visit, request, session);
    case SP_NEEDS_NOTHING:
        break;
    }
    return finish(call, visit, request, session);
}

/* ---- the forms ---- */
static enum sp_step go_on_signed_in(struct sp_call *call, struct sp_visit *visit,
                                    const struct sp_authorization *request, const struct sp_session *session)
{
    enum sp_status status = sp_visit_mark_signed_in(call, visit, session->subject);
    return status == SP_OK ? show_or_finish(call, visit, request, session) : sp_deny_failure(call, status);
}

static enum sp_step sign_in(struct sp_call *call, struct sp_visit *visit, const struct sp_authorization *request,
                            struct sp_str name, struct sp_str password)
{
    struct sp_account account;
    struct sp_session session;
    struct sp_str trouble, typed = name.at != NULL ? name : SP_STR("");
    if (sp_login_try(call, typed, password, &account, &trouble) != SP_GOES_ON)
        return SP_DENIED;
    if (trouble.at != NULL) {
        sp_login_page(call, visit, request, name, trouble);
        return SP_GOES_ON;
    }
    const struct sp_session first = {.subject = account.id, .amr = SP_STR("pwd"), .auth_time = call->now};
    if (sp_second_step_begin(call, visit, &first, &session) != SP_GOES_ON)
        return SP_DENIED;
    return session.subject.at != NULL ? go_on_signed_in(call, visit, request, &session)
                                      : sp_second_step_show(call, visit, request);
}

static enum sp_step take_second_step(struct sp_call *call, struct sp_visit *visit,
                                     const struct sp_authorization *request, const struct sp_form *form,
                                     const struct sp_session *before)
{
    struct sp_session session;
    if (sp_second_step_take(call, visit, request, form, &session) != SP_GOES_ON)
        return SP_DENIED;
    if (call->answer.status != 0)
        return SP_GOES_ON;
    return session.subject.at != NULL ? go_on_signed_in(call, visit, request, &session)
                                      : show_or_finish(call, visit, request, before);
}

static enum sp_step allow(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                          const struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_str before;
    enum sp_status status = sp_authorization_consented(call, request, session, &before);
    enum sp_authorization_need need =
        sp_authorization_need(request, session, request->consent, sp_visit_is_signed_in(visit, session), call->now);
    /* Whoever allows has chosen: the page is only shown after it. */
    if (status == SP_OK && need != SP_NEEDS_NOTHING && need != SP_NEEDS_CONSENT && need != SP_NEEDS_ACCOUNT)
        return show_or_finish(call, visit, request, session); /* the session ended meanwhile */
    struct sp_str all = status == SP_OK ? sp_scope_union(call->arena, before, request->consent) : SP_STR("");
    if (all.at == NULL)
        status = SP_NO_MEMORY;
    if (status == SP_OK)
        status = store->methods->put_consent(store, session->subject, request->client->id, all, call->now);
    return status == SP_OK ? finish(call, visit, request, session) : sp_deny_failure(call, status);
}

static enum sp_step refuse_access(struct sp_call *call, const struct sp_visit *visit, const struct sp_session *session)
{
    enum sp_status status = session->subject.at == NULL
                                ? sp_visit_end(call, visit, session)
                                : sp_visit_finish(call, visit, &(struct sp_visit_finish){.subject = session->subject});
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    (void)SP_DENY(call, .cause = SP_CAUSE_REQUEST_DENIED_BY_USER, .error = "access_denied");
    return SP_GOES_ON; /* the visit's end is to be kept */
}

/* By its token: the forms by which a person signs in do nothing in the name of who is signed in already, such as in
 * another tab; whatever decides for somebody needs the token that was shown to them. */
static bool is_own_form(struct sp_call *call, const struct sp_visit *visit, struct sp_str step,
                        const struct sp_session *session)
{
    struct sp_str sent = sp_call_parameter(call, "form_token");
    bool decides = sp_str_equal(step, SP_STR("allow")) || sp_str_equal(step, SP_STR("use"));
    bool is_for_anybody = !decides && sent.at != NULL && sp_secret_equal(sent, visit->form_token);
    return is_for_anybody || sp_own_form_is_sent(call, sp_visit_decision_token(call, visit, session));
}

/* By its button, or sent without one, as programs that fill in a form do. */
static bool is_login(struct sp_str step, struct sp_str name, struct sp_str password)
{
    return sp_str_equal(step, SP_STR("login")) || (step.at == NULL && name.at != NULL && password.at != NULL);
}

static enum sp_step take_form(struct sp_call *call, struct sp_visit *visit)
{
    struct sp_str step = sp_call_parameter(call, "step"), name = sp_call_parameter(call, "username"),
                  password = sp_call_parameter(call, "password");
    const struct sp_form form = call->parameters;
    struct sp_authorization request;
    struct sp_session session;
    enum sp_status status = sp_session_find(call, &session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    visit->is_stale = !is_own_form(call, visit, step, &session);
    if (restore(call, visit, &request) != SP_GOES_ON)
        return SP_DENIED;
    if (visit->is_stale)
        return show_or_finish(call, visit, &request, &session); /* nothing was done: what is needed is shown again */
    if (sp_str_equal(step, SP_STR("cancel")) && visit->local.at == NULL)
        return refuse_access(call, visit, &session);
    if (sp_str_equal(step, SP_STR("other"))) {
        sp_login_page(call, visit, &request, SP_STR_NONE, SP_STR_NONE);
        return SP_GOES_ON;
    }
    if (sp_str_equal(step, SP_STR("use"))) {
        request.prompt_select = false;
        return show_or_finish(call, visit, &request, &session);
    }
    if (is_login(step, name, password))
        return sign_in(call, visit, &request, name, password);
    if (sp_str_equal(step, SP_STR("allow")) && visit->local.at == NULL)
        return allow(call, visit, &request, &session);
    return take_second_step(call, visit, &request, &form, &session);
}

static enum sp_step show(struct sp_call *call, const struct sp_visit *visit)
{
    struct sp_authorization request;
    struct sp_session session;
    if (restore(call, visit, &request) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = sp_session_find(call, &session);
    return status == SP_OK ? show_or_finish(call, visit, &request, &session) : sp_deny_failure(call, status);
}

static enum sp_step answer(struct sp_call *call, void *context)
{
    struct sp_visit *visit = context;
    return sp_str_equal(call->asked.method, SP_STR("POST")) ? take_form(call, visit) : show(call, visit);
}

/* Somebody clicked twice. */
static enum sp_step answer_again(struct sp_call *call, void *context)
{
    const struct sp_visit *visit = context;
    struct sp_authorization request;
    struct sp_session session = {.subject = visit->finish.subject};
    if (restore(call, visit, &request) != SP_GOES_ON)
        return SP_DENIED;
    if (sp_finished_visit_was_refused(call, visit))
        return refuse_access(call, visit, &session);
    enum sp_status status = sp_finished_visit_claim(call, visit, &session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (session.subject.at == NULL)
        return sp_lost_page(call, SP_VISIT_GONE);
    request.is_again = true;
    return finish(call, visit, &request, &session);
}

enum sp_step sp_sign_in_endpoint(struct sp_call *call)
{
    struct sp_visit visit;
    enum sp_visit_found found = SP_VISIT_GONE;
    call->deny = sp_denial_page;
    enum sp_status status = sp_visit_find(call, &visit, &found);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (found != SP_VISIT_FOUND && found != SP_VISIT_FINISHED)
        return sp_lost_page(call, found);
    return sp_call_in_write(call, found == SP_VISIT_FOUND ? answer : answer_again, &visit);
}
