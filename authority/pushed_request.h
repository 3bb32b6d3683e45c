/* SPDX-License-Identifier: Apache-2.0 */
/* Pushed authorization requests (RFC 9126): the client hands its parameters over directly, authenticated, and the
 * browser carries a handle only. */
#ifndef SP_AUTHORITY_PUSHED_REQUEST_H
#define SP_AUTHORITY_PUSHED_REQUEST_H

#include "authority/authority.h"

#define SP_PUSHED_REQUEST_PREFIX "urn:ietf:params:oauth:request_uri:"

/* Puts the pushed parameters in the place of call->parameters when they name a request_uri. *was_pushed says whether.
 * The caller's refusals are pages: the request is not to be believed yet. */
SP_MUST_CHECK enum sp_step sp_pushed_request_take(struct sp_call *call, bool *was_pushed);
/* It is used up once the browser came with it. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_pushed_request_forget(struct sp_call *call, struct sp_str request_uri);

#endif
