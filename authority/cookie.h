/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies of the authority's pages: host-only, HttpOnly, SameSite=Lax, with https Secure and the __Host- prefix (RFC
 * 6265bis 4.1.3.2); below an issuer's path __Secure- and that path. */
#ifndef SP_AUTHORITY_COOKIE_H
#define SP_AUTHORITY_COOKIE_H

#include "authority/authority.h"

/* name without prefix; absent when the browser did not send it. Sent twice, the first counts. */
struct sp_str sp_cookie_get(const struct sp_call *call, const char *name);
/* max_age_s 0: until the browser ends; < 0: forget it. */
void sp_cookie_set(struct sp_call *call, const char *name, struct sp_str value, int64_t max_age_s);

#endif
