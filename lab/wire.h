/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the lab: a listening socket, TLS, and how the bytes of an answer travel. HTTP is the server's
 * (server.h): each connection is led to it through a socket pair, by a thread that ends with the connection. That
 * thread is where a handshake fails, an answer is held back or cut, whatever the HTTP behind it says.
 *
 *      client ══TLS══ wire (thread of the connection) ── socket pair ── libmicrohttpd (one thread)
 *
 * An answer says how it is to travel in a header of its own, which never leaves the lab. */
#ifndef SP_LAB_WIRE_H
#define SP_LAB_WIRE_H

#include "core/base/status.h"
#include "lab/fault.h"

#define SP_LAB_ACT_HEADER "Sallyport-Lab-Act"

struct sp_lab_wire;

struct sp_lab_wire_terms {
    const char *address; /* IPv4 or IPv6 */
    unsigned port;       /* 0: any */
    /* Asked when a connection begins, by its thread. SP_LAB_ACT_REFUSE is asked of listen_changed alone. */
    enum sp_lab_variety (*variety)(void *context);
    /* The SSL_CTX of a variety; NULL: plain. */
    void *(*tls)(void *context, enum sp_lab_variety variety);
    /* Takes the server's end of the pair. */
    enum sp_status (*lead)(void *context, int fd);
    void *context;
};

/* Bound, and listening. SP_IO with trouble. */
SP_MUST_CHECK enum sp_status sp_lab_wire_start(const struct sp_lab_wire_terms *terms, struct sp_lab_wire **wire,
                                               char trouble[256]);
/* Connections are ended; returns when their threads are gone. */
void sp_lab_wire_stop(struct sp_lab_wire **wire);
unsigned sp_lab_wire_port(const struct sp_lab_wire *wire);
/* Without: the port stays ours and refuses connections. */
void sp_lab_wire_listen(struct sp_lab_wire *wire, bool listens);

#endif
