/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, HMAC and random bytes. OpenSSL's one-shot calls look their algorithm up by name each time, which costs half a
 * hash of a token; a context for each algorithm is kept per thread instead, and starting it again looks nothing up. */
#include "core/jose/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "core/jose/crypto_key.h"

static const struct {
    const char *name;
    size_t bytes;
} hashes[] = {
    [SP_HASH_NONE] = {NULL, 0},        [SP_HASH_SHA256] = {"SHA256", 32}, [SP_HASH_SHA384] = {"SHA384", 48},
    [SP_HASH_SHA512] = {"SHA512", 64}, [SP_HASH_SHA1] = {"SHA1", 20},
};
#define HASH_COUNT (sizeof hashes / sizeof hashes[0])

/* For the life of the thread: a worker's is the process's. */
static _Thread_local EVP_MD_CTX *digesters[HASH_COUNT];
static _Thread_local EVP_MAC_CTX *macs[HASH_COUNT];

size_t sp_hash_size(enum sp_hash hash)
{
    return hashes[hash].bytes;
}

static EVP_MD_CTX *make_digester(enum sp_hash hash)
{
    EVP_MD *md = EVP_MD_fetch(NULL, hashes[hash].name, NULL);
    EVP_MD_CTX *ctx = md != NULL ? EVP_MD_CTX_new() : NULL;
    if (ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MD_free(md); /* the context holds its own reference */
    digesters[hash] = ctx;
    return ctx;
}

/* A hash fails only for want of memory, at its first use in a thread; what would be compared with the garbage of a
 * failed one is a secret or a token. */
static void digest(enum sp_hash hash, struct sp_str bytes, unsigned char *out)
{
    EVP_MD_CTX *ctx = digesters[hash] != NULL ? digesters[hash] : make_digester(hash);
    if (ctx == NULL || EVP_DigestInit_ex2(ctx, NULL, NULL) != 1 || EVP_DigestUpdate(ctx, bytes.at, bytes.len) != 1 ||
        EVP_DigestFinal_ex(ctx, out, NULL) != 1)
        abort();
}

size_t sp_hash_bytes(enum sp_hash hash, struct sp_str bytes, unsigned char out[64])
{
    if (hash != SP_HASH_NONE)
        digest(hash, bytes, out);
    return hashes[hash].bytes;
}

void sp_sha256(struct sp_str bytes, unsigned char out[32])
{
    digest(SP_HASH_SHA256, bytes, out);
}

static EVP_MAC_CTX *make_mac(enum sp_hash hash)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)hashes[hash].name, 0),
        OSSL_PARAM_construct_end()};
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac);
    macs[hash] = ctx;
    return ctx;
}

/* A copy without a key; NULL without memory. */
static EVP_MAC_CTX *new_mac(enum sp_hash hash)
{
    EVP_MAC_CTX *blank = hash == SP_HASH_NONE || macs[hash] != NULL ? macs[hash] : make_mac(hash);
    return blank != NULL ? EVP_MAC_CTX_dup(blank) : NULL;
}

/* Under the key that ctx has already when key.at is NULL. */
static size_t mac_of(EVP_MAC_CTX *ctx, enum sp_hash hash, struct sp_str key, struct sp_str text, unsigned char out[64])
{
    size_t len = 0;
    bool done = ctx != NULL && EVP_MAC_init(ctx, (const unsigned char *)key.at, key.len, NULL) == 1 &&
                EVP_MAC_update(ctx, (const unsigned char *)text.at, text.len) == 1 &&
                EVP_MAC_final(ctx, out, &len, hashes[hash].bytes) == 1;
    return done ? len : 0;
}

/* On a copy, so that the key is wiped with it and not kept until the next call. */
size_t sp_hmac(enum sp_hash hash, struct sp_str key, struct sp_str text, unsigned char out[64])
{
    EVP_MAC_CTX *ctx = new_mac(hash);
    size_t len = mac_of(ctx, hash, key.len > 0 ? key : SP_STR(""), text, out);
    EVP_MAC_CTX_free(ctx);
    return len;
}

size_t sp_hmac_by_kept(EVP_MAC_CTX **kept, enum sp_hash hash, struct sp_str key, struct sp_str text,
                       unsigned char out[64])
{
    if (*kept != NULL)
        return mac_of(*kept, hash, SP_STR_NONE, text, out);
    *kept = new_mac(hash);
    size_t len = mac_of(*kept, hash, key.len > 0 ? key : SP_STR(""), text, out);
    if (len == 0) { /* it may be without its key */
        EVP_MAC_CTX_free(*kept);
        *kept = NULL;
    }
    return len;
}

void sp_hash_thread_end(void)
{
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        EVP_MD_CTX_free(digesters[i]);
        EVP_MAC_CTX_free(macs[i]);
        digesters[i] = NULL;
        macs[i] = NULL;
    }
}

enum sp_status sp_random(void *out, size_t bytes)
{
    return bytes <= INT32_MAX && RAND_bytes(out, (int)bytes) == 1 ? SP_OK : SP_CRYPTO;
}
