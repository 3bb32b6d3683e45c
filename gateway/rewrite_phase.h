/* SPDX-License-Identifier: Apache-2.0 */
/* What nginx's rewrite module answers by itself: a `return` or a redirecting `rewrite` runs in a phase before the one
 * that asks about access, so nobody is asked for a token. */
#ifndef SP_GATEWAY_REWRITE_PHASE_H
#define SP_GATEWAY_REWRITE_PHASE_H

#include "gateway/gateway.h"

/* While the configuration is read: warns of a guarded location (or server) that answers so. is_said_here: it has
 * `sallyport on` itself; a server that only inherits it and redirects everything is left in peace. */
void sp_rewrite_phase_check(ngx_conf_t *cf, bool is_said_here);

#endif
