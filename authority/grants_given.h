/* SPDX-License-Identifier: Apache-2.0 */
/* What a person let applications have: consents, and what the operator's applications hold that need none. */
#ifndef SP_AUTHORITY_GRANTS_GIVEN_H
#define SP_AUTHORITY_GRANTS_GIVEN_H

#include "authority/authority.h"

struct sp_grant_given {
    struct sp_str client_id;
    struct sp_str scopes; /* of the consent; "" without one */
    int64_t since;
};

/* Newest first; in the call's arena. */
SP_MUST_CHECK enum sp_status sp_grants_given_list(struct sp_call *call, struct sp_str subject,
                                                  struct sp_grant_given **grants, size_t *count);
/* The consent and every token that the client (absent: any client) holds of the person die, with the codes in flight.
 * The caller has begun a write. Consents are kept when the client is absent: a stolen password is no reason to ask for
 * them again. */
SP_MUST_CHECK enum sp_status sp_grants_given_revoke(struct sp_call *call, struct sp_str subject,
                                                    struct sp_str client_id);

#endif
