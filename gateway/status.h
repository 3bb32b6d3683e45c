/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport_status: the counters as JSON, or with ?format=prometheus as Prometheus' text. */
#ifndef SP_GATEWAY_STATUS_H
#define SP_GATEWAY_STATUS_H

#include "gateway/gateway.h"

ngx_int_t sp_status_handler(ngx_http_request_t *request);

#endif
