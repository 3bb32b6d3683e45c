/* SPDX-License-Identifier: Apache-2.0 */
/* The thumbprint of the certificate that the client proved to hold in TLS: x5t#S256 (RFC 8705 3.1). */
#ifndef SP_GATEWAY_CLIENT_CERTIFICATE_H
#define SP_GATEWAY_CLIENT_CERTIFICATE_H

#include "gateway/gateway.h"

/* NGX_OK with sha256 (32 bytes) filled; NGX_DECLINED without a certificate; NGX_ERROR. */
ngx_int_t sp_client_certificate(ngx_http_request_t *request, unsigned char *sha256);

#endif
