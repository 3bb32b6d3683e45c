/* SPDX-License-Identifier: Apache-2.0 */
/* The public keys of a client, wherever they are registered: its jwks or public_key, or behind its jwks_uri. Everything
 * that verifies a client's signature or encrypts to a client asks here. */
#ifndef SP_AUTHORITY_CLIENT_KEYS_H
#define SP_AUTHORITY_CLIENT_KEYS_H

#include "authority/authority.h"
#include "core/jose/jwk_set.h"

/* kid: of the signature to verify, so that a new key is looked for; absent: what is known will do. *keys NULL: the
 * client has none. What is not SP_GOES_ON is to be handed up; not within a write. */
SP_MUST_CHECK enum sp_step sp_client_keys_for(struct sp_call *call, const struct sp_client *client, struct sp_str kid,
                                              const struct sp_jwk_set **keys);
static inline bool sp_client_has_keys(const struct sp_client *client)
{
    return client->keys != NULL || client->jwks_uri.len > 0;
}

#endif
