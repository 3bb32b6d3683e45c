/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that rest on a disk under a key (signing keys of the authority): AES-256-GCM, a random nonce in front, the tag
 * behind, a label authenticated with them so that one sealed thing cannot be put in another's place. */
#ifndef SP_JOSE_CRYPTO_SEAL_H
#define SP_JOSE_CRYPTO_SEAL_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"

SP_MUST_CHECK enum sp_status sp_seal(const unsigned char key[32], struct sp_str label, struct sp_str plain,
                                     struct sp_arena *arena, struct sp_str *sealed);
/* SP_NOT_FOUND: another key, another label, or altered. The caller wipes plain. */
SP_MUST_CHECK enum sp_status sp_unseal(const unsigned char key[32], struct sp_str label, struct sp_str sealed,
                                       struct sp_arena *arena, struct sp_str *plain);

#endif
