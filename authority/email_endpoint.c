/* SPDX-License-Identifier: Apache-2.0 */
/* /email: where the link of a verification leads. A button confirms; opening the link alone changes nothing. */
#include "authority/account.h"
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/mail.h"
#include "authority/notice.h"
#include "authority/own_form.h"
#include "authority/person.h"
#include "authority/visit.h"
#include "core/base/secret.h"

static enum sp_step say(struct sp_call *call, enum sp_text text, int status)
{
    struct sp_page page;
    bool is_done = text == SP_TEXT_EMAIL_DONE;
    sp_page_begin(&page, call, sp_text_get(call, is_done ? SP_TEXT_EMAIL_DONE_TITLE : SP_TEXT_EMAIL_TITLE));
    if (is_done)
        sp_page_paragraph(&page, text, SP_STR_NONE);
    else
        sp_page_alert(&page, text, SP_STR_NONE);
    sp_page_end(&page, status);
    return SP_GOES_ON;
}

static enum sp_step say_gone(struct sp_call *call)
{
    sp_mail_link_note_gone(call);
    return say(call, SP_TEXT_LINK_GONE, 400);
}

/* Whose address it becomes is said: a link that somebody else asked for must not lend them an address. */
static void ask(struct sp_call *call, const struct sp_mail_link *link, const struct sp_account *account,
                struct sp_str token)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_EMAIL_TITLE));
    sp_page_paragraph(&page, SP_TEXT_EMAIL_ASK, link->email);
    sp_page_paragraph(&page, SP_TEXT_EMAIL_OF, account->name);
    sp_page_raw(&page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(&page, sp_authority_url(call, "/email"));
    sp_page_raw(&page, SP_STR("\">"));
    sp_page_hidden(&page, "ticket", sp_call_parameter(call, "ticket"));
    sp_page_hidden(&page, "ui_locales", sp_language_tag(sp_call_language(call)));
    sp_own_form_field(&page, token);
    sp_page_button(&page, "confirm", SP_TEXT_EMAIL_CONFIRM, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

/* What the account has, with this address as its verified one. */
static struct sp_str with_address(struct sp_call *call, struct sp_str claims, struct sp_str email)
{
    const struct sp_json *before = NULL;
    struct sp_json_error error;
    struct sp_buffer text;
    struct sp_json_writer json;
    if (sp_json_parse(call->arena, claims, &sp_json_limits_document, &before, &error) != SP_OK)
        return SP_STR_NONE;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    for
        SP_JSON_EACH(claim, before)
        {
            if (sp_str_equal(claim->name, SP_STR("email")) || sp_str_equal(claim->name, SP_STR("email_verified")))
                continue;
            sp_json_name(&json, claim->name);
            sp_json_put_value(&json, claim);
        }
    sp_json_string_member(&json, "email", email);
    sp_json_bool_member(&json, "email_verified", true);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static enum sp_step confirm(struct sp_call *call, const struct sp_mail_link *link, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_str before = SP_STR_NONE;
    bool first = false;
    enum sp_status status = sp_mail_link_use(call, link, &first);
    if (status == SP_OK && !first)
        status = SP_NOT_FOUND;
    if (status == SP_NOT_FOUND)
        return say_gone(call);
    if (status == SP_OK)
        status = sp_account_verified_email(call->arena, account->claims, &before);
    struct sp_str claims = status == SP_OK ? with_address(call, account->claims, link->email) : SP_STR_NONE;
    if (status == SP_OK && claims.at == NULL)
        status = SP_NO_MEMORY;
    if (status == SP_OK)
        status = sp_account_set_claims(store, call->arena, account, claims, call->now);
    if (status == SP_NOT_FOUND)
        return say(call, SP_TEXT_EMAIL_TAKEN, 409);
    if (status == SP_OK)
        status = store->methods->put_account(store, account);
    if (status == SP_OK)
        status = sp_notice_send_moved(call, account, before, SP_NOTICE_EMAIL_CHANGED);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = account->id;
    return say(call, SP_TEXT_EMAIL_DONE, 200);
}

static enum sp_step answer(struct sp_call *call, void *context)
{
    (void)context;
    struct sp_mail_link link;
    struct sp_session session;
    struct sp_store *store = call->authority->store;
    struct sp_account account;
    struct sp_str mark = SP_STR_NONE;
    enum sp_status status = sp_mail_link_find(call, SP_MAIL_VERIFY, &link);
    if (status == SP_OK)
        status = store->methods->get_account(store, link.subject, call->arena, &account);
    if (status == SP_OK)
        status = sp_person_address_mark(call, &account, &mark);
    /* Who asked may have been a thief: with the new password of its owner the account is nobody else's again. */
    if (status == SP_NOT_FOUND || (status == SP_OK && (account.disabled || !sp_secret_equal(link.mark, mark))))
        return say_gone(call);
    if (status == SP_OK)
        status = sp_session_find(call, &session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_str token = sp_own_form_token(call, SP_STR("email"), &session);
    if (sp_own_form_is_sent(call, token))
        return confirm(call, &link, &account);
    ask(call, &link, &account, token);
    return SP_GOES_ON;
}

enum sp_step sp_email_endpoint(struct sp_call *call)
{
    call->deny = sp_denial_page;
    return sp_call_in_write(call, answer, NULL);
}
