/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <time.h>

#define MAX_NAME_BYTES 200
#define MAX_NAMES 64

/* ---- bytes to certificates ---- */
static STACK_OF(X509) * read_pem(struct sp_str bytes)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *input = BIO_new_mem_buf(bytes.at, (int)bytes.len);
    X509 *certificate;
    while (chain != NULL && input != NULL && sk_X509_num(chain) < SP_MAX_CERTIFICATES &&
           (certificate = PEM_read_bio_X509(input, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(chain, certificate) == 0) {
            X509_free(certificate);
            break;
        }
    }
    BIO_free(input);
    return chain;
}

static void read_der(struct sp_str bytes, STACK_OF(X509) * chain)
{
    const unsigned char *at = (const unsigned char *)bytes.at, *end = at + bytes.len;
    while (at < end && sk_X509_num(chain) < SP_MAX_CERTIFICATES) {
        X509 *certificate = d2i_X509(NULL, &at, end - at);
        if (certificate == NULL) {
            return;
        }
        if (sk_X509_push(chain, certificate) == 0) {
            X509_free(certificate);
            return;
        }
    }
}

static void read_pkcs7(struct sp_str bytes, STACK_OF(X509) * chain)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    PKCS7 *message = d2i_PKCS7(NULL, &at, (long)bytes.len);
    STACK_OF(X509) *inside =
        message != NULL && PKCS7_type_is_signed(message) && message->d.sign != NULL ? message->d.sign->cert : NULL;
    for (int i = 0; inside != NULL && i < sk_X509_num(inside) && i < SP_MAX_CERTIFICATES; i++) {
        X509 *certificate = sk_X509_value(inside, i);
        if (X509_up_ref(certificate) == 1 && sk_X509_push(chain, certificate) == 0) {
            X509_free(certificate);
        }
    }
    PKCS7_free(message);
}

STACK_OF(X509) * sp_chain_read(struct sp_str bytes)
{
    if (bytes.len == 0 || bytes.len > INT32_MAX) {
        return NULL;
    }
    STACK_OF(X509) *chain = read_pem(bytes);
    if (chain != NULL && sk_X509_num(chain) == 0) {
        read_der(bytes, chain);
    }
    if (chain != NULL && sk_X509_num(chain) == 0) {
        read_pkcs7(bytes, chain);
    }
    ERR_clear_error();
    if (chain != NULL && sk_X509_num(chain) == 0) {
        sk_X509_free(chain);
        chain = NULL;
    }
    return chain;
}

/* ---- what stands in one ---- */
static int64_t epoch(const ASN1_TIME *at)
{
    struct tm tm;
    return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

struct sp_str sp_certificate_text(struct sp_arena *arena, const char *bytes, size_t len)
{
    struct sp_str copy;
    if (sp_arena_copy(arena, sp_str(bytes, len < MAX_NAME_BYTES ? len : MAX_NAME_BYTES), &copy) != SP_OK) {
        return SP_STR_NONE;
    }
    bool is_text = sp_str_is_utf8(copy);
    for (size_t i = 0; i < copy.len; i++) {
        char *at = (char *)(uintptr_t)&copy.at[i]; /* our own copy */
        if ((unsigned char)*at < 0x20 || *at == 0x7f || (!is_text && (unsigned char)*at >= 0x80)) {
            *at = '?';
        }
    }
    return copy;
}

struct sp_str sp_certificate_name(struct sp_arena *arena, const X509_NAME *name)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    struct sp_str text = SP_STR_NONE;
    const unsigned long flags = XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN | ASN1_STRFLGS_UTF8_CONVERT |
                                ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_DUMP_UNKNOWN;
    if (out != NULL && X509_NAME_print_ex(out, name, 0, flags) >= 0) {
        long len = BIO_get_mem_data(out, &bytes);
        text = len > 0 ? sp_certificate_text(arena, bytes, (size_t)len) : SP_STR("(no name)");
    }
    BIO_free(out);
    return text;
}

static struct sp_str alternative_name(struct sp_arena *arena, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    if (name->type == GEN_DNS) {
        return sp_certificate_text(arena, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                                   (size_t)ASN1_STRING_length(name->d.dNSName));
    }
    if (name->type != GEN_IPADD) {
        return SP_STR_NONE;
    }
    int len = ASN1_STRING_length(name->d.iPAddress);
    const unsigned char *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
    bool known = (len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) != NULL;
    return known ? sp_arena_printf(arena, "%s", text) : SP_STR_NONE;
}

enum sp_status sp_certificate_describe(struct sp_arena *arena, X509 *certificate, struct sp_certificate_facts *facts)
{
    struct sp_certificate_facts made = {.subject = sp_certificate_name(arena, X509_get_subject_name(certificate)),
                                        .issuer = sp_certificate_name(arena, X509_get_issuer_name(certificate)),
                                        .not_before = epoch(X509_get0_notBefore(certificate)),
                                        .not_after = epoch(X509_get0_notAfter(certificate)),
                                        .is_self_signed = X509_self_signed(certificate, 0) == 1};
    struct sp_str *names = sp_arena_calloc(arena, MAX_NAMES, sizeof *names);
    unsigned len = sizeof made.sha256;
    size_t count = 0;
    if (names == NULL || made.subject.at == NULL || made.issuer.at == NULL ||
        X509_digest(certificate, EVP_sha256(), made.sha256, &len) != 1) {
        return SP_NO_MEMORY;
    }
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; alternatives != NULL && i < sk_GENERAL_NAME_num(alternatives) && count < MAX_NAMES; i++) {
        struct sp_str name = alternative_name(arena, sk_GENERAL_NAME_value(alternatives, i));
        if (name.at != NULL) {
            names[count++] = name;
        }
    }
    GENERAL_NAMES_free(alternatives);
    ERR_clear_error();
    made.names = (struct sp_str_list){names, count};
    *facts = made;
    return SP_OK;
}
