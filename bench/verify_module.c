/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of the benchmark: an nginx that verifies the signature of the bearer token and does nothing else with it.
 * What a gateway costs beyond this is its own; what this costs beyond plain nginx is what one verification costs here,
 * between two network events and with the other core as busy as it is, which no loop of `openssl speed` can tell.
 *
 * Nothing of Sallyport is in it, and it is no gateway: no claim is read.
 *
 *   load_module …/bench_verify_module.so;   location / { bench_verify RS256.pem; proxy_pass …; }
 */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

extern __attribute__((visibility("default"))) ngx_module_t *ngx_modules[];
extern __attribute__((visibility("default"))) char *ngx_module_names[];
extern __attribute__((visibility("default"))) char *ngx_module_order[];
static ngx_module_t bench_verify_module;

struct conf {
    ngx_str_t file;
    EVP_MD_CTX *ready; /* for EdDSA, which has no digest apart */
    EVP_PKEY_CTX *verifier;
    EVP_PKEY *key;
};

#define MAX_SIGNATURE 1024

static ngx_int_t read_key(struct conf *conf)
{
    FILE *file = fopen((const char *)conf->file.data, "r");
    conf->key = file != NULL ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;
    if (file != NULL) {
        fclose(file);
    }
    if (conf->key == NULL) {
        return NGX_ERROR;
    }
    if (EVP_PKEY_base_id(conf->key) == EVP_PKEY_ED25519) {
        conf->ready = EVP_MD_CTX_new();
        return conf->ready != NULL && EVP_DigestVerifyInit(conf->ready, NULL, NULL, NULL, conf->key) == 1 ? NGX_OK
                                                                                                          : NGX_ERROR;
    }
    conf->verifier = EVP_PKEY_CTX_new(conf->key, NULL);
    return conf->verifier != NULL && EVP_PKEY_verify_init(conf->verifier) == 1 &&
                   EVP_PKEY_CTX_set_signature_md(conf->verifier, EVP_sha256()) == 1
               ? NGX_OK
               : NGX_ERROR;
}

/* JOSE's R‖S to the DER that OpenSSL reads; its length, 0: it does not fit. */
static int to_der(const u_char *raw, size_t len, u_char *der)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)len / 2, NULL), *s = BN_bin2bn(raw + len / 2, (int)len / 2, NULL);
    int bytes = 0;
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        bytes = i2d_ECDSA_SIG(signature, &der);
    }
    ECDSA_SIG_free(signature);
    return bytes > 0 ? bytes : 0;
}

static int verifies(struct conf *conf, ngx_str_t text, const u_char *signature, size_t len)
{
    if (conf->ready != NULL) {
        return EVP_DigestVerify(conf->ready, signature, len, text.data, text.len) == 1;
    }
    u_char digest[32], der[MAX_SIGNATURE];
    if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return 0;
    }
    if (EVP_PKEY_base_id(conf->key) == EVP_PKEY_EC) {
        len = (size_t)to_der(signature, len, der);
        signature = der;
    }
    return EVP_PKEY_verify(conf->verifier, signature, len, digest, sizeof digest) == 1;
}

static ngx_int_t handler(ngx_http_request_t *request)
{
    struct conf *conf = ngx_http_get_module_loc_conf(request, bench_verify_module);
    const ngx_table_elt_t *header = request->headers_in.authorization;
    const size_t scheme = sizeof "Bearer " - 1;
    u_char signature[MAX_SIGNATURE];
    if (conf->file.len == 0) {
        return NGX_DECLINED;
    }
    if (header == NULL || header->value.len <= scheme) {
        return NGX_HTTP_UNAUTHORIZED;
    }
    ngx_str_t token = {header->value.len - scheme, header->value.data + scheme};
    size_t dot = token.len;
    while (dot > 0 && token.data[dot - 1] != '.') {
        dot--;
    }
    ngx_str_t encoded = {token.len - dot, token.data + dot}, decoded = {0, signature};
    if (dot == 0 || ngx_base64_decoded_length(encoded.len) > sizeof signature ||
        ngx_decode_base64url(&decoded, &encoded) != NGX_OK) {
        return NGX_HTTP_UNAUTHORIZED;
    }
    return verifies(conf, (ngx_str_t){dot - 1, token.data}, signature, decoded.len) ? NGX_OK : NGX_HTTP_UNAUTHORIZED;
}

static ngx_int_t install(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *place = ngx_array_push(&core->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (place == NULL) {
        return NGX_ERROR;
    }
    *place = handler;
    return NGX_OK;
}

static void *create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(struct conf));
}

static char *set_file(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    struct conf *conf = data;
    (void)command;
    conf->file = ((ngx_str_t *)cf->args->elts)[1];
    return read_key(conf) == NGX_OK ? NGX_CONF_OK : "needs a public key as PEM";
}

static ngx_command_t commands[] = {
    {ngx_string("bench_verify"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_file, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    ngx_null_command,
};

static ngx_http_module_t module = {.postconfiguration = install, .create_loc_conf = create_conf};

static ngx_module_t bench_verify_module = {
    NGX_MODULE_V1, &module, commands, NGX_HTTP_MODULE, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NGX_MODULE_V1_PADDING,
};

ngx_module_t *ngx_modules[] = {&bench_verify_module, NULL};
char *ngx_module_names[] = {"bench_verify_module", NULL};
char *ngx_module_order[] = {NULL};
