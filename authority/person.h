/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the authority holds of a person, ended or forgotten as a whole: who resets a password, disables or
 * removes an account must not forget a place where access lives on. The caller has begun a write. */
#ifndef SP_AUTHORITY_PERSON_H
#define SP_AUTHORITY_PERSON_H

#include "authority/authority.h"

/* Signs the person out of every browser and device but the one of `spared` (NULL: of every one). */
SP_MUST_CHECK enum sp_status sp_person_end_sessions(struct sp_call *call, struct sp_str subject,
                                                    const unsigned char spared[32]);
/* Of the one that clients know by this sid; SP_NOT_FOUND. */
SP_MUST_CHECK enum sp_status sp_person_end_session(struct sp_call *call, struct sp_str subject, struct sp_str sid);
/* Tokens that applications hold, and what the person once consented to. */
SP_MUST_CHECK enum sp_status sp_person_forget_grants(struct sp_call *call, struct sp_str subject);
/* And takes back every token that an application holds of the person, and links that were sent by mail; consents stay.
 */
SP_MUST_CHECK enum sp_status sp_person_end_all(struct sp_call *call, struct sp_str subject,
                                               const unsigned char spared[32]);
/* The account with its sessions, tokens, consents, factors, addresses and links. SP_NOT_FOUND. */
SP_MUST_CHECK enum sp_status sp_person_remove(struct sp_call *call, struct sp_str subject);

/* Names the password that the account has now: what was begun under it – a sign-in half done, a link to reset it – ends
 * with it. Tells nothing of the password. Absent without memory. */
struct sp_str sp_person_password_mark(struct sp_call *call, const struct sp_account *account);
/* The same of the password and the verified address together: what would put another address in its place ends with
 * either. */
SP_MUST_CHECK enum sp_status sp_person_address_mark(struct sp_call *call, const struct sp_account *account,
                                                    struct sp_str *mark);

#endif
