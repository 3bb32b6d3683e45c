/* SPDX-License-Identifier: Apache-2.0 */
/* One try of name and password: throttled and counted (guess.h), the same for names that are no account. */
#ifndef SP_AUTHORITY_LOGIN_H
#define SP_AUTHORITY_LOGIN_H

#include "authority/session.h"

/* *trouble: absent: right, *account is whose (no session began: second_step.h); "": wrong; else the seconds to wait.
 * SP_DENIED: our failure, answered; SP_WAITS. The caller has begun a write, and keeps it when it is neither. */
SP_MUST_CHECK enum sp_step sp_login_try(struct sp_call *call, struct sp_str name, struct sp_str password,
                                        struct sp_account *account, struct sp_str *trouble);

#endif
