/* SPDX-License-Identifier: Apache-2.0 */
/* The grants of the token endpoint: each a function that decides what its request earns. */
#ifndef SP_AUTHORITY_GRANT_H
#define SP_AUTHORITY_GRANT_H

#include "authority/authority.h"

#define GRANT(NAME, bit, text, function) enum sp_step function(struct sp_call *call, const struct sp_client *client);
#include "authority/grants.def"
#undef GRANT

/* What the answer of the token endpoint carries beside the access token. */
struct sp_token_answer {
    struct sp_str access_token, refresh_token, id_token; /* absent ones are left out */
    int64_t expires_in_s;
    struct sp_str scope;
    bool bound_to_key;               /* token_type DPoP */
    struct sp_str issued_token_type; /* RFC 8693 2.2.1 */
};

struct sp_token_order;
/* Issues an access token alone and answers with it, in a write of its own where the token needs one. */
enum sp_step sp_grant_access_token(struct sp_call *call, const struct sp_token_order *order,
                                   struct sp_str issued_token_type);
/* Writes RFC 6749 5.1's answer. */
enum sp_step sp_token_answer_write(struct sp_call *call, const struct sp_token_answer *answer);

#endif
