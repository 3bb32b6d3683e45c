/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/second_step.h"

#include "authority/denial.h"
#include "authority/factor_pages.h"
#include "authority/factors.h"
#include "authority/known_browser.h"
#include "authority/notice.h"
#include "authority/passkey_login.h"
#include "authority/passkey_script.h"
#include "authority/person.h"
#include "authority/shown_codes.h"
#include "authority/sign_in_pages.h"
#include "authority/throttle.h"
#include "core/base/secret.h"

/* Passkeys that cannot be asked for, because they were switched off since, are factors all the same: otherwise the
 * password alone would do, or set up an app in their place. */
static enum sp_status find_factors(struct sp_call *call, struct sp_str account, struct sp_factors *factors)
{
    return sp_factors_find(call->authority->store, call->arena, account, factors);
}

static bool asks_passkeys(const struct sp_call *call)
{
    return sp_passkeys_relying_party(call->authority->settings).at != NULL;
}

/* What the page says first. */
struct trouble {
    enum sp_code_verdict code;
    int64_t wait_s;
    enum sp_text text; /* SP_TEXT_COUNT: none */
};
#define NO_TROUBLE ((struct trouble){SP_CODE_RIGHT, 0, SP_TEXT_COUNT})

static enum sp_status account_of(struct sp_call *call, const struct sp_visit *visit, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    return store->methods->get_account(store, visit->passed, call->arena, account);
}

/* ---- pages ---- */
static void begin_page(struct sp_page *page, struct sp_call *call, const struct sp_visit *visit, enum sp_text title,
                       const struct trouble *trouble)
{
    struct sp_account account;
    sp_page_begin(page, call, sp_text_get(call, title));
    if (account_of(call, visit, &account) == SP_OK)
        sp_page_paragraph(page, SP_TEXT_SECOND_STEP_OF, account.name);
    sp_page_code_trouble(page, trouble->code, trouble->wait_s);
    if (trouble->text != SP_TEXT_COUNT)
        sp_page_alert(page, trouble->text, SP_STR_NONE);
}

static void end_page(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request)
{
    sp_sign_in_form(page, visit, request, NULL);
    sp_page_button(page, "restart", SP_TEXT_CODE_RESTART, false);
    sp_page_raw(page, SP_STR("</form>"));
    sp_page_end(page, 200);
}

static void ask_code(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request,
                     const struct trouble *trouble)
{
    bool is_recovery = trouble->text == SP_TEXT_RECOVERY_WRONG; /* then the other field is wrong, and has the focus */

    sp_page_paragraph(page, SP_TEXT_CODE_ENTER, SP_STR_NONE);
    sp_sign_in_form(page, visit, request, NULL);
    sp_page_code_field(page, !is_recovery, trouble->code != SP_CODE_RIGHT);
    sp_page_button(page, "code", SP_TEXT_CODE_CONFIRM, true);
    sp_page_raw(page, SP_STR("</form>"));
}

static void ask_recovery_code(struct sp_page *page, const struct sp_visit *visit,
                              const struct sp_authorization *request, bool was_wrong)
{
    sp_page_raw(page, was_wrong ? SP_STR("<details open><summary>") : SP_STR("<details><summary>"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_RECOVERY_LOST));
    sp_page_raw(page, SP_STR("</summary>"));
    sp_sign_in_form(page, visit, request, NULL);
    sp_page_label(page, "recovery", SP_TEXT_RECOVERY_FIELD);
    sp_page_raw(page, SP_STR("<input id=\"recovery\" name=\"recovery\" autocomplete=\"off\" autocapitalize=\"none\" "
                             "spellcheck=\"false\" maxlength=\"40\" required"));
    if (was_wrong)
        sp_page_field_trouble(page);
    sp_page_raw(page, was_wrong ? SP_STR(" autofocus value=\"\">") : SP_STR(" value=\"\">"));
    sp_page_button(page, "recovery", SP_TEXT_RECOVERY_USE, false);
    sp_page_raw(page, SP_STR("</form></details>"));
}

/* The script comes last: it looks for the form. */
static void ask_passkey(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request,
                        const struct sp_passkey *passkeys, size_t count, bool is_main)
{
    const struct sp_passkey_prompt prompt = {.challenge = visit->challenge, .known = passkeys, .known_count = count};
    sp_sign_in_form(page, visit, request, &prompt);
    sp_page_hidden(page, "step", SP_STR("passkey"));
    sp_page_passkey_fields(page, false, SP_TEXT_PASSKEY_USE, is_main);
    sp_page_raw(page, SP_STR("</form>"));
    sp_page_script(page, sp_passkey_script());
}

static enum sp_step show_factors(struct sp_call *call, const struct sp_visit *visit,
                                 const struct sp_authorization *request, const struct sp_factors *factors,
                                 const struct trouble *trouble)
{
    struct sp_page page;
    struct sp_passkey *passkeys = NULL;
    size_t count = 0;
    enum sp_status status = sp_passkeys_list(call->authority->store, call->arena, visit->passed, &passkeys, &count);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    begin_page(&page, call, visit, SP_TEXT_CODE_TITLE, trouble);
    if (factors->has_app)
        ask_code(&page, visit, request, trouble);
    if (factors->passkeys > 0 && !asks_passkeys(call))
        sp_page_alert(&page, SP_TEXT_PASSKEY_OFF, SP_STR_NONE);
    if (factors->passkeys > 0 && asks_passkeys(call))
        ask_passkey(&page, visit, request, passkeys, count, !factors->has_app);
    if (factors->recovery_codes > 0)
        ask_recovery_code(&page, visit, request, trouble->text == SP_TEXT_RECOVERY_WRONG);
    end_page(&page, visit, request);
    return SP_GOES_ON;
}

static enum sp_step show_setup(struct sp_call *call, const struct sp_visit *visit,
                               const struct sp_authorization *request, const struct trouble *trouble)
{
    struct sp_page page;
    struct sp_account account;
    struct sp_authenticator_app app;
    enum sp_status status = account_of(call, visit, &account);
    if (status == SP_OK)
        status = sp_authenticator_app_begin(call, visit->passed, visit->handle, &app);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    begin_page(&page, call, visit, SP_TEXT_APP_TITLE, trouble);
    sp_page_paragraph(&page, SP_TEXT_APP_REQUIRED, SP_STR_NONE);
    sp_page_app_setup(&page, &app, account.name);
    sp_authenticator_app_forget(&app);
    ask_code(&page, visit, request, trouble);
    end_page(&page, visit, request);
    return SP_GOES_ON;
}

static enum sp_step show(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                         const struct trouble *trouble)
{
    struct sp_factors factors;
    enum sp_status status = find_factors(call, visit->passed, &factors);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return sp_factors_any(&factors) ? show_factors(call, visit, request, &factors, trouble)
                                    : show_setup(call, visit, request, trouble);
}

enum sp_step sp_second_step_show(struct sp_call *call, const struct sp_visit *visit,
                                 const struct sp_authorization *request)
{
    return show(call, visit, request, &NO_TROUBLE);
}

static void show_codes(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                       const struct sp_shown_codes *shown)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_RECOVERY_TITLE));
    sp_page_recovery_codes(&page, shown->codes);
    sp_sign_in_form(&page, visit, request, NULL);
    sp_page_button(&page, "go_on", SP_TEXT_RECOVERY_DONE, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

/* The session exists; the codes are shown once before the way goes on. */
static enum sp_step show_recovery_codes(struct sp_call *call, struct sp_visit *visit,
                                        const struct sp_authorization *request, const struct sp_session *session)
{
    struct sp_shown_codes shown;
    struct sp_account account;
    enum sp_status status = sp_recovery_codes_make(call, visit->passed, shown.codes);
    memcpy(shown.session, session->hash, sizeof shown.session);
    if (status == SP_OK)
        status = sp_shown_codes_keep(call, visit->passed, &shown);
    if (status == SP_OK)
        status = account_of(call, visit, &account);
    if (status == SP_OK)
        status = sp_notice_send(call, &account, SP_NOTICE_APP_ADDED);
    if (status == SP_OK)
        status = sp_visit_mark_signed_in(call, visit, visit->passed);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    show_codes(call, visit, request, &shown);
    return SP_GOES_ON;
}

/* Somebody clicked twice, and the browser may have dropped the first answer with its cookie. SP_NOT_FOUND: it
 * is no such form, or its session is over. */
static enum sp_status find_codes_again(struct sp_call *call, const struct sp_visit *visit, struct sp_shown_codes *shown)
{
    struct sp_session before, renewed;
    if (visit->signed_in.at == NULL)
        return SP_NOT_FOUND;
    enum sp_status status = sp_shown_codes_find(call, visit->signed_in, shown);
    if (status == SP_OK)
        status = sp_session_find(call, &before);
    if (status != SP_OK)
        return status;
    if (before.subject.at != NULL)
        return sp_str_equal(before.subject, visit->signed_in) ? SP_OK : SP_NOT_FOUND;
    status = sp_session_renew(call, shown->session, &renewed);
    if (status != SP_OK)
        return status;
    memcpy(shown->session, renewed.hash, sizeof shown->session);
    return sp_shown_codes_keep(call, visit->signed_in, shown);
}

static enum sp_step show_codes_again(struct sp_call *call, const struct sp_visit *visit,
                                     const struct sp_authorization *request)
{
    struct sp_shown_codes shown;
    enum sp_status status = find_codes_again(call, visit, &shown);
    if (status == SP_OK)
        show_codes(call, visit, request, &shown);
    return status == SP_OK || status == SP_NOT_FOUND ? SP_GOES_ON : sp_deny_failure(call, status);
}

/* ---- the first step is done ---- */
enum sp_status sp_second_step_is_due(struct sp_call *call, struct sp_str subject, bool *due)
{
    enum sp_second_factor policy = call->authority->settings->second_factor;
    struct sp_factors factors;
    enum sp_status status = find_factors(call, subject, &factors);
    if (status == SP_OK)
        *due = policy == SP_SECOND_FACTOR_REQUIRED || (policy == SP_SECOND_FACTOR_OPTIONAL && sp_factors_any(&factors));
    return status;
}

enum sp_step sp_second_step_begin(struct sp_call *call, struct sp_visit *visit, const struct sp_session *first,
                                  struct sp_session *session)
{
    struct sp_store *store = call->authority->store;
    struct sp_account account;
    bool waits = true;
    *session = (struct sp_session){0};
    enum sp_status status = sp_second_step_is_due(call, first->subject, &waits);
    if (status == SP_OK)
        status = store->methods->get_account(store, first->subject, call->arena, &account);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!waits) {
        status = sp_session_start_as(call, first, session);
    } else {
        visit->passed = first->subject;
        visit->passed_by = first->amr;
        visit->passed_from = first->origin;
        visit->passed_mark = sp_person_password_mark(call, &account);
        visit->passed_at = call->now;
        status = sp_visit_change(call, visit);
    }
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

/* ---- the second ---- */
static enum sp_step finish(struct sp_call *call, const struct sp_visit *visit, const char *how,
                           struct sp_session *session)
{
    struct sp_str amr = sp_arena_printf(call->arena, "%.*s %s", SP_STR_ARG(visit->passed_by), how);
    /* Something of the person's was shown here and now: that is when they were authenticated. */
    const struct sp_session known = {
        .subject = visit->passed, .amr = amr, .auth_time = call->now, .origin = visit->passed_from};
    enum sp_status status = amr.at != NULL ? sp_session_start_as(call, &known, session) : SP_NO_MEMORY;
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static void note_wrong_code(struct sp_call *call, const struct sp_visit *visit, enum sp_code_verdict verdict)
{
    call->finding = (struct sp_finding){
        .cause = verdict == SP_CODE_REPLAYED ? SP_CAUSE_LOGIN_CODE_REPLAYED : SP_CAUSE_LOGIN_CODE_WRONG,
        .expected = SP_STR("the code of this half minute, not used before"),
        .received = visit->passed,
        .detail = verdict == SP_CODE_TOO_OFTEN ? SP_STR("too often") : SP_STR("another code"),
        .verified = true};
}

static enum sp_step take_code(struct sp_call *call, struct sp_visit *visit, const struct sp_authorization *request,
                              struct sp_str code, struct sp_session *session)
{
    struct sp_authenticator_app app;
    struct trouble trouble = NO_TROUBLE;
    struct sp_factors factors;
    enum sp_status status = find_factors(call, visit->passed, &factors);
    if (status == SP_OK)
        status = sp_authenticator_app_find_setup(call, visit->passed, visit->handle, &app);
    /* A new app counts as a factor only where there is none: else its code would stand for one that was never shown. */
    bool was_confirmed = status == SP_OK && app.is_confirmed;
    if (status == SP_NOT_FOUND || (status == SP_OK && !was_confirmed && sp_factors_any(&factors)))
        return show(call, visit, request, &trouble);
    if (status == SP_OK)
        status = sp_authenticator_app_try(call, &app, code, &trouble.code, &trouble.wait_s);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_authenticator_app_forget(&app);
    if (trouble.code != SP_CODE_RIGHT) {
        note_wrong_code(call, visit, trouble.code);
        sp_throttle_fail(call, SP_THROTTLE_LOGIN);
        return show(call, visit, request, &trouble);
    }
    enum sp_step step = finish(call, visit, "otp mfa", session);
    return step == SP_GOES_ON && !was_confirmed ? show_recovery_codes(call, visit, request, session) : step;
}

static enum sp_step take_recovery_code(struct sp_call *call, const struct sp_visit *visit,
                                       const struct sp_authorization *request, struct sp_str code,
                                       struct sp_session *session)
{
    bool used = false;
    enum sp_status status = sp_recovery_codes_use(call, visit->passed, code, &used);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (used)
        return finish(call, visit, "otp mfa", session);
    note_wrong_code(call, visit, SP_CODE_WRONG);
    sp_throttle_fail(call, SP_THROTTLE_LOGIN);
    return show(call, visit, request, &(struct trouble){SP_CODE_RIGHT, 0, SP_TEXT_RECOVERY_WRONG});
}

static enum sp_step take_passkey(struct sp_call *call, struct sp_visit *visit, const struct sp_authorization *request,
                                 const struct sp_form *form, struct sp_session *session)
{
    struct sp_str account;
    if (!asks_passkeys(call))
        return SP_GOES_ON;
    enum sp_status status = sp_passkey_login(call, visit, form, &account);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (account.at != NULL && visit->passed.at != NULL)
        return finish(call, visit, "pop user mfa", session);
    if (account.at != NULL) {
        status = sp_session_start(call, account, "pop user mfa", session);
        return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
    }
    sp_throttle_fail(call, SP_THROTTLE_LOGIN);
    if (visit->passed.at != NULL)
        return show(call, visit, request, &(struct trouble){SP_CODE_RIGHT, 0, SP_TEXT_PASSKEY_FAILED});
    sp_login_page_alert(call, visit, request, SP_TEXT_PASSKEY_FAILED);
    return SP_GOES_ON;
}

/* Since the first step the account may be gone, or have another password. */
static enum sp_status check_account(struct sp_call *call, struct sp_visit *visit)
{
    struct sp_account account;
    if (visit->passed.at == NULL)
        return SP_OK;
    enum sp_status status = account_of(call, visit, &account);
    if (status == SP_NOT_FOUND ||
        (status == SP_OK &&
         (account.disabled || !sp_secret_equal(visit->passed_mark, sp_person_password_mark(call, &account))))) {
        visit->passed = SP_STR_NONE;
        status = sp_visit_change(call, visit);
    }
    return status;
}

enum sp_step sp_second_step_take(struct sp_call *call, struct sp_visit *visit, const struct sp_authorization *request,
                                 const struct sp_form *form, struct sp_session *session)
{
    struct sp_str step = sp_form_value(form, SP_STR("step"));
    *session = (struct sp_session){0};
    enum sp_status status = check_account(call, visit);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    /* A signature is not guessed, so whoever guesses from the same address does not keep passkeys out. */
    if (sp_str_equal(step, SP_STR("passkey")))
        return take_passkey(call, visit, request, form, session);
    if (visit->passed.at == NULL)
        return sp_str_equal(step, SP_STR("code")) ? show_codes_again(call, visit, request) : SP_GOES_ON;
    if (sp_str_equal(step, SP_STR("code")))
        return sp_known_browser_check(call, visit->passed) == SP_GOES_ON
                   ? take_code(call, visit, request, sp_form_value(form, SP_STR("code")), session)
                   : SP_DENIED;
    if (sp_str_equal(step, SP_STR("recovery")))
        return sp_throttle_check(call, SP_THROTTLE_LOGIN) == SP_GOES_ON
                   ? take_recovery_code(call, visit, request, sp_form_value(form, SP_STR("recovery")), session)
                   : SP_DENIED;
    if (!sp_str_equal(step, SP_STR("restart")))
        return SP_GOES_ON;
    visit->passed = SP_STR_NONE;
    status = sp_visit_change(call, visit);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}
