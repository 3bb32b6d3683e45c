/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON Web Key (RFC 7517 4, RFC 7518 6, RFC 8037 2): imported once, kept ready. What keeps a member from being
 * imported is a fault with its evidence, so that key sets can say which member is bad and go on with the others. */
#ifndef SP_JOSE_JWK_H
#define SP_JOSE_JWK_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/jose/crypto.h"

enum sp_jwk_fault {
    SP_JWK_OK,
    SP_JWK_MALFORMED,        /* not an object, a member missing, not base64url, a point off the curve */
    SP_JWK_UNSUPPORTED_TYPE, /* kty or crv that we do not do: to be ignored (RFC 7517 5) */
    SP_JWK_WEAK, /* RSA below 2048 or beyond 8192 bit, bad exponent, a point off its curve; whether a secret is long
                  * enough depends on the algorithm that it is used with */
    SP_JWK_PLACEHOLDER, /* the modulus is text */
};

struct sp_jwk {
    struct sp_key *key;
    struct sp_str kid;            /* absent: none */
    enum sp_algorithm algorithm;  /* its alg; UNKNOWN: none, or not one of ours */
    struct sp_str algorithm_text; /* as written */
    struct sp_str use;            /* as written, absent: any */
    unsigned char thumbprint[32]; /* RFC 7638, SHA-256 */
    /* SHA-256 of the certificate that it names (x5c, else x5t#S256): a registration of that certificate (RFC
     * 8705 2.2), not looked at otherwise. */
    unsigned char certificate_sha256[32];
    bool has_certificate;
    bool may_verify;  /* use is absent or "sig", and key_ops absent or has "verify" */
    bool has_private; /* private members stand in it */
    uint32_t index;   /* in its set */
};

/* Fills *jwk (its texts in the arena, its key on the heap: sp_jwk_fini) or *evidence with what is wrong, in the arena.
 * Failure (SP_NO_MEMORY) is told by *fault staying SP_JWK_OK and jwk->key NULL. */
enum sp_jwk_fault sp_jwk_parse(struct sp_arena *arena, const struct sp_json *json, struct sp_jwk *jwk,
                               struct sp_str *evidence);
void sp_jwk_fini(struct sp_jwk *jwk);

/* RFC 7638, SHA-256, of a key that did not come as JSON. */
SP_MUST_CHECK enum sp_status sp_jwk_thumbprint(const struct sp_key *key, unsigned char thumbprint[32]);
/* The key as a JWK object; kid, use, alg are left out when absent. */
SP_MUST_CHECK enum sp_status sp_jwk_write(struct sp_json_writer *writer, const struct sp_key *key, struct sp_str kid,
                                          struct sp_str use, struct sp_str alg, bool with_private);
/* May the key verify what is signed with this algorithm: type, curve, alg and use. */
bool sp_jwk_fits(const struct sp_jwk *jwk, enum sp_algorithm algorithm);

#endif
