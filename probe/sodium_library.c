/* SPDX-License-Identifier: Apache-2.0 */
/* libsodium, loaded when it is called first (library.h): most tokens are not of Ed25519. */
#include "probe/library.h"

#include <sodium.h>

static const enum sp_library library = SP_LIBRARY_SODIUM;

SP_LIBRARY_ROW(int, sodium_init, (void))
SP_LIBRARY_ROW(int, crypto_shorthash_siphashx24,
               (unsigned char *out, const unsigned char *text, unsigned long long text_len, const unsigned char *key),
               out, text, text_len, key)
SP_LIBRARY_ROW(int, crypto_sign_verify_detached,
               (const unsigned char *signature, const unsigned char *text, unsigned long long text_len,
                const unsigned char *key),
               signature, text, text_len, key)
