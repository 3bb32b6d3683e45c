/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect Back-Channel Logout 1.0: when a session ends here, each client that got tokens in it and has a
 * backchannel_logout_uri is told by a logout token, as an outgoing message (outgoing.def). */
#ifndef SP_AUTHORITY_BACK_CHANNEL_LOGOUT_H
#define SP_AUTHORITY_BACK_CHANNEL_LOGOUT_H

#include "authority/session.h"

/* A message to every client of the session. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_back_channel_logout_put(struct sp_call *call, const struct sp_session *session);

#endif
