/* SPDX-License-Identifier: Apache-2.0 */
/* Which redirect URIs a client may register for itself (RFC 7591 5, RFC 8252 7, RFC 9700 2.1, OIDC Registration 2):
 * whatever a browser is sent to with a code in hand must belong to the application and to nobody else. */
#ifndef SP_AUTHORITY_REDIRECT_URI_POLICY_H
#define SP_AUTHORITY_REDIRECT_URI_POLICY_H

#include <stdbool.h>
#include "core/base/str.h"

#define SP_MAX_REDIRECT_URI_BYTES 2048u

struct sp_redirect_uri_policy {
    bool native;          /* application_type native: loopback and schemes of its own */
    bool allows_loopback; /* for web applications too: the authority itself is on loopback, so this is development */
};

/* NULL when it is fine, else what is wrong with it and what to register instead: a static sentence for developers. */
const char *sp_redirect_uri_fault(struct sp_str uri, struct sp_redirect_uri_policy policy);

#endif
