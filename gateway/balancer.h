/* SPDX-License-Identifier: Apache-2.0 */
/* Gives nginx's upstream module the servers of the call's route (peers.h), with the route's tries, timeouts and CA, for
 * an `upstream` block that says sallyport_balancer. */
#ifndef SP_GATEWAY_BALANCER_H
#define SP_GATEWAY_BALANCER_H

#include "gateway/gateway.h"

ngx_int_t sp_balancer_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *upstream);

#endif
