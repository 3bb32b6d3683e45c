/* SPDX-License-Identifier: Apache-2.0 */
/* Who is the client? From exactly one kind of proof in the request (RFC 6749 2.3): every endpoint that clients call
 * directly asks here. */
#ifndef SP_AUTHORITY_CLIENT_AUTHENTICATION_H
#define SP_AUTHORITY_CLIENT_AUTHENTICATION_H

#include "authority/authority.h"

/* SP_DENIED: the answer is written. A public client is identified, not authenticated: *client has method none. */
SP_MUST_CHECK enum sp_step sp_client_authenticate(struct sp_call *call, const struct sp_client **client);

#endif
