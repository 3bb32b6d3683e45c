/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/crypto_seal.h"

#include <openssl/evp.h>
#include "core/jose/crypto.h"

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define MAX_SEALED_BYTES (1u << 20)

enum sp_status sp_seal(const unsigned char key[32], struct sp_str label, struct sp_str plain, struct sp_arena *arena,
                       struct sp_str *sealed)
{
    if (plain.len > MAX_SEALED_BYTES || label.len > MAX_SEALED_BYTES)
        return SP_TOO_LARGE;
    unsigned char *out = sp_arena_alloc(arena, NONCE_BYTES + plain.len + TAG_BYTES);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    enum sp_status status = out != NULL && context != NULL ? SP_OK : SP_NO_MEMORY;
    if (status == SP_OK)
        status = sp_random(out, NONCE_BYTES);
    if (status == SP_OK) {
        bool good =
            EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, out, NULL) == 1 &&
            EVP_EncryptUpdate(context, NULL, &len, (const unsigned char *)label.at, (int)label.len) == 1 &&
            EVP_EncryptUpdate(context, out + NONCE_BYTES, &len, (const unsigned char *)plain.at, (int)plain.len) == 1 &&
            EVP_EncryptFinal_ex(context, out + NONCE_BYTES + plain.len, &len) == 1 &&
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + NONCE_BYTES + plain.len) == 1;
        status = good ? SP_OK : SP_CRYPTO;
    }
    EVP_CIPHER_CTX_free(context);
    if (status == SP_OK)
        *sealed = sp_str((char *)out, NONCE_BYTES + plain.len + TAG_BYTES);
    return status;
}

enum sp_status sp_unseal(const unsigned char key[32], struct sp_str label, struct sp_str sealed, struct sp_arena *arena,
                         struct sp_str *plain)
{
    if (sealed.len < NONCE_BYTES + TAG_BYTES || sealed.len > MAX_SEALED_BYTES + NONCE_BYTES + TAG_BYTES ||
        label.len > MAX_SEALED_BYTES)
        return SP_NOT_FOUND;
    size_t text_len = sealed.len - NONCE_BYTES - TAG_BYTES;
    const unsigned char *at = (const unsigned char *)sealed.at;
    unsigned char *out = sp_arena_alloc(arena, text_len + 1);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    enum sp_status status = out != NULL && context != NULL ? SP_OK : SP_NO_MEMORY;
    if (status == SP_OK) {
        unsigned char tag[TAG_BYTES];
        memcpy(tag, at + NONCE_BYTES + text_len, TAG_BYTES);
        int len = 0;
        bool good = EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key, at, NULL) == 1 &&
                    EVP_DecryptUpdate(context, NULL, &len, (const unsigned char *)label.at, (int)label.len) == 1 &&
                    EVP_DecryptUpdate(context, out, &len, at + NONCE_BYTES, (int)text_len) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                    EVP_DecryptFinal_ex(context, out + text_len, &len) == 1;
        status = good ? SP_OK : SP_NOT_FOUND;
    }
    EVP_CIPHER_CTX_free(context);
    if (status == SP_OK)
        *plain = sp_str((char *)out, text_len);
    return status;
}
