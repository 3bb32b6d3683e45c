/* SPDX-License-Identifier: Apache-2.0 */
/* Whose account it is that an upstream signed in: by issuer and `sub`, never by an address or a name. */
#ifndef SP_AUTHORITY_UPSTREAM_ACCOUNT_H
#define SP_AUTHORITY_UPSTREAM_ACCOUNT_H

#include "authority/authority.h"
#include "authority/upstream.h"

/* What the upstream said; userinfo may be NULL. */
struct sp_upstream_identity {
    const struct sp_upstream_provider *upstream;
    struct sp_str subject;
    const struct sp_json *id_token, *userinfo;
};

/* Name of the identity's record: issuer, a space, sub. */
struct sp_str sp_upstream_identity_id(struct sp_arena *arena, const struct sp_upstream_identity *identity);

/* The account that the identity belongs to, its claims brought up to date; with NEWCOMER_CREATE a new one.
 * SP_NOT_FOUND: nobody's yet. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_upstream_account(struct sp_call *call, const struct sp_upstream_identity *identity,
                                                 struct sp_account *account);
/* From now on the identity (its id) signs this account in. SP_NOT_FOUND: it is another's already. */
SP_MUST_CHECK enum sp_status sp_upstream_link(struct sp_call *call, struct sp_str identity_id, struct sp_str subject);

#endif
