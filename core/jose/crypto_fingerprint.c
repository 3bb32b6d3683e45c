/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>

#include "core/jose/crypto.h"

_Static_assert(SP_FINGERPRINT_KEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "SipHash's key");
_Static_assert(SP_FINGERPRINT_BYTES == crypto_shorthash_siphashx24_BYTES, "its longer form");

void sp_fingerprint(const unsigned char key[SP_FINGERPRINT_KEY_BYTES], struct sp_str bytes,
                    unsigned char out[SP_FINGERPRINT_BYTES])
{
    (void)crypto_shorthash_siphashx24(out, (const unsigned char *)bytes.at, bytes.len, key);
}
