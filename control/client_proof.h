/* SPDX-License-Identifier: Apache-2.0 */
/* How the gateway, as a client, authenticates to an issuer's endpoint: RFC 6749 2.3.1 and RFC 7523 2.2. */
#ifndef SP_CONTROL_CLIENT_PROOF_H
#define SP_CONTROL_CLIENT_PROOF_H

#include "control/introspection.h"
#include "core/jose/crypto.h"

struct sp_client_identity {
    enum sp_introspection_method method;
    struct sp_str client_id, client_secret, audience;
    const struct sp_key *key; /* for private_key_jwt */
};

/* Appends what belongs into the form, and makes what belongs into the Authorization header (absent when nothing does).
 * The caller wipes both. */
SP_MUST_CHECK enum sp_status sp_client_proof_make(const struct sp_client_identity *identity, struct sp_arena *arena,
                                                  int64_t now, struct sp_buffer *form, struct sp_str *authorization);

/* PEM or JWK. SP_MALFORMED, SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_client_key_read(struct sp_str text, struct sp_key **key);

#endif
