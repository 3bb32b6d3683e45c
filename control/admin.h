/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API on admin.address: who asks shows the admin token, and only then is the request handed on, as it came,
 * to the authority's admin socket (authority/admin.h), which no worker and no public listener can reach. */
#ifndef SP_CONTROL_ADMIN_H
#define SP_CONTROL_ADMIN_H

#include "control/plane_state.h"

#define SP_ADMIN_PREFIX "/admin/"
#define SP_ADMIN_SOCKET "admin.sock" /* in the state directory, mode 0600 */

/* A name that is none of ours (admin_guard.h): then it is answered. Asked of everything but the workers' questions. */
bool sp_admin_refuses_name(const struct sp_plane *plane, struct sp_exchange *exchange);
/* A request below the prefix. */
void sp_admin_serve(struct sp_plane *plane, struct sp_exchange *exchange);
/* How long its body may be; as short as any other's while the token is not right. */
sp_exchange_limit sp_admin_body_limit;

#endif
