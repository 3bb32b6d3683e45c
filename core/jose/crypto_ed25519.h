/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies Ed25519 by libsodium: half the time of OpenSSL 3.0, whose field arithmetic there is of 25 bits a limb, and
 * stricter (RFC 8032 5.1.7 and 8.4): keys and points of small order, which make one signature hold for every text, and
 * points that are not written canonically are refused. Where OpenSSL is told to do approved cryptography alone (FIPS),
 * it verifies by itself. */
#ifndef SP_JOSE_CRYPTO_ED25519_H
#define SP_JOSE_CRYPTO_ED25519_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "core/base/str.h"

#define SP_ED25519_KEY_BYTES 32u
#define SP_ED25519_SIGNATURE_BYTES 64u

/* The key's 32 public bytes; false when OpenSSL has to verify. */
bool sp_ed25519_adopt(const EVP_PKEY *pkey, unsigned char public_key[SP_ED25519_KEY_BYTES]);

/* signature.len must be SP_ED25519_SIGNATURE_BYTES. */
bool sp_ed25519_verifies(const unsigned char public_key[SP_ED25519_KEY_BYTES], struct sp_str text,
                         struct sp_str signature);

#endif
