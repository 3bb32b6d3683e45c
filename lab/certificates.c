/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define HOUR 3600L
#define DAY (24 * HOUR)
#define OUR_NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"

/* A key with its certificate. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

struct sp_lab_certificates {
    struct identity root, intermediate, stranger, interceptor; /* those that sign */
    char aia[128];
    SSL_CTX *contexts[SP_LAB_VARIETY_COUNT];
};

/* What is different about the leaf of a variety. */
enum signer { BY_INTERMEDIATE, BY_STRANGER, BY_INTERCEPTOR, BY_ITSELF };

static const struct leaf_terms {
    long from, until; /* seconds from now */
    const char *names;
    enum signer signer;
    bool leaves_out_intermediate;
    int max_version;     /* 0: any */
    const char *ciphers; /* of TLS 1.2 and before; NULL: the usual ones */
    bool wants_certificate;
} varieties[SP_LAB_VARIETY_COUNT] = {
    [SP_LAB_GOOD] = {.from = -DAY, .until = 30 * DAY, .names = OUR_NAMES},
    [SP_LAB_EXPIRED] = {.from = -30 * DAY, .until = -DAY, .names = OUR_NAMES},
    [SP_LAB_NOT_YET_VALID] = {.from = DAY, .until = 30 * DAY, .names = OUR_NAMES},
    [SP_LAB_EXPIRING] = {.from = -30 * DAY, .until = 3 * DAY, .names = OUR_NAMES},
    [SP_LAB_SELF_SIGNED] = {.from = -DAY, .until = 30 * DAY, .names = OUR_NAMES, .signer = BY_ITSELF},
    [SP_LAB_UNKNOWN_CA] = {.from = -DAY, .until = 30 * DAY, .names = OUR_NAMES, .signer = BY_STRANGER},
    [SP_LAB_MISSING_INTERMEDIATE] = {.from = -DAY,
                                     .until = 30 * DAY,
                                     .names = OUR_NAMES,
                                     .leaves_out_intermediate = true},
    [SP_LAB_OTHER_HOST] = {.from = -DAY, .until = 30 * DAY, .names = "DNS:other.lab.example"},
    [SP_LAB_INTERCEPTED] = {.from = -DAY, .until = 30 * DAY, .names = OUR_NAMES, .signer = BY_INTERCEPTOR},
    [SP_LAB_OLD_PROTOCOL] = {.from = -DAY,
                             .until = 30 * DAY,
                             .names = OUR_NAMES,
                             .max_version = TLS1_1_VERSION,
                             .ciphers = "DEFAULT@SECLEVEL=0"},
    [SP_LAB_NO_CIPHER] = {.from = -DAY,
                          .until = 30 * DAY,
                          .names = OUR_NAMES,
                          .max_version = TLS1_2_VERSION,
                          .ciphers = "PSK-AES128-CBC-SHA256@SECLEVEL=0"},
    [SP_LAB_WANTS_CERTIFICATE] = {.from = -DAY, .until = 30 * DAY, .names = OUR_NAMES, .wants_certificate = true},
    [SP_LAB_PLAIN] = {.from = -DAY, .until = 30 * DAY, .names = OUR_NAMES},
};

/* ---- making certificates ---- */

static void identity_fini(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    *identity = (struct identity){NULL, NULL};
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool set_random_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool done = number != NULL && BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

struct certificate_terms {
    const char *organisation, *name;
    long from, until;
    bool is_authority;
    const char *names, *aia; /* NULL: none */
};

static bool describe(X509 *certificate, X509 *issuer, const struct certificate_terms *terms)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    const unsigned char *organisation = (const unsigned char *)terms->organisation;
    bool done =
        X509_set_version(certificate, X509_VERSION_3) == 1 && set_random_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), terms->from) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), terms->until) != NULL &&
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, organisation, -1, -1, 0) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)terms->name, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
        add_extension(certificate, issuer, NID_basic_constraints,
                      terms->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
        add_extension(certificate, issuer, NID_key_usage,
                      terms->is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
        add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    if (done && terms->names != NULL)
        done = add_extension(certificate, issuer, NID_subject_alt_name, terms->names) &&
               add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth");
    if (done && terms->aia != NULL)
        done = add_extension(certificate, issuer, NID_info_access, terms->aia);
    return done;
}

/* by: NULL signs itself. */
static enum sp_status make(const struct certificate_terms *terms, const struct identity *by, struct identity *out)
{
    struct identity made = {EVP_EC_gen("P-256"), X509_new()};
    enum sp_status status = SP_CRYPTO;
    if (made.key == NULL || made.certificate == NULL || X509_set_pubkey(made.certificate, made.key) != 1)
        goto done;
    if (!describe(made.certificate, by != NULL ? by->certificate : made.certificate, terms) ||
        X509_sign(made.certificate, by != NULL ? by->key : made.key, EVP_sha256()) == 0)
        goto done;
    *out = made;
    status = SP_OK;
done:
    if (status != SP_OK)
        identity_fini(&made);
    return status;
}

static const struct certificate_terms root_terms = {
    "Sallyport Lab", "Sallyport Lab Root", -DAY, 60 * DAY, true, NULL, NULL};
static const struct certificate_terms intermediate_terms = {
    "Sallyport Lab", "Sallyport Lab Intermediate", -DAY, 50 * DAY, true, NULL, NULL};
static const struct certificate_terms stranger_terms = {
    "Nobody You Know", "Stranger Root", -DAY, 60 * DAY, true, NULL, NULL};
static const struct certificate_terms interceptor_terms = {"mitmproxy", "mitmproxy", -DAY, 60 * DAY, true, NULL, NULL};

enum sp_status sp_lab_certificates_create(struct sp_str aia, struct sp_lab_certificates **out)
{
    struct sp_lab_certificates *made = calloc(1, sizeof *made);
    if (made == NULL)
        return SP_NO_MEMORY;
    snprintf(made->aia, sizeof made->aia, "caIssuers;URI:%.*s", SP_STR_ARG(aia));
    enum sp_status status = make(&root_terms, NULL, &made->root);
    if (status == SP_OK)
        status = make(&intermediate_terms, &made->root, &made->intermediate);
    if (status == SP_OK)
        status = make(&stranger_terms, NULL, &made->stranger);
    if (status == SP_OK)
        status = make(&interceptor_terms, NULL, &made->interceptor);
    if (status != SP_OK) {
        sp_lab_certificates_destroy(&made);
        ERR_clear_error();
        return status;
    }
    *out = made;
    return SP_OK;
}

void sp_lab_certificates_destroy(struct sp_lab_certificates **certificates)
{
    struct sp_lab_certificates *dead = *certificates;
    if (dead == NULL)
        return;
    for (size_t i = 0; i < SP_LAB_VARIETY_COUNT; i++)
        SSL_CTX_free(dead->contexts[i]);
    identity_fini(&dead->root);
    identity_fini(&dead->intermediate);
    identity_fini(&dead->stranger);
    identity_fini(&dead->interceptor);
    free(dead);
    *certificates = NULL;
}

static enum sp_status copy_bio(BIO *bio, struct sp_arena *arena, struct sp_str *text)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);
    return len > 0 ? sp_arena_copy(arena, sp_str(at, (size_t)len), text) : SP_CRYPTO;
}

enum sp_status sp_lab_root_pem(const struct sp_lab_certificates *certificates, struct sp_arena *arena,
                               struct sp_str *pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL && PEM_write_bio_X509(bio, certificates->root.certificate) == 1;
    enum sp_status status = written ? copy_bio(bio, arena, pem) : SP_CRYPTO;
    BIO_free(bio);
    return status;
}

enum sp_status sp_lab_intermediate_der(const struct sp_lab_certificates *certificates, struct sp_arena *arena,
                                       struct sp_str *der)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL && i2d_X509_bio(bio, certificates->intermediate.certificate) == 1;
    enum sp_status status = written ? copy_bio(bio, arena, der) : SP_CRYPTO;
    BIO_free(bio);
    return status;
}

/* ---- contexts ---- */

static const struct identity *signer_of(const struct sp_lab_certificates *certificates, enum signer signer)
{
    switch (signer) {
    case BY_STRANGER:
        return &certificates->stranger;
    case BY_INTERCEPTOR:
        return &certificates->interceptor;
    case BY_ITSELF:
        return NULL;
    case BY_INTERMEDIATE:
        break;
    }
    return &certificates->intermediate;
}

static bool use_chain(SSL_CTX *context, const struct sp_lab_certificates *certificates, const struct identity *leaf,
                      const struct leaf_terms *terms)
{
    bool with_intermediate = terms->signer == BY_INTERMEDIATE && !terms->leaves_out_intermediate;
    return SSL_CTX_use_certificate(context, leaf->certificate) == 1 &&
           SSL_CTX_use_PrivateKey(context, leaf->key) == 1 &&
           (!with_intermediate || SSL_CTX_add1_chain_cert(context, certificates->intermediate.certificate) == 1);
}

static bool trust_root(SSL_CTX *context, const struct sp_lab_certificates *certificates)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificates->root.certificate) == 1 &&
           SSL_CTX_add_client_CA(context, certificates->root.certificate) == 1;
}

static SSL_CTX *make_context(const struct sp_lab_certificates *certificates, const struct leaf_terms *terms)
{
    struct identity leaf = {NULL, NULL};
    const struct certificate_terms of_leaf = {"Sallyport Lab",
                                              terms->signer == BY_ITSELF ? "Sallyport Lab, by itself" : "lab.example",
                                              terms->from,
                                              terms->until,
                                              false,
                                              terms->names,
                                              terms->signer == BY_INTERMEDIATE ? certificates->aia : NULL};
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool done = context != NULL && make(&of_leaf, signer_of(certificates, terms->signer), &leaf) == SP_OK &&
                use_chain(context, certificates, &leaf, terms);
    if (done && terms->max_version != 0)
        done = SSL_CTX_set_min_proto_version(context, 0) == 1 &&
               SSL_CTX_set_max_proto_version(context, terms->max_version) == 1;
    if (done && terms->ciphers != NULL)
        done = SSL_CTX_set_cipher_list(context, terms->ciphers) == 1;
    if (done && terms->wants_certificate)
        done = trust_root(context, certificates);
    if (done)
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    identity_fini(&leaf);
    if (done)
        return context;
    SSL_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

SSL_CTX *sp_lab_tls_context(struct sp_lab_certificates *certificates, enum sp_lab_variety variety)
{
    if (certificates->contexts[variety] == NULL)
        certificates->contexts[variety] = make_context(certificates, &varieties[variety]);
    return certificates->contexts[variety];
}
