/* SPDX-License-Identifier: Apache-2.0 */
/* A header filter: puts X-Request-Id (and CORS headers where the route answers for itself) on every response, refused
 * or not, and lets streams pass unbuffered. */
#ifndef SP_GATEWAY_RESPONSE_HEADERS_H
#define SP_GATEWAY_RESPONSE_HEADERS_H

#include "gateway/gateway.h"

/* Before the configuration is read: one that nginx gives up leaves the filters as they were, for it may have been read
 * by another build of the module than the one that goes on. */
ngx_int_t sp_response_headers_prepare(ngx_conf_t *cf);
void sp_response_headers_install(void);

/* Adds one header to the response; value is borrowed for the request's life. */
ngx_int_t sp_response_header_add(ngx_http_request_t *request, struct sp_str name, struct sp_str value);

#endif
