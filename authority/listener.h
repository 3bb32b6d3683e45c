/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that the authority listens on. */
#ifndef SP_AUTHORITY_LISTENER_H
#define SP_AUTHORITY_LISTENER_H

#include "core/base/status.h"
#include "core/base/str.h"

/* "HOST:PORT", ":PORT" (loopback) or port 0 for any free one; *url becomes "http://127.0.0.1:PORT". SP_IO with trouble.
 */
SP_MUST_CHECK enum sp_status sp_listen_tcp(struct sp_str address, int *fd, char url[80], char trouble[256]);
/* Who may connect to a unix socket: whoever can enter its directory, our own user, or a group besides. */
#define SP_LISTEN_TO_ALL (-2)
#define SP_LISTEN_TO_US (-1)
/* Takes the place of a socket that nobody serves; SP_IO with trouble when somebody does. group: one of the above, or a
 * group's number. */
SP_MUST_CHECK enum sp_status sp_listen_unix(const char *path, int group, int *fd, char trouble[256]);

#endif
