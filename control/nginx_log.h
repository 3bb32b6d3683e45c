/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's error log, read for what it says of one attempt: why it did not start, why it gave a configuration up. Read
 * from a mark on, through a rename: what stands in the file that was marked, then in the one that has its name now. */
#ifndef SP_CONTROL_NGINX_LOG_H
#define SP_CONTROL_NGINX_LOG_H

#include <stdbool.h>
#include <sys/types.h>

struct sp_nginx_log {
    const char *state; /* the directory; borrowed */
    int fd;            /* of the file that was marked; -1: there was none */
    off_t from;
};

/* To begin with: nothing is marked, so the whole file counts. */
void sp_nginx_log_init(struct sp_nginx_log *log, const char *state);
void sp_nginx_log_fini(struct sp_nginx_log *log);
/* What stands behind its present end counts from now on. */
void sp_nginx_log_mark(struct sp_nginx_log *log);
/* The errors behind the mark, to our own log, for whoever wonders why it did not start or reload. */
void sp_nginx_log_tell(const struct sp_nginx_log *log);
/* nginx said that it gave the configuration up. It does so once; of a port that is taken it speaks at each try before.
 */
bool sp_nginx_log_gave_up(const struct sp_nginx_log *log);

#endif
