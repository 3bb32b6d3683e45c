/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/certificate_file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>
#include "probe/secret_file.h"

#define MAX_CERTIFICATES 1024

static const char *name_of(struct sp_str path, char *buffer, size_t bytes)
{
    int len = snprintf(buffer, bytes, "%.*s", SP_STR_ARG(path));
    return len > 0 && (size_t)len < bytes ? buffer : "";
}

static FILE *open_file(struct sp_arena *arena, struct sp_str path, const char *what, struct sp_str *fault)
{
    char name[4096];
    FILE *file = fopen(name_of(path, name, sizeof name), "re");
    if (file == NULL) {
        *fault = sp_arena_printf(arena, "the %s %.*s cannot be opened: %s", what, SP_STR_ARG(path), strerror(errno));
    }
    return file;
}

static STACK_OF(X509) * read_chain(struct sp_arena *arena, struct sp_str path, struct sp_str *fault)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    FILE *file = open_file(arena, path, "certificate", fault);
    X509 *certificate = NULL;
    while (file != NULL && chain != NULL && sk_X509_num(chain) < MAX_CERTIFICATES &&
           (certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(chain, certificate) == 0) {
            X509_free(certificate);
            break;
        }
    }
    if (file != NULL) {
        unsigned long error = ERR_peek_last_error();
        bool ended = certificate == NULL && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
        if (sk_X509_num(chain) <= 0) {
            *fault = sp_arena_printf(arena, "there is no PEM certificate in %.*s", SP_STR_ARG(path));
        } else if (!ended && certificate == NULL) {
            *fault =
                sp_arena_printf(arena, "certificate %d of %.*s is damaged", sk_X509_num(chain) + 1, SP_STR_ARG(path));
        }
        fclose(file);
    }
    ERR_clear_error();
    return chain;
}

/* A passphrase would be asked for on the terminal: a gateway has none. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static void look_at_key(struct sp_arena *arena, struct sp_str path, X509 *leaf, struct sp_certificate_look *look)
{
    FILE *file = open_file(arena, path, "key", &look->fault);
    if (file == NULL) {
        return;
    }
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
    fclose(file);
    if (key == NULL) {
        look->fault =
            sp_arena_printf(arena, "there is no PEM private key without passphrase in %.*s", SP_STR_ARG(path));
    } else {
        look->key_fits = X509_check_private_key(leaf, key) == 1;
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static int64_t epoch(const ASN1_TIME *at)
{
    struct tm tm;
    return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static struct sp_str name_text(struct sp_arena *arena, const X509_NAME *name)
{
    char text[256];
    X509_NAME_oneline(name, text, sizeof text);
    return sp_arena_printf(arena, "%s", text);
}

/* Who signed it has published itself for those that lack it (RFC 5280 4.2.2.1). */
static bool says_where_issuer_is(X509 *certificate)
{
    bool says = false;
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);
    for (int i = 0; access != NULL && i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        says |= OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access, i)->method) == NID_ad_ca_issuers;
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return says;
}

/* Each certificate by the next; the last one by itself or by a root that this machine trusts. A root of one's own is
 * left out of the file as well (RFC 8446 4.4.2), and nothing tells it from an intermediate but that nobody needs to be
 * told where to fetch it: what is signed below a public intermediate says so. */
static bool is_complete(STACK_OF(X509) * chain)
{
    int count = sk_X509_num(chain);
    for (int i = 0; i + 1 < count; i++) {
        if (X509_check_issued(sk_X509_value(chain, i + 1), sk_X509_value(chain, i)) != X509_V_OK) {
            return false;
        }
    }
    X509 *last = sk_X509_value(chain, count - 1);
    if (X509_check_issued(last, last) == X509_V_OK) {
        return true;
    }
    bool known = false;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *issuer = NULL;
    if (store != NULL && context != NULL && X509_STORE_set_default_paths(store) == 1 &&
        X509_STORE_CTX_init(context, store, last, NULL) == 1) {
        known = X509_STORE_CTX_get1_issuer(&issuer, context, last) == 1;
    }
    X509_free(issuer);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return known || !says_where_issuer_is(last);
}

static void look_at_files(void *context, struct sp_arena *arena, struct sp_str certificate_file, struct sp_str key_file,
                          struct sp_certificate_look *look)
{
    (void)context;
    *look = (struct sp_certificate_look){.key_fits = key_file.len == 0, .chain_complete = key_file.len == 0};
    STACK_OF(X509) *chain = read_chain(arena, certificate_file, &look->fault);
    if (look->fault.len == 0 && sk_X509_num(chain) > 0) {
        X509 *leaf = sk_X509_value(chain, 0), *last = sk_X509_value(chain, sk_X509_num(chain) - 1);
        look->subject = name_text(arena, X509_get_subject_name(leaf));
        look->issuer_of_last = name_text(arena, X509_get_issuer_name(last));
        look->not_before = INT64_MIN;
        look->not_after = INT64_MAX;
        /* Of a file of authorities any one that is valid will do; of a chain all must be. */
        int count = key_file.len > 0 ? sk_X509_num(chain) : 1;
        for (int i = 0; i < count; i++) {
            int64_t from = epoch(X509_get0_notBefore(sk_X509_value(chain, i))),
                    until = epoch(X509_get0_notAfter(sk_X509_value(chain, i)));
            look->not_before = from > look->not_before ? from : look->not_before;
            look->not_after = until < look->not_after ? until : look->not_after;
        }
        if (key_file.len > 0) {
            look->chain_complete = is_complete(chain);
            look_at_key(arena, key_file, leaf, look);
        }
    }
    sk_X509_pop_free(chain, X509_free);
}

const struct sp_certificate_eyes sp_certificate_files = {.look = look_at_files, .exposure = sp_secret_file_look};
