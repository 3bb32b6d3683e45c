/* SPDX-License-Identifier: Apache-2.0 */
/* Networks in CIDR notation (RFC 4632, RFC 4291 2.3), against socket addresses. */
#ifndef SP_PROBE_NETWORK_H
#define SP_PROBE_NETWORK_H

#include <sys/socket.h>
#include "core/base/str.h"

/* "10.0.0.0/8", "fd00::/8", or an address alone. */
bool sp_network_is_valid(struct sp_str network);
/* An IPv4 address mapped into IPv6 is judged as the IPv4 address. False for a network that is none. */
bool sp_network_contains(struct sp_str network, const struct sockaddr *address);
/* Not on this machine, not in a network of one's own, and nothing that stands for such an address (RFC 6890). */
bool sp_network_is_public(const struct sockaddr *address);
/* The address as text, without its port. */
void sp_network_print(const struct sockaddr *address, char *out, size_t room);

#endif
