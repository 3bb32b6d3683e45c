/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the client proved to hold in TLS: its thumbprint, x5t#S256 (RFC 8705 3.1), and which are taken.
 */
#ifndef SP_GATEWAY_CLIENT_CERTIFICATE_H
#define SP_GATEWAY_CLIENT_CERTIFICATE_H

#include "gateway/gateway.h"

/* NGX_OK with sha256 (32 bytes) filled; NGX_DECLINED without a certificate; NGX_ERROR. */
ngx_int_t sp_client_certificate(ngx_http_request_t *request, unsigned char *sha256);

/* Servers with `sallyport_any_certificate on` take any at the handshake: self-signed, out of its time, for another
 * purpose. After nginx's own configuration. */
void sp_client_certificate_take_any(ngx_conf_t *cf);

/* Is this connection's certificate one that nginx answers with 400? (Its 495, which error_page turns into 400.) */
bool sp_client_certificate_is_refused(ngx_http_request_t *request);

/* Why nginx would not have it: client.certificate_expired or _untrusted. */
struct sp_finding sp_client_certificate_refused(ngx_http_request_t *request, struct sp_arena *arena);

#endif
