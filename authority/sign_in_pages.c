/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/sign_in_pages.h"

#include "authority/client_card.h"
#include "authority/mail.h"
#include "authority/own_form.h"
#include "authority/passkey_script.h"
#include "authority/upstream_pages.h"

static void write_form(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request,
                       const struct sp_passkey_prompt *prompt, struct sp_str token)
{
    page->form_targets = sp_page_origin(page->call->arena, request->redirect_uri);
    sp_page_raw(page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(page, sp_authority_url(page->call, "/signin"));
    sp_page_raw(page, SP_STR("\""));
    if (prompt != NULL)
        sp_page_passkey_attributes(page, prompt);
    sp_page_raw(page, SP_STR(">"));
    sp_page_hidden(page, "visit", visit->handle);
    sp_own_form_field(page, token);
}

void sp_sign_in_form(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request,
                     const struct sp_passkey_prompt *prompt)
{
    write_form(page, visit, request, prompt, visit->form_token);
}

/* Of who is signed in, and of nobody else. */
static void decision_form(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request,
                          const struct sp_session *session)
{
    write_form(page, visit, request, NULL, sp_visit_decision_token(page->call, visit, session));
}

static void write_stale(struct sp_page *page, const struct sp_visit *visit)
{
    if (visit->is_stale)
        sp_page_alert(page, SP_TEXT_FORM_STALE, SP_STR_NONE);
}

static void write_login_fields(struct sp_page *page, struct sp_str name, struct sp_str trouble)
{
    sp_page_label(page, "username", SP_TEXT_USERNAME);
    /* "webauthn": where the browser may offer passkeys. */
    sp_page_raw(page, SP_STR("<input id=\"username\" name=\"username\" autocomplete=\"username webauthn\" "
                             "autocapitalize=\"none\" spellcheck=\"false\" required"));
    if (name.len == 0)
        sp_page_raw(page, SP_STR(" autofocus"));
    if (trouble.at != NULL)
        sp_page_field_trouble(page);
    sp_page_raw(page, SP_STR(" value=\""));
    sp_page_text(page, sp_str_slice(name, 0, 256));
    sp_page_raw(page, SP_STR("\">"));
    sp_page_label(page, "password", SP_TEXT_PASSWORD);
    sp_page_raw(page, SP_STR("<input id=\"password\" name=\"password\" type=\"password\" "
                             "autocomplete=\"current-password\" required"));
    if (name.len > 0)
        sp_page_raw(page, SP_STR(" autofocus"));
    if (trouble.at != NULL)
        sp_page_field_trouble(page);
    sp_page_raw(page, SP_STR(">"));
}

static struct sp_str name_of(struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    struct sp_account account;
    return store->methods->get_account(store, subject, call->arena, &account) == SP_OK ? account.name : subject;
}

/* After one that failed the browser is not asked by itself again. */
static void write_passkey_form(struct sp_page *page, const struct sp_visit *visit,
                               const struct sp_authorization *request, bool autofill)
{
    if (sp_passkeys_relying_party(page->call->authority->settings).at == NULL)
        return;
    const struct sp_passkey_prompt prompt = {
        .challenge = visit->challenge, .needs_verification = true, .autofill = autofill};
    sp_sign_in_form(page, visit, request, &prompt);
    sp_page_hidden(page, "step", SP_STR("passkey"));
    sp_page_passkey_fields(page, false, SP_TEXT_PASSKEY_SIGN_IN, false);
    sp_page_raw(page, SP_STR("</form>"));
    sp_page_script(page, sp_passkey_script());
}

/* Below all ways in; a form of its own, so that no field of theirs has to be filled in first. */
static void write_cancel_form(struct sp_page *page, const struct sp_visit *visit,
                              const struct sp_authorization *request)
{
    if (visit->local.at != NULL)
        return;
    sp_sign_in_form(page, visit, request, NULL);
    sp_page_button(page, "cancel", SP_TEXT_CANCEL, false);
    sp_page_raw(page, SP_STR("</form>"));
}

/* What the sign-in page says and fills in beside its fields; absent texts: nothing. */
struct login_page {
    struct sp_str name;
    struct sp_str trouble;  /* as sp_login_page's */
    struct sp_str unwanted; /* the account that is signed in while the application asks for another one */
    enum sp_text alert;     /* SP_TEXT_COUNT: none */
};

static void write_trouble(struct sp_page *page, const struct login_page *says)
{
    if (says->trouble.at != NULL)
        sp_page_alert(page, says->trouble.len > 0 ? SP_TEXT_SIGN_IN_WAIT : SP_TEXT_SIGN_IN_WRONG, says->trouble);
    if (says->unwanted.at != NULL)
        sp_page_alert(page, SP_TEXT_SIGN_IN_OTHER, name_of(page->call, says->unwanted));
    if (says->alert != SP_TEXT_COUNT)
        sp_page_alert(page, says->alert, SP_STR_NONE);
}

static void write_login_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                             const struct login_page *says)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_SIGN_IN_TITLE));
    sp_client_card_logo(&page, request->client);
    sp_page_paragraph(&page, SP_TEXT_SIGN_IN_TO, request->client->name);
    write_stale(&page, visit);
    write_trouble(&page, says);
    sp_upstream_link_notice(&page, visit);
    sp_sign_in_form(&page, visit, request, NULL);
    write_login_fields(&page, says->name.at != NULL ? says->name : request->login_hint, says->trouble);
    sp_page_button(&page, "login", SP_TEXT_SIGN_IN, true);
    if (sp_mail_is_offered(call)) {
        sp_page_raw(&page, SP_STR("<p class=\"or\"><a href=\""));
        sp_page_text(&page, sp_authority_url(call, "/reset"));
        sp_page_raw(&page, SP_STR("\">"));
        sp_page_text(&page, sp_text_get(call, SP_TEXT_RESET_TITLE));
        sp_page_raw(&page, SP_STR("</a></p>"));
    }
    sp_upstream_buttons(&page, visit);
    sp_page_raw(&page, SP_STR("</form>"));
    write_passkey_form(&page, visit, request, says->alert == SP_TEXT_COUNT);
    write_cancel_form(&page, visit, request);
    sp_client_card_links(&page, request->client);
    sp_page_end(&page, 200);
}

void sp_login_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                   struct sp_str name, struct sp_str trouble)
{
    write_login_page(call, visit, request,
                     &(struct login_page){.name = name, .trouble = trouble, .alert = SP_TEXT_COUNT});
}

void sp_login_page_alert(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                         enum sp_text alert)
{
    write_login_page(call, visit, request, &(struct login_page){.alert = alert});
}

void sp_login_page_after(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                         const struct sp_session *session)
{
    bool is_wrong = session->subject.at != NULL && sp_authorization_is_for_another(request, session->subject);
    write_login_page(
        call, visit, request,
        &(struct login_page){.unwanted = is_wrong ? session->subject : SP_STR_NONE, .alert = SP_TEXT_COUNT});
}

static const struct {
    struct sp_str scope;
    enum sp_text text;
} scope_texts[] = {
    {{"openid", 6}, SP_TEXT_SCOPE_OPENID}, {{"profile", 7}, SP_TEXT_SCOPE_PROFILE},
    {{"email", 5}, SP_TEXT_SCOPE_EMAIL},   {{"address", 7}, SP_TEXT_SCOPE_ADDRESS},
    {{"phone", 5}, SP_TEXT_SCOPE_PHONE},   {{"offline_access", 14}, SP_TEXT_SCOPE_OFFLINE},
};

static void write_told_scope(struct sp_page *page, const struct sp_told_scope *told)
{
    struct sp_str description = told->descriptions[sp_call_language(page->call)];
    if (description.at != NULL) {
        sp_page_raw(page, SP_STR("<p>"));
        sp_page_text(page, description);
        sp_page_raw(page, SP_STR("</p>"));
    } else {
        sp_page_paragraph(page, SP_TEXT_SCOPE_OTHER, told->name);
    }
    if (told->claims.count == 0)
        return;
    sp_page_raw(page, SP_STR("<div class=\"quiet\">"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_SCOPE_TELLS));
    for (size_t i = 0; i < told->claims.count; i++) {
        sp_page_raw(page, i == 0 ? SP_STR(" ") : SP_STR(", "));
        sp_page_text(page, told->claims.at[i]);
    }
    sp_page_raw(page, SP_STR("</div>"));
}

static void write_scope(struct sp_page *page, struct sp_str scope)
{
    const struct sp_told_scope *told = sp_told_scope_find(page->call->authority->settings, scope);
    enum sp_text text = SP_TEXT_SCOPE_OTHER;
    for (size_t i = 0; i < sizeof scope_texts / sizeof scope_texts[0]; i++)
        if (sp_str_equal(scope_texts[i].scope, scope))
            text = scope_texts[i].text;
    sp_page_raw(page, SP_STR("<li>"));
    if (told != NULL)
        write_told_scope(page, told);
    else
        sp_page_paragraph(page, text, scope);
    sp_page_raw(page, SP_STR("</li>"));
}

void sp_scope_list(struct sp_page *page, struct sp_str scopes)
{
    struct sp_str rest = scopes, scope;
    sp_page_raw(page, SP_STR("<ul>"));
    while (sp_str_next_word(&rest, SP_STR(" "), &scope))
        write_scope(page, scope);
    sp_page_raw(page, SP_STR("</ul>"));
}

void sp_consent_text(struct sp_page *page, const struct sp_client *client, struct sp_str scopes,
                     const struct sp_session *session)
{
    sp_client_card_logo(page, client);
    sp_page_paragraph(page, SP_TEXT_CONSENT_WANTS, client->name);
    sp_scope_list(page, scopes);
    sp_client_card_links(page, client);
    sp_page_raw(page, SP_STR("<div class=\"quiet\">"));
    sp_page_paragraph(page, SP_TEXT_CONSENT_AS, name_of(page->call, session->subject));
    sp_page_raw(page, SP_STR("</div>"));
}

void sp_choice_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                    const struct sp_session *session)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_CHOICE_TITLE));
    write_stale(&page, visit);
    sp_page_paragraph(&page, SP_TEXT_SIGN_IN_TO, request->client->name);
    sp_page_paragraph(&page, SP_TEXT_CONSENT_AS, name_of(call, session->subject));
    decision_form(&page, visit, request, session);
    sp_page_button(&page, "use", SP_TEXT_CONTINUE, true);
    sp_page_button(&page, "other", SP_TEXT_CHOICE_OTHER, false);
    if (visit->local.at == NULL)
        sp_page_button(&page, "cancel", SP_TEXT_CANCEL, false);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

void sp_consent_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                     const struct sp_session *session)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_CONSENT_TITLE));
    write_stale(&page, visit);
    sp_consent_text(&page, request->client, request->consent_scope, session);
    sp_client_card_warning(&page, request->client, request->redirect_uri);
    decision_form(&page, visit, request, session);
    sp_page_button(&page, "allow", SP_TEXT_ALLOW, true);
    sp_page_button(&page, "cancel", SP_TEXT_DENY, false);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

enum sp_step sp_lost_page(struct sp_call *call, enum sp_visit_found found)
{
    struct sp_page page;
    bool is_gone = found != SP_VISIT_OTHER_BROWSER;
    call->finding = is_gone
                        ? (struct sp_finding){.cause = SP_CAUSE_STATE_EXPIRED,
                                              .expected = SP_STR("a request that waits"),
                                              .received = SP_STR("long ago")}
                        : (struct sp_finding){.cause = SP_CAUSE_STATE_OTHER_BROWSER,
                                              .expected = SP_STR("the cookie of the browser that began"),
                                              .received = sp_browser_hash(call).at == NULL ? SP_STR("no cookie")
                                                                                           : SP_STR("another cookie")};
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_ERROR_TITLE));
    sp_page_paragraph(&page, is_gone ? SP_TEXT_ERROR_GONE : SP_TEXT_ERROR_BROWSER, SP_STR_NONE);
    sp_page_end(&page, 400);
    return SP_DENIED;
}
