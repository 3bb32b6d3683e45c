/* SPDX-License-Identifier: Apache-2.0 */
/* libargon2, loaded when it is called first (probe/library.h). */
#include "probe/library.h"

#include <argon2.h>

static const enum sp_library library = SP_LIBRARY_ARGON2;

SP_LIBRARY_ROW(int, argon2id_hash_encoded,
               (uint32_t passes, uint32_t memory_kb, uint32_t lanes, const void *password, size_t password_len,
                const void *salt, size_t salt_len, size_t hash_len, char *encoded, size_t encoded_len),
               passes, memory_kb, lanes, password, password_len, salt, salt_len, hash_len, encoded, encoded_len)
SP_LIBRARY_ROW(int, argon2id_verify, (const char *encoded, const void *password, size_t password_len), encoded,
               password, password_len)
