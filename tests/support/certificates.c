/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_2020 1577836800
#define YEAR_2030 1893456000

static void set_subject(X509 *x509, const char *subject)
{
    X509_NAME *name = X509_NAME_new();
    char *copy = strdup(subject), *save = NULL;
    for (char *part = strtok_r(copy, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save)) {
        /* "+CN=…" belongs to the part before it. */
        int in_set = *part == '+';
        char *value = strchr(part, '=');
        assert_non_null(value);
        *value++ = '\0';
        assert_int_equal(X509_NAME_add_entry_by_txt(name, part + in_set, MBSTRING_UTF8, (const unsigned char *)value,
                                                    -1, -1, in_set ? -1 : 0),
                         1);
    }
    free(copy);
    X509_set_subject_name(x509, name);
    X509_NAME_free(name);
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

static char *text_of(BIO *bio)
{
    char *at = NULL, *text;
    long len = BIO_get_mem_data(bio, &at);
    text = calloc(1, (size_t)len + 1);
    memcpy(text, at, (size_t)len);
    BIO_free(bio);
    return text;
}

struct test_certificate test_certificate_make(const struct test_certificate_order *order)
{
    static long serial = 1;
    EVP_PKEY *key = order->key_of != NULL ? order->key_of->key : EVP_EC_gen("P-256");
    if (order->key_of != NULL)
        EVP_PKEY_up_ref(key);
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
    ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(order->from != 0 ? order->from : YEAR_2020));
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(order->to != 0 ? order->to : YEAR_2030));
    set_subject(x509, order->subject);
    X509_set_issuer_name(x509, X509_get_subject_name(order->issuer != NULL ? order->issuer->x509 : x509));
    X509_set_pubkey(x509, key);
    add_extension(x509, NID_basic_constraints, order->is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (order->names != NULL)
        add_extension(x509, NID_subject_alt_name, order->names);
    assert_true(X509_sign(x509, order->issuer != NULL ? order->issuer->key : key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x509);
    return (struct test_certificate){x509, key, text_of(bio)};
}

char *test_revocation_list(const struct test_certificate *issuer, const struct test_certificate *revoked)
{
    X509_CRL *list = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, YEAR_2020), *to = ASN1_TIME_set(NULL, YEAR_2030);
    X509_CRL_set_version(list, 1);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->x509));
    X509_CRL_set1_lastUpdate(list, from);
    X509_CRL_set1_nextUpdate(list, to);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->x509));
    X509_REVOKED_set_revocationDate(entry, from);
    X509_CRL_add0_revoked(list, entry);
    assert_true(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_CRL(bio, list);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_CRL_free(list);
    return text_of(bio);
}

void test_certificate_fini(struct test_certificate *certificate)
{
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    free(certificate->pem);
}
