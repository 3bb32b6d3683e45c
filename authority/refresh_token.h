/* SPDX-License-Identifier: Apache-2.0 */
/* A refresh token looked at, not used. */
#ifndef SP_AUTHORITY_REFRESH_TOKEN_H
#define SP_AUTHORITY_REFRESH_TOKEN_H

#include "authority/authority.h"

struct sp_live_refresh_token {
    struct sp_str scope;
    int64_t issued_at, expires_at;
};

/* SP_GOES_ON: the client could use it now, but for the key that it may be bound to. SP_DENIED: denied as a use of it
 * would be. */
SP_MUST_CHECK enum sp_step sp_refresh_token_look(struct sp_call *call, const struct sp_client *client,
                                                 struct sp_str value, struct sp_live_refresh_token *token);

#endif
