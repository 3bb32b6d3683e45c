/* SPDX-License-Identifier: Apache-2.0 */
/* A client proves itself by a JWT of its own (RFC 7523 2.2, 3; OIDC Core 9): private_key_jwt with a registered key,
 * client_secret_jwt with its secret. */
#ifndef SP_AUTHORITY_CLIENT_ASSERTION_H
#define SP_AUTHORITY_CLIENT_ASSERTION_H

#include "authority/signed_jwt.h"

#define SP_CLIENT_ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct sp_client_assertion {
    struct sp_signed_jwt jwt; /* a rumour until judged */
    struct sp_str subject;    /* likewise */
};

/* Takes the request's client_assertion apart. */
SP_MUST_CHECK enum sp_step sp_client_assertion_read(struct sp_call *call, struct sp_client_assertion *assertion);
/* Signature, issuer, audience, times, replay. */
SP_MUST_CHECK enum sp_step sp_client_assertion_judge(struct sp_call *call, const struct sp_client *client,
                                                     const struct sp_client_assertion *assertion);

#endif
