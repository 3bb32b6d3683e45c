/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_card.h"

#include "core/base/url.h"

void sp_client_card_logo(struct sp_page *page, const struct sp_client *client)
{
    struct sp_str origin = SP_STR_NONE;
    if (client->logo_uri.at != NULL)
        origin = sp_page_origin(page->call->arena, client->logo_uri);
    if (origin.len == 0)
        return;
    page->image_sources = origin;
    /* Its name stands beside it. */
    sp_page_raw(page, SP_STR("<img class=\"logo\" alt=\"\" referrerpolicy=\"no-referrer\" src=\""));
    sp_page_text(page, client->logo_uri);
    sp_page_raw(page, SP_STR("\">"));
}

void sp_client_card_links(struct sp_page *page, const struct sp_client *client)
{
    const struct {
        enum sp_text text;
        struct sp_str uri;
    } links[] = {{SP_TEXT_CLIENT_WEBSITE, client->client_uri},
                 {SP_TEXT_CLIENT_POLICY, client->policy_uri},
                 {SP_TEXT_CLIENT_TERMS, client->tos_uri}};
    const char *before = "<p class=\"small\">";
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (links[i].uri.at == NULL)
            continue;
        sp_page_raw(page, sp_str_from_cstr(before));
        sp_page_raw(page, SP_STR("<a target=\"_blank\" rel=\"noopener noreferrer nofollow\" href=\""));
        sp_page_text(page, links[i].uri);
        sp_page_raw(page, SP_STR("\">"));
        sp_page_text(page, sp_text_get(page->call, links[i].text));
        sp_page_raw(page, SP_STR("</a>"));
        before = " · ";
    }
    if (before[0] != '<')
        sp_page_raw(page, SP_STR("</p>"));
}

/* What of a redirect URI says to a person where it leads: its host, or its scheme; or itself. */
static struct sp_str place(struct sp_str redirect_uri)
{
    struct sp_url url;
    if (sp_url_split(redirect_uri, &url) == SP_OK)
        return url.host;
    return sp_str_slice(redirect_uri, 0, sp_str_index_of(redirect_uri, ':', 0));
}

void sp_client_card_warning(struct sp_page *page, const struct sp_client *client, struct sp_str redirect_uri)
{
    if (!client->is_stranger)
        return;
    sp_page_raw(page, SP_STR("<div class=\"quiet\">"));
    sp_page_paragraph(page, SP_TEXT_CONSENT_STRANGER, place(redirect_uri));
    sp_page_raw(page, SP_STR("</div>"));
}

void sp_client_card_way(struct sp_page *page, struct sp_str url)
{
    sp_page_raw(page, SP_STR("<a class=\"button other\" rel=\"noreferrer\" href=\""));
    sp_page_text(page, url);
    sp_page_raw(page, SP_STR("\">"));
    sp_page_words(page, SP_TEXT_STRANGER_LINK, place(url));
    sp_page_raw(page, SP_STR("</a>"));
}
