/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_AUTHORITY_SIGN_IN_PAGES_H
#define SP_AUTHORITY_SIGN_IN_PAGES_H

#include "authority/authorization.h"
#include "authority/factor_pages.h"
#include "authority/page.h"
#include "authority/visit.h"

/* trouble: absent: none; "": wrong name or password; else the seconds to wait. */
void sp_login_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                   struct sp_str name, struct sp_str trouble);
/* The same, first shown: says so when the person of the session is not the one whom the application asks for. */
void sp_login_page_after(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                         const struct sp_session *session);
/* The same after something else went wrong. */
void sp_login_page_alert(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                         enum sp_text alert);
/* <form> to /signin for the visit, by which somebody signs in; with a prompt it is the one that the passkey script
 * finds. The caller closes it. */
void sp_sign_in_form(struct sp_page *page, const struct sp_visit *visit, const struct sp_authorization *request,
                     const struct sp_passkey_prompt *prompt);
void sp_consent_text(struct sp_page *page, const struct sp_client *client, struct sp_str scopes,
                     const struct sp_session *session);
/* <ul> of what the scopes allow, in words. */
void sp_scope_list(struct sp_page *page, struct sp_str scopes);
/* Who is signed in, to go on as or not (prompt=select_account). */
void sp_choice_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                    const struct sp_session *session);
void sp_consent_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                     const struct sp_session *session);
/* The request that the page belongs to is gone, or another browser's: answers with a page and says so in call->finding.
 * SP_DENIED. */
enum sp_step sp_lost_page(struct sp_call *call, enum sp_visit_found found);

#endif
