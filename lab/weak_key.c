/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/weak_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum sp_status sp_lab_weak_key(struct sp_key **key)
{
    EVP_PKEY *made = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL;
    enum sp_status status = SP_CRYPTO;
    if (made != NULL && bio != NULL && PEM_write_bio_PrivateKey(bio, made, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &at);
        status = len > 0 ? sp_key_import_pem(sp_str(at, (size_t)len), key) : SP_CRYPTO;
    }
    BIO_free(bio);
    EVP_PKEY_free(made);
    ERR_clear_error();
    return status;
}
