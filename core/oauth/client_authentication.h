/* SPDX-License-Identifier: Apache-2.0 */
/* How a client says who it is at an issuer's endpoint, made: RFC 6749 2.3.1, RFC 7523 2.2 (with a shared secret or a
 * key of its own), RFC 8705 2. And the proof of a key's possession that goes along with a request (RFC 9449 4.2). Time
 * and random identifiers are arguments. The doctor and `sallyport token` speak through this; reading the same is
 * core/flow/client_credentials.c and dpop_proof.h. */
#ifndef SP_OAUTH_CLIENT_AUTHENTICATION_H
#define SP_OAUTH_CLIENT_AUTHENTICATION_H

#include "core/base/buffer.h"
#include "core/base/json.h"
#include "core/jose/crypto.h"

#define SP_MAX_CLIENT_FORM_BYTES ((size_t)128 * 1024)

struct sp_client_proof {
    struct sp_str method, client_id; /* method: as OpenID Connect names them, "client_secret_basic" */
    struct sp_str secret;
    bool secret_is_raw;       /* Basic without form-encoding, which many servers forget */
    const struct sp_key *key; /* of private_key_jwt */
    struct sp_str kid;        /* of it; absent: none is named */
    enum sp_algorithm algorithm;
    bool has_certificate;        /* one is shown in the TLS handshake */
    struct sp_str audience, jti; /* of an assertion */
    int64_t now;
};

/* Appends the form's first parameters; *authorization: the header's value (in the arena, a secret), absent when it
 * needs none. SP_UNSUPPORTED: the method cannot be done with what is there. The form is the caller's to wipe. */
SP_MUST_CHECK enum sp_status sp_client_prove(struct sp_arena *arena, const struct sp_client_proof *proof,
                                             struct sp_buffer *form, struct sp_str *authorization);
/* 32 random bytes as base64url: a state, a verifier, a jti. */
SP_MUST_CHECK enum sp_status sp_random_text(struct sp_arena *arena, struct sp_str *text);
/* Nothing when value is empty. */
void sp_client_add_parameter(struct sp_buffer *form, const char *name, struct sp_str value);

/* The algorithm that a key signs with: the first of `among` (a set) that fits it, in the order of the table; RSA as
 * RS256 and a curve's own where the set is empty. SP_ALGORITHM_UNKNOWN when none fits. */
enum sp_algorithm sp_key_signs_with(const struct sp_key *key, uint32_t among);
/* A set: what an issuer takes by its metadata (token_endpoint_auth_signing_alg_values_supported); 0: it does not say.
 */
uint32_t sp_client_algorithms(const struct sp_json *metadata);
/* The private key of a client: PEM, or a JWK, whose kid goes into *kid (in the arena; absent when it has none).
 * SP_MALFORMED: neither, or no private key of an asymmetric algorithm. */
SP_MUST_CHECK enum sp_status sp_client_key_read(struct sp_arena *arena, struct sp_str text, struct sp_key **key,
                                                struct sp_str *kid);

struct sp_dpop_request {
    struct sp_str method, url;         /* url: query and fragment are left out here */
    struct sp_str nonce, access_token; /* absent: none */
    struct sp_str jti;
    int64_t now;
};
/* SP_UNSUPPORTED: the key is no private key of an asymmetric algorithm. */
SP_MUST_CHECK enum sp_status sp_dpop_sign(struct sp_arena *arena, const struct sp_key *key,
                                          const struct sp_dpop_request *request, struct sp_str *proof);

#endif
