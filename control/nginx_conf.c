/* SPDX-License-Identifier: Apache-2.0 */
#include "control/nginx_conf.h"
#include <stdio.h>
#include "core/base/limits.h"
#include "core/base/url.h"

#define CA_CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"
#define NEXT_UPSTREAM "error timeout http_502 http_503 http_504"

struct writing {
    const struct sp_nginx_conf *conf;
    struct sp_buffer *out;
    struct sp_str bad;
};

const char *sp_nginx_file_name(enum sp_nginx_file file)
{
    static const char *const names[] = {
        [SP_NGINX_MAIN] = "nginx.conf",
        [SP_NGINX_LOCATIONS] = "nginx.locations.conf",
        [SP_NGINX_PROXY] = "nginx.proxy.conf",
        [SP_NGINX_TLS] = "nginx.tls.conf",
        [SP_NGINX_CONTROL] = "nginx.control.conf",
        [SP_NGINX_AUTHORITY] = "nginx.authority.conf",
    };
    return names[file];
}

unsigned sp_nginx_file_mode(enum sp_nginx_file file)
{
    return file == SP_NGINX_AUTHORITY ? 0600 : 0644;
}

static void put(struct writing *writing, const char *text)
{
    sp_buffer_append(writing->out, sp_str_from_cstr(text));
}

/* A value of the configuration in quotes. `$` would be a variable and cannot be escaped; the rest would end the word.
 */
static void put_value(struct writing *writing, struct sp_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c < 0x20 || c == 0x7F || c == '$' || c == '"' || c == '\\') {
            writing->bad = value;
            return;
        }
    }
    sp_buffer_append_char(writing->out, '"');
    sp_buffer_append(writing->out, value);
    sp_buffer_append_char(writing->out, '"');
}

static void put_in_state(struct writing *writing, const char *prefix, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s/%s", prefix, writing->conf->state, name);
    put_value(writing, sp_str_from_cstr(path));
}

/* "directive STATE/name;" */
static void put_state_directive(struct writing *writing, const char *directive, const char *name)
{
    put(writing, directive);
    put(writing, " ");
    put_in_state(writing, "", name);
    put(writing, ";\n");
}

static void put_value_directive(struct writing *writing, const char *directive, struct sp_str value)
{
    put(writing, directive);
    put(writing, " ");
    put_value(writing, value);
    put(writing, ";\n");
}

/* A file that nginx reads once, with its configuration. */
static void put_file_directive(struct writing *writing, const char *directive, struct sp_str path)
{
    if (writing->conf->names_file != NULL) {
        writing->conf->names_file(writing->conf->data, path);
    }
    put_value_directive(writing, directive, path);
}

static bool is_plain_name(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       strchr(".-_:[]/*%", c) != NULL;
        if (!allowed || c == '\0') {
            return false;
        }
    }
    return text.len > 0;
}

/* ---- listeners ---- */

static void put_listen(struct writing *writing, struct sp_str address, unsigned port, const char *parameters)
{
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':') {
        colon--;
    }
    struct sp_str host = colon > 0 ? sp_str_slice(address, 0, colon - 1) : address,
                  number = sp_str_slice(address, colon, address.len);
    if (!is_plain_name(address)) {
        writing->bad = address;
        return;
    }
    if (sp_str_has_prefix(address, SP_STR("unix:"))) {
        sp_buffer_printf(writing->out, "    listen %.*s%s;\n", SP_STR_ARG(address), parameters);
        return;
    }
    char chosen[16];
    if (port != 0) {
        snprintf(chosen, sizeof chosen, "%u", port);
        number = sp_str_from_cstr(chosen);
    }
    if (host.len > 0) {
        sp_buffer_printf(writing->out, "    listen %.*s:%.*s%s;\n", SP_STR_ARG(host), SP_STR_ARG(number), parameters);
        return;
    }
    sp_buffer_printf(writing->out, "    listen 0.0.0.0:%.*s%s;\n", SP_STR_ARG(number), parameters);
    if (writing->conf->has_ipv6) {
        sp_buffer_printf(writing->out, "    listen [::]:%.*s%s ipv6only=on;\n", SP_STR_ARG(number), parameters);
    }
}

/* RFC 9325 4.2, and no others: FAPI 2.0 5.2.2 wants it so where programs call, and nginx's own list has CBC and key
 * exchange by RSA. Those of TLS 1.3 are all good. */
#define CIPHERS_OF_TLS12                                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                                       \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

static void put_listener(struct writing *writing, const struct sp_listener *listener, unsigned port)
{
    char parameters[64];
    bool has_tls = listener->certificate.len > 0;
    snprintf(parameters, sizeof parameters, "%s%s backlog=4096", has_tls ? " ssl" : "",
             has_tls && listener->http2 ? " http2" : "");
    put(writing, "server {\n");
    put_listen(writing, listener->address, port, parameters);
    if (has_tls) {
        put_file_directive(writing, "    ssl_certificate", listener->certificate);
        put_file_directive(writing, "    ssl_certificate_key", listener->key);
        put(writing, "    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_ciphers " CIPHERS_OF_TLS12
                     ";\n    ssl_session_cache shared:sallyport_tls:4m;\n    ssl_session_tickets off;\n");
        if (!listener->asks_for_certificates) {
            put(writing, "    ssl_verify_client off;\n");
        } else if (listener->client_ca_file.len > 0) {
            put(writing, "    ssl_verify_client optional;\n    ssl_verify_depth 4;\n");
            put_file_directive(writing, "    ssl_client_certificate", listener->client_ca_file);
        } else {
            put(writing, "    ssl_verify_client optional_no_ca;\n    sallyport_any_certificate on;\n");
        }
    }
    put_state_directive(writing, "    include", "nginx.locations.conf");
    put(writing, "}\n");
}

/* What nginx refuses by itself and no location answers otherwise. */
#define OWN_ERRORS "400 404 405 408 411 412 413 414 415 416 421 495 496 497 500 501 503 505 507"

/* The admin address has no calls and no causes of calls: nginx says it, in the form that programs read there. A named
 * location would not do for what has no path yet. */
static void put_admin_refusals(struct writing *writing)
{
    put(writing,
        "    error_page " OWN_ERRORS " /_sallyport/refused;\n"
        "    error_page 494 =431 /_sallyport/refused;\n"
        "    error_page 502 504 =503 /_sallyport/away;\n"
        "    location = /_sallyport/refused {\n"
        "        internal;\n"
        "        default_type application/problem+json;\n"
        "        add_header X-Request-Id $request_id always;\n"
        "        return 400 '{\"type\":\"about:blank\",\"title\":\"The request was refused\",\"status\":$status,"
        "\"request_id\":\"$request_id\"}';\n"
        "    }\n"
        "    location = /_sallyport/away {\n"
        "        internal;\n"
        "        default_type application/problem+json;\n"
        "        add_header X-Request-Id $request_id always;\n"
        "        add_header Retry-After 5 always;\n"
        "        return 503 '{\"type\":\"about:blank\",\"title\":\"The control plane does not answer\","
        "\"status\":503,\"detail\":\"nginx serves on; sallyport serve does not: its log says why\","
        "\"request_id\":\"$request_id\"}';\n"
        "    }\n");
}

static void put_admin(struct writing *writing, unsigned port)
{
    if (!writing->conf->policy->serving.has_admin) {
        return;
    }
    put(writing, "server {\n");
    put_listen(writing, writing->conf->policy->serving.admin_address, port, "");
    put(writing, "    sallyport_call_log off;\n"
                 "    location / {\n"
                 "        proxy_pass http://sallyport_control;\n"
                 "        proxy_http_version 1.1;\n"
                 "        proxy_set_header Connection \"\";\n"
                 "        proxy_set_header Host $http_host;\n"
                 "        proxy_set_header X-Real-IP $remote_addr;\n"
                 "    }\n");
    /* nginx keeps a body on the disk until it is whole, before anybody asked for the token. */
    sp_buffer_printf(writing->out, "    client_max_body_size %u;\n", SP_MAX_ADMIN_BODY_BYTES);
    put(writing,
        "    error_page 413 @too_long;\n"
        "    location @too_long {\n"
        "        default_type application/json;\n"
        "        return 413 '{\"error\":\"invalid_request\",\"error_description\":\"The body is longer than 2 MiB. "
        "(request.too_large)\"}\\n';\n"
        "    }\n");
    put_admin_refusals(writing);               /* the first page of a status counts */
    put(writing, "    location /internal/ {\n" /* questions of the workers: not for people */
                 "        default_type \"text/plain; charset=utf-8\";\n"
                 "        return 404 \"" SP_NGINX_ADMIN_PLACES "\\n\";\n"
                 "    }\n"
                 "}\n");
}

/* ---- the main file ---- */

static void put_process(struct writing *writing)
{
    const struct sp_nginx_conf *conf = writing->conf;
    put(writing, "# Written by sallyport serve at each start and reload; what you change here is lost.\n");
    put_value_directive(writing, "load_module", sp_str_from_cstr(conf->module));
    if (conf->user != NULL) {
        sp_buffer_printf(writing->out, "user %s;\n", conf->user);
    }
    if (conf->policy->serving.workers == 0) {
        put(writing, "worker_processes auto;\n");
    } else {
        sp_buffer_printf(writing->out, "worker_processes %u;\n", conf->policy->serving.workers);
    }
    if (conf->max_files > 0) {
        sp_buffer_printf(writing->out, "worker_rlimit_nofile %lu;\n", conf->max_files);
    }
    put(writing, "worker_shutdown_timeout 60s;\ndaemon off;\npcre_jit on;\n");
    put_state_directive(writing, "pid", "nginx.pid");
    put(writing, "error_log ");
    put_in_state(writing, "", "nginx.error.log");
    put(writing, " warn;\nevents { worker_connections 8192; multi_accept on; }\n");
}

void sp_nginx_call_log_path(const char *state, struct sp_str file, char path[4096])
{
    bool is_absolute = sp_str_has_prefix(file, SP_STR("/"));
    snprintf(path, 4096, "%s%s%.*s", is_absolute ? "" : state, is_absolute ? "" : "/", SP_STR_ARG(file));
}

static void put_call_log(struct writing *writing)
{
    const struct sp_serving *serving = &writing->conf->policy->serving;
    put(writing, "access_log off;\n");
    if (!serving->logs_calls) {
        return;
    }
    char path[4096];
    put(writing, "sallyport_call_log ");
    sp_nginx_call_log_path(writing->conf->state, serving->call_log_file, path);
    put_value(writing, sp_str_from_cstr(path));
    put(writing, ";\n");
}

static void put_http(struct writing *writing)
{
    static const char *const temporary[] = {"client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path",
                                            "uwsgi_temp_path", "scgi_temp_path"};
    static const char *const folders[] = {"tmp/body", "tmp/proxy", "tmp/fastcgi", "tmp/uwsgi", "tmp/scgi"};
    const struct sp_policy *policy = writing->conf->policy;
    put(writing, "server_tokens off;\n");
    for (size_t i = 0; i < sizeof temporary / sizeof temporary[0]; i++) {
        put_state_directive(writing, temporary[i], folders[i]);
    }
    put(writing,
        "keepalive_timeout 75s;\nkeepalive_requests 100000;\n"
        "large_client_header_buffers 4 128k;\n" /* so that a 100 kB token is refused by its cause, not by nginx */
        "request_pool_size 12k;\n"              /* a call and its facts without a second malloc */
        "connection_pool_size 4k;\n"            /* the header buffer in it: kept between calls, not freed each time */
        "client_header_buffer_size 3k;\n"
        "client_max_body_size 0;\ntcp_nodelay on;\ntypes { }\ndefault_type application/octet-stream;\n");
    put_state_directive(writing, "sallyport_policy", "policy.json");
    put_state_directive(writing, "sallyport_keys", "keys.json");
    put_call_log(writing);
    for (size_t i = 0; i < policy->trusted_proxies.count; i++) {
        put_value_directive(writing, "set_real_ip_from", policy->trusted_proxies.at[i]);
    }
    if (policy->trusted_proxies.count > 0) {
        put(writing, "real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n");
    }
    put(writing, "upstream sallyport { sallyport_balancer; keepalive 256; keepalive_requests 1000000; "
                 "keepalive_timeout 55s; }\n");
    put(writing, "upstream sallyport_control { server ");
    put_in_state(writing, "unix:", "control.sock");
    put(writing, "; keepalive 16; }\n");
    if (sp_authority_path(policy).at != NULL) {
        put(writing, "upstream sallyport_authority { server ");
        put_in_state(writing, "unix:", "authority.sock");
        put(writing, "; keepalive 16; }\n");
    }
}

static void write_main(struct writing *writing)
{
    const struct sp_serving *serving = &writing->conf->policy->serving;
    put_process(writing);
    put(writing, "http {\n");
    put_http(writing);
    for (size_t i = 0; i < serving->listener_count; i++) {
        put_listener(writing, &serving->listeners[i], writing->conf->ports[i]);
    }
    put_admin(writing, writing->conf->ports[serving->listener_count]);
    put(writing, "server {\n    listen ");
    put_in_state(writing, "unix:", "gateway.sock");
    sp_buffer_printf(writing->out,
                     ";\n    sallyport_call_log off;\n    location = /_sallyport/status { sallyport_status; }\n"
                     "    location = " SP_NGINX_MARK_PATH " { return 200 \"%s\"; }\n"
                     "    location / { return 404; }\n}\n}\n",
                     writing->conf->mark);
}

/* ---- locations ---- */

static void put_api_location(struct writing *writing, const char *name, const char *kind, const char *scheme,
                             bool upgrades)
{
    sp_buffer_printf(writing->out,
                     "location %s {\n    sallyport on;\n    sallyport_proxy %s;\n    proxy_pass %s://sallyport;\n",
                     name, kind, scheme);
    put_state_directive(writing, "    include", "nginx.proxy.conf");
    if (strcmp(scheme, "https") == 0) {
        put_state_directive(writing, "    include", "nginx.tls.conf");
    }
    put(writing, upgrades ? "    proxy_set_header Connection upgrade;\n    proxy_set_header Upgrade $http_upgrade;\n}\n"
                          : "    proxy_set_header Connection \"\";\n}\n");
}

static void put_authority_location(struct writing *writing, const char *match, struct sp_str path, const char *suffix)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "%.*s%s", SP_STR_ARG(path), suffix);
    put(writing, "location ");
    put(writing, match);
    put(writing, " ");
    put_value(writing, sp_str_from_cstr(whole));
    put(writing, " {\n    proxy_pass http://sallyport_authority;\n");
    put_state_directive(writing, "    include", "nginx.proxy.conf");
    put_state_directive(writing, "    include", "nginx.authority.conf");
    put(writing, "}\n");
}

/* nginx has the error pages of the innermost block that has any, and no others. 494: without a status nginx would make
 * it a 400. */
static void put_error_pages(struct writing *writing, const char *upstream_failed)
{
    sp_buffer_printf(writing->out,
                     "error_page " OWN_ERRORS " /_sallyport/error;\n"
                     "error_page 494 =431 /_sallyport/error;\n"
                     "error_page 502 504 %s;\n",
                     upstream_failed);
}

/* What the authority is told of a call, in place of whatever the client said about it. A header whose value is empty is
 * not sent. */
static void write_authority(struct writing *writing)
{
    put(writing, "proxy_set_header Connection \"\";\n"
                 "proxy_set_header Host $http_host;\n"
                 "proxy_set_header X-Forwarded-Proto $scheme;\n"
                 "proxy_set_header X-Real-IP $remote_addr;\n"
                 "proxy_set_header X-Request-Id $sallyport_request_id;\n"
                 "proxy_set_header X-Sallyport-Client-Certificate $ssl_client_escaped_cert;\n");
    put_value_directive(writing, "proxy_set_header X-Sallyport-Proxy-Secret",
                        sp_str_from_cstr(writing->conf->proxy_secret));
    put(writing, "client_max_body_size 128k;\n");
    put_error_pages(writing, "/_sallyport/authority");
}

/* One whose path ends with a slash has a name behind it; without the slash it is no endpoint, and nginx would send it
 * on with a page of its own. */
static void put_endpoint(struct writing *writing, struct sp_str place)
{
    char bare[64];
    const bool has_name = sp_str_has_suffix(place, SP_STR("/"));
    put_authority_location(writing, has_name ? "^~" : "=", place, "");
    if (has_name) {
        snprintf(bare, sizeof bare, "= %.*s", (int)place.len - 1, place.at);
        put_api_location(writing, bare, "http", "http", false);
    }
}

static void put_authority(struct writing *writing)
{
    struct sp_str path = sp_authority_path(writing->conf->policy);
    static const char *const well_known[] = {"/.well-known/openid-configuration",
                                             "/.well-known/oauth-authorization-server"};
    if (path.at == NULL) {
        return;
    }
    put(writing, "location = /_sallyport/authority { internal; sallyport_authority_error; }\n");
    for (size_t i = 0; i < sizeof well_known / sizeof well_known[0]; i++) {
        char inserted[4096];
        snprintf(inserted, sizeof inserted, "%s%.*s", well_known[i], SP_STR_ARG(path));
        put_authority_location(writing, "=", sp_str_from_cstr(inserted), "");
    }
    if (path.len > 0) {
        put_authority_location(writing, "=", path, ""); /* nginx would send it on, with a page of its own */
        put_authority_location(writing, "^~", path, "/");
        return;
    }
    /* At the root the authority shares the host with the APIs: only its endpoints are its own. */
#define ENDPOINT(name, place, ...) put_endpoint(writing, SP_STR(place));
#include "authority/endpoints.def"
#undef ENDPOINT
}

static void put_grpc_location(struct writing *writing, const char *scheme)
{
    bool has_tls = strcmp(scheme, "grpcs") == 0;
    sp_buffer_printf(
        writing->out,
        "location @sallyport_%s {\n    sallyport on;\n    sallyport_proxy %s;\n    grpc_pass %s://sallyport;\n"
        "    grpc_set_header Host $sallyport_upstream_host;\n    grpc_next_upstream " NEXT_UPSTREAM
        ";\n    grpc_hide_header X-Request-Id;\n",
        scheme, scheme, scheme);
    if (has_tls) {
        put(writing, "    grpc_ssl_verify on;\n    grpc_ssl_verify_depth 4;\n    grpc_ssl_server_name on;\n    "
                     "grpc_ssl_name $sallyport_upstream_name;\n");
        put_file_directive(writing, "    grpc_ssl_trusted_certificate", SP_STR(CA_CERTIFICATES));
    }
    put(writing, "}\n");
}

static void put_question_location(struct writing *writing, const char *question)
{
    sp_buffer_printf(writing->out,
                     "location = /_sallyport/%s {\n    internal;\n    sallyport_control_call %s;\n"
                     "    proxy_pass http://sallyport_control/internal/%s;\n",
                     question, question, question);
    put_state_directive(writing, "    include", "nginx.control.conf");
    put(writing, "}\n");
}

static void write_locations(struct writing *writing)
{
    put_error_pages(writing, "/_sallyport/error");
    put(writing, "location = /_sallyport/error { internal; sallyport_error; }\n");
    put_question_location(writing, "keys");
    put_question_location(writing, "introspect");
    put_authority(writing);
    put_api_location(writing, "/", "http", "http", false);
    put_api_location(writing, "@sallyport_https", "https", "https", false);
    put_api_location(writing, "@sallyport_upgrade", "upgrade", "http", true);
    put_api_location(writing, "@sallyport_https_upgrade", "https_upgrade", "https", true);
    put_grpc_location(writing, "grpc");
    put_grpc_location(writing, "grpcs");
}

enum sp_status sp_nginx_conf_write(const struct sp_nginx_conf *conf, enum sp_nginx_file file, struct sp_buffer *out,
                                   struct sp_str *bad)
{
    struct writing writing = {.conf = conf, .out = out};
    switch (file) {
    case SP_NGINX_MAIN:
        write_main(&writing);
        break;
    case SP_NGINX_LOCATIONS:
        write_locations(&writing);
        break;
    case SP_NGINX_PROXY:
        put(&writing, "proxy_http_version 1.1;\n"
                      "proxy_set_header Host $sallyport_upstream_host;\n"
                      "proxy_request_buffering off;\n" /* uploads stream */
                      "proxy_max_temp_file_size 0;\n"  /* a slow client slows the upstream, it does not fill the disk */
                      "proxy_buffer_size 16k;\nproxy_buffers 8 16k;\nproxy_busy_buffers_size 32k;\n"
                      "proxy_next_upstream " NEXT_UPSTREAM ";\n"
                      "proxy_hide_header X-Request-Id;\n" /* ours is set on every response */
                      /* An API does not steer the gateway (X-Accel-Redirect would reach internal locations). */
                      "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Charset;\n"
                      "proxy_socket_keepalive on;\n");
        break;
    case SP_NGINX_TLS:
        put_file_directive(&writing, "proxy_ssl_trusted_certificate", SP_STR(CA_CERTIFICATES));
        put(&writing,
            "proxy_ssl_verify on;\nproxy_ssl_verify_depth 4;\n"
            "proxy_ssl_server_name on;\nproxy_ssl_name $sallyport_upstream_name;\nproxy_ssl_protocols TLSv1.2 "
            "TLSv1.3;\n");
        break;
    case SP_NGINX_CONTROL:
        put(&writing,
            "proxy_http_version 1.1;\nproxy_set_header Connection \"\";\nproxy_set_header Host control;\n"
            "proxy_set_header Content-Type application/json;\nproxy_method POST;\nproxy_pass_request_headers off;\n"
            "proxy_connect_timeout 2s;\nproxy_read_timeout 20s;\nproxy_next_upstream off;\n"
            "proxy_buffer_size 16k;\nproxy_buffers 16 32k;\nproxy_max_temp_file_size 0;\n"
            "subrequest_output_buffer_size 512k;\n");
        break;
    case SP_NGINX_AUTHORITY:
        write_authority(&writing);
        break;
    case SP_NGINX_FILES:
        break;
    }
    if (writing.bad.at != NULL) {
        *bad = writing.bad;
        return SP_MALFORMED;
    }
    return sp_buffer_status(out);
}

struct sp_str sp_authority_path(const struct sp_policy *policy)
{
    struct sp_url url;
    struct sp_str issuer =
        sp_json_string(sp_json_member(sp_json_member(policy->source, SP_STR("authority")), SP_STR("issuer")));
    if (issuer.at == NULL || sp_url_split(issuer, &url) != SP_OK) {
        return SP_STR_NONE;
    }
    struct sp_str path = url.path.at != NULL ? url.path : SP_STR("");
    return sp_str_has_suffix(path, SP_STR("/")) ? sp_str_slice(path, 0, path.len - 1) : path;
}
