/* SPDX-License-Identifier: Apache-2.0 */
/* The nginx configuration of a standalone gateway, as docs/internals/nginx-conf.md explains it: everything that nginx
 * needs once. What the policy decides the module reads itself. Values of the configuration are quoted; one that could
 * end its quotes is refused. */
#ifndef SP_CONTROL_NGINX_CONF_H
#define SP_CONTROL_NGINX_CONF_H

#include "core/base/buffer.h"
#include "core/policy/policy.h"

struct sp_nginx_conf {
    const char *state, *module; /* absolute paths */
    const char *proxy_secret;   /* by which the authority knows this nginx */
    const char *user;           /* of the workers; NULL: not root, nginx stays who it is */
    bool has_ipv6;
    unsigned long max_files; /* descriptors of a worker; 0: as they are */
    const struct sp_policy *policy;
    /* Ports chosen for listeners whose address ends in ":0", in their order, the admin address last; 0: as written. */
    const unsigned *ports;
    const char *mark; /* what nginx answers at SP_NGINX_MARK_PATH of gateway.sock */
    /* Told of each file that nginx reads with its configuration, as it is named; NULL: nobody wants to know. */
    void (*names_file)(void *data, struct sp_str path);
    void *data;
};

/* What an unknown path of the admin address is told, whoever answers it. */
#define SP_NGINX_ADMIN_PLACES "Here are /healthz, /readyz, /metrics and /admin/accounts."
#define SP_NGINX_MARK_PATH "/_sallyport/configuration"

enum sp_nginx_file {
    SP_NGINX_MAIN,
    SP_NGINX_LOCATIONS,
    SP_NGINX_PROXY,
    SP_NGINX_TLS,
    SP_NGINX_CONTROL,
    SP_NGINX_AUTHORITY,
    SP_NGINX_FILES
};

const char *sp_nginx_file_name(enum sp_nginx_file file); /* "nginx.conf" … */
unsigned sp_nginx_file_mode(enum sp_nginx_file file);    /* 0600 where a secret stands in it */

/* Where the calls are logged: file is the configuration's, relative to the state directory. */
void sp_nginx_call_log_path(const char *state, struct sp_str file, char path[4096]);

/* SP_MALFORMED: *bad names a value that cannot be written. */
SP_MUST_CHECK enum sp_status sp_nginx_conf_write(const struct sp_nginx_conf *conf, enum sp_nginx_file file,
                                                 struct sp_buffer *out, struct sp_str *bad);

/* The path part of the embedded authority's issuer without a trailing '/'; absent: no authority is configured. */
struct sp_str sp_authority_path(const struct sp_policy *policy);

#endif
