/* SPDX-License-Identifier: Apache-2.0 */
/* JWS in compact form (RFC 7515 3.1): making one. Reading is core/diagnosis/form.c's job, which says what is wrong with
 * it. */
#ifndef SP_JOSE_JWS_H
#define SP_JOSE_JWS_H

#include "core/jose/jwk_set.h"

/* header and payload: their JSON (any bytes for the payload). */
SP_MUST_CHECK enum sp_status sp_jws_sign(struct sp_arena *arena, const struct sp_key *key, enum sp_algorithm algorithm,
                                         struct sp_str header, struct sp_str payload, struct sp_str *compact);

#endif
