/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/crypto_xaes.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include "core/base/secret.h"

#define BLOCK_BYTES 16
#define TAG_BYTES 16
#define DERIVING_BYTES 12u
#define MAX_BYTES (1u << 20)

struct sp_xaes {
    EVP_CIPHER_CTX *deriver; /* AES-256 of single blocks, under the key */
    EVP_CIPHER_CTX *sealer, *opener;
    unsigned char subkey[BLOCK_BYTES]; /* K1 of CMAC */
};

static EVP_CIPHER_CTX *make_context(const char *name, bool seals, const unsigned char *key)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *context = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
    if (context != NULL && EVP_CipherInit_ex2(context, cipher, key, NULL, seals ? 1 : 0, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        context = NULL;
    }
    EVP_CIPHER_free(cipher); /* the context holds its own reference */
    return context;
}

static bool encrypt_blocks(struct sp_xaes *xaes, const unsigned char *blocks, int count, unsigned char *out)
{
    int len = 0;
    return EVP_EncryptUpdate(xaes->deriver, out, &len, blocks, count * BLOCK_BYTES) == 1 && len == count * BLOCK_BYTES;
}

/* SP 800-38B 6.1: the zero block's cipher, doubled in GF(2^128). */
static bool make_subkey(struct sp_xaes *xaes)
{
    const unsigned char zeros[BLOCK_BYTES] = {0};
    unsigned char l[BLOCK_BYTES];
    bool good = encrypt_blocks(xaes, zeros, 1, l);
    for (size_t i = 0; good && i < BLOCK_BYTES; i++) {
        unsigned next = i + 1 < BLOCK_BYTES ? l[i + 1] : 0u;
        xaes->subkey[i] = (unsigned char)((unsigned)l[i] << 1 | next >> 7);
    }
    xaes->subkey[BLOCK_BYTES - 1] ^= (unsigned char)(0x87 & -(l[0] >> 7));
    sp_wipe(l, sizeof l);
    return good;
}

struct sp_xaes *sp_xaes_create(const unsigned char key[32])
{
    struct sp_xaes *xaes = calloc(1, sizeof *xaes);
    if (xaes == NULL)
        return NULL;
    xaes->deriver = make_context("AES-256-ECB", true, key);
    xaes->sealer = make_context("AES-256-GCM", true, NULL);
    xaes->opener = make_context("AES-256-GCM", false, NULL);
    if (xaes->deriver == NULL || xaes->sealer == NULL || xaes->opener == NULL || !make_subkey(xaes))
        sp_xaes_destroy(&xaes);
    return xaes;
}

void sp_xaes_destroy(struct sp_xaes **xaes)
{
    if (*xaes == NULL)
        return;
    EVP_CIPHER_CTX_free((*xaes)->deriver);
    EVP_CIPHER_CTX_free((*xaes)->sealer);
    EVP_CIPHER_CTX_free((*xaes)->opener);
    sp_wipe((*xaes)->subkey, sizeof(*xaes)->subkey);
    free(*xaes);
    *xaes = NULL;
}

/* The message's own key: two blocks of counter, 'X', 0 and the first half of the nonce, each through CMAC. */
static bool derive(struct sp_xaes *xaes, const unsigned char *nonce, unsigned char key[2 * BLOCK_BYTES])
{
    unsigned char blocks[2 * BLOCK_BYTES];
    for (unsigned i = 0; i < 2; i++) {
        unsigned char *block = blocks + (size_t)i * BLOCK_BYTES;
        const unsigned char head[] = {0, (unsigned char)(i + 1), 'X', 0};
        memcpy(block, head, sizeof head);
        memcpy(block + sizeof head, nonce, DERIVING_BYTES);
        for (size_t j = 0; j < BLOCK_BYTES; j++)
            block[j] ^= xaes->subkey[j];
    }
    return encrypt_blocks(xaes, blocks, 2, key);
}

static bool begin(struct sp_xaes *xaes, EVP_CIPHER_CTX *context, const unsigned char *nonce, struct sp_str label)
{
    unsigned char key[2 * BLOCK_BYTES];
    int len = 0;
    bool good = derive(xaes, nonce, key) &&
                EVP_CipherInit_ex2(context, NULL, key, nonce + DERIVING_BYTES, -1, NULL) == 1 &&
                EVP_CipherUpdate(context, NULL, &len, (const unsigned char *)label.at, (int)label.len) == 1;
    sp_wipe(key, sizeof key);
    return good;
}

enum sp_status sp_xaes_seal(struct sp_xaes *xaes, const unsigned char nonce[SP_XAES_NONCE_BYTES], struct sp_str label,
                            struct sp_str plain, unsigned char *out)
{
    if (plain.len > MAX_BYTES || label.len > MAX_BYTES)
        return SP_TOO_LARGE;
    EVP_CIPHER_CTX *context = xaes->sealer;
    unsigned char *text = out + SP_XAES_NONCE_BYTES;
    int len = 0;
    memcpy(out, nonce, SP_XAES_NONCE_BYTES);
    bool good = begin(xaes, context, nonce, label) &&
                EVP_EncryptUpdate(context, text, &len, (const unsigned char *)plain.at, (int)plain.len) == 1 &&
                EVP_EncryptFinal_ex(context, text + plain.len, &len) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + plain.len) == 1;
    return good ? SP_OK : SP_CRYPTO;
}

enum sp_status sp_xaes_open(struct sp_xaes *xaes, struct sp_str label, struct sp_str sealed, unsigned char *out)
{
    if (sealed.len < SP_XAES_BYTES || sealed.len > MAX_BYTES || label.len > MAX_BYTES)
        return SP_NOT_FOUND;
    EVP_CIPHER_CTX *context = xaes->opener;
    const unsigned char *at = (const unsigned char *)sealed.at, *text = at + SP_XAES_NONCE_BYTES;
    size_t text_len = sealed.len - SP_XAES_BYTES;
    unsigned char tag[TAG_BYTES];
    int len = 0;
    memcpy(tag, text + text_len, sizeof tag);
    bool good = begin(xaes, context, at, label) && EVP_DecryptUpdate(context, out, &len, text, (int)text_len) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                EVP_DecryptFinal_ex(context, out + text_len, &len) == 1;
    return good ? SP_OK : SP_NOT_FOUND;
}
