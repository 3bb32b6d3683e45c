/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of what is known of the person, and its way out. */
#include "authority/account_page.h"
#include "authority/denial.h"
#include "authority/front_channel_logout.h"

static void write_row(struct sp_page *page, struct sp_str label, struct sp_str value)
{
    sp_page_raw(page, SP_STR("<dt>"));
    sp_page_text(page, label);
    sp_page_raw(page, SP_STR("</dt><dd>"));
    sp_page_text(page, value);
    sp_page_raw(page, SP_STR("</dd>"));
}

/* OIDC Core 5.1; what has another name is the operator's own and shown by that. */
static const struct {
    struct sp_str claim;
    enum sp_text text;
} claim_texts[] = {
    {{"name", 4}, SP_TEXT_CLAIM_NAME},
    {{"given_name", 10}, SP_TEXT_CLAIM_GIVEN_NAME},
    {{"family_name", 11}, SP_TEXT_CLAIM_FAMILY_NAME},
    {{"phone_number", 12}, SP_TEXT_CLAIM_PHONE},
};

static struct sp_str label_of(struct sp_call *call, struct sp_str claim)
{
    for (size_t i = 0; i < sizeof claim_texts / sizeof claim_texts[0]; i++)
        if (sp_str_equal(claim_texts[i].claim, claim))
            return sp_text_get(call, claim_texts[i].text);
    return claim;
}

enum sp_step sp_account_profile_show(struct sp_page *page, const struct sp_account_view *view)
{
    struct sp_call *call = page->call;
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(call->arena, view->account.claims, &sp_json_limits_document, &claims, &error);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_page_raw(page, SP_STR("<dl class=\"facts\">"));
    write_row(page, sp_text_get(call, SP_TEXT_USERNAME), view->account.name);
    for (const struct sp_json *claim = claims->first; claim != NULL; claim = claim->next)
        if (sp_json_is(claim, SP_JSON_STRING) && !sp_str_equal(claim->name, SP_STR("email")))
            write_row(page, label_of(call, claim->name), claim->text);
    sp_page_raw(page, SP_STR("</dl>"));
    sp_account_form(page, view, "profile");
    sp_page_button(page, "signout", SP_TEXT_SIGN_OUT, false);
    sp_page_raw(page, SP_STR("</form>"));
    return SP_GOES_ON;
}

enum sp_step sp_account_profile_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    if (!sp_str_equal(step, SP_STR("signout")))
        return SP_GOES_ON;
    enum sp_status status = sp_session_end(call, &view->session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_session_forget_cookie(call);
    sp_front_channel_logout_page(call, &view->session, SP_STR_NONE);
    return SP_GOES_ON;
}
