/* SPDX-License-Identifier: Apache-2.0 */
/* What people are shown of an application beside its name (OIDC Registration 2; OAuth 2.1 7.9): its picture, links to
 * its home page, policy and terms, and of one that registered itself that nobody here knows it and where it leads.
 * The picture comes from the application's own server, the only one that the page's policy then allows; that server
 * learns no more than that somebody looks, for nothing is told it where from (RFC 9700 4.2.4). */
#ifndef SP_AUTHORITY_CLIENT_CARD_H
#define SP_AUTHORITY_CLIENT_CARD_H

#include "authority/page.h"

/* Above the text. */
void sp_client_card_logo(struct sp_page *page, const struct sp_client *client);
/* Below it. */
void sp_client_card_links(struct sp_page *page, const struct sp_client *client);
/* Of a stranger alone. */
void sp_client_card_warning(struct sp_page *page, const struct sp_client *client, struct sp_str redirect_uri);
/* A link to it, for the person to follow or not. */
void sp_client_card_way(struct sp_page *page, struct sp_str url);

#endif
