/* SPDX-License-Identifier: Apache-2.0 */
/* What the host of a URL means: this machine, a network of one's own, or somebody outside. It gives leave (plain http
 * is tolerable on this machine) and it refuses (no stranger sends us or a browser inside), and the two read differently
 * where writings of an address are understood by some programs and not by others: leave is given for the plain forms
 * alone, refused is whatever anybody may take for an address inside. A name may still lead inside when it is resolved:
 * who connects judges the address (probe/network.h). */
#ifndef SP_BASE_HOST_H
#define SP_BASE_HOST_H

#include "core/base/str.h"

/* localhost, *.localhost, 127.0.0.0/8 as four decimal numbers, [::1], [::ffff:127.0.0.0/104]; a name with its final dot
 * too (RFC 6761 6.3). */
bool sp_host_is_loopback(struct sp_str host);

/* Loopback; an address that is not public, also in the short, octal and hexadecimal forms that inet_aton and browsers
 * read; a name without a dot, or below .local, .internal, .localdomain, .svc, .lan, .docker, .intranet; and what nobody
 * can judge: a name that ends in a number without being an address, or holds what is not ASCII (browsers map some of it
 * to digits and dots). */
bool sp_host_is_internal(struct sp_str host);

/* Four decimal numbers, or in brackets. */
bool sp_host_is_address(struct sp_str host);

/* "[v6]", also with a zone: an address stands there and nothing behind it. */
bool sp_host_is_bracketed(struct sp_str host);

/* The value of a Host header (RFC 9110 7.2): a name of RFC 3986 3.2.2's characters or "[v6]", and behind a colon a port
 * below 65536, or none. Nothing of it ends a quoted string or a line. */
bool sp_host_is_header_value(struct sp_str value);

/* An address as IPv6 has it, IPv4 in its mapped form: not on this machine, not in a network of one's own, and nothing
 * that stands for such an address (RFC 6890). */
bool sp_address_is_public(const unsigned char address[16]);

#endif
