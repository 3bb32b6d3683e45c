/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made for a test, by OpenSSL itself. */
#ifndef SP_TESTS_CERTIFICATES_H
#define SP_TESTS_CERTIFICATES_H

#include <openssl/x509.h>
#include <stdint.h>

struct test_certificate {
    X509 *x509;
    EVP_PKEY *key;
    char *pem;
};

struct test_certificate_order {
    const struct test_certificate *issuer; /* NULL: signed by itself */
    const struct test_certificate *key_of; /* NULL: a key of its own */
    const char *subject;                   /* "O=Example/CN=reports", in the order of X.509 */
    const char *names;                     /* "DNS:a.example,URI:…"; NULL: none */
    int64_t from, to;                      /* 0: 2020 to 2030 */
    int is_authority;
};

/* Fails the test when it cannot. */
struct test_certificate test_certificate_make(const struct test_certificate_order *order);
#define CERTIFICATE(...) test_certificate_make(&(const struct test_certificate_order){__VA_ARGS__})
/* A revocation list of the issuer with this certificate on it, as PEM; the caller frees it. */
char *test_revocation_list(const struct test_certificate *issuer, const struct test_certificate *revoked);
void test_certificate_fini(struct test_certificate *certificate);

#endif
