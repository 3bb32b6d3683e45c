/* SPDX-License-Identifier: Apache-2.0 */
/* A refusal that a person sees. Below the plain sentence stands what the developer needs: cause, and for redirect URIs
 * what was sent under what is registered, with the first differing character marked. */
#include "authority/authorization.h"
#include "authority/denial_page.h"
#include "authority/page.h"
#include "authority/client_directory.h"
#include "core/diagnosis/cause.h"
#include "core/diagnosis/redirect_uri.h"

static bool is_about_redirect_uri(enum sp_cause cause)
{
    return sp_str_has_prefix(sp_cause_get(cause)->id, SP_STR("redirect_uri."));
}

static size_t character_bytes(struct sp_str text, size_t at)
{
    size_t end = at < text.len ? at + 1 : at;
    while (end < text.len && ((unsigned char)text.at[end] & 0xC0) == 0x80)
        end++;
    return end - at;
}

static void write_marked(struct sp_page *page, struct sp_str text, size_t at)
{
    size_t end = at + character_bytes(text, at);
    sp_page_text(page, sp_str_slice(text, 0, at));
    sp_page_raw(page, SP_STR("<mark>"));
    if (end == at)
        sp_page_raw(page, SP_STR("&nbsp;")); /* one of them ends here */
    sp_page_text(page, sp_str_slice(text, at, end));
    sp_page_raw(page, SP_STR("</mark>"));
    sp_page_text(page, sp_str_slice(text, end, text.len));
}

/* mark_at: NULL: nothing of it is marked. */
static void write_row(struct sp_page *page, enum sp_text label, struct sp_str value, const size_t *mark_at)
{
    if (value.len == 0)
        return;
    sp_page_raw(page, SP_STR("<dt>"));
    sp_page_text(page, sp_text_get(page->call, label));
    sp_page_raw(page, SP_STR("</dt><dd>"));
    if (mark_at != NULL)
        write_marked(page, value, *mark_at);
    else
        sp_page_text(page, value);
    sp_page_raw(page, SP_STR("</dd>"));
}

static void write_comparison(struct sp_page *page, const struct sp_denial *denial)
{
    struct sp_str_list registered = {NULL, 0};
    const struct sp_client *client = sp_client_look_up_or_none(page->call, page->call->client_id);
    if (client != NULL)
        registered = client->redirect_uris;
    bool compares = sp_list_has(registered, denial->expected);
    const struct sp_redirect_uri_difference difference = sp_redirect_uri_compare(denial->expected, denial->received);
    sp_page_raw(page, SP_STR("<dl>"));
    if (denial->cause != SP_CAUSE_REDIRECT_URI_MISSING)
        write_row(page, SP_TEXT_ERROR_SENT, denial->received, compares ? &difference.sent_at : NULL);
    if (compares)
        write_row(page, SP_TEXT_ERROR_REGISTERED, denial->expected, &difference.registered_at);
    for (size_t i = 0; i < registered.count && i < 10; i++)
        if (!compares || !sp_str_equal(registered.at[i], denial->expected))
            write_row(page, SP_TEXT_ERROR_REGISTERED, registered.at[i], NULL);
    sp_page_raw(page, SP_STR("</dl>"));
}

enum sp_step sp_denial_page(struct sp_call *call, const struct sp_denial *denial)
{
    const struct sp_cause_info *info = sp_cause_get(denial->cause);
    struct sp_page page;
    if (denial->cause == SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN)
        return sp_nowhere_page(call, denial);
    /* Addresses are long, and what differs is often their end. */
    if (is_about_redirect_uri(denial->cause))
        sp_page_begin_wide(&page, call, sp_text_get(call, SP_TEXT_ERROR_TITLE));
    else
        sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_ERROR_TITLE));
    int status = denial->status != 0 ? denial->status : info->http_status != 0 ? info->http_status : 400;
    sp_page_raw(&page, SP_STR("<p role=\"alert\">"));
    sp_page_text(&page, sp_text_get(call, denial->cause == SP_CAUSE_FORM_OTHER_ORIGIN ? SP_TEXT_ERROR_FORM
                                          : status >= 500                             ? SP_TEXT_ERROR_LATER
                                                                                      : SP_TEXT_ERROR_REQUEST));
    sp_page_raw(&page, SP_STR("</p><details open><summary>"));
    sp_page_text(&page, sp_text_get(call, SP_TEXT_ERROR_DEVELOPER));
    /* The catalogue of causes is in English. */
    sp_page_raw(&page, SP_STR("</summary><p lang=\"en\"><strong>"));
    sp_page_text(&page, info->title);
    sp_page_raw(&page, SP_STR("</strong> <code>"));
    sp_page_text(&page, info->id);
    sp_page_raw(&page, SP_STR("</code><br>"));
    sp_page_text(&page, info->client_text);
    if (denial->tell.len > 0) {
        sp_page_raw(&page, SP_STR(" "));
        sp_page_text(&page, denial->tell);
    }
    sp_page_raw(&page, SP_STR("</p>"));
    if (is_about_redirect_uri(denial->cause))
        write_comparison(&page, denial);
    else if (denial->received.len > 0 && denial->cause != SP_CAUSE_STORE_UNAVAILABLE) {
        sp_page_raw(&page, SP_STR("<dl>"));
        write_row(&page, SP_TEXT_ERROR_SENT, denial->received, NULL);
        sp_page_raw(&page, SP_STR("</dl>"));
    }
    sp_page_raw(&page, SP_STR("</details>"));
    sp_page_end(&page, status == 401 ? 400 : status); /* a browser has nothing to authenticate with here */
    if (status == 503)
        sp_answer_header(call, "Retry-After", SP_STR("2"));
    return SP_DENIED;
}
