/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a presented secret with a client's registered ones, in constant time for each. */
#ifndef SP_AUTHORITY_CLIENT_SECRET_H
#define SP_AUTHORITY_CLIENT_SECRET_H

#include "authority/authority.h"
#include "core/jose/crypto.h"

enum sp_secret_match { SP_SECRET_DIFFERS, SP_SECRET_MATCHES, SP_SECRET_MATCHES_EXPIRED };

/* By what the process compares a secret that stands in its settings: under a key of its own (crypto.h). For the loop's
 * thread. */
void sp_client_secret_fingerprint(struct sp_str secret, unsigned char out[SP_FINGERPRINT_BYTES]);

/* argon2id costs tens of milliseconds by design: it is an errand, and a match is remembered in memory, by the
 * fingerprint of hash and secret. SP_WAITS; SP_DENIED: our failure, answered. */
SP_MUST_CHECK enum sp_step sp_client_secret_match(struct sp_call *call, const struct sp_client *client,
                                                  struct sp_str candidate, enum sp_secret_match *match);

#endif
