/* SPDX-License-Identifier: Apache-2.0 */
/* Request objects (RFC 9101): the authorization request as a JWT that the client signed, so that nobody on the way
 * through the browser can change it. Once verified its claims are the request, and what stands beside it in the URL is
 * not looked at. Encrypted ones and HMACs are not taken; request_uri is for pushed requests alone. */
#ifndef SP_AUTHORITY_REQUEST_OBJECT_H
#define SP_AUTHORITY_REQUEST_OBJECT_H

#include "authority/authority.h"
#include "core/jose/algorithm.h"

/* Puts the object's parameters in the place of call->parameters when there is a `request`; refuses its absence when the
 * client must sign. client: whose request it has to be. */
SP_MUST_CHECK enum sp_step sp_request_object_take(struct sp_call *call, const struct sp_client *client);

/* Claims as parameters: the JWT's own left out, lists of `resource` and `audience` one by one, objects as their JSON.
 * SP_MALFORMED: *fault says what cannot be a parameter (static). Pure. */
SP_MUST_CHECK enum sp_status sp_request_object_parameters(struct sp_arena *arena, const struct sp_json *claims,
                                                          struct sp_form *form, const char **fault);

/* What may sign one. */
uint32_t sp_request_object_algorithms(void);

#endif
