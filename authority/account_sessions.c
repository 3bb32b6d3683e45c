/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of the browsers and devices in which the person is signed in. */
#include "authority/account_page.h"
#include "authority/client_directory.h"
#include "authority/denial.h"
#include "authority/person.h"

/* Nobody looks through more; "end all others" ends the rest too. */
#define MAX_SHOWN 100u

static enum sp_status list(struct sp_call *call, struct sp_str subject, struct sp_ticket **tickets, size_t *count)
{
    struct sp_store *store = call->authority->store;
    return store->methods->list_tickets(store, SP_TICKET_SESSION, subject, call->now, MAX_SHOWN, call->arena, tickets,
                                        count);
}

static void write_tag(struct sp_page *page, enum sp_text text)
{
    sp_page_raw(page, SP_STR(" <span class=\"tag\">"));
    sp_page_text(page, sp_text_get(page->call, text));
    sp_page_raw(page, SP_STR("</span>"));
}

/* By the browser's name, or what the person knows the device as. */
static void write_name(struct sp_page *page, const struct sp_json *data, size_t number)
{
    struct sp_str browser = sp_json_string(sp_json_member(data, SP_STR("browser"))),
                  device = sp_json_string(sp_json_member(data, SP_STR("device")));
    const struct sp_client *client = device.at != NULL ? sp_client_look_up_or_none(page->call, device) : NULL;
    struct sp_str name = client != NULL      ? client->name
                         : device.at != NULL ? device
                         : browser.len > 0   ? browser
                                             : sp_text_get(page->call, SP_TEXT_SESSION_BROWSER);
    sp_page_row_name(page, name, "session", number);
    if (device.at != NULL)
        write_tag(page, SP_TEXT_SESSION_DEVICE);
}

static void write_session(struct sp_page *page, const struct sp_account_view *view, const struct sp_ticket *ticket,
                          size_t number)
{
    struct sp_call *call = page->call;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    if (sp_json_parse(call->arena, ticket->data, &sp_json_limits_token, &data, &error) != SP_OK)
        data = NULL;
    struct sp_str address = sp_json_string(sp_json_member(data, SP_STR("address")));
    bool is_this = memcmp(ticket->hash, view->session.hash, sizeof ticket->hash) == 0;
    sp_page_raw(page, SP_STR("<li><div>"));
    write_name(page, data, number);
    if (is_this)
        write_tag(page, SP_TEXT_SESSION_THIS);
    sp_page_raw(page, SP_STR("<div class=\"quiet\">"));
    sp_page_text(page, sp_text_get(call, SP_TEXT_SINCE));
    sp_page_raw(page, SP_STR(" "));
    sp_page_time(page, ticket->issued_at);
    if (address.len > 0) {
        sp_page_raw(page, SP_STR(" · "));
        sp_page_text(page, address);
    }
    sp_page_raw(page, SP_STR("</div></div>"));
    if (!is_this) {
        sp_account_form(page, view, "sessions");
        sp_page_hidden(page, "item", ticket->family);
        sp_page_row_button(page, "end", SP_TEXT_SESSION_END, "session", number);
        sp_page_raw(page, SP_STR("</form>"));
    }
    sp_page_raw(page, SP_STR("</li>"));
}

enum sp_step sp_account_sessions_show(struct sp_page *page, const struct sp_account_view *view)
{
    struct sp_ticket *tickets = NULL;
    size_t count = 0;
    enum sp_status status = list(page->call, view->session.subject, &tickets, &count);
    if (status != SP_OK)
        return sp_deny_failure(page->call, status);
    sp_page_raw(page, SP_STR("<ul class=\"rows\">"));
    for (size_t i = 0; i < count; i++)
        write_session(page, view, &tickets[i], i + 1);
    sp_page_raw(page, SP_STR("</ul>"));
    if (count > 1) {
        sp_account_form(page, view, "sessions");
        sp_page_button(page, "end_others", SP_TEXT_SESSION_END_OTHERS, false);
        sp_page_raw(page, SP_STR("</form>"));
    }
    return SP_GOES_ON;
}

enum sp_step sp_account_sessions_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    enum sp_status status = SP_OK;
    struct sp_str item = sp_call_parameter(call, "item");
    if (sp_str_equal(step, SP_STR("end_others")))
        status = sp_person_end_sessions(call, view->session.subject, view->session.hash);
    else if (!sp_str_equal(step, SP_STR("end")))
        return SP_GOES_ON;
    else if (!sp_str_equal(item, view->session.sid)) /* the button for this one is another */
        status = sp_person_end_session(call, view->session.subject, item);
    view->notice = SP_TEXT_SESSION_ENDED;
    return status == SP_OK || status == SP_NOT_FOUND ? SP_GOES_ON : sp_deny_failure(call, status);
}
