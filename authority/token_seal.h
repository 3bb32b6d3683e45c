/* SPDX-License-Identifier: Apache-2.0 */
/* Opaque access tokens that rest nowhere. What a client gets for itself belongs to no account and to no family: nobody
 * but the client ends it early, and then a mark of its jti says so, as of a JWT. So it has no ticket: the value is what
 * the token says, sealed, and every node that has the store and its master key can open it.
 *
 *   value   "spat_" ‖ base64url( version, 1 byte ‖ XAES-256-GCM of the claims without `{"iss":…,` )
 *           authenticated with it: version ‖ `{"iss":…,`, so that it opens for its issuer alone
 *   key     HMAC(master key, "sealed access tokens " ‖ salt); the salt, random, is a record of the store
 *
 * Whoever has this key makes tokens, as with a signing key. So the master key alone does not give it, the store alone
 * does not either, and when both have leaked, `keys rotate --leaked` writes another salt: what was sealed before is
 * dead then. Why this cipher: core/jose/crypto_xaes.h. */
#ifndef SP_AUTHORITY_TOKEN_SEAL_H
#define SP_AUTHORITY_TOKEN_SEAL_H

#include "authority/authority.h"
#include "core/jose/crypto_xaes.h"

/* Prefixes let secret scanners recognise what leaked. */
#define SP_OPAQUE_TOKEN_PREFIX "spat_"

/* The store's, or NULL while it has no salt. Holds nothing (see token_lifetime.h). */
SP_MUST_CHECK enum sp_status sp_token_seal_find(struct sp_store *store, const unsigned char master_key[32],
                                                struct sp_arena *arena, struct sp_xaes **seal);
/* Another one, of a fresh salt. Within a write that holds the keys (list_keys). */
SP_MUST_CHECK enum sp_status sp_token_seal_renew(struct sp_store *store, const unsigned char master_key[32],
                                                 struct sp_arena *arena, int64_t now, struct sp_xaes **seal);

/* claims: an object whose first member is our `iss`, and that has others. SP_TOO_LARGE; SP_NO_MEMORY; SP_CRYPTO. */
SP_MUST_CHECK enum sp_status sp_token_seal(struct sp_call *call, struct sp_str claims, struct sp_str *value);
/* The claims as they were. SP_NOT_FOUND: none of ours, such as a ticket's value, or of another issuer or salt. */
SP_MUST_CHECK enum sp_status sp_token_unseal(struct sp_call *call, struct sp_str value, struct sp_str *claims);

#endif
