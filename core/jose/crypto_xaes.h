/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes sealed under one key as often as one likes. AES-256-GCM alone bears 2^32 random nonces a key: at a thousand a
 * second that is seven weeks. XAES-256-GCM (c2sp.org/XAES-256-GCM) makes a key for each message out of the first half
 * of a nonce of 24 bytes, two AES blocks by CMAC (NIST SP 800-108r1), and seals under it with the other half: 2^80
 * messages, whoever makes them on however many nodes, and nothing to count, to slot by time or to agree on. Chosen over
 * XChaCha20-Poly1305, which says the same, since it is of approved parts alone where OpenSSL is told to use no other.
 *
 *   sealed   nonce, 24 random bytes | ciphertext | tag, 16 bytes */
#ifndef SP_JOSE_CRYPTO_XAES_H
#define SP_JOSE_CRYPTO_XAES_H

#include "core/base/status.h"
#include "core/base/str.h"

#define SP_XAES_NONCE_BYTES 24u
/* That sealed bytes are longer than plain ones. */
#define SP_XAES_BYTES (SP_XAES_NONCE_BYTES + 16u)

/* A key with its ciphers ready; for one thread. */
struct sp_xaes;

/* NULL without memory. */
struct sp_xaes *sp_xaes_create(const unsigned char key[32]);
/* Wipes it. */
void sp_xaes_destroy(struct sp_xaes **xaes);

/* nonce: random, never one again. label: authenticated with it, so that one sealed thing cannot be put in another's
 * place. out has room for plain.len + SP_XAES_BYTES and may not overlap it. SP_TOO_LARGE; SP_CRYPTO. */
SP_MUST_CHECK enum sp_status sp_xaes_seal(struct sp_xaes *xaes, const unsigned char nonce[SP_XAES_NONCE_BYTES],
                                          struct sp_str label, struct sp_str plain, unsigned char *out);
/* out has room for sealed.len - SP_XAES_BYTES, and holds rubbish where it fails. SP_NOT_FOUND: too short, another key,
 * another label, or altered. */
SP_MUST_CHECK enum sp_status sp_xaes_open(struct sp_xaes *xaes, struct sp_str label, struct sp_str sealed,
                                          unsigned char *out);

#endif
