/* SPDX-License-Identifier: Apache-2.0 */
/* /reset: a forgotten password. Whoever asks gets the same answer whether the name is known or not, and the same is
 * written either way. The link leads to a form for the new password; with it every session and token ends. */
#include "authority/account.h"
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/errand.h"
#include "authority/known_browser.h"
#include "authority/mail.h"
#include "authority/own_form.h"
#include "authority/notice.h"
#include "authority/password.h"
#include "authority/person.h"
#include "authority/throttle.h"
#include "authority/visit.h"
#include "core/base/secret.h"

#define ADDRESS_WINDOW_S 3600
#define ADDRESS_MOST 20u
/* Of one person: nobody fills a mailbox from many addresses. */
#define PERSON_WINDOW_S 3600
#define PERSON_MOST 5u

/* The link is what counts here; who is signed in does not matter. */
static struct sp_str own_token(struct sp_call *call)
{
    return sp_own_form_token(call, SP_STR("reset"), NULL);
}

static void begin_form(struct sp_page *page, struct sp_str ticket)
{
    struct sp_call *call = page->call;
    sp_page_raw(page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(page, sp_authority_url(call, "/reset"));
    sp_page_raw(page, SP_STR("\">"));
    if (ticket.at != NULL)
        sp_page_hidden(page, "ticket", ticket);
    sp_page_hidden(page, "ui_locales", sp_language_tag(sp_call_language(call)));
    sp_own_form_field(page, own_token(call));
}

static void write_status(struct sp_page *page, enum sp_text text)
{
    sp_page_raw(page, SP_STR("<div role=\"status\">"));
    sp_page_paragraph(page, text, SP_STR_NONE);
    sp_page_raw(page, SP_STR("</div>"));
}

static enum sp_step say(struct sp_call *call, enum sp_text text, int status)
{
    struct sp_page page;
    sp_page_begin(&page, call,
                  sp_text_get(call, text == SP_TEXT_RESET_SENT   ? SP_TEXT_RESET_SENT_TITLE
                                    : text == SP_TEXT_RESET_DONE ? SP_TEXT_RESET_DONE_TITLE
                                                                 : SP_TEXT_RESET_TITLE));
    if (text != SP_TEXT_LINK_GONE) {
        write_status(&page, text);
    } else {
        sp_page_alert(&page, text, SP_STR_NONE);
        sp_page_raw(&page, SP_STR("<a class=\"button\" href=\""));
        sp_page_text(&page, sp_authority_url(call, "/reset"));
        sp_page_raw(&page, SP_STR("\">"));
        sp_page_text(&page, sp_text_get(call, SP_TEXT_LINK_ASK));
        sp_page_raw(&page, SP_STR("</a>"));
    }
    sp_page_end(&page, status);
    return SP_GOES_ON;
}

static enum sp_step say_gone(struct sp_call *call)
{
    sp_mail_link_note_gone(call);
    return say(call, SP_TEXT_LINK_GONE, 400);
}

static enum sp_step ask_who(struct sp_call *call)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_RESET_TITLE));
    sp_page_paragraph(&page, SP_TEXT_RESET_ASK, SP_STR_NONE);
    begin_form(&page, SP_STR_NONE);
    sp_page_label(&page, "who", SP_TEXT_RESET_WHO);
    sp_page_raw(&page, SP_STR("<input id=\"who\" name=\"who\" autocomplete=\"username\" autocapitalize=\"none\" "
                              "spellcheck=\"false\" maxlength=\"254\" required autofocus value=\"\">"));
    sp_page_button(&page, "send", SP_TEXT_RESET_SEND, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
    return SP_GOES_ON;
}

static enum sp_step ask_new(struct sp_call *call, const struct sp_account *account, bool was_short)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_RESET_NEW_TITLE));
    sp_page_paragraph(&page, SP_TEXT_RESET_NEW_FOR, account->name);
    if (was_short)
        sp_page_alert(&page, SP_TEXT_PASSWORD_SHORT, SP_STR_NONE);
    begin_form(&page, sp_call_parameter(call, "ticket"));
    sp_page_account_name(&page, account->name);
    sp_page_label(&page, "new_password", SP_TEXT_PASSWORD_NEW);
    sp_page_raw(&page, SP_STR("<input id=\"new_password\" name=\"new_password\" type=\"password\" "
                              "autocomplete=\"new-password\" minlength=\"8\" required autofocus"));
    sp_page_raw(&page, was_short ? SP_STR(" aria-invalid=\"true\" aria-describedby=\"trouble password-rule")
                                 : SP_STR(" aria-describedby=\"password-rule"));
    sp_page_raw(&page, SP_STR("\"><p class=\"quiet small\" id=\"password-rule\">"));
    sp_page_text(&page, sp_text_get(call, SP_TEXT_PASSWORD_RULE));
    sp_page_raw(&page, SP_STR("</p>"));
    sp_page_button(&page, "set", SP_TEXT_PASSWORD_CHANGE, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
    return SP_GOES_ON;
}

/* The account that is meant and its verified address; SP_NOT_FOUND: nobody who may get mail. Whoever signs in by other
 * means alone has no password to forget and gets none: their provider decides who they are. */
static enum sp_status find(struct sp_call *call, struct sp_str who, struct sp_account *account, struct sp_str *email)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    struct sp_str address = sp_email_normal(call->arena, who);
    enum sp_status status = store->methods->find_account(store, who, call->arena, account);
    if (status == SP_NOT_FOUND && address.at != NULL) {
        status = store->methods->find_record(store, SP_RECORD_EMAIL, address, call->arena, &record);
        bool is_known = status == SP_OK; /* as many questions to the store either way */
        if (status == SP_OK || status == SP_NOT_FOUND)
            status =
                store->methods->get_account(store, is_known ? record.owner : SP_STR("nobody"), call->arena, account);
    }
    if (status == SP_OK)
        status = sp_account_verified_email(call->arena, account->claims, email);
    return status == SP_OK && (email->at == NULL || account->disabled || account->password_hash.len == 0) ? SP_NOT_FOUND
                                                                                                          : status;
}

/* Counted whether the name is known or not. who: the account, or the name that is none. */
static enum sp_status throttle_person(struct sp_call *call, struct sp_str who, bool *passes)
{
    bool in_minute = false;
    *passes = false;
    enum sp_status status = sp_mail_throttle(call, "reset", who, 60, 1, &in_minute);
    return status == SP_OK && in_minute
               ? sp_mail_throttle(call, "reset-hour", who, PERSON_WINDOW_S, PERSON_MOST, passes)
               : status;
}

/* The address first: whoever has asked too often writes nothing more, whatever names come to mind. */
static enum sp_step send(struct sp_call *call)
{
    struct sp_account account;
    struct sp_str who = sp_str_slice(sp_str_trim(sp_call_parameter(call, "who")), 0, 254), email = SP_STR_NONE;
    bool has_room = false, passes = false;
    enum sp_status status =
        sp_mail_throttle(call, "reset-from", sp_throttle_network(call->arena, call->asked.client_address),
                         ADDRESS_WINDOW_S, ADDRESS_MOST, &has_room);
    if (status == SP_OK && !has_room)
        return say(call, SP_TEXT_RESET_SENT, 200);
    if (status == SP_OK)
        status = find(call, who, &account, &email);
    bool known = status == SP_OK;
    if (status == SP_OK || status == SP_NOT_FOUND)
        status = throttle_person(call, known ? account.id : who, &passes);
    if (status == SP_OK && known && passes) {
        const struct sp_mail_link link = {.purpose = SP_MAIL_RESET,
                                          .subject = account.id,
                                          .email = email,
                                          .mark = sp_person_password_mark(call, &account)};
        status = sp_mail_send_link(call, &link);
    } else if (status == SP_OK) {
        status = sp_mail_pretend(call);
    }
    return status == SP_OK ? say(call, SP_TEXT_RESET_SENT, 200) : sp_deny_failure(call, status);
}

static enum sp_step set(struct sp_call *call, const struct sp_mail_link *link, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_str password = sp_call_parameter(call, "new_password");
    bool first = false;
    if (password.len < SP_MIN_PASSWORD_CHARACTERS || password.len > SP_MAX_PASSWORD_BYTES)
        return ask_new(call, account, true);
    enum sp_step step = sp_errand_password_hash(call, password, &account->password_hash);
    if (step != SP_GOES_ON)
        return step;
    sp_account_forget_failures(account, call->now);
    enum sp_status status = sp_mail_link_use(call, link, &first);
    if (status == SP_NOT_FOUND || (status == SP_OK && !first))
        return say_gone(call);
    if (status == SP_OK)
        status = store->methods->put_account(store, account);
    if (status == SP_OK)
        status = sp_person_end_all(call, account->id, NULL);
    if (status == SP_OK)
        status = sp_notice_send(call, account, SP_NOTICE_PASSWORD_RESET);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    /* Whoever is kept out by strangers, in a browser that was never signed in, comes in this way (OWASP likewise). */
    sp_known_browser_remember(call, account->id);
    call->subject = account->id;
    return say(call, SP_TEXT_RESET_DONE, 200);
}

static enum sp_step answer(struct sp_call *call, void *context)
{
    (void)context;
    struct sp_store *store = call->authority->store;
    struct sp_mail_link link;
    struct sp_account account;
    bool own = sp_own_form_is_sent(call, own_token(call));
    if (!sp_mail_is_offered(call))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN, .received = call->asked.path,
                       .detail = SP_STR("authority.mail is not configured"));
    if (sp_call_parameter(call, "ticket").at == NULL)
        return own ? send(call) : ask_who(call);
    enum sp_status status = sp_mail_link_find(call, SP_MAIL_RESET, &link);
    if (status == SP_OK)
        status = store->methods->get_account(store, link.subject, call->arena, &account);
    struct sp_str email = SP_STR_NONE;
    if (status == SP_OK)
        status = sp_account_verified_email(call->arena, account.claims, &email);
    /* With a password or an address that was changed since, a link that still lies in a mailbox is nobody's. */
    bool holds = status == SP_OK && !account.disabled && account.password_hash.len > 0 &&
                 sp_str_equal(email, link.email) && sp_secret_equal(link.mark, sp_person_password_mark(call, &account));
    if (status == SP_NOT_FOUND || (status == SP_OK && !holds))
        return say_gone(call);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return own ? set(call, &link, &account) : ask_new(call, &account, false);
}

enum sp_step sp_reset_endpoint(struct sp_call *call)
{
    call->deny = sp_denial_page;
    return sp_call_in_write(call, answer, NULL);
}
