/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP of the lab: libmicrohttpd, a thread of its own, one call at a time under the lab's lock. Every connection serves
 * one request, so that a change of the fault is met by the next one. */
#ifndef SP_LAB_SERVER_H
#define SP_LAB_SERVER_H

#include "lab/world.h"

struct sp_lab_server;

SP_MUST_CHECK enum sp_status sp_lab_server_start(struct sp_lab *lab, struct sp_lab_server **server);
void sp_lab_server_stop(struct sp_lab_server **server);
/* Serves the connection at this end of a socket pair; takes fd. May be called by any thread. */
SP_MUST_CHECK enum sp_status sp_lab_server_lead(struct sp_lab_server *server, enum sp_lab_place place, int fd);

#endif
