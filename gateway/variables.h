/* SPDX-License-Identifier: Apache-2.0 */
/* $sallyport_…: what a configuration or a log format may ask of a call; docs/internals/nginx-conf.md lists them. */
#ifndef SP_GATEWAY_VARIABLES_H
#define SP_GATEWAY_VARIABLES_H

#include "gateway/gateway.h"

ngx_int_t sp_variables_add(ngx_conf_t *cf);

#endif
