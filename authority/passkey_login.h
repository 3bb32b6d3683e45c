/* SPDX-License-Identifier: Apache-2.0 */
/* One use of a passkey (Web Authentication 7.2), from the fields that the script filled. */
#ifndef SP_AUTHORITY_PASSKEY_LOGIN_H
#define SP_AUTHORITY_PASSKEY_LOGIN_H

#include "authority/passkeys.h"
#include "authority/visit.h"

/* Whose passkey it is: *account, absent when it was refused – the call's finding says why. The visit's challenge is
 * used up either way, but by a passkey that nobody has here where the visit is not stored: it stays so. A visit that
 * passed its first step takes passkeys of that person only, and a touch is enough; else the authenticator must have
 * verified the person. The caller has begun a write, and keeps it. */
SP_MUST_CHECK enum sp_status sp_passkey_login(struct sp_call *call, struct sp_visit *visit, const struct sp_form *form,
                                              struct sp_str *account);

#endif
