/* SPDX-License-Identifier: Apache-2.0 */
/* Browsers in which an account was signed in before. Each sign-in leaves a cookie there that lets nobody in and names
 * nobody: all it gives is a count of its own for wrong passwords (guess.h), so that strangers who know a name cannot
 * keep its owner out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). A thief of it gains a few tries,
 * so it outlives sessions, signing out and a new password.
 *
 *   cookie: entry[≤ 6], the latest first     entry: time (8 hex digits) | random (16) | MAC over both and the account
 * (22)
 */
#ifndef SP_AUTHORITY_KNOWN_BROWSER_H
#define SP_AUTHORITY_KNOWN_BROWSER_H

#include "authority/authority.h"

/* What the call's browser is counted under for the account, in the call's arena; absent: it is a stranger's. */
struct sp_str sp_known_browser_find(struct sp_call *call, struct sp_str account);
/* The account was signed in, or its owner proved by mail who they are: sets the cookie. */
void sp_known_browser_remember(struct sp_call *call, struct sp_str account);
/* sp_throttle_check of SP_THROTTLE_LOGIN, but for a browser that the account knows: whoever shares its address cannot
 * keep it out. Only where the account has a count of its own for what is tried. */
SP_MUST_CHECK enum sp_step sp_known_browser_check(struct sp_call *call, struct sp_str account);

#endif
