/* SPDX-License-Identifier: Apache-2.0 */
/* What nginx's loader looks for in a dynamic module (ngx_load_module): the modules in it, their names, and their order.
 * nginx's own build writes such a file; ours is built by Meson, which knows what depends on what. No order is asked
 * for: the module goes to the end of the list, so its header filter runs first. */
#include <ngx_config.h>
#include <ngx_core.h>

#define VISIBLE __attribute__((visibility("default")))

extern ngx_module_t ngx_http_sallyport_module;

extern VISIBLE ngx_module_t *ngx_modules[];
extern VISIBLE char *ngx_module_names[];
extern VISIBLE char *ngx_module_order[];

ngx_module_t *ngx_modules[] = {&ngx_http_sallyport_module, NULL};
char *ngx_module_names[] = {"ngx_http_sallyport_module", NULL};
char *ngx_module_order[] = {NULL};
