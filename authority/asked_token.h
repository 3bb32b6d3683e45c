/* SPDX-License-Identifier: Apache-2.0 */
/* What introspection (RFC 7662 2.1) and revocation (RFC 7009 2.1) are both asked: by a client, of one token. */
#ifndef SP_AUTHORITY_ASKED_TOKEN_H
#define SP_AUTHORITY_ASKED_TOKEN_H

#include "authority/access_token.h"
#include "authority/authority.h"

enum sp_asked_by { SP_ASKED_BY_ANY, SP_ASKED_BY_CONFIDENTIAL };

struct sp_asked_token {
    const struct sp_client *client; /* who asks; with SP_ASKED_BY_ANY it may be a public one */
    struct sp_str value;
    bool is_live;               /* an access token of ours; a refresh token is none */
    struct sp_live_token token; /* when it is live */
    struct sp_finding why;      /* when it is not */
};

/* SP_DENIED: the answer is written, and *asked is untouched. */
SP_MUST_CHECK enum sp_step sp_asked_token_take(struct sp_call *call, enum sp_asked_by by, struct sp_asked_token *asked);

#endif
