/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a right password and the session: nothing, a second factor that the person set up, or – where
 * everybody needs one – setting one up. Meanwhile the visit remembers who passed the first step; no session exists.
 *
 *   password right ─► sp_second_step_begin ─┬─ nothing needed ─► session {pwd}
 *                                           └─ visit waits ─► code or passkey ─► session {pwd otp mfa}, {pwd pop user
 * mfa} passkey that verified its person ───────────────────────────────────────────► session {pop user mfa} */
#ifndef SP_AUTHORITY_SECOND_STEP_H
#define SP_AUTHORITY_SECOND_STEP_H

#include "authority/authorization.h"
#include "authority/visit.h"

/* Whether who passed a first step that is worth a password has to show more: everybody, or who set something up. */
SP_MUST_CHECK enum sp_status sp_second_step_is_due(struct sp_call *call, struct sp_str subject, bool *due);
/* After a first step that would make the session `first` (its subject and amr: "pwd", or "fed" of a provider): *session
 * begins, or session->subject stays absent and the visit waits: then sp_second_step_show is due. The caller has begun a
 * write. */
SP_MUST_CHECK enum sp_step sp_second_step_begin(struct sp_call *call, struct sp_visit *visit,
                                                const struct sp_session *first, struct sp_session *session);
/* The page of a visit that waits. SP_DENIED: our failure, answered. */
SP_MUST_CHECK enum sp_step sp_second_step_show(struct sp_call *call, const struct sp_visit *visit,
                                               const struct sp_authorization *request);
/* Takes a form of its pages, or a passkey from the sign-in page. *session begins – it is not told to the visit yet – or
 * a page is written into the answer; neither: the form's step is none of these. */
SP_MUST_CHECK enum sp_step sp_second_step_take(struct sp_call *call, struct sp_visit *visit,
                                               const struct sp_authorization *request, const struct sp_form *form,
                                               struct sp_session *session);

#endif
