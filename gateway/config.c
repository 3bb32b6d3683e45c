/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config.h"

#include "gateway/balancer.h"
#include "gateway/call_log.h"
#include "gateway/metrics.h"
#include "gateway/replay.h"
#include "gateway/limits.h"
#include "gateway/snapshot.h"
#include "gateway/status.h"
#include "gateway/refusal.h"
#include "gateway/rewrite_phase.h"
#include "gateway/verdict_cache.h"

#define MIN_ZONE_BYTES (256u * 1024)

void *sp_config_create_main(ngx_conf_t *cf)
{
    struct sp_main_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (conf == NULL) {
        return NULL;
    }
    conf->cache_bytes = 16u << 20;
    conf->limits_bytes = 8u << 20;
    conf->replay_bytes = 4u << 20;
    conf->metrics_bytes = 2u << 20;
    return conf;
}

/* The zones exist only where there is a policy: a plain nginx with the module loaded pays nothing. */
char *sp_config_init_main(ngx_conf_t *cf, void *data)
{
    struct sp_main_conf *conf = data;
    if (conf->policy_path.len == 0) {
        return NGX_CONF_OK;
    }
    ngx_str_t cache = ngx_string("sallyport_cache"), large = ngx_string("sallyport_cache_large");
    ngx_str_t limits = ngx_string("sallyport_limits"), replay = ngx_string("sallyport_replay");
    conf->cache_zone = sp_shared_table_add(cf, cache, conf->cache_bytes / 4 * 3, &sp_cache_shape);
    conf->cache_large_zone = sp_shared_table_add(cf, large, conf->cache_bytes / 4, &sp_cache_large_shape);
    conf->limits_zone = sp_shared_table_add(cf, limits, conf->limits_bytes, &sp_limits_shape);
    conf->replay_zone = sp_shared_table_add(cf, replay, conf->replay_bytes, &sp_replay_shape);
    conf->metrics_zone = sp_metrics_add(cf, conf->metrics_bytes);
    if (conf->cache_zone == NULL || conf->cache_large_zone == NULL || conf->limits_zone == NULL ||
        conf->replay_zone == NULL || conf->metrics_zone == NULL) {
        return NGX_CONF_ERROR;
    }
    return sp_snapshot_open(cf, conf) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

void *sp_config_create_server(ngx_conf_t *cf)
{
    struct sp_server_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (conf != NULL) {
        conf->takes_any_certificate = NGX_CONF_UNSET;
    }
    return conf;
}

void *sp_config_create_location(ngx_conf_t *cf)
{
    struct sp_location_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (conf != NULL) {
        conf->on = NGX_CONF_UNSET;
        conf->logs_calls = NGX_CONF_UNSET;
        conf->proxy_kind = NGX_CONF_UNSET_UINT;
    }
    return conf;
}

char *sp_config_merge_location(ngx_conf_t *cf, void *parent_data, void *child_data)
{
    struct sp_location_conf *parent = parent_data, *child = child_data;
    const bool is_said_here = child->on != NGX_CONF_UNSET;
    ngx_conf_merge_value(child->on, parent->on, 0);
    ngx_conf_merge_value(child->logs_calls, parent->logs_calls, 0);
    if (child->proxy_kind == NGX_CONF_UNSET_UINT) {
        child->proxy_kind = SP_PROXY_NONE; /* not inherited: it belongs to one location */
    }
    const struct sp_main_conf *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sallyport_module);
    if ((child->on || child->logs_calls) && conf->policy_path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%s\" needs \"sallyport_policy FILE\" in the http block",
                           child->on ? "sallyport on" : "sallyport_call_log FILE");
        return NGX_CONF_ERROR;
    }
    if (child->on) {
        sp_rewrite_phase_check(cf, is_said_here);
    }
    return NGX_CONF_OK;
}

static char *set_path(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    ngx_str_t *path = (ngx_str_t *)((char *)data + command->offset);
    if (path->data != NULL) {
        return "is duplicate";
    }
    *path = ((ngx_str_t *)cf->args->elts)[1];
    if (path->len == 0) {
        return "names no file";
    }
    return ngx_conf_full_name(cf->cycle, path, 1) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

static char *set_memory(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    (void)command;
    struct sp_main_conf *conf = data;
    const struct {
        ngx_str_t name;
        size_t *bytes;
    } zones[] = {
        {ngx_string("cache="), &conf->cache_bytes},
        {ngx_string("limits="), &conf->limits_bytes},
        {ngx_string("replay="), &conf->replay_bytes},
        {ngx_string("metrics="), &conf->metrics_bytes},
    };
    const ngx_str_t *words = cf->args->elts;
    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        size_t zone = 0;
        while (zone < sizeof zones / sizeof zones[0] &&
               (words[i].len <= zones[zone].name.len ||
                ngx_strncmp(words[i].data, zones[zone].name.data, zones[zone].name.len) != 0)) {
            zone++;
        }
        if (zone == sizeof zones / sizeof zones[0]) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "sallyport_memory knows cache=, limits=, replay= and metrics=, not \"%V\"", &words[i]);
            return NGX_CONF_ERROR;
        }
        ngx_str_t value = {words[i].len - zones[zone].name.len, words[i].data + zones[zone].name.len};
        const ssize_t bytes = ngx_parse_size(&value);
        if (bytes == NGX_ERROR || (size_t)bytes < MIN_ZONE_BYTES) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "sallyport_memory: \"%V\" must be a size of 256k or more",
                               &words[i]);
            return NGX_CONF_ERROR;
        }
        *zones[zone].bytes = (size_t)bytes;
    }
    return NGX_CONF_OK;
}

static const ngx_str_t proxy_kinds[SP_PROXY_KINDS] = {
    [SP_PROXY_HTTP] = ngx_string("http"),       [SP_PROXY_HTTPS] = ngx_string("https"),
    [SP_PROXY_UPGRADE] = ngx_string("upgrade"), [SP_PROXY_HTTPS_UPGRADE] = ngx_string("https_upgrade"),
    [SP_PROXY_GRPC] = ngx_string("grpc"),       [SP_PROXY_GRPCS] = ngx_string("grpcs"),
};

static const ngx_str_t questions[SP_QUESTIONS] = {
    [SP_ASK_KEYS] = ngx_string("keys"),
    [SP_ASK_INTROSPECTION] = ngx_string("introspect"),
};

/* count when word is none of names. */
static ngx_uint_t index_of(const ngx_str_t *names, ngx_uint_t count, ngx_str_t word)
{
    ngx_uint_t i = 0;
    while (i < count && (names[i].len != word.len || ngx_strncmp(names[i].data, word.data, word.len) != 0)) {
        i++;
    }
    return i;
}

static char *set_proxy_kind(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    (void)command;
    struct sp_location_conf *conf = data;
    struct sp_main_conf *main_conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sallyport_module);
    if (conf->proxy_kind != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }
    conf->proxy_kind = index_of(proxy_kinds, SP_PROXY_KINDS, ((ngx_str_t *)cf->args->elts)[1]);
    if (conf->proxy_kind == SP_PROXY_KINDS) {
        return "must be http, https, upgrade, https_upgrade, grpc or grpcs";
    }
    /* Every server may include the same locations; the first of a kind stands for all. */
    if (main_conf->proxies[conf->proxy_kind] == NULL) {
        main_conf->proxies[conf->proxy_kind] = ((ngx_http_conf_ctx_t *)cf->ctx)->loc_conf;
    }
    return NGX_CONF_OK;
}

static char *set_control_call(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    (void)command;
    (void)data;
    struct sp_server_conf *server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_sallyport_module);
    const ngx_http_core_loc_conf_t *location = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    const ngx_uint_t question = index_of(questions, SP_QUESTIONS, ((ngx_str_t *)cf->args->elts)[1]);
    if (question == SP_QUESTIONS) {
        return "must be keys or introspect";
    }
    if (!location->exact_match) {
        return "must be in an exact location (location = /NAME { internal; … }), or a question could reach an API "
               "instead";
    }
    server->question_uri[question] = location->name;
    return NGX_CONF_OK;
}

static char *set_balancer(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    (void)command;
    (void)data;
    ngx_http_upstream_srv_conf_t *upstream = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);
    /* nginx wants at least one server in a block; nobody asks this one. */
    ngx_http_upstream_server_t *placeholder = ngx_array_push(upstream->servers);
    if (placeholder == NULL) {
        return NGX_CONF_ERROR;
    }
    ngx_memzero(placeholder, sizeof *placeholder);
    placeholder->down = 1;
    upstream->peer.init_upstream = sp_balancer_init_upstream;
    upstream->flags = NGX_HTTP_UPSTREAM_CREATE;
    return NGX_CONF_OK;
}

static char *set_handler(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    (void)data;
    ngx_http_core_loc_conf_t *location = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    location->handler = (ngx_http_handler_pt)(uintptr_t)command->post;
    if (location->handler == sp_error_handler) {
        struct sp_server_conf *server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_sallyport_module);
        server->answers_errors = true;
    }
    return NGX_CONF_OK;
}

ngx_command_t sp_commands[] = {
    {ngx_string("sallyport_policy"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_path, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct sp_main_conf, policy_path), NULL},
    {ngx_string("sallyport_keys"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_path, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct sp_main_conf, keys_path), NULL},
    {ngx_string("sallyport_memory"), NGX_HTTP_MAIN_CONF | NGX_CONF_1MORE, set_memory, NGX_HTTP_MAIN_CONF_OFFSET, 0,
     NULL},
    {ngx_string("sallyport"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct sp_location_conf, on), NULL},
    {ngx_string("sallyport_call_log"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1,
     sp_call_log_set, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("sallyport_proxy"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_proxy_kind, NGX_HTTP_LOC_CONF_OFFSET, 0,
     NULL},
    {ngx_string("sallyport_control_call"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_control_call,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("sallyport_balancer"), NGX_HTTP_UPS_CONF | NGX_CONF_NOARGS, set_balancer, NGX_HTTP_SRV_CONF_OFFSET, 0,
     NULL},
    {ngx_string("sallyport_any_certificate"), NGX_HTTP_SRV_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_SRV_CONF_OFFSET, offsetof(struct sp_server_conf, takes_any_certificate), NULL},
    {ngx_string("sallyport_error"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_handler, NGX_HTTP_LOC_CONF_OFFSET, 0,
     (void *)sp_error_handler},
    {ngx_string("sallyport_authority_error"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_handler,
     NGX_HTTP_LOC_CONF_OFFSET, 0, (void *)sp_authority_error_handler},
    {ngx_string("sallyport_status"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_handler, NGX_HTTP_LOC_CONF_OFFSET, 0,
     (void *)sp_status_handler},
    ngx_null_command,
};
