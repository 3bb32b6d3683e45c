/* SPDX-License-Identifier: Apache-2.0 */
/* DPoP at the authority's own endpoints (RFC 9449 5, 7, 8): the proof of a request, its replay and its nonce. */
#ifndef SP_AUTHORITY_DPOP_H
#define SP_AUTHORITY_DPOP_H

#include "authority/authority.h"

struct sp_dpop_terms {
    const char *path;                /* of the endpoint, below the issuer */
    const struct sp_client *client;  /* whose profile may want strong algorithms; NULL: not known any more */
    struct sp_str access_token, jkt; /* absent where tokens are asked for; the thumbprint that the key must have */
};

/* Where a nonce is wanted (tokens.dpop_nonce) and the proof has none of ours: SP_DENIED, with one. To be asked before
 * the client is authenticated: clients send the same request again with a new proof, some with the same assertion, and
 * its jti must not have been spent on the first. Nothing else of the proof is judged. */
SP_MUST_CHECK enum sp_step sp_dpop_ask_nonce(struct sp_call *call);
/* The thumbprint of the key that the request proves to hold, into call->jkt; absent when it has no proof. A proof is
 * remembered so that it is not taken twice. */
SP_MUST_CHECK enum sp_step sp_dpop_take(struct sp_call *call, const struct sp_dpop_terms *terms);

#endif
