/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect Front-Channel Logout 1.0: the page behind a sign-out loads, in frames that nobody sees, the
 * frontchannel_logout_uri of each client that got tokens in the session, and goes on when they have loaded. */
#ifndef SP_AUTHORITY_FRONT_CHANNEL_LOGOUT_H
#define SP_AUTHORITY_FRONT_CHANNEL_LOGOUT_H

#include "authority/session.h"

bool sp_front_channel_logout_is_due(struct sp_call *call, const struct sp_session *session);
/* The page; next: where it goes on to, a URL that may be redirected to, or absent: it stays. */
void sp_front_channel_logout_page(struct sp_call *call, const struct sp_session *session, struct sp_str next);

#endif
