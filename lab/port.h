/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of the lab: bound, and then listening, refusing or full. Addresses are IPv4 or IPv6, without brackets. */
#ifndef SP_LAB_PORT_H
#define SP_LAB_PORT_H

/* Bound, and still bound when it stops listening; port 0: any. -1 with errno. */
int sp_lab_port_bind(const char *address, unsigned port);
/* The number that a bound socket has; 0: it cannot be told. */
unsigned sp_lab_port_of(int fd);

/* A port that refuses connections: bound, not listening. -1 with errno. */
int sp_lab_port_that_refuses(const char *address, unsigned *port);
/* A port whose queue is full, so that connections are neither taken nor refused; clients holds what fills it. */
int sp_lab_port_that_swallows(const char *address, unsigned *port, int clients[4]);

#endif
