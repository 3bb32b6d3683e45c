/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/crypto_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/buffer.h"
#include "core/base/limits.h"
#include "core/jose/jwk.h"

/* A chain longer than this is a mistake or an attack. */
#define MAX_DEPTH 8
#define MAX_TRUST_BYTES (1024 * 1024)

struct sp_certificate {
    X509 *x509;
    GENERAL_NAMES *names; /* NULL: no subjectAltName */
    unsigned char sha256[32];
};

struct sp_certificate_trust {
    X509_STORE *store;
};

enum sp_status sp_certificate_parse(struct sp_str der, struct sp_certificate **out)
{
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *x509 = der.len > 0 && der.len <= SP_MAX_CERTIFICATE_BYTES ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    struct sp_certificate *certificate = NULL;
    enum sp_status status = SP_MALFORMED;
    if (x509 != NULL && at == (const unsigned char *)der.at + der.len) {
        certificate = calloc(1, sizeof *certificate);
        status = certificate != NULL ? SP_OK : SP_NO_MEMORY;
    }
    ERR_clear_error();
    if (status != SP_OK) {
        X509_free(x509);
        return status;
    }
    certificate->x509 = x509;
    certificate->names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    sp_sha256(der, certificate->sha256);
    ERR_clear_error();
    *out = certificate;
    return SP_OK;
}

void sp_certificate_destroy(struct sp_certificate **certificate)
{
    if (*certificate == NULL)
        return;
    GENERAL_NAMES_free((*certificate)->names);
    X509_free((*certificate)->x509);
    free(*certificate);
    *certificate = NULL;
}

const unsigned char *sp_certificate_sha256(const struct sp_certificate *certificate)
{
    return certificate->sha256;
}

enum sp_status sp_certificate_key_thumbprint(const struct sp_certificate *certificate, unsigned char thumbprint[32])
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate->x509, &der);
    struct sp_key *key = NULL;
    enum sp_status status =
        len > 0 ? sp_key_import_certificate(sp_str((const char *)der, (size_t)len), &key, NULL) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = sp_jwk_thumbprint(key, thumbprint);
    sp_key_destroy(&key);
    OPENSSL_free(der);
    return status;
}

/* ---- time ---- */

int sp_certificate_judge_time(const struct sp_certificate *certificate, int64_t now)
{
    time_t at = (time_t)now;
    /* 0 is an error: a date that cannot be read is no date to rely on. */
    if (X509_cmp_time(X509_get0_notBefore(certificate->x509), &at) >= 0)
        return -1;
    return X509_cmp_time(X509_get0_notAfter(certificate->x509), &at) <= 0 ? 1 : 0;
}

static void write_date(const ASN1_TIME *time, char text[11])
{
    struct tm tm;
    snprintf(text, 11, "?");
    if (ASN1_TIME_to_tm(time, &tm) == 1)
        (void)strftime(text, 11, "%Y-%m-%d", &tm);
}

struct sp_str sp_certificate_dates(const struct sp_certificate *certificate, struct sp_arena *arena)
{
    char from[11], to[11];
    write_date(X509_get0_notBefore(certificate->x509), from);
    write_date(X509_get0_notAfter(certificate->x509), to);
    return sp_arena_printf(arena, "%s to %s", from, to);
}

/* ---- names ---- */

static enum sp_status read_part(struct sp_arena *arena, const X509_NAME_ENTRY *entry, struct sp_name_part *part)
{
    char oid[128];
    unsigned char *utf8 = NULL;
    int oid_len = OBJ_obj2txt(oid, sizeof oid, X509_NAME_ENTRY_get_object(entry), 1);
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    enum sp_status status =
        oid_len > 0 && oid_len < (int)sizeof oid && len >= 0 && sp_str_is_utf8(sp_str((const char *)utf8, (size_t)len))
            ? SP_OK
            : SP_MALFORMED;
    if (status == SP_OK)
        status = sp_arena_copy(arena, sp_str(oid, (size_t)oid_len), &part->type);
    if (status == SP_OK)
        status = sp_arena_copy(arena, sp_str((const char *)utf8, (size_t)len), &part->value);
    OPENSSL_free(utf8);
    return status;
}

enum sp_status sp_certificate_subject(const struct sp_certificate *certificate, struct sp_arena *arena,
                                      struct sp_distinguished_name *subject)
{
    const X509_NAME *name = X509_get_subject_name(certificate->x509);
    int count = X509_NAME_entry_count(name);
    if (count < 0 || (unsigned)count > SP_MAX_NAME_PARTS)
        return SP_MALFORMED;
    struct sp_name_part *parts = sp_arena_calloc(arena, (size_t)count + 1, sizeof *parts);
    enum sp_status status = parts != NULL ? SP_OK : SP_NO_MEMORY;
    int levels = count > 0 ? X509_NAME_ENTRY_set(X509_NAME_get_entry(name, count - 1)) : 0;
    for (int i = 0; i < count && status == SP_OK; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        parts[i].level = (size_t)(levels - X509_NAME_ENTRY_set(entry)); /* X.509 begins with the least specific one */
        status = read_part(arena, entry, &parts[i]);
    }
    ERR_clear_error();
    if (status != SP_OK)
        return status;
    *subject = (struct sp_distinguished_name){parts, (size_t)count};
    sp_distinguished_name_sort(subject);
    return SP_OK;
}

static const int kinds[] = {[SP_CERTIFICATE_DNS] = GEN_DNS,
                            [SP_CERTIFICATE_URI] = GEN_URI,
                            [SP_CERTIFICATE_IP] = GEN_IPADD,
                            [SP_CERTIFICATE_EMAIL] = GEN_EMAIL};

static struct sp_str bytes_of(const ASN1_STRING *string)
{
    return sp_str((const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* The bytes of an address as certificates have them; NULL when it is none. Freed by the caller. */
static ASN1_OCTET_STRING *address_bytes(struct sp_str text)
{
    char terminated[64];
    if (text.len == 0 || text.len >= sizeof terminated || memchr(text.at, '\0', text.len) != NULL)
        return NULL;
    memcpy(terminated, text.at, text.len);
    terminated[text.len] = '\0';
    ASN1_OCTET_STRING *bytes = a2i_IPADDRESS(terminated);
    ERR_clear_error();
    return bytes;
}

bool sp_is_ip_address(struct sp_str text)
{
    ASN1_OCTET_STRING *bytes = address_bytes(text);
    ASN1_OCTET_STRING_free(bytes);
    return bytes != NULL;
}

/* The local part keeps its case, the domain has none. */
static bool equal_mailboxes(struct sp_str a, struct sp_str b)
{
    size_t at = sp_str_index_of(a, '@', 0);
    return a.len == b.len && at < a.len && sp_str_equal(sp_str_slice(a, 0, at), sp_str_slice(b, 0, at)) &&
           sp_str_equal_ignoring_case(sp_str_slice(a, at, a.len), sp_str_slice(b, at, b.len));
}

bool sp_certificate_has_name(const struct sp_certificate *certificate, enum sp_certificate_name kind,
                             struct sp_str expected)
{
    ASN1_OCTET_STRING *address = kind == SP_CERTIFICATE_IP ? address_bytes(expected) : NULL;
    bool found = false;
    for (int i = 0; expected.len > 0 && i < sk_GENERAL_NAME_num(certificate->names) && !found; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(certificate->names, i);
        if (name->type != kinds[kind])
            continue;
        struct sp_str presented = bytes_of(kind == SP_CERTIFICATE_IP ? name->d.iPAddress : name->d.ia5);
        if (kind == SP_CERTIFICATE_IP)
            found = address != NULL && sp_str_equal(bytes_of(address), presented);
        else if (kind == SP_CERTIFICATE_DNS)
            found = sp_str_equal_ignoring_case(expected, presented);
        else
            found =
                kind == SP_CERTIFICATE_EMAIL ? equal_mailboxes(expected, presented) : sp_str_equal(expected, presented);
    }
    ASN1_OCTET_STRING_free(address);
    return found;
}

static void write_address(struct sp_buffer *out, struct sp_str bytes)
{
    if (bytes.len == 4) {
        sp_buffer_printf(out, "%u.%u.%u.%u", (unsigned char)bytes.at[0], (unsigned char)bytes.at[1],
                         (unsigned char)bytes.at[2], (unsigned char)bytes.at[3]);
        return;
    }
    for (size_t i = 0; i + 1 < bytes.len; i += 2)
        sp_buffer_printf(out, "%s%x", i > 0 ? ":" : "",
                         (unsigned)((unsigned char)bytes.at[i] << 8 | (unsigned char)bytes.at[i + 1]));
}

struct sp_str sp_certificate_names(const struct sp_certificate *certificate, enum sp_certificate_name kind,
                                   struct sp_arena *arena)
{
    struct sp_buffer out;
    sp_buffer_init(&out, arena, SP_MAX_CERTIFICATE_BYTES * 4);
    sp_buffer_append(&out, SP_STR(""));
    for (int i = 0; i < sk_GENERAL_NAME_num(certificate->names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(certificate->names, i);
        if (name->type != kinds[kind])
            continue;
        if (out.len > 0)
            sp_buffer_append_char(&out, ' ');
        if (kind == SP_CERTIFICATE_IP)
            write_address(&out, bytes_of(name->d.iPAddress));
        else
            sp_buffer_append(&out, bytes_of(name->d.ia5));
    }
    if (sp_buffer_status(&out) != SP_OK)
        return SP_STR_NONE;
    return out.len > 0 ? sp_buffer_str(&out) : SP_STR("");
}

/* ---- trust ---- */

/* What cannot be read ends OpenSSL's list without a word; a certificate and a list behind it share an entry. */
static bool is_whole(const STACK_OF(X509_INFO) * entries, struct sp_str pem)
{
    size_t begun = 0, read = 0;
    struct sp_str begin = SP_STR("-----BEGIN ");
    for (size_t at = 0; at + begin.len <= pem.len; at++)
        begun += memcmp(pem.at + at, begin.at, begin.len) == 0;
    for (int i = 0; i < sk_X509_INFO_num(entries); i++) {
        const X509_INFO *entry = sk_X509_INFO_value(entries, i);
        read += (entry->x509 != NULL) + (size_t)(entry->crl != NULL);
    }
    return entries != NULL && read == begun;
}

static enum sp_status fill(X509_STORE *store, const STACK_OF(X509_INFO) * entries)
{
    bool has_lists = false, has_certificates = false;
    for (int i = 0; i < sk_X509_INFO_num(entries); i++) {
        const X509_INFO *entry = sk_X509_INFO_value(entries, i);
        if (entry->x_pkey != NULL || (entry->x509 == NULL && entry->crl == NULL))
            return SP_MALFORMED;
        if ((entry->x509 != NULL && X509_STORE_add_cert(store, entry->x509) != 1) ||
            (entry->crl != NULL && X509_STORE_add_crl(store, entry->crl) != 1))
            return SP_MALFORMED;
        has_lists = has_lists || entry->crl != NULL;
        has_certificates = has_certificates || entry->x509 != NULL;
    }
    if (has_lists && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        return SP_CRYPTO;
    return has_certificates ? SP_OK : SP_MALFORMED;
}

enum sp_status sp_certificate_trust_create(struct sp_str pem, struct sp_certificate_trust **out)
{
    BIO *bio = pem.len > 0 && pem.len <= MAX_TRUST_BYTES ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    STACK_OF(X509_INFO) *entries = bio != NULL ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    X509_STORE *store = X509_STORE_new();
    struct sp_certificate_trust *trust = calloc(1, sizeof *trust);
    enum sp_status status = SP_NO_MEMORY;
    if (trust != NULL && store != NULL)
        status = is_whole(entries, pem) ? fill(store, entries) : SP_MALFORMED;
    sk_X509_INFO_pop_free(entries, X509_INFO_free);
    BIO_free(bio);
    ERR_clear_error();
    if (status != SP_OK) {
        X509_STORE_free(store);
        free(trust);
        return status;
    }
    trust->store = store;
    *out = trust;
    return SP_OK;
}

void sp_certificate_trust_destroy(struct sp_certificate_trust **trust)
{
    if (*trust == NULL)
        return;
    X509_STORE_free((*trust)->store);
    free(*trust);
    *trust = NULL;
}

enum sp_status sp_certificate_trust_judge(const struct sp_certificate_trust *trust,
                                          const struct sp_certificate *certificate, int64_t now, const char **why)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    enum sp_status status = SP_NO_MEMORY;
    if (ctx != NULL && X509_STORE_CTX_init(ctx, trust->store, certificate->x509, NULL) == 1 &&
        X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) == 1) {
        X509_VERIFY_PARAM *terms = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_time(terms, (time_t)now);
        X509_VERIFY_PARAM_set_depth(terms, MAX_DEPTH);
        /* 112 bits: RSA from 2048, no SHA-1 (NIST SP 800-131A). */
        X509_VERIFY_PARAM_set_auth_level(terms, 2);
        bool holds = X509_verify_cert(ctx) == 1;
        status = holds ? SP_OK : SP_NOT_FOUND;
        if (!holds)
            *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return status;
}
