/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of the password: the old one is asked for and counted like a sign-in; other browsers are
 * signed out. */
#include "authority/account_page.h"
#include "authority/denial.h"
#include "authority/errand.h"
#include "authority/known_browser.h"
#include "authority/notice.h"
#include "authority/password.h"
#include "authority/person.h"
#include "authority/throttle.h"

#define NEW_PASSWORD "autocomplete=\"new-password\" minlength=\"8\" aria-describedby=\""

static void write_field(struct sp_page *page, const char *name, enum sp_text label, struct sp_str more)
{
    sp_page_label(page, name, label);
    sp_page_raw(page, SP_STR("<input type=\"password\" required id=\""));
    sp_page_raw(page, sp_str_from_cstr(name));
    sp_page_raw(page, SP_STR("\" name=\""));
    sp_page_raw(page, sp_str_from_cstr(name));
    sp_page_raw(page, SP_STR("\" "));
    sp_page_raw(page, more);
    sp_page_raw(page, SP_STR(">"));
}

enum sp_step sp_account_password_show(struct sp_page *page, const struct sp_account_view *view)
{
    if (view->account.password_hash.len == 0) {
        sp_page_paragraph(page, SP_TEXT_PASSWORD_NONE, SP_STR_NONE);
        return SP_GOES_ON;
    }
    sp_account_form(page, view, "password");
    sp_page_account_name(page, view->account.name);
    write_field(page, "old_password", SP_TEXT_PASSWORD_OLD,
                view->notice == SP_TEXT_PASSWORD_WRONG
                    ? SP_STR("autocomplete=\"current-password\" aria-invalid=\"true\" aria-describedby=\"trouble\"")
                    : SP_STR("autocomplete=\"current-password\""));
    write_field(page, "new_password", SP_TEXT_PASSWORD_NEW,
                view->notice == SP_TEXT_PASSWORD_SHORT
                    ? SP_STR(NEW_PASSWORD "trouble password-rule\" aria-invalid=\"true\"")
                    : SP_STR(NEW_PASSWORD "password-rule\""));
    sp_page_raw(page, SP_STR("<div class=\"quiet small\" id=\"password-rule\">"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_PASSWORD_RULE));
    sp_page_raw(page, SP_STR("</div>"));
    sp_page_button(page, "change", SP_TEXT_PASSWORD_CHANGE, false);
    sp_page_raw(page, SP_STR("</form>"));
    return SP_GOES_ON;
}

static enum sp_step say(struct sp_account_view *view, enum sp_text notice, bool is_trouble)
{
    view->notice = notice;
    view->is_trouble = is_trouble;
    return SP_GOES_ON;
}

static enum sp_step count_failure(struct sp_call *call, struct sp_account_view *view)
{
    struct sp_store *store = call->authority->store;
    sp_throttle_fail(call, SP_THROTTLE_LOGIN);
    view->account.failures++;
    view->account.failed_at = call->now;
    enum sp_status status = store->methods->put_account(store, &view->account);
    call->finding = (struct sp_finding){.cause = SP_CAUSE_LOGIN_PASSWORD_WRONG,
                                        .expected = SP_STR("the account's password so far"),
                                        .received = view->account.name};
    return status == SP_OK ? say(view, SP_TEXT_PASSWORD_WRONG, true) : sp_deny_failure(call, status);
}

enum sp_step sp_account_password_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    struct sp_store *store = call->authority->store;
    struct sp_account *account = &view->account;
    struct sp_str old = sp_call_parameter(call, "old_password"), fresh = sp_call_parameter(call, "new_password");
    bool matches = false;
    if (!sp_str_equal(step, SP_STR("change")) || account->password_hash.len == 0)
        return SP_GOES_ON;
    if (fresh.len < SP_MIN_PASSWORD_CHARACTERS || fresh.len > SP_MAX_PASSWORD_BYTES) {
        call->finding =
            (struct sp_finding){.cause = SP_CAUSE_ACCOUNT_MALFORMED,
                                .expected = sp_arena_printf(call->arena, "a new password of %u to %u bytes",
                                                            SP_MIN_PASSWORD_CHARACTERS, SP_MAX_PASSWORD_BYTES),
                                .received = account->name,
                                .detail = sp_arena_printf(call->arena, "the new password has %zu bytes", fresh.len)};
        return say(view, SP_TEXT_PASSWORD_SHORT, true);
    }
    if (sp_known_browser_check(call, account->id) != SP_GOES_ON)
        return SP_DENIED;
    if (sp_password_wait(account->failures, account->failed_at, call->now) > 0) {
        call->finding = (struct sp_finding){
            .cause = SP_CAUSE_LOGIN_PASSWORD_WRONG, .received = account->name, .detail = SP_STR("too often")};
        return say(view, SP_TEXT_PASSWORD_WAIT, true);
    }
    enum sp_step verified = sp_errand_password_verify(call, account->password_hash, old, &matches);
    if (verified != SP_GOES_ON)
        return verified;
    if (!matches)
        return count_failure(call, view);
    enum sp_step hashed = sp_errand_password_hash(call, fresh, &account->password_hash);
    if (hashed != SP_GOES_ON)
        return hashed;
    account->failures = 0;
    enum sp_status status = store->methods->put_account(store, account);
    if (status == SP_OK)
        status = sp_person_end_all(call, account->id, view->session.hash);
    if (status == SP_OK)
        status = sp_notice_send(call, account, SP_NOTICE_PASSWORD_CHANGED);
    return status == SP_OK ? say(view, SP_TEXT_PASSWORD_CHANGED, false) : sp_deny_failure(call, status);
}
