/* SPDX-License-Identifier: Apache-2.0 */
/* What a key is inside; for crypto.c and crypto_format.c only. */
#ifndef SP_JOSE_CRYPTO_KEY_H
#define SP_JOSE_CRYPTO_KEY_H

#include <openssl/evp.h>

#include "core/base/secret.h"
#include "core/jose/crypto.h"
#include "core/jose/crypto_ed25519.h"

/* RSA of 16384 bit, which imports refuse, would need 2048. */
#define SP_MAX_SIGNATURE_BYTES 2048

struct sp_key {
    enum sp_key_type type;
    enum sp_curve curve;
    bool is_private;
    EVP_PKEY *pkey;           /* NULL for oct */
    struct sp_secret *secret; /* oct */
    EVP_PKEY_CTX *verifier;   /* ready for verifier_algorithm; made on first use */
    enum sp_algorithm verifier_algorithm;
    EVP_PKEY_CTX *signer; /* likewise */
    enum sp_algorithm signer_algorithm;
    bool is_ed25519; /* verified without OpenSSL, by ed25519 */
    unsigned char ed25519[SP_ED25519_KEY_BYTES];
    EVP_MD_CTX *whole_verifier; /* EdDSA hashes the text itself; begun again for each, made on first use */
    EVP_MD_CTX *whole_signer;
    EVP_MAC_CTX *mac; /* of an oct key, for mac_hash; made on first use */
    enum sp_hash mac_hash;
};

/* sp_hmac under the key of *kept, which is made of `key` at its first use: what the key alone decides is hashed then.
 */
size_t sp_hmac_by_kept(EVP_MAC_CTX **kept, enum sp_hash hash, struct sp_str key, struct sp_str text,
                       unsigned char mac[64]);

#endif
