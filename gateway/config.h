/* SPDX-License-Identifier: Apache-2.0 */
/* The module's directives; docs/internals/nginx-conf.md explains each. */
#ifndef SP_GATEWAY_CONFIG_H
#define SP_GATEWAY_CONFIG_H

#include "gateway/gateway.h"

/* nginx's hooks for a module's configuration, for module.c. */
void *sp_config_create_main(ngx_conf_t *cf);
char *sp_config_init_main(ngx_conf_t *cf, void *conf);
void *sp_config_create_server(ngx_conf_t *cf);
void *sp_config_create_location(ngx_conf_t *cf);
char *sp_config_merge_location(ngx_conf_t *cf, void *parent, void *child);

extern ngx_command_t sp_commands[];

#endif
