/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens at an address of this machine: /proc/net/tcp names the socket, /proc/PID/fd whose it is. Of other users'
 * processes only root is shown the latter. */
#ifndef SP_PROBE_PORT_HOLDER_H
#define SP_PROBE_PORT_HOLDER_H

#include <sys/types.h>
#include "core/policy/listen_address.h"

struct sp_port_holder {
    bool is_found; /* a socket listens there; else nothing below is known */
    unsigned uid;  /* of who made it */
    pid_t pid;     /* 0: not shown to us */
    char name[32]; /* of the program */
};

/* place: IPV4 or IPV6, with a port. A socket of all addresses holds each of them, and the other way round. */
void sp_port_holder_find(const struct sp_listen_place *place, struct sp_port_holder *holder);

/* The process runs the gateway's module: some sallyport's nginx. False when it is not shown to us. */
bool sp_process_has_gateway(pid_t pid);

#endif
