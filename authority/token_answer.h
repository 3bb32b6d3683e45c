/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of the token endpoint (RFC 6749 5.1), and the signatures in it. */
#ifndef SP_AUTHORITY_TOKEN_ANSWER_H
#define SP_AUTHORITY_TOKEN_ANSWER_H

#include "authority/call.h"

struct sp_id_token_draft;

struct sp_token_answer {
    struct sp_str access_token;         /* opaque; absent: a JWT with */
    struct sp_str access_claims;        /* these, to be signed */
    struct sp_str refresh_token;        /* absent: none */
    struct sp_id_token_draft *id_token; /* NULL: none */
    int64_t expires_in_s;
    struct sp_str scope;
    bool bound_to_key;               /* token_type DPoP */
    struct sp_str issued_token_type; /* RFC 8693 2.2.1 */
};

/* Answers with it: at once, or where a signature by a curve is needed when the turn ends (call.h). SP_DENIED: our
 * failure, answered. */
SP_MUST_CHECK enum sp_step sp_token_answer_write(struct sp_call *call, const struct sp_token_answer *answer);

#endif
