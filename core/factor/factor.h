/* SPDX-License-Identifier: Apache-2.0 */
/* What a person shows beside, or instead of, a password: one-time codes (RFC 6238) and passkeys (Web Authentication).
 *
 * Room rules. Pure judgement of bytes that a browser sent: the reader of CBOR (cbor.h), the structures made of it
 * (authenticator_data.h, cose_key.h), the JSON that the browser adds (client_data.h), and the two ceremonies that put
 * them together (passkey.h); time-based codes (totp.h, base32.h). Challenges, secrets and stored credentials are
 * arguments; who may sign in is the authority's affair. Every refusal says what was expected and what came.
 *
 * May include core/base and core/jose. Why CBOR is read here and not by libcbor: docs/decisions/0006-cbor.md. */
#ifndef SP_FACTOR_FACTOR_H
#define SP_FACTOR_FACTOR_H

/* Attestation objects are below 2 kB without a chain of certificates; ours ask for none. */
#define SP_MAX_ATTESTATION_BYTES (16u * 1024)
#define SP_MAX_CLIENT_DATA_BYTES (4u * 1024)
/* Web Authentication 4: credential ids have 1023 bytes at most. */
#define SP_MAX_CREDENTIAL_ID_BYTES 1023u

#endif
