/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever clicks "Sign in" twice sends the form twice, and the browser shows the second answer only; of the first it
 * may not even have kept the cookie. So for a minute what was finished can be gone on with, by the browser that
 * finished it, as long as the session lives that came of it and the code was not redeemed:
 *
 *   the same form once more, byte for byte  – it proves what it proved: its password, its one-time code, its token
 *   the page opened with that session       – the way back, when the application did not come up
 *
 * Nothing is won by it: no other form is taken, nobody else goes on, and after signing out there is no session. The
 * code that was issued is spent before there is another: a request has one code, and its state is answered with one
 * that can be redeemed. The request_uri of a pushed request was spent with the first (RFC 9126 4 allows for a browser
 * that sends a request again). */
#ifndef SP_AUTHORITY_FINISHED_VISIT_H
#define SP_AUTHORITY_FINISHED_VISIT_H

#include "authority/visit.h"

/* Of a visit that is SP_VISIT_FINISHED. *session: of who goes on, with a cookie where the browser has none; without a
 * subject: nobody does. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_finished_visit_claim(struct sp_call *call, const struct sp_visit *visit,
                                                     struct sp_session *session);
/* Is this the form by which the person refused, once more? */
bool sp_finished_visit_was_refused(struct sp_call *call, const struct sp_visit *visit);

#endif
