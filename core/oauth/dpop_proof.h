/* SPDX-License-Identifier: Apache-2.0 */
/* A DPoP proof (RFC 9449 4): a JWT that a client makes for one request with the key its token is bound to. Checked in
 * the order of RFC 9449 4.3; what fails first is named with both sides. Replay is the caller's to check, by proof_id.
 */
#ifndef SP_OAUTH_DPOP_PROOF_H
#define SP_OAUTH_DPOP_PROOF_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"
#include "core/jose/algorithm.h"

/* A proof is good for this long, and this far ahead of our clock, with a leeway to both sides that stays within the
 * last: replay caches must remember its id for the sum. */
#define SP_DPOP_MAX_AGE_S 120
#define SP_DPOP_MAX_AHEAD_S 30
#define SP_DPOP_MAX_LEEWAY_S 240

enum sp_dpop_fault {
    SP_DPOP_OK,
    SP_DPOP_FORM,      /* not one JWT of three segments, or a required member is missing */
    SP_DPOP_TYP,       /* typ is not dpop+jwt */
    SP_DPOP_ALGORITHM, /* none, symmetric, unknown */
    SP_DPOP_JWK,       /* no usable public key in the header */
    SP_DPOP_PRIVATE,   /* the jwk has private members */
    SP_DPOP_SIGNATURE,
    SP_DPOP_HTM,
    SP_DPOP_HTU,
    SP_DPOP_HTU_PROXY, /* differs by scheme, host or port only */
    SP_DPOP_IAT,
    SP_DPOP_NONCE,
    SP_DPOP_ATH,
    SP_DPOP_JKT,
};

struct sp_dpop_expectation {
    struct sp_str method, url;  /* of the request, as the client sees it */
    struct sp_str nonce;        /* none: nonces not in use */
    struct sp_str access_token; /* none: at a token endpoint, ath is not needed */
    const char *jkt;            /* 43 characters of the thumbprint that the token is bound to; NULL: any */
    int64_t now, leeway_s;
};

struct sp_dpop_result {
    enum sp_dpop_fault fault;
    struct sp_str part;               /* "htm", "signature" … */
    struct sp_str expected, received; /* evidence, in the arena */
    char jkt[43];                     /* thumbprint of the proof's key, once it could be read */
    enum sp_algorithm algorithm;      /* it was signed with, and the key's curve (SP_CURVE_NONE: RSA), then too */
    enum sp_curve curve;
    unsigned char proof_id[32]; /* SHA-256 over thumbprint, jti and URL, once the signature holds */
    struct sp_str jti;
};

/* What a proof may be signed with: a set of sp_algorithm_bit. */
uint32_t sp_dpop_algorithms(void);

/* SP_NO_MEMORY, *result untouched then; everything else is a fault in it. */
SP_MUST_CHECK enum sp_status sp_dpop_check(struct sp_arena *arena, struct sp_str proof,
                                           const struct sp_dpop_expectation *expectation,
                                           struct sp_dpop_result *result);

#endif
