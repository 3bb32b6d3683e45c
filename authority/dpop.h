/* SPDX-License-Identifier: Apache-2.0 */
/* DPoP at the authority's own endpoints (RFC 9449 5, 7, 8): the proof of a request, its replay and its nonce. */
#ifndef SP_AUTHORITY_DPOP_H
#define SP_AUTHORITY_DPOP_H

#include "authority/authority.h"

/* The thumbprint of the key that the request proves to hold, into call->jkt; absent when it has no proof. access_token:
 * absent at the token endpoint; jkt: that the proof's key must have, absent: any. A proof is remembered so that it is
 * not taken twice. */
SP_MUST_CHECK enum sp_step sp_dpop_take(struct sp_call *call, const char *path, struct sp_str access_token,
                                        struct sp_str jkt);

#endif
