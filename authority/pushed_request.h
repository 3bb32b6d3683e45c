/* SPDX-License-Identifier: Apache-2.0 */
/* Pushed authorization requests (RFC 9126): the client hands its parameters over directly, authenticated, and the
 * browser carries a handle only. */
#ifndef SP_AUTHORITY_PUSHED_REQUEST_H
#define SP_AUTHORITY_PUSHED_REQUEST_H

#include "authority/authority.h"

#define SP_PUSHED_REQUEST_PREFIX "urn:ietf:params:oauth:request_uri:"

/* Puts the pushed parameters in the place of call->parameters when they name a request_uri, and keeps it among them.
 * *was_pushed says whether.
 * The caller's refusals are pages: the request is not to be believed yet. */
SP_MUST_CHECK enum sp_step sp_pushed_request_take(struct sp_call *call, bool *was_pushed);
/* Uses it up: when a code is issued, and not when the page is loaded (FAPI 2.0 5.3.2.2), which people do twice. Refuses
 * when it was. Nothing is done for a request that was not pushed. The caller has begun a write. */
SP_MUST_CHECK enum sp_step sp_pushed_request_spend(struct sp_call *call);

#endif
