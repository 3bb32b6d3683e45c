/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of the second step: the authenticator app and the recovery codes. */
#include "authority/account_page.h"
#include "authority/denial.h"
#include "authority/factor_pages.h"
#include "authority/factors.h"
#include "authority/known_browser.h"
#include "authority/notice.h"
#include "authority/shown_codes.h"
#include "authority/throttle.h"

#define SECTION "second_factor"

static void write_app(struct sp_page *page, const struct sp_account_view *view, const struct sp_factors *factors)
{
    sp_page_paragraph(page, factors->has_app ? SP_TEXT_APP_ACTIVE : SP_TEXT_APP_NONE, SP_STR_NONE);
    if (!view->is_fresh)
        return;
    sp_account_form(page, view, SECTION);
    if (factors->has_app) {
        sp_page_code_field(page, false, view->notice == SP_TEXT_CODE_WRONG || view->notice == SP_TEXT_CODE_REPLAYED);
        sp_page_button(page, "app_remove", SP_TEXT_APP_REMOVE, false);
    } else {
        sp_page_button(page, "app_begin", SP_TEXT_APP_SETUP, false);
    }
    sp_page_raw(page, SP_STR("</form>"));
}

enum sp_step sp_account_second_factor_show(struct sp_page *page, const struct sp_account_view *view)
{
    struct sp_call *call = page->call;
    struct sp_factors factors;
    if (call->authority->settings->second_factor == SP_SECOND_FACTOR_OFF) {
        sp_page_paragraph(page, SP_TEXT_FACTOR_UNAVAILABLE, SP_STR_NONE);
        return SP_GOES_ON;
    }
    enum sp_status status = sp_factors_find(call->authority->store, call->arena, view->session.subject, &factors);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    write_app(page, view, &factors);
    if (sp_factors_any(&factors))
        sp_page_paragraph(page,
                          factors.recovery_codes == 0   ? SP_TEXT_RECOVERY_NONE_LEFT
                          : factors.recovery_codes == 1 ? SP_TEXT_RECOVERY_ONE_LEFT
                                                        : SP_TEXT_RECOVERY_LEFT,
                          sp_arena_printf(call->arena, "%zu", factors.recovery_codes));
    if (!view->is_fresh) {
        sp_account_ask_fresh(page, view, SECTION);
    } else if (sp_factors_any(&factors)) {
        sp_account_form(page, view, SECTION);
        sp_page_button(page, "recovery", SP_TEXT_RECOVERY_NEW, false);
        sp_page_raw(page, SP_STR("</form>"));
    }
    return SP_GOES_ON;
}

static void show_codes(struct sp_call *call, const struct sp_shown_codes *shown, enum sp_text notice)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_RECOVERY_TITLE));
    if (notice != SP_TEXT_COUNT) {
        sp_page_raw(&page, SP_STR("<div class=\"done\" role=\"status\">"));
        sp_page_paragraph(&page, notice, SP_STR_NONE);
        sp_page_raw(&page, SP_STR("</div>"));
    }
    sp_page_recovery_codes(&page, shown->codes);
    sp_account_way_back(&page, SECTION);
    sp_page_end(&page, 200);
}

enum sp_step sp_account_show_recovery_codes(struct sp_call *call, const struct sp_account_view *view)
{
    struct sp_shown_codes shown = {0};
    enum sp_status status = sp_recovery_codes_make(call, view->session.subject, shown.codes);
    if (status == SP_OK)
        status = sp_shown_codes_keep(call, view->session.subject, &shown);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    show_codes(call, &shown, view->notice);
    return SP_GOES_ON;
}

enum sp_step sp_account_show_codes_again(struct sp_call *call)
{
    struct sp_shown_codes shown;
    enum sp_status status = sp_shown_codes_find(call, call->subject, &shown);
    if (status == SP_OK)
        show_codes(call, &shown, SP_TEXT_COUNT);
    return status == SP_OK || status == SP_NOT_FOUND ? SP_GOES_ON : sp_deny_failure(call, status);
}

/* ---- a new app ---- */
static enum sp_step show_setup(struct sp_call *call, const struct sp_account_view *view,
                               struct sp_authenticator_app *app, enum sp_code_verdict verdict, int64_t wait_s)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_APP_TITLE));
    sp_page_code_trouble(&page, verdict, wait_s);
    sp_page_app_setup(&page, app, view->account.name);
    sp_authenticator_app_forget(app);
    sp_account_form(&page, view, SECTION);
    sp_page_code_field(&page, true, verdict != SP_CODE_RIGHT);
    sp_page_button(&page, "app_confirm", SP_TEXT_CODE_CONFIRM, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_account_way_back(&page, SECTION);
    sp_page_end(&page, 200);
    return SP_GOES_ON;
}

static void note(struct sp_call *call, const struct sp_account_view *view, enum sp_code_verdict verdict)
{
    call->finding = (struct sp_finding){
        .cause = verdict == SP_CODE_REPLAYED ? SP_CAUSE_LOGIN_CODE_REPLAYED : SP_CAUSE_LOGIN_CODE_WRONG,
        .expected = SP_STR("the code of this half minute, not used before"),
        .received = view->session.subject,
        .detail = verdict == SP_CODE_TOO_OFTEN ? SP_STR("too often") : SP_STR("on the account page"),
        .verified = true};
}

static enum sp_step begin(struct sp_call *call, const struct sp_account_view *view)
{
    struct sp_authenticator_app app;
    enum sp_status status = sp_authenticator_app_begin(call, view->session.subject, view->session.sid, &app);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (app.is_confirmed) { /* its secret is not shown again */
        sp_authenticator_app_forget(&app);
        return SP_GOES_ON;
    }
    return show_setup(call, view, &app, SP_CODE_RIGHT, 0);
}

static enum sp_step confirm(struct sp_call *call, struct sp_account_view *view)
{
    struct sp_authenticator_app app;
    enum sp_code_verdict verdict = SP_CODE_WRONG;
    int64_t wait_s = 0;
    enum sp_status status = sp_authenticator_app_find_setup(call, view->session.subject, view->session.sid, &app);
    if (status == SP_NOT_FOUND || (status == SP_OK && app.is_confirmed))
        return SP_GOES_ON;
    if (status == SP_OK)
        status = sp_authenticator_app_try(call, &app, sp_call_parameter(call, "code"), &verdict, &wait_s);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (verdict == SP_CODE_RIGHT) {
        sp_authenticator_app_forget(&app);
        status = sp_notice_send(call, &view->account, SP_NOTICE_APP_ADDED);
        if (status != SP_OK)
            return sp_deny_failure(call, status);
        view->notice = SP_TEXT_APP_ACTIVE;
        return sp_account_show_recovery_codes(call, view);
    }
    note(call, view, verdict);
    sp_throttle_fail(call, SP_THROTTLE_LOGIN);
    return show_setup(call, view, &app, verdict, wait_s);
}

/* ---- none any more: whoever sits at an unlocked computer cannot do it without the phone ---- */
static enum sp_step drop(struct sp_call *call, struct sp_account_view *view)
{
    struct sp_store *store = call->authority->store;
    struct sp_authenticator_app app;
    enum sp_code_verdict verdict = SP_CODE_WRONG;
    int64_t wait_s = 0;
    enum sp_status status = sp_authenticator_app_find(call, view->session.subject, &app);
    if (status == SP_NOT_FOUND)
        return SP_GOES_ON;
    if (status == SP_OK)
        status = sp_authenticator_app_try(call, &app, sp_call_parameter(call, "code"), &verdict, &wait_s);
    if (status == SP_OK)
        sp_authenticator_app_forget(&app);
    if (status == SP_OK && verdict == SP_CODE_RIGHT)
        status = sp_factors_drop_app(store, call->arena, view->session.subject);
    if (status == SP_OK && verdict == SP_CODE_RIGHT)
        status = sp_notice_send(call, &view->account, SP_NOTICE_APP_REMOVED);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    view->is_trouble = verdict != SP_CODE_RIGHT;
    view->notice = verdict == SP_CODE_RIGHT      ? SP_TEXT_APP_REMOVED
                   : verdict == SP_CODE_REPLAYED ? SP_TEXT_CODE_REPLAYED
                                                 : SP_TEXT_CODE_WRONG;
    if (view->is_trouble) {
        note(call, view, verdict);
        sp_throttle_fail(call, SP_THROTTLE_LOGIN);
    }
    return SP_GOES_ON;
}

static enum sp_step renew_recovery_codes(struct sp_call *call, const struct sp_account_view *view)
{
    struct sp_factors factors;
    enum sp_status status = sp_factors_find(call->authority->store, call->arena, view->session.subject, &factors);
    if (status == SP_OK && sp_factors_any(&factors))
        status = sp_notice_send(call, &view->account, SP_NOTICE_RECOVERY_CODES);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return sp_factors_any(&factors) ? sp_account_show_recovery_codes(call, view) : SP_GOES_ON;
}

enum sp_step sp_account_second_factor_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    if (call->authority->settings->second_factor == SP_SECOND_FACTOR_OFF)
        return SP_GOES_ON;
    if (sp_str_equal(step, SP_STR("app_begin")))
        return begin(call, view);
    if (sp_str_equal(step, SP_STR("recovery")))
        return renew_recovery_codes(call, view);
    if (sp_known_browser_check(call, view->account.id) != SP_GOES_ON)
        return SP_DENIED;
    if (sp_str_equal(step, SP_STR("app_confirm")))
        return confirm(call, view);
    return sp_str_equal(step, SP_STR("app_remove")) ? drop(call, view) : SP_GOES_ON;
}
