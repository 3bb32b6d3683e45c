/* SPDX-License-Identifier: Apache-2.0 */
/* /account: whoever is not signed in is sent to sign in and comes back; then one page of all sections. */
#include <time.h>
#include "authority/account_page.h"
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/own_form.h"
#include "authority/visit.h"

static const struct sp_account_section sections[] = {
#define SECTION(NAME, name, title, needs_fresh, show, act) {name, SP_TEXT_##title, needs_fresh, show, act},
#include "authority/account_sections.def"
#undef SECTION
};
static const size_t section_count = sizeof sections / sizeof sections[0];

void sp_account_form(struct sp_page *page, const struct sp_account_view *view, const char *section)
{
    sp_account_passkey_form(page, view, section, NULL);
}

void sp_account_way_back(struct sp_page *page, const char *section)
{
    sp_page_raw(page, SP_STR("<p><a href=\""));
    /* This page's address is /account: with the fragment alone the browser would stay on it. */
    sp_page_text(page, sp_authority_url(page->call, "/account?done#"));
    sp_page_raw(page, sp_str_from_cstr(section));
    sp_page_raw(page, SP_STR("\">"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_BACK_TO_ACCOUNT));
    sp_page_raw(page, SP_STR("</a></p>"));
}

void sp_account_passkey_form(struct sp_page *page, const struct sp_account_view *view, const char *section,
                             const struct sp_passkey_prompt *prompt)
{
    sp_page_raw(page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(page, sp_authority_url(page->call, "/account"));
    sp_page_raw(page, SP_STR("\""));
    if (prompt != NULL)
        sp_page_passkey_attributes(page, prompt);
    sp_page_raw(page, SP_STR(">"));
    sp_own_form_field(page, view->form_token);
    sp_page_hidden(page, "section", sp_str_from_cstr(section));
}

void sp_account_ask_fresh(struct sp_page *page, const struct sp_account_view *view, const char *section)
{
    sp_page_paragraph(page, SP_TEXT_ACCOUNT_FRESH, SP_STR_NONE);
    sp_account_form(page, view, section);
    sp_page_button(page, "confirm", SP_TEXT_ACCOUNT_CONFIRM, false);
    sp_page_raw(page, SP_STR("</form>"));
}

void sp_page_time(struct sp_page *page, int64_t at)
{
    char machine[40], person[40];
    struct tm broken;
    time_t seconds = (time_t)at;
    gmtime_r(&seconds, &broken);
    strftime(machine, sizeof machine, "%Y-%m-%dT%H:%M:%SZ", &broken);
    strftime(person, sizeof person, "%Y-%m-%d %H:%M UTC", &broken);
    sp_page_raw(page, SP_STR("<time datetime=\""));
    sp_page_raw(page, sp_str_from_cstr(machine));
    sp_page_raw(page, SP_STR("\">"));
    sp_page_raw(page, sp_str_from_cstr(person));
    sp_page_raw(page, SP_STR("</time>"));
}

static void write_notice(struct sp_page *page, const struct sp_account_view *view)
{
    if (view->notice == SP_TEXT_COUNT)
        return;
    /* A role does not make a page that is new read it out; the focus does. */
    page->is_trouble = view->is_trouble;
    sp_page_raw(page, view->is_trouble
                          ? SP_STR("<div class=\"alert\" role=\"alert\" id=\"trouble\" tabindex=\"-1\" autofocus>")
                          : SP_STR("<div class=\"done\" role=\"status\" tabindex=\"-1\" autofocus>"));
    sp_page_paragraph(page, view->notice, SP_STR_NONE);
    sp_page_raw(page, SP_STR("</div>"));
}

static enum sp_step show(struct sp_call *call, const struct sp_account_view *view)
{
    struct sp_page page;
    sp_page_begin_wide(&page, call, sp_text_get(call, SP_TEXT_ACCOUNT_TITLE));
    sp_page_paragraph(&page, SP_TEXT_CONSENT_AS, view->account.name);
    write_notice(&page, view);
    for (size_t i = 0; i < section_count; i++) {
        struct sp_str name = sp_str_from_cstr(sections[i].name);
        sp_page_raw(&page, SP_STR("<section id=\""));
        sp_page_raw(&page, name);
        sp_page_raw(&page, SP_STR("\" aria-labelledby=\"heading-"));
        sp_page_raw(&page, name);
        sp_page_raw(&page, SP_STR("\"><h2 id=\"heading-"));
        sp_page_raw(&page, name);
        sp_page_raw(&page, SP_STR("\">"));
        sp_page_text(&page, sp_text_get(call, sections[i].title));
        sp_page_raw(&page, SP_STR("</h2>"));
        enum sp_step step = sections[i].show(&page, view);
        if (step != SP_GOES_ON)
            return step;
        sp_page_raw(&page, SP_STR("</section>"));
    }
    sp_page_end(&page, 200);
    return SP_GOES_ON;
}

/* "/account#section": where the person was, or wants to go. */
static enum sp_step sign_in_again(struct sp_call *call, const struct sp_account_section *section, bool fresh)
{
    struct sp_str where =
        section != NULL ? sp_arena_printf(call->arena, "/account#%s", section->name) : SP_STR("/account");
    return where.at != NULL ? sp_visit_detour(call, where, fresh) : sp_deny_failure(call, SP_NO_MEMORY);
}

static const struct sp_account_section *find_section(struct sp_str name)
{
    for (size_t i = 0; i < section_count; i++)
        if (sp_str_equal(sp_str_from_cstr(sections[i].name), name))
            return &sections[i];
    return NULL;
}

static enum sp_step take_form(struct sp_call *call, struct sp_account_view *view)
{
    struct sp_str step = sp_call_parameter(call, "step");
    const struct sp_account_section *section = find_section(sp_call_parameter(call, "section"));
    if (!sp_own_form_is_sent(call, view->form_token)) {
        view->notice = SP_TEXT_FORM_STALE;
        view->is_trouble = true;
        return SP_GOES_ON;
    }
    if (section == NULL)
        return SP_GOES_ON;
    if (sp_str_equal(step, SP_STR("confirm")) || (section->needs_fresh && !view->is_fresh))
        return sign_in_again(call, section, true);
    if (sp_account_show_codes_again(call) != SP_GOES_ON)
        return SP_DENIED;
    return call->answer.status == 0 ? section->act(call, view, step) : SP_GOES_ON;
}

static enum sp_step answer(struct sp_call *call, void *context)
{
    (void)context;
    struct sp_store *store = call->authority->store;
    struct sp_account_view view = {.notice = SP_TEXT_COUNT};
    enum sp_status status = sp_session_find(call, &view.session);
    if (status == SP_OK && view.session.subject.at != NULL)
        status = store->methods->get_account(store, view.session.subject, call->arena, &view.account);
    if (status == SP_NOT_FOUND || (status == SP_OK && (view.session.subject.at == NULL || view.account.disabled)))
        return sign_in_again(call, find_section(sp_call_parameter(call, "section")), false);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = view.session.subject;
    view.form_token = sp_own_form_token(call, SP_STR("account"), &view.session);
    view.is_fresh = call->now - view.session.auth_time <= call->authority->settings->fresh_s;
    if (sp_str_equal(call->asked.method, SP_STR("POST"))) {
        enum sp_step step = take_form(call, &view);
        if (step != SP_GOES_ON || call->answer.status != 0)
            return step;
    }
    return show(call, &view);
}

enum sp_step sp_account_endpoint(struct sp_call *call)
{
    call->deny = sp_denial_page;
    return sp_call_in_write(call, answer, NULL);
}

/* https://www.w3.org/TR/change-password-url/: where password managers send people. The fragment is lost on the way
 * over the sign-in page; the parameter is not. */
enum sp_step sp_change_password_endpoint(struct sp_call *call)
{
    call->answer.status = 303;
    sp_answer_header(call, "Location", sp_authority_url(call, "/account?section=password#password"));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}
