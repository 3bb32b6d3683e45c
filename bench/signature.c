/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of `bench/instructions`: COUNT digests of 32 bytes signed by one prepared key of OpenSSL, and nothing else.
 *
 * Usage: bench-signature KEY.pem COUNT */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    FILE *file = argc == 3 ? fopen(argv[1], "r") : NULL;
    EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
        return 1;
    unsigned char digest[32] = {0}, signature[512];
    for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
        size_t len = sizeof signature;
        memcpy(digest, &i, sizeof i);
        if (EVP_PKEY_sign(ctx, signature, &len, digest, sizeof digest) != 1)
            return 1;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    fclose(file);
    return 0;
}
