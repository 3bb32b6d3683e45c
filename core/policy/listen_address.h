/* SPDX-License-Identifier: Apache-2.0 */
/* What an address of `listen` or `admin` means to nginx: the sockets that are bound for it. Two ways to write one
 * socket
 * ("0.0.0.0:80" and ":80", "[::1]:80" and "[0::1]:80") are one place here. Names are not resolved: core asks nobody. */
#ifndef SP_POLICY_LISTEN_ADDRESS_H
#define SP_POLICY_LISTEN_ADDRESS_H

#include "core/base/str.h"

enum sp_listen_family { SP_LISTEN_UNIX, SP_LISTEN_IPV4, SP_LISTEN_IPV6, SP_LISTEN_NAME };

struct sp_listen_place {
    enum sp_listen_family family;
    struct sp_str text;        /* the path, or the host as written; none: every address */
    unsigned char address[16]; /* IPV4: the first four; zeros: every address of the family */
    unsigned port;             /* 0: one that is free */
};

/* address: of the form that options.def asks for. How many places were filled: two for an empty host (":8080" is every
 * IPv4 and every IPv6 address), else one; 0 for what is no address. */
size_t sp_listen_places(struct sp_str address, struct sp_listen_place places[2]);

bool sp_listen_place_is_wildcard(const struct sp_listen_place *place);

#endif
