/* SPDX-License-Identifier: Apache-2.0 */
/* Where nginx finds us: the module's record, and the hooks into its phases. */
#include "gateway/access.h"
#include "gateway/call_log.h"
#include "gateway/client_certificate.h"
#include "gateway/config.h"
#include "gateway/cut_off.h"
#include "gateway/record.h"
#include "gateway/response_headers.h"
#include "gateway/variables.h"
#include "gateway/worker.h"

static ngx_int_t add_handler(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt handler)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *place = ngx_array_push(&core->phases[phase].handlers);
    if (place == NULL) {
        return NGX_ERROR;
    }
    *place = handler;
    return NGX_OK;
}

/* Before nginx's own, which are there already: what it writes in its logs is then known. */
static ngx_int_t add_first_handler(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt handler)
{
    if (add_handler(cf, phase, handler) != NGX_OK) {
        return NGX_ERROR;
    }
    const ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    const ngx_array_t *handlers = &core->phases[phase].handlers;
    ngx_http_handler_pt *first = handlers->elts;
    memmove(first + 1, first, (handlers->nelts - 1) * sizeof *first);
    *first = handler;
    return NGX_OK;
}

static ngx_int_t before_configuration(ngx_conf_t *cf)
{
    return sp_response_headers_prepare(cf) == NGX_OK ? sp_variables_add(cf) : NGX_ERROR;
}

static ngx_int_t after_configuration(ngx_conf_t *cf)
{
    if (add_handler(cf, NGX_HTTP_ACCESS_PHASE, sp_access_handler) != NGX_OK ||
        add_first_handler(cf, NGX_HTTP_LOG_PHASE, sp_cut_off_handler) != NGX_OK ||
        add_handler(cf, NGX_HTTP_LOG_PHASE, sp_call_log_handler) != NGX_OK ||
        add_handler(cf, NGX_HTTP_LOG_PHASE, sp_record_handler) != NGX_OK) {
        return NGX_ERROR;
    }
    sp_client_certificate_take_any(cf);
    sp_response_headers_install();
    sp_cut_off_install();
    return NGX_OK;
}

/* Nothing refuses it any more. */
static ngx_int_t come_into_force(ngx_cycle_t *cycle)
{
    struct sp_main_conf *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sallyport_module);
    if (conf != NULL) {
        conf->was_in_force = true;
    }
    return NGX_OK;
}

static ngx_http_module_t context = {
    .preconfiguration = before_configuration,
    .postconfiguration = after_configuration,
    .create_main_conf = sp_config_create_main,
    .init_main_conf = sp_config_init_main,
    .create_srv_conf = sp_config_create_server,
    .create_loc_conf = sp_config_create_location,
    .merge_loc_conf = sp_config_merge_location,
};

ngx_module_t ngx_http_sallyport_module = {
    NGX_MODULE_V1,
    &context,
    sp_commands,
    NGX_HTTP_MODULE,
    NULL,            /* init master */
    come_into_force, /* init module */
    sp_worker_start,
    NULL, /* init thread */
    NULL, /* exit thread */
    sp_worker_stop,
    NULL, /* exit master */
    NGX_MODULE_V1_PADDING,
};
