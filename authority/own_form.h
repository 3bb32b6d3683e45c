/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of our own pages: no other site may send them, and nobody but the one whom they were shown to.
 *
 * Two proofs. The browser says where a form comes from (Origin, Sec-Fetch-Site): another origin than the issuer's is
 * refused, `null` too; a client that says neither goes on. And each form carries a token, an HMAC over what the form
 * is for, under the browser's secret and the session: a cookie that a sub-domain or the network planted does not make
 * one, for whoever planted it does not know the session, and what was shown to one person is not done for the next. */
#ifndef SP_AUTHORITY_OWN_FORM_H
#define SP_AUTHORITY_OWN_FORM_H

#include "authority/page.h"
#include "authority/session.h"

/* The browser's own secret, from its cookie; made and set when absent. */
struct sp_str sp_browser_secret(struct sp_call *call);

/* What the form must carry. session: whom it is shown to; NULL or without a subject: nobody is signed in, or the form
 * is not about who is. Absent without memory. */
struct sp_str sp_own_form_token(struct sp_call *call, struct sp_str purpose, const struct sp_session *session);
/* The field with it; the page then lets the browser say where its forms come from. */
void sp_own_form_field(struct sp_page *page, struct sp_str token);
/* Was the form POSTed with this token? Says why not in call->finding, as something that was put up with: nothing is
 * to be done then but to show the page anew. A GET is none, and no finding. */
bool sp_own_form_is_sent(struct sp_call *call, struct sp_str token);

/* Of a POST: refuses a form that another origin sent (form.other_origin), with a page. */
SP_MUST_CHECK enum sp_step sp_own_form_check_origin(struct sp_call *call);

#endif
