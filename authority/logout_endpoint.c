/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect RP-Initiated Logout. With an id_token of the very session the person is signed out at once; otherwise
 * asked, for anybody can link here. Nothing is redirected to an address that is not registered for the client that the
 * request names, and nobody to one that a client registered itself who has not seen where that is (RFC 9700 4.11.2). */
#include "authority/authorization.h"
#include "authority/client_card.h"
#include "authority/cookie.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/front_channel_logout.h"
#include "authority/id_token.h"
#include "authority/own_form.h"
#include "authority/page.h"
#include "authority/scope.h"
#include "authority/subject.h"
#include "authority/visit.h"
#include "authority/client_directory.h"
#include "authority/upstream_sign_out.h"

struct logout {
    const struct sp_client *client; /* NULL: the request names none */
    struct sp_str hint_subject, hint_sid, redirect_uri, state;
};

static enum sp_step refuse_hint(struct sp_call *call, const char *what)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
                   .expected = SP_STR("an id_token that this issuer signed for the client"),
                   .received = sp_str_from_cstr(what), .tell = SP_STR("It is 'id_token_hint'."));
}

static enum sp_step read_hint(struct sp_call *call, struct logout *logout, struct sp_str *client_id)
{
    const struct sp_json *claims = NULL;
    struct sp_str audience = SP_STR_NONE;
    enum sp_status status = sp_id_token_read_hint(call, &claims);
    if (status == SP_OK && claims == NULL)
        return SP_GOES_ON;
    if (status == SP_OK)
        audience = sp_json_string(sp_json_member(claims, SP_STR("aud")));
    /* A session outlives its id_token, and the key of that (RP-Initiated Logout 2: one that ended SHOULD be taken). It
     * then stands for a client_id, and the person is asked. */
    if (status == SP_NOT_FOUND)
        status = sp_id_token_read_outlived_hint(call, &audience);
    if (status == SP_NOT_FOUND)
        return refuse_hint(call, "a token that is not ours");
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (client_id->at != NULL && !sp_str_equal(*client_id, audience))
        return refuse_hint(call, "an id_token of another client than client_id says");
    *client_id = audience;
    if (claims == NULL)
        return SP_GOES_ON;
    logout->hint_sid = sp_json_string(sp_json_member(claims, SP_STR("sid")));
    status = sp_subject_account(call, sp_json_string(sp_json_member(claims, SP_STR("sub"))), &logout->hint_subject);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static enum sp_step read_logout(struct sp_call *call, struct logout *logout)
{
    struct sp_str client_id = sp_call_parameter(call, "client_id");
    *logout = (struct logout){.redirect_uri = sp_call_parameter(call, "post_logout_redirect_uri"),
                              .state = sp_call_parameter(call, "state")};
    if (read_hint(call, logout, &client_id) != SP_GOES_ON)
        return SP_DENIED;
    call->client_id = client_id;
    if (sp_client_look_up(call, client_id, &logout->client) != SP_GOES_ON)
        return SP_DENIED;
    if (logout->redirect_uri.at == NULL)
        return SP_GOES_ON;
    if (client_id.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_LOGOUT_NO_HINT, .expected = SP_STR("id_token_hint or client_id"));
    struct sp_str_list registered = {NULL, 0};
    if (logout->client != NULL)
        registered = logout->client->post_logout_redirect_uris;
    if (!sp_list_has(registered, logout->redirect_uri))
        return SP_DENY(call, .cause = SP_CAUSE_LOGOUT_URI_UNREGISTERED, .received = logout->redirect_uri,
                       .expected = sp_list_in_words(call->arena, registered, "none is registered"));
    return SP_GOES_ON;
}

/* Where the person goes on to; absent: nowhere. */
static struct sp_str next_url(struct sp_call *call, const struct logout *logout)
{
    struct sp_buffer url;
    if (logout->redirect_uri.at == NULL)
        return SP_STR_NONE;
    sp_answer_buffer(call, &url);
    sp_buffer_append(&url, logout->redirect_uri);
    char separator = sp_str_index_of(logout->redirect_uri, '?', 0) < logout->redirect_uri.len ? '&' : '?';
    if (logout->state.at != NULL)
        sp_form_add(&url, &separator, "state", logout->state);
    return sp_buffer_status(&url) == SP_OK ? sp_buffer_str(&url) : SP_STR_NONE;
}

/* ended: the session that this request ended; NULL: there was none, or the person stays. */
static void answer_done(struct sp_call *call, struct sp_str next, const struct sp_session *ended)
{
    static const struct sp_session none;
    if (next.at == NULL || (ended != NULL && sp_front_channel_logout_is_due(call, ended))) {
        sp_front_channel_logout_page(call, ended != NULL ? ended : &none, next);
        return;
    }
    call->answer.status = 303;
    sp_answer_header(call, "Location", next);
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

/* Nobody is signed in, and nobody was asked. */
static void answer_nobody(struct sp_call *call, const struct logout *logout)
{
    struct sp_str next = next_url(call, logout);
    struct sp_page page;
    if (next.at == NULL || !logout->client->is_stranger) {
        answer_done(call, next, NULL);
        return;
    }
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_STRANGER_TITLE));
    sp_page_paragraph(&page, SP_TEXT_SIGNED_OUT, SP_STR_NONE);
    sp_client_card_warning(&page, logout->client, logout->redirect_uri);
    sp_client_card_way(&page, next);
    sp_page_end(&page, 200);
}

static void ask(struct sp_call *call, const struct logout *logout, const struct sp_session *session)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_SIGN_OUT_TITLE));
    if (call->finding.cause == SP_CAUSE_FORM_STALE)
        sp_page_alert(&page, SP_TEXT_FORM_STALE, SP_STR_NONE);
    if (logout->client != NULL)
        sp_page_paragraph(&page, SP_TEXT_SIGN_OUT_ASK, logout->client->name);
    if (logout->redirect_uri.at != NULL) {
        sp_client_card_warning(&page, logout->client, logout->redirect_uri);
        page.form_targets = sp_page_origin(call->arena, logout->redirect_uri);
    }
    /* And over the provider that signed the person in. */
    if (sp_upstream_sign_out_is_due(call, session))
        page.form_targets =
            sp_arena_printf(call->arena, "%.*s %.*s", SP_STR_ARG(page.form_targets),
                            SP_STR_ARG(sp_page_origin(call->arena, session->origin.end_session_endpoint)));
    sp_page_raw(&page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(&page, sp_authority_url(call, "/logout"));
    sp_page_raw(&page, SP_STR("\">"));
    static const char *const carried[] = {"client_id", "id_token_hint", "post_logout_redirect_uri", "state",
                                          "ui_locales"};
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++) {
        struct sp_str value = sp_call_parameter(call, carried[i]);
        if (value.at != NULL)
            sp_page_hidden(&page, carried[i], value);
    }
    sp_own_form_field(&page, sp_own_form_token(call, SP_STR("logout"), session));
    sp_page_button(&page, "signout", SP_TEXT_SIGN_OUT, true);
    sp_page_button(&page, "stay", SP_TEXT_STAY, false);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

/* A client may POST its request from anywhere; our own form has a token. */
static bool is_form(const struct sp_call *call)
{
    return sp_str_equal(call->asked.method, SP_STR("POST")) && sp_call_parameter(call, "form_token").at != NULL;
}

/* Is it the person's own form, sent from our page, with this button? */
static bool is_chosen(struct sp_call *call, const char *button, const struct sp_session *session)
{
    return is_form(call) && sp_str_equal(sp_call_parameter(call, "step"), sp_str_from_cstr(button)) &&
           sp_own_form_is_sent(call, sp_own_form_token(call, SP_STR("logout"), session));
}

struct ending {
    const struct sp_session *session;
    struct sp_str next; /* where the person goes on to; over the provider that signed them in, as the case may be */
};

static enum sp_step end_session(struct sp_call *call, void *context)
{
    struct ending *ending = context;
    enum sp_status status = sp_session_end(call, ending->session);
    if (status == SP_OK && sp_upstream_sign_out_is_due(call, ending->session))
        status = sp_upstream_sign_out_begin(call, ending->session, ending->next, &ending->next);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_logout_endpoint(struct sp_call *call)
{
    struct logout logout;
    struct sp_session session;
    call->deny = sp_denial_page;
    if (is_form(call) && sp_own_form_check_origin(call) != SP_GOES_ON)
        return SP_DENIED;
    if (read_logout(call, &logout) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = sp_session_find(call, &session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (session.subject.at == NULL) {
        answer_nobody(call, &logout);
        return SP_GOES_ON;
    }
    if (is_chosen(call, "stay", &session)) {
        answer_done(call, next_url(call, &logout), NULL);
        return SP_GOES_ON;
    }
    call->subject = session.subject;
    bool is_own = logout.hint_sid.at != NULL && sp_str_equal(logout.hint_sid, session.sid) &&
                  sp_str_equal(logout.hint_subject, session.subject);
    if (!is_own && !is_chosen(call, "signout", &session)) {
        ask(call, &logout, &session);
        return SP_GOES_ON;
    }
    struct ending ending = {.session = &session, .next = next_url(call, &logout)};
    if (sp_call_in_write(call, end_session, &ending) != SP_GOES_ON)
        return SP_DENIED;
    sp_session_forget_cookie(call);
    answer_done(call, ending.next, &session);
    return SP_GOES_ON;
}
