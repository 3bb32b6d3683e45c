/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens that the lab's issuer gives. */
#ifndef SP_LAB_TOKEN_H
#define SP_LAB_TOKEN_H

#include "lab/world.h"

struct sp_lab_order {
    struct sp_str subject, scope, audience, nonce; /* nonce: absent, none was sent */
};

/* With what the fault does to it. */
SP_MUST_CHECK enum sp_status sp_lab_access_token(struct sp_lab_call *call, const struct sp_lab_order *order,
                                                 struct sp_str *token);
/* access_token: what at_hash is of; absent: none. */
SP_MUST_CHECK enum sp_status sp_lab_id_token(struct sp_lab_call *call, const struct sp_lab_order *order,
                                             struct sp_str access_token, struct sp_str *token);
/* Any claims, signed; for userinfo as a JWT. */
SP_MUST_CHECK enum sp_status sp_lab_signed(struct sp_lab_call *call, struct sp_str claims, struct sp_str *token);

#endif
