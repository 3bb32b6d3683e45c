/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of the applications that the person let in. */
#include "authority/account_page.h"
#include "authority/denial.h"
#include "authority/grants_given.h"
#include "authority/sign_in_pages.h"
#include "authority/client_directory.h"

static void write_grant(struct sp_page *page, const struct sp_account_view *view, const struct sp_grant_given *grant,
                        size_t number)
{
    struct sp_call *call = page->call;
    const struct sp_client *client = sp_client_look_up_or_none(call, grant->client_id);
    sp_page_raw(page, SP_STR("<li><div>"));
    sp_page_row_name(page, client != NULL ? client->name : grant->client_id, "grant", number);
    sp_page_raw(page, SP_STR("<div class=\"quiet\">"));
    sp_page_text(page, sp_text_get(call, SP_TEXT_SINCE));
    sp_page_raw(page, SP_STR(" "));
    sp_page_time(page, grant->since);
    sp_page_raw(page, SP_STR("</div>"));
    if (grant->scopes.len > 0) {
        sp_page_raw(page, SP_STR("<div>"));
        sp_page_text(page, sp_text_get(call, SP_TEXT_GRANT_MAY));
        sp_page_raw(page, SP_STR("</div>"));
        sp_scope_list(page, grant->scopes);
    }
    sp_page_raw(page, SP_STR("</div>"));
    sp_account_form(page, view, "grants");
    sp_page_hidden(page, "item", grant->client_id);
    sp_page_row_button(page, "revoke", SP_TEXT_GRANT_REVOKE, "grant", number);
    sp_page_raw(page, SP_STR("</form></li>"));
}

enum sp_step sp_account_grants_show(struct sp_page *page, const struct sp_account_view *view)
{
    struct sp_grant_given *grants = NULL;
    size_t count = 0;
    enum sp_status status = sp_grants_given_list(page->call, view->session.subject, &grants, &count);
    if (status != SP_OK)
        return sp_deny_failure(page->call, status);
    if (count == 0)
        sp_page_paragraph(page, SP_TEXT_GRANT_NONE, SP_STR_NONE);
    sp_page_raw(page, SP_STR("<ul class=\"rows\">"));
    for (size_t i = 0; i < count; i++)
        write_grant(page, view, &grants[i], i + 1);
    sp_page_raw(page, SP_STR("</ul>"));
    return SP_GOES_ON;
}

enum sp_step sp_account_grants_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    struct sp_str client_id = sp_call_parameter(call, "item");
    if (!sp_str_equal(step, SP_STR("revoke")) || client_id.len == 0)
        return SP_GOES_ON;
    enum sp_status status = sp_grants_given_revoke(call, view->session.subject, client_id);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->client_id = client_id;
    view->notice = SP_TEXT_GRANT_REVOKED;
    return SP_GOES_ON;
}
