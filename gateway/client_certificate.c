/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/client_certificate.h"

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
