/* SPDX-License-Identifier: Apache-2.0 */
/* A JWT that somebody else signed for us: a client's assertion, its request object, an assertion of a trusted issuer.
 * Taking it apart and verifying it is the same for all of them; what its claims must say is each one's own affair. */
#ifndef SP_AUTHORITY_SIGNED_JWT_H
#define SP_AUTHORITY_SIGNED_JWT_H

#include "authority/authority.h"
#include "core/jose/algorithm.h"
#include "core/jose/jwk_set.h"

struct sp_signed_jwt {
    enum sp_algorithm algorithm; /* SP_ALGORITHM_UNKNOWN: none, or one that is no row of algorithms.def */
    struct sp_str algorithm_name, kid, type;
    struct sp_str signed_text, signature;
    const struct sp_json *claims; /* a rumour until verified */
};

/* SP_MALFORMED: *fault says what is wrong, to stand behind "…: " (static). Times among the claims, where
 * they are whole numbers, lie between 1970 and 9999: they can be added to. Borrows from text and arena. */
SP_MUST_CHECK enum sp_status sp_signed_jwt_read(struct sp_arena *arena, struct sp_str text, struct sp_signed_jwt *jwt,
                                                const char **fault);
/* The key of the set (NULL: of none) that fits kid and algorithm and verifies it; NULL: none of the first
 * SP_MAX_KEY_TRIES that fit does. A MAC is never verified by a public key. */
const struct sp_key *sp_signed_jwt_verifier(const struct sp_signed_jwt *jwt, const struct sp_jwk_set *keys);
static inline bool sp_signed_jwt_verifies(const struct sp_signed_jwt *jwt, const struct sp_jwk_set *keys)
{
    return sp_signed_jwt_verifier(jwt, keys) != NULL;
}
/* For the log, when none did: how many keys there are, and which are tried. */
struct sp_str sp_signed_jwt_keys_in_words(struct sp_arena *arena, const struct sp_jwk_set *keys);
/* A MAC, by one of the client's secrets that are known in plain. */
bool sp_signed_jwt_verifies_by_secret(const struct sp_signed_jwt *jwt, const struct sp_client *client, int64_t now);
/* A text claim; absent when it is none. */
struct sp_str sp_signed_jwt_text(const struct sp_signed_jwt *jwt, const char *claim);
/* Is `audience` the JWT's aud, or among it? */
bool sp_signed_jwt_is_for(const struct sp_signed_jwt *jwt, struct sp_str audience);
bool sp_claims_are_for(const struct sp_json *claims, struct sp_str audience);
/* For whom they are, in a sentence: the text of aud, or what stands there as it is written. */
struct sp_str sp_claims_audience_words(const struct sp_json *claims);

#endif
