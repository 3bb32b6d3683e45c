/* SPDX-License-Identifier: Apache-2.0 */
/* Who is heard on admin.address before anything is judged.
 *
 * By what name it is asked: a page of any origin can let its own host name resolve to our address (DNS rebinding) and
 * would then read metrics and readiness as its own. An address, a loopback name, the host of admin.address and those of
 * admin.hosts are ours; every other name is refused. A request without Host is no browser's.
 *
 * How often it was wrong: to an address that showed too many wrong tokens each further one is told to wait for the
 * window's end. The right one passes all the same, unlike at the login page (authority/throttle.h): it is one secret,
 * made by a machine and too long to be guessed, and behind one address an attacker could keep the operator out. */
#ifndef SP_CONTROL_ADMIN_GUARD_H
#define SP_CONTROL_ADMIN_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"
#include "core/policy/policy.h"

#define SP_ADMIN_FAILURES 50
#define SP_ADMIN_WINDOW_S 600

struct sp_admin_guard;

/* NULL without memory. */
struct sp_admin_guard *sp_admin_guard_create(void);
void sp_admin_guard_destroy(struct sp_admin_guard **guard);

/* Of HOST:PORT the host; borrowed. */
struct sp_str sp_admin_name_in(struct sp_str text);
/* host: the header's value, absent when there was none. */
bool sp_admin_name_is_ours(const struct sp_serving *serving, struct sp_str host);

/* Seconds until a wrong token from there counts anew; 0: it counts now. */
int64_t sp_admin_guard_wait_s(struct sp_admin_guard *guard, struct sp_str address, int64_t now);
/* It showed a wrong token. */
void sp_admin_guard_fail(struct sp_admin_guard *guard, struct sp_str address, int64_t now);

#endif
