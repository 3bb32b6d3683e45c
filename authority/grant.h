/* SPDX-License-Identifier: Apache-2.0 */
/* The grants of the token endpoint: each a function that decides what its request earns. */
#ifndef SP_AUTHORITY_GRANT_H
#define SP_AUTHORITY_GRANT_H

#include "authority/authority.h"

#define GRANT(NAME, bit, text, function) enum sp_step function(struct sp_call *call, const struct sp_client *client);
#include "authority/grants.def"
#undef GRANT

struct sp_token_order;
/* Issues an access token alone and answers with it, in a write of its own where the token needs one. */
enum sp_step sp_grant_access_token(struct sp_call *call, const struct sp_token_order *order,
                                   struct sp_str issued_token_type);

#endif
