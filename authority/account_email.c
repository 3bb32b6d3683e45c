/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of the e-mail address: shown with its state; changed by a link that is sent to the new
 * one. */
#include "authority/account.h"
#include "authority/account_page.h"
#include "authority/denial.h"
#include "authority/mail.h"
#include "authority/person.h"

/* Neither one person nor one mailbox gets more in an hour, whoever asks. */
#define WINDOW_S 3600
#define PERSON_MOST 10u
#define MAILBOX_MOST 5u

struct address {
    struct sp_str text; /* absent: none */
    bool verified;
};

static enum sp_status read_address(struct sp_call *call, struct sp_str claims, struct address *address)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(call->arena, claims, &sp_json_limits_document, &json, &error);
    *address = (struct address){
        .text = sp_json_string(sp_json_member(json, SP_STR("email"))),
        .verified = sp_json_is(sp_json_member(json, SP_STR("email_verified")), SP_JSON_TRUE),
    };
    return status;
}

static void write_state(struct sp_page *page, const struct address *address)
{
    if (address->text.len == 0) {
        sp_page_paragraph(page, SP_TEXT_EMAIL_NONE, SP_STR_NONE);
        return;
    }
    sp_page_raw(page, SP_STR("<p><strong>"));
    sp_page_text(page, address->text);
    sp_page_raw(page, SP_STR("</strong> <span class=\"tag\">"));
    sp_page_text(page, sp_text_get(page->call, address->verified ? SP_TEXT_EMAIL_VERIFIED : SP_TEXT_EMAIL_UNVERIFIED));
    sp_page_raw(page, SP_STR("</span></p>"));
}

enum sp_step sp_account_email_show(struct sp_page *page, const struct sp_account_view *view)
{
    struct address address;
    enum sp_status status = read_address(page->call, view->account.claims, &address);
    if (status != SP_OK)
        return sp_deny_failure(page->call, status);
    write_state(page, &address);
    if (!sp_mail_is_offered(page->call))
        return SP_GOES_ON;
    if (!view->is_fresh) {
        sp_account_ask_fresh(page, view, "email");
        return SP_GOES_ON;
    }
    if (address.text.len > 0 && !address.verified) {
        sp_account_form(page, view, "email");
        sp_page_button(page, "verify", SP_TEXT_EMAIL_VERIFY, false);
        sp_page_raw(page, SP_STR("</form>"));
    }
    sp_account_form(page, view, "email");
    sp_page_label(page, "email-new", SP_TEXT_EMAIL_NEW);
    sp_page_raw(page, SP_STR("<input id=\"email-new\" name=\"email\" type=\"email\" autocomplete=\"email\" "
                             "maxlength=\"254\" required"));
    if (view->notice == SP_TEXT_EMAIL_MALFORMED)
        sp_page_field_trouble(page);
    sp_page_raw(page, SP_STR(" value=\"\">"));
    sp_page_button(page, "change", SP_TEXT_EMAIL_CHANGE, false);
    sp_page_raw(page, SP_STR("</form>"));
    return SP_GOES_ON;
}

static enum sp_status throttle(struct sp_call *call, struct sp_str account, struct sp_str address, bool *passes)
{
    bool in_minute = false, in_hour = false, to_mailbox = false;
    enum sp_status status = sp_mail_throttle(call, "verify", account, 60, 3, &in_minute);
    if (status == SP_OK && in_minute)
        status = sp_mail_throttle(call, "verify-hour", account, WINDOW_S, PERSON_MOST, &in_hour);
    if (status == SP_OK && in_hour)
        status = sp_mail_throttle(call, "verify-to", address, WINDOW_S, MAILBOX_MOST, &to_mailbox);
    *passes = to_mailbox;
    return status;
}

enum sp_step sp_account_email_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    struct address address;
    bool passes = false, changes = sp_str_equal(step, SP_STR("change"));
    if (!sp_mail_is_offered(call) || (!changes && !sp_str_equal(step, SP_STR("verify"))))
        return SP_GOES_ON;
    enum sp_status status = read_address(call, view->account.claims, &address);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_str wanted = sp_email_normal(call->arena, changes ? sp_call_parameter(call, "email") : address.text);
    view->notice = SP_TEXT_EMAIL_MALFORMED;
    view->is_trouble = true;
    call->finding = (struct sp_finding){.cause = SP_CAUSE_ACCOUNT_MALFORMED,
                                        .expected = SP_STR("an e-mail address (RFC 5322 3.4.1)"),
                                        .received = view->account.name,
                                        .detail = SP_STR("what was sent as the new address is none")};
    if (wanted.at == NULL)
        return SP_GOES_ON;
    call->finding =
        (struct sp_finding){.cause = SP_CAUSE_REQUEST_THROTTLED,
                            .expected = SP_STR("3 a minute and 10 an hour from one account, 5 an hour to one address"),
                            .received = SP_STR("more messages that verify an e-mail address")};
    status = throttle(call, view->account.id, wanted, &passes);
    view->notice = SP_TEXT_EMAIL_TOO_OFTEN;
    if (status == SP_OK && passes) {
        struct sp_mail_link link = {.purpose = SP_MAIL_VERIFY, .subject = view->account.id, .email = wanted};
        status = sp_person_address_mark(call, &view->account, &link.mark);
        if (status == SP_OK)
            status = sp_mail_send_link(call, &link);
        call->finding = (struct sp_finding){0};
        view->notice = SP_TEXT_EMAIL_SENT;
        view->is_trouble = false;
    }
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}
