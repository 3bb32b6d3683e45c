/* SPDX-License-Identifier: Apache-2.0 */
/* A URL cut into its pieces, nothing decoded and nothing normalised: comparing pieces of two URLs is how a mismatch is
 * explained. Also says which hosts are this machine (plain http is tolerable there) and which names nobody outside can
 * mean. */
#ifndef SP_BASE_URL_H
#define SP_BASE_URL_H

#include "core/base/status.h"
#include "core/base/str.h"

struct sp_url {
    struct sp_str scheme, userinfo, host, port, path, query,
        fragment; /* absent pieces have at == NULL; path may be empty */
};

/* scheme "://" [userinfo "@"] host [":" port] [path] ["?" query] ["#" fragment]; host may be "[v6]". SP_MALFORMED
 * without a scheme or host, with a port that is no number below 65536, or with white space or control characters. */
SP_MUST_CHECK enum sp_status sp_url_split(struct sp_str text, struct sp_url *url);

/* The port in force: as written, else 443 for https, 80 for http, 0 for others. */
unsigned sp_url_port(const struct sp_url *url);

/* localhost, *.localhost, 127.0.0.0/8, [::1]. */
bool sp_host_is_loopback(struct sp_str host);
/* Loopback; a private or link-local address; a name without a dot, or below .local, .internal, .localdomain, .svc,
 * .lan, .docker. */
bool sp_host_is_internal(struct sp_str host);
bool sp_host_is_address(struct sp_str host); /* IPv4 dotted, or in brackets */

/* https, or http to a loopback host. */
bool sp_url_is_secure(const struct sp_url *url);

#endif
