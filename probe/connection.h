/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections, tried: all addresses of a server at once, bounded in time. And the small things that the other
 * probes do with a socket. */
#ifndef SP_PROBE_CONNECTION_H
#define SP_PROBE_CONNECTION_H

#include "core/diagnosis/reach.h"

/* rows: one for each address, filled; sockets: the open, non-blocking socket of each, or -1; to be closed. */
SP_MUST_CHECK enum sp_status sp_connections_try(struct sp_arena *arena, struct sp_str_list addresses, unsigned port,
                                                int64_t timeout_ms, struct sp_connection_evidence *rows, int *sockets);

/* One connection: the socket, or -1. address: "192.0.2.1" or "2001:db8::1". */
int sp_connection_open(struct sp_str address, unsigned port, int64_t timeout_ms);
void sp_connection_close(int *socket);

/* Waits until the socket can be read (or written); false past the deadline of sp_monotonic_ms(). */
bool sp_connection_wait(int socket, bool to_write, int64_t deadline_ms);
/* Sends all of it; reads once, up to room bytes: their number, 0 at the end, -1 on failure or past the deadline. */
bool sp_connection_send(int socket, struct sp_str bytes, int64_t deadline_ms);
long sp_connection_receive(int socket, char *bytes, size_t room, int64_t deadline_ms);

/* Does a plain HTTP server answer there? first_line: of its answer, up to room. Sends a HEAD request. */
bool sp_connection_speaks_http(struct sp_str address, unsigned port, struct sp_str host, int64_t timeout_ms,
                               char *first_line, size_t room);

int64_t sp_monotonic_ms(void);

#endif
