/* SPDX-License-Identifier: Apache-2.0 */
/* The account page: what a person sees and changes of the own account, one section a file.
 *
 * A section is a row in account_sections.def with two functions. `show` writes what stands below its heading. `act`
 * takes a form of it – the framework has checked that it is the person's own form, and where the row says so that the
 * person signed in lately; it does the change in the write that the endpoint began and leaves a notice for the top of
 * the page, which is then shown anew – or writes a whole page of its own into the answer, such as a further step. Every
 * form names its section and what it asks for (sp_account_form, then buttons by sp_page_button whose `step` is what act
 * is given). */
#ifndef SP_AUTHORITY_ACCOUNT_PAGE_H
#define SP_AUTHORITY_ACCOUNT_PAGE_H

#include "authority/factor_pages.h"
#include "authority/page.h"
#include "authority/session.h"

struct sp_account_view {
    struct sp_session session;
    struct sp_account account;
    struct sp_str form_token;
    bool is_fresh; /* signed in within sessions.fresh: sensitive changes are allowed */

    /* What act has to say; SP_TEXT_COUNT: nothing. */
    enum sp_text notice;
    bool is_trouble; /* it went wrong: the notice is an alert */
};

struct sp_account_section {
    const char *name;
    enum sp_text title;
    bool needs_fresh; /* act is reached only by who signed in lately */
    /* SP_DENIED: our failure, answered. */
    enum sp_step (*show)(struct sp_page *page, const struct sp_account_view *view);
    /* NULL: nothing to do here. SP_DENIED (or any other step but SP_GOES_ON) undoes the write. */
    enum sp_step (*act)(struct sp_call *call, struct sp_account_view *view, struct sp_str step);
};

#define SECTION(NAME, name, title, needs_fresh, show, act)                                                             \
    enum sp_step show(struct sp_page *page, const struct sp_account_view *view);                                       \
    enum sp_step act(struct sp_call *call, struct sp_account_view *view, struct sp_str step);
#include "authority/account_sections.def"
#undef SECTION

/* <form> with its token and the section's name; the caller adds fields and buttons and closes it with </form>. */
void sp_account_form(struct sp_page *page, const struct sp_account_view *view, const char *section);
/* The same for the passkey script to find. */
void sp_account_passkey_form(struct sp_page *page, const struct sp_account_view *view, const char *section,
                             const struct sp_passkey_prompt *prompt);
/* <a> from a page of its own back to the section. */
void sp_account_way_back(struct sp_page *page, const char *section);
/* Makes new recovery codes and shows them on a page of their own. */
SP_MUST_CHECK enum sp_step sp_account_show_recovery_codes(struct sp_call *call, const struct sp_account_view *view);
/* The same ones to whoever sent this very form a moment ago; else no answer is written. */
SP_MUST_CHECK enum sp_step sp_account_show_codes_again(struct sp_call *call);
/* In place of a form that needs_fresh while the person is not: why, and the button that leads to signing in again. */
void sp_account_ask_fresh(struct sp_page *page, const struct sp_account_view *view, const char *section);
/* <time>2026-11-26 03:10 UTC</time> */
void sp_page_time(struct sp_page *page, int64_t at);

#endif
