/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees who opens an address where nothing is: whose it is, and the one page here that is for people who
 * come by themselves. Programs get the JSON of sp_deny; who wants which is told by Accept (RFC 9110 12.5.1). */
#include "authority/denial_page.h"
#include "authority/page.h"
#include "authority/quality.h"

#define MOST_RANGES 32u

bool sp_call_wants_page(const struct sp_call *call)
{
    struct sp_str ranges = call->asked.accept, range;
    unsigned html = 0, json = 0;
    for (unsigned i = 0; i < MOST_RANGES && sp_str_next_word(&ranges, SP_STR(","), &range); i++) {
        size_t end = sp_str_index_of(range, ';', 0);
        struct sp_str type = sp_str_trim(sp_str_slice(range, 0, end)), rest = sp_str_slice(range, end, range.len);
        if (sp_str_equal_ignoring_case(type, SP_STR("text/html")))
            html = sp_quality_of(rest);
        if (sp_str_equal_ignoring_case(type, SP_STR("application/json")))
            json = sp_quality_of(rest);
    }
    return html > json;
}

enum sp_step sp_nowhere_page(struct sp_call *call, const struct sp_denial *denial)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_NOWHERE_TITLE));
    sp_page_paragraph(&page, SP_TEXT_NOWHERE, settings->mail.name.len > 0 ? settings->mail.name : settings->issuer);
    sp_page_raw(&page, SP_STR("<a class=\"button\" href=\""));
    sp_page_text(&page, sp_authority_url(call, "/account"));
    sp_page_raw(&page, SP_STR("\">"));
    sp_page_text(&page, sp_text_get(call, SP_TEXT_ACCOUNT_TITLE));
    sp_page_raw(&page, SP_STR("</a>"));
    sp_page_request(&page, denial->cause);
    sp_page_end(&page, 404);
    return SP_DENIED;
}
