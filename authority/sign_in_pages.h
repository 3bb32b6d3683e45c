/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_AUTHORITY_SIGN_IN_PAGES_H
#define SP_AUTHORITY_SIGN_IN_PAGES_H

#include "authority/authorization.h"
#include "authority/page.h"
#include "authority/visit.h"

/* trouble: absent: none; "": wrong name or password; else the seconds to wait. */
void sp_login_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                   struct sp_str name, struct sp_str trouble);
/* The same, first shown: says so when the person of the session is not the one whom the application asks for. */
void sp_login_page_after(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                         const struct sp_session *session);
/* The pieces, for other pages that ask the same. */
void sp_login_trouble(struct sp_page *page, struct sp_str trouble);
void sp_login_fields(struct sp_page *page, struct sp_str name, struct sp_str trouble);
void sp_consent_text(struct sp_page *page, const struct sp_client *client, struct sp_str scopes,
                     const struct sp_session *session);
/* <ul> of what the scopes allow, in words. */
void sp_scope_list(struct sp_page *page, struct sp_str scopes);
/* Who is signed in, to go on as or not (prompt=select_account). */
void sp_choice_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                    const struct sp_session *session);
void sp_consent_page(struct sp_call *call, const struct sp_visit *visit, const struct sp_authorization *request,
                     const struct sp_session *session);
/* The request that the page belongs to is gone, or another browser's. */
void sp_lost_page(struct sp_call *call, enum sp_text why);

#endif
