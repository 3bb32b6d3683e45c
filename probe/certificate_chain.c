/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/certificate_chain.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/base/host.h"
#include "core/base/url.h"

#define MAX_AIA_STEPS 4

struct sp_trust {
    X509_STORE *store;
    STACK_OF(X509) * met; /* intermediates of other servers of this run */
    char *name;
};

/* ---- what is trusted ---- */
static bool load_system(X509_STORE *store, char **name)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const char *file = info->cainfo != NULL && access(info->cainfo, R_OK) == 0 ? info->cainfo : NULL;
    const char *folder = file == NULL && info->capath != NULL && access(info->capath, R_OK) == 0 ? info->capath : NULL;
    int len = file != NULL || folder != NULL
                  ? asprintf(name, "%s (the system's)", file != NULL ? file : folder)
                  : asprintf(name, "the system's, which is empty: ca-certificates is not installed");
    if (file == NULL && folder == NULL) {
        return len >= 0;
    }
    return len >= 0 && X509_STORE_load_locations(store, file, folder) == 1;
}

enum sp_status sp_trust_create(struct sp_str ca_file, struct sp_trust **trust)
{
    struct sp_trust *made = calloc(1, sizeof *made);
    enum sp_status status = SP_NO_MEMORY;
    if (made == NULL) {
        return SP_NO_MEMORY;
    }
    made->store = X509_STORE_new();
    made->met = sk_X509_new_null();
    if (made->store == NULL || made->met == NULL) {
        goto done;
    }
    if (ca_file.at == NULL) {
        status = load_system(made->store, &made->name) ? SP_OK : SP_MALFORMED;
    } else if (ca_file.len == 0) {
        made->name = strdup("an empty one");
        status = made->name != NULL ? SP_OK : SP_NO_MEMORY;
    } else {
        made->name = strndup(ca_file.at, ca_file.len);
        if (made->name != NULL) {
            status = access(made->name, R_OK) != 0                                   ? SP_NOT_FOUND
                     : X509_STORE_load_locations(made->store, made->name, NULL) == 1 ? SP_OK
                                                                                     : SP_MALFORMED;
        }
    }
done:
    ERR_clear_error();
    if (status != SP_OK) {
        sp_trust_destroy(&made);
        return status;
    }
    *trust = made;
    return SP_OK;
}

void sp_trust_destroy(struct sp_trust **trust)
{
    if (*trust != NULL) {
        X509_STORE_free((*trust)->store);
        sk_X509_pop_free((*trust)->met, X509_free);
        free((*trust)->name);
        free(*trust);
        *trust = NULL;
    }
}

/* ---- verification ---- */
struct verification {
    struct sp_arena *arena;
    struct sp_chain_evidence *evidence;
    X509 *leaf;
    enum sp_status status;
};

static enum sp_chain_problem problem_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return SP_CHAIN_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return SP_CHAIN_NOT_YET_VALID;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return SP_CHAIN_SELF_SIGNED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return SP_CHAIN_UNKNOWN_ISSUER;
    default:
        return SP_CHAIN_OTHER;
    }
}

/* Says what is wrong and lets the verification go on, so that all of it is seen. */
static int note(int ok, X509_STORE_CTX *context)
{
    struct verification *verification = X509_STORE_CTX_get_app_data(context);
    struct sp_chain_evidence *evidence = verification->evidence;
    int error = X509_STORE_CTX_get_error(context);
    if (ok == 1 || error == X509_V_OK || evidence->fault_count == SP_MAX_CHAIN_FAULTS) {
        return 1;
    }
    X509 *at = X509_STORE_CTX_get_current_cert(context);
    struct sp_chain_fault *fault = &evidence->faults[evidence->fault_count];
    fault->problem = problem_of(error);
    fault->detail = sp_str_from_cstr(X509_verify_cert_error_string(error));
    if (sp_certificate_describe(verification->arena, at != NULL ? at : verification->leaf, &fault->certificate) !=
        SP_OK) {
        verification->status = SP_NO_MEMORY;
        return 0;
    }
    evidence->fault_count++;
    return 1;
}

static STACK_OF(X509) * joined(STACK_OF(X509) * chain, STACK_OF(X509) * more)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    for (int pass = 0; all != NULL && pass < 2; pass++) {
        STACK_OF(X509) *from = pass == 0 ? chain : more;
        for (int i = 0; from != NULL && i < sk_X509_num(from); i++) {
            sk_X509_push(all, sk_X509_value(from, i)); /* borrowed */
        }
    }
    return all;
}

/* Fills trusted and faults. more: intermediates beside those sent, or NULL. */
static enum sp_status verify(struct sp_arena *arena, const struct sp_chain_question *question, STACK_OF(X509) * chain,
                             STACK_OF(X509) * more, struct sp_chain_evidence *evidence)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *untrusted = joined(chain, more);
    struct verification verification = {
        .arena = arena, .evidence = evidence, .leaf = sk_X509_value(chain, 0), .status = SP_NO_MEMORY};
    evidence->fault_count = 0;
    evidence->trusted = false;
    if (context != NULL && untrusted != NULL &&
        X509_STORE_CTX_init(context, question->trust->store, verification.leaf, untrusted) == 1 &&
        X509_STORE_CTX_set_default(context, "ssl_server") == 1) {
        X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
        /* As libcurl: an intermediate in the trust store is trusted. */
        X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
        X509_VERIFY_PARAM_set_time(parameters, question->now);
        X509_VERIFY_PARAM_set_auth_level(parameters, question->security_level);
        X509_STORE_CTX_set_app_data(context, &verification);
        X509_STORE_CTX_set_verify_cb(context, note);
        verification.status = SP_OK;
        int answer = X509_verify_cert(context);
        evidence->trusted = answer == 1 && evidence->fault_count == 0 && verification.status == SP_OK;
    }
    X509_STORE_CTX_free(context);
    sk_X509_free(untrusted);
    ERR_clear_error();
    return verification.status;
}

static bool name_matches(X509 *leaf, struct sp_str host)
{
    char name[256];
    bool bracketed = sp_str_has_prefix(host, SP_STR("["));
    struct sp_str plain = bracketed ? sp_str_slice(host, 1, host.len - 1) : host;
    if (plain.len >= sizeof name || plain.len == 0) {
        return false;
    }
    memcpy(name, plain.at, plain.len);
    name[plain.len] = '\0';
    return sp_host_is_address(host) ? X509_check_ip_asc(leaf, name, 0) == 1
                                    : X509_check_host(leaf, name, plain.len, 0, NULL) == 1;
}

/* ---- what is missing ---- */
static bool lacks_issuer(const struct sp_chain_evidence *evidence)
{
    for (size_t i = 0; i < evidence->fault_count; i++) {
        if (evidence->faults[i].problem == SP_CHAIN_UNKNOWN_ISSUER) {
            return true;
        }
    }
    return false;
}

static struct sp_str aia_url(struct sp_arena *arena, X509 *certificate)
{
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);
    struct sp_str url = SP_STR_NONE;
    for (int i = 0; access != NULL && i < sk_ACCESS_DESCRIPTION_num(access) && url.at == NULL; i++) {
        const ACCESS_DESCRIPTION *row = sk_ACCESS_DESCRIPTION_value(access, i);
        if (OBJ_obj2nid(row->method) == NID_ad_ca_issuers && row->location->type == GEN_URI) {
            const ASN1_IA5STRING *text = row->location->d.uniformResourceIdentifier;
            struct sp_url parts;
            struct sp_str found =
                sp_certificate_text(arena, (const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
            url = sp_url_split(found, &parts) == SP_OK ? found : SP_STR_NONE;
        }
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return url;
}

/* The issuer of `of` among those found, or NULL. */
static X509 *issuer_among(STACK_OF(X509) * found, X509 *of)
{
    for (int i = 0; found != NULL && i < sk_X509_num(found); i++) {
        if (X509_check_issued(sk_X509_value(found, i), of) == X509_V_OK) {
            return sk_X509_value(found, i);
        }
    }
    return NULL;
}

static struct sp_str add_subject(struct sp_arena *arena, struct sp_str list, X509 *certificate)
{
    struct sp_str name = sp_certificate_name(arena, X509_get_subject_name(certificate));
    return list.len > 0 ? sp_arena_printf(arena, "%.*s, %.*s", SP_STR_ARG(list), SP_STR_ARG(name)) : name;
}

/* Climbs from the top of what was sent, one issuer a step, until it verifies or the trail ends. */
static enum sp_status complete(struct sp_arena *arena, const struct sp_chain_question *question, STACK_OF(X509) * chain,
                               struct sp_chain_evidence *evidence)
{
    STACK_OF(X509) *more = sk_X509_new_null();
    X509 *top = sk_X509_value(chain, sk_X509_num(chain) - 1);
    struct sp_str subjects = SP_STR_NONE, place = SP_STR_NONE;
    enum sp_status status = more != NULL ? SP_OK : SP_NO_MEMORY;
    for (int step = 0; step < MAX_AIA_STEPS && status == SP_OK && X509_self_signed(top, 0) != 1; step++) {
        X509 *issuer = issuer_among(question->trust->met, top);
        struct sp_str url = issuer == NULL && question->fetch != NULL ? aia_url(arena, top) : SP_STR_NONE;
        STACK_OF(X509) *fetched = url.at != NULL ? sp_chain_read(question->fetch(question->context, arena, url)) : NULL;
        struct sp_str where = issuer != NULL ? SP_STR("another server of this run") : url;
        issuer = issuer != NULL ? issuer : issuer_among(fetched, top);
        bool goes_on = issuer != NULL && X509_up_ref(issuer) == 1 && sk_X509_push(more, issuer) > 0;
        sk_X509_pop_free(fetched, X509_free);
        if (!goes_on) {
            break;
        }
        top = issuer;
        subjects = add_subject(arena, subjects, issuer);
        place = place.at == NULL ? where : place;
        /* Only now the whole structure: the faults of a chain that is completed are those that remain. */
        struct sp_chain_evidence *attempt = SP_ARENA_NEW(arena, struct sp_chain_evidence);
        status = attempt != NULL ? verify(arena, question, chain, more, attempt) : SP_NO_MEMORY;
        if (status == SP_OK && !lacks_issuer(attempt)) {
            evidence->completed_by = subjects;
            evidence->found_at = place;
            break;
        }
    }
    sk_X509_pop_free(more, X509_free);
    return status;
}

static void remember(struct sp_trust *trust, STACK_OF(X509) * chain)
{
    for (int i = 1; i < sk_X509_num(chain) && sk_X509_num(trust->met) < SP_MAX_CERTIFICATES; i++) {
        X509 *certificate = sk_X509_value(chain, i);
        if (X509_up_ref(certificate) == 1 && sk_X509_push(trust->met, certificate) == 0) {
            X509_free(certificate);
        }
    }
}

enum sp_status sp_chain_examine(struct sp_arena *arena, const struct sp_chain_question *question,
                                STACK_OF(X509) * chain, struct sp_chain_evidence *evidence)
{
    int count = chain != NULL ? sk_X509_num(chain) : 0;
    *evidence = (struct sp_chain_evidence){.count = 0};
    enum sp_status status = sp_arena_copy(arena, sp_str_from_cstr(question->trust->name), &evidence->trust_store);
    for (int i = 0; i < count && evidence->count < SP_MAX_CHAIN && status == SP_OK; i++) {
        status = sp_certificate_describe(arena, sk_X509_value(chain, i), &evidence->certificates[evidence->count]);
        evidence->count += status == SP_OK;
    }
    if (status != SP_OK || count == 0) {
        return status;
    }
    evidence->name_matches = name_matches(sk_X509_value(chain, 0), question->host);
    status = verify(arena, question, chain, NULL, evidence);
    if (status == SP_OK && !evidence->trusted && lacks_issuer(evidence)) {
        status = complete(arena, question, chain, evidence);
    }
    if (status == SP_OK && evidence->trusted) {
        remember(question->trust, chain);
    }
    return status;
}
