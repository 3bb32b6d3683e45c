/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to an account, told by mail to its owner (notices.def): what, when, from which address and browser, and
 * what to do if it was somebody else. Written in the same write as what it tells of, so neither is there without the
 * other, and delivered later: no mail server delays what a person does. Without authority.mail, without a verified
 * address and beyond three an hour of one kind there is none; each kind is counted by itself, so that nobody hides one
 * behind many others. */
#ifndef SP_AUTHORITY_NOTICE_H
#define SP_AUTHORITY_NOTICE_H

#include "authority/authority.h"

enum sp_notice {
#define NOTICE(NAME, name, who, says, otherwise) SP_NOTICE_##NAME,
#include "authority/notices.def"
#undef NOTICE
    SP_NOTICE_COUNT
};

/* To the verified address that the account has now. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_notice_send(struct sp_call *call, const struct sp_account *account,
                                            enum sp_notice notice);
/* EMAIL_CHANGED or EMAIL_SET: to the address that was verified before, and to the account's; the first one of an
 * account (before absent) is told by itself. The same as before: nobody has to be told. */
SP_MUST_CHECK enum sp_status sp_notice_send_moved(struct sp_call *call, const struct sp_account *account,
                                                  struct sp_str before, enum sp_notice notice);

#endif
