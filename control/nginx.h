/* SPDX-License-Identifier: Apache-2.0 */
/* nginx as a child: its configuration written, started, watched, restarted when it dies, reloaded when what it should
 * run is not what it says it runs, and left alone when the control plane dies – the next control plane finds it by its
 * pid file and goes on with it. A reload is over when nginx tells the new configuration's mark (nginx_files.h), or
 * refused it. */
#ifndef SP_CONTROL_NGINX_H
#define SP_CONTROL_NGINX_H

#include "control/fetcher.h"
#include "control/loop.h"
#include "core/policy/policy.h"

struct sp_nginx;

struct sp_nginx_terms {
    const char *state;        /* absolute */
    const char *module;       /* absolute path of the module's .so */
    const char *user;         /* of the workers, or NULL */
    const char *proxy_secret; /* by which the authority knows nginx; lives longer */
};

struct sp_nginx_events {
    void (*serving)(void *data); /* once, when nginx answers for the first time */
    /* It ended before that. why: the first line of what was told of it. */
    void (*failed)(void *data, const char *why);
    /* Once after each sp_nginx_apply that was SP_OK, never before it returned: whether nginx has taken the
     * configuration over. If not, its reasons are told, and it goes on with the configuration it had. why: the first
     * of them; NULL: it has. */
    void (*settled)(void *data, bool taken, const char *why);
    void (*finished)(void *data); /* after sp_nginx_finish: no call is in progress any more */
    void *data;
};

/* NULL without memory. */
struct sp_nginx *sp_nginx_create(struct sp_loop *loop, struct sp_fetcher *fetcher, const struct sp_nginx_terms *terms,
                                 const struct sp_nginx_events *events);
/* Takes no more calls and lets those in progress end (nginx cuts them after a minute, worker_shutdown_timeout); the
 * loop has to run meanwhile, for they may ask the control plane. False: nginx does not run. */
bool sp_nginx_finish(struct sp_nginx *nginx);
/* Ends what still runs of nginx, calls in progress too. */
void sp_nginx_destroy(struct sp_nginx **nginx);

/* Writes the configuration; starts nginx, adopts a running one, or reloads it when it runs another configuration.
 * SP_MALFORMED: a value cannot be written, SP_IO: files (both logged). Not while the one before is not settled. */
SP_MUST_CHECK enum sp_status sp_nginx_apply(struct sp_nginx *nginx, const struct sp_policy *policy);
/* After a configuration was refused: writes the one of before again, for the next time nginx starts. */
SP_MUST_CHECK enum sp_status sp_nginx_write_back(struct sp_nginx *nginx, const struct sp_policy *policy);

/* Its logs were renamed: it opens those that have their names now (sp_nginx_logs_make). */
void sp_nginx_reopen_logs(const struct sp_nginx *nginx);

bool sp_nginx_is_serving(const struct sp_nginx *nginx);
/* It did not take the module's present build over, and goes on with the one that it loaded before. */
bool sp_nginx_has_old_module(const struct sp_nginx *nginx);
/* The port that a listener is served on, chosen where the configuration says 0; index listener_count: the admin
 * address. */
unsigned sp_nginx_port(const struct sp_nginx *nginx, size_t listener);
uint64_t sp_nginx_restarts(const struct sp_nginx *nginx);

#endif
