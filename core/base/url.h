/* SPDX-License-Identifier: Apache-2.0 */
/* A URL cut into its pieces, nothing decoded and nothing normalised: comparing pieces of two URLs is how a mismatch is
 * explained. What the host means: core/base/host.h. */
#ifndef SP_BASE_URL_H
#define SP_BASE_URL_H

#include "core/base/status.h"
#include "core/base/str.h"

struct sp_url {
    struct sp_str scheme, userinfo, host, port, path, query,
        fragment; /* absent pieces have at == NULL; path may be empty */
};

/* scheme "://" [userinfo "@"] host [":" port] [path] ["?" query] ["#" fragment]; host is "[v6]", or letters, digits,
 * "-", ".", "_" and what is beyond ASCII: no name in use has more of what RFC 3986 3.2.2 allows, and browsers, curl and
 * headers each read the rest in their own way. SP_MALFORMED without a scheme or host, with another host, with a port
 * that is no number below 65536, with a backslash or bracket before "@", or with white space or control characters. */
SP_MUST_CHECK enum sp_status sp_url_split(struct sp_str text, struct sp_url *url);

bool sp_url_is_scheme(struct sp_str s); /* RFC 3986 3.1 */

/* The port in force: as written, else 443 for https, 80 for http, 0 for others. */
unsigned sp_url_port(const struct sp_url *url);

/* https, or http to a loopback host. */
bool sp_url_is_secure(const struct sp_url *url);

#endif
