/* SPDX-License-Identifier: Apache-2.0 */
/* nginx as a child: its configuration written, started, watched, restarted when it dies, reloaded when listeners
 * change, and left alone when the control plane dies – the next control plane finds it by its pid file and goes on with
 * it. */
#ifndef SP_CONTROL_NGINX_H
#define SP_CONTROL_NGINX_H

#include "control/loop.h"
#include "core/policy/policy.h"

struct sp_nginx;

struct sp_nginx_terms {
    const char *state;        /* absolute */
    const char *module;       /* absolute path of the module's .so */
    const char *user;         /* of the workers, or NULL */
    const char *proxy_secret; /* by which the authority knows nginx; lives longer */
};

/* serving is told once when nginx answers for the first time; failed when it ends before that (its error log's last
 * line is told). NULL without memory. */
struct sp_nginx *sp_nginx_create(struct sp_loop *loop, const struct sp_nginx_terms *terms, void (*serving)(void *data),
                                 void (*failed)(void *data), void *data);
/* Ends nginx gracefully, at most 5 s. */
void sp_nginx_destroy(struct sp_nginx **nginx);

/* Writes the configuration; starts nginx, adopts a running one, or reloads it when the configuration differs from the
 * last one. SP_MALFORMED: a value cannot be written, SP_IO: files (both logged). */
SP_MUST_CHECK enum sp_status sp_nginx_apply(struct sp_nginx *nginx, const struct sp_policy *policy);

bool sp_nginx_is_serving(const struct sp_nginx *nginx);
/* The port that a listener is served on, chosen where the configuration says 0; index listener_count: the admin
 * address. */
unsigned sp_nginx_port(const struct sp_nginx *nginx, size_t listener);
uint64_t sp_nginx_restarts(const struct sp_nginx *nginx);

#endif
