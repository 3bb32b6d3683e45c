/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/crypto_ed25519.h"

#include <sodium.h>

_Static_assert(SP_ED25519_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "RFC 8032 5.1.5");
_Static_assert(SP_ED25519_SIGNATURE_BYTES == crypto_sign_BYTES, "RFC 8032 5.1.6");

bool sp_ed25519_adopt(const EVP_PKEY *pkey, unsigned char public_key[SP_ED25519_KEY_BYTES])
{
    size_t len = SP_ED25519_KEY_BYTES;
    /* sodium_init() may be called again and from any thread. */
    return EVP_default_properties_is_fips_enabled(NULL) == 0 && sodium_init() >= 0 &&
           EVP_PKEY_get_raw_public_key(pkey, public_key, &len) == 1 && len == SP_ED25519_KEY_BYTES;
}

bool sp_ed25519_verifies(const unsigned char public_key[SP_ED25519_KEY_BYTES], struct sp_str text,
                         struct sp_str signature)
{
    return signature.len == SP_ED25519_SIGNATURE_BYTES &&
           crypto_sign_verify_detached((const unsigned char *)signature.at, (const unsigned char *)text.at, text.len,
                                       public_key) == 0;
}
