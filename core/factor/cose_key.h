/* SPDX-License-Identifier: Apache-2.0 */
/* A public key as authenticators write it (RFC 9052 7, RFC 9053 7, RFC 8230 4), turned into a JWK: there sizes, curves
 * and exponents are judged already. */
#ifndef SP_FACTOR_COSE_KEY_H
#define SP_FACTOR_COSE_KEY_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/jose/algorithm.h"

/* What registrations ask for, the preferred first (COSE algorithm numbers). */
struct sp_cose_algorithm {
    int64_t number;
    enum sp_algorithm algorithm;
    int64_t key_type, curve; /* curve 0: RSA */
};
extern const struct sp_cose_algorithm sp_cose_algorithms[];
extern const size_t sp_cose_algorithm_count;

/* The key at the start of *rest, which is moved behind it, as JWK text in the arena. SP_MALFORMED: no such structure, a
 * label twice; SP_UNSUPPORTED: an algorithm that is no row, or a key type or curve that is not its own. */
SP_MUST_CHECK enum sp_status sp_cose_key_to_jwk(struct sp_arena *arena, struct sp_str *rest,
                                                enum sp_algorithm *algorithm, struct sp_str *jwk);

#endif
