/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/client_certificate.h"

#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

/* The base64 between the armour lines, without line ends. */
static size_t unarmoured(ngx_str_t pem, u_char *out)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", stop = '-';
    const u_char *at = ngx_strnstr(pem.data, (char *)(uintptr_t)begin, pem.len);
    if (at == NULL) {
        return 0;
    }
    size_t len = 0;
    for (at += sizeof begin - 1; at < pem.data + pem.len && *at != (u_char)stop; at++) {
        if (*at != '\n' && *at != '\r') {
            out[len++] = *at;
        }
    }
    return len;
}

ngx_int_t sp_client_certificate(ngx_http_request_t *request, unsigned char *sha256)
{
    if (request->connection->ssl == NULL) {
        return NGX_DECLINED;
    }
    ngx_str_t pem = ngx_null_string;
    if (ngx_ssl_get_raw_certificate(request->connection, request->pool, &pem) != NGX_OK) {
        return NGX_ERROR;
    }
    if (pem.len == 0) {
        return NGX_DECLINED;
    }
    ngx_str_t text = {0, ngx_pnalloc(request->pool, pem.len)}, der = {0, ngx_pnalloc(request->pool, pem.len)};
    if (text.data == NULL || der.data == NULL) {
        return NGX_ERROR;
    }
    text.len = unarmoured(pem, text.data);
    if (text.len == 0 || ngx_decode_base64(&der, &text) != NGX_OK) {
        return NGX_ERROR;
    }
    sp_sha256(sp_str_of(der), sha256);
    return NGX_OK;
}

/* nginx's optional_no_ca forgives an unknown issuer and nothing else: a certificate that has run out would be a 400 of
 * nginx, which knows neither client nor token. Who judges dates and chains is the authority, by the certificate itself;
 * a token's binding asks for the thumbprint alone. */
static int take_any(X509_STORE_CTX *chain, void *context)
{
    (void)context;
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
}

void sp_client_certificate_take_any(ngx_conf_t *cf)
{
    const ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_core_srv_conf_t **servers = core->servers.elts;
    for (ngx_uint_t i = 0; i < core->servers.nelts; i++) {
        const struct sp_server_conf *ours = servers[i]->ctx->srv_conf[ngx_http_sallyport_module.ctx_index];
        const ngx_http_ssl_srv_conf_t *tls = servers[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
        if (ours->takes_any_certificate == 1 && tls->ssl.ctx != NULL) {
            SSL_CTX_set_cert_verify_callback(tls->ssl.ctx, take_any, NULL);
        }
    }
}

bool sp_client_certificate_is_refused(ngx_http_request_t *request)
{
    const ngx_http_ssl_srv_conf_t *tls = ngx_http_get_module_srv_conf(request, ngx_http_ssl_module);
    if (request->connection->ssl == NULL || tls == NULL || tls->verify == 0) {
        return false;
    }
    const long result = SSL_get_verify_result(request->connection->ssl->connection);
    const bool is_forgiven = tls->verify == 3 && ngx_ssl_verify_error_optional(result); /* optional_no_ca */
    return result != X509_V_OK && !is_forgiven;
}

static struct sp_str thumbprint_of(ngx_http_request_t *request, struct sp_arena *arena)
{
    unsigned char sha256[32];
    struct sp_str text = SP_STR_NONE;
    if (sp_client_certificate(request, sha256) != NGX_OK ||
        sp_base64url_encode(arena, (struct sp_str){(const char *)sha256, sizeof sha256}, &text) != SP_OK) {
        return SP_STR_NONE;
    }
    return text;
}

static struct sp_str dates_of(ngx_http_request_t *request, struct sp_arena *arena)
{
    ngx_str_t from = ngx_null_string, to = ngx_null_string;
    if (ngx_ssl_get_client_v_start(request->connection, request->pool, &from) != NGX_OK ||
        ngx_ssl_get_client_v_end(request->connection, request->pool, &to) != NGX_OK) {
        return SP_STR_NONE;
    }
    return sp_arena_printf(arena, "%.*s to %.*s", SP_STR_ARG(sp_str_of(from)), SP_STR_ARG(sp_str_of(to)));
}

struct sp_finding sp_client_certificate_refused(ngx_http_request_t *request, struct sp_arena *arena)
{
    const long result = SSL_get_verify_result(request->connection->ssl->connection);
    const bool is_out_of_time = result == X509_V_ERR_CERT_HAS_EXPIRED || result == X509_V_ERR_CERT_NOT_YET_VALID;
    const char *word = X509_verify_cert_error_string(result);
    return (struct sp_finding){.cause = is_out_of_time ? SP_CAUSE_CLIENT_CERTIFICATE_EXPIRED
                                                       : SP_CAUSE_CLIENT_CERTIFICATE_UNTRUSTED,
                               .check = SP_CHECK_COUNT,
                               .verified = true,
                               .expected = is_out_of_time ? dates_of(request, arena)
                                                          : SP_STR("a chain that ends at listen.tls.client_ca_file"),
                               .received = thumbprint_of(request, arena),
                               .detail = sp_str_from_cstr(word)};
}
