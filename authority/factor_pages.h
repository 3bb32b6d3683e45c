/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of pages that ask for a second factor or set one up: on the way to a session and on the account page alike. */
#ifndef SP_AUTHORITY_FACTOR_PAGES_H
#define SP_AUTHORITY_FACTOR_PAGES_H

#include "authority/authenticator_app.h"
#include "authority/page.h"
#include "authority/passkeys.h"
#include "authority/recovery_codes.h"

/* What a code was worth, as an alert; nothing for SP_CODE_RIGHT. */
void sp_page_code_trouble(struct sp_page *page, enum sp_code_verdict verdict, int64_t wait_s);
/* A labelled field `code` for six digits; is_wrong: the alert is about it. */
void sp_page_code_field(struct sp_page *page, bool has_focus, bool is_wrong);
/* Picture and key of a new app. */
void sp_page_app_setup(struct sp_page *page, const struct sp_authenticator_app *app, struct sp_str account_name);
void sp_page_recovery_codes(struct sp_page *page, const struct sp_str codes[SP_RECOVERY_CODES]);

/* What the script asks the browser for. */
struct sp_passkey_prompt {
    struct sp_str challenge;
    const struct sp_passkey *known; /* to use one of, or not to make again */
    size_t known_count;
    bool needs_verification, autofill;
    struct sp_str user_handle, user_name; /* to make one; absent: to use one */
};

/* Attributes for <form id="passkey" …>: the caller writes the form around fields, button and script. */
void sp_page_passkey_attributes(struct sp_page *page, const struct sp_passkey_prompt *prompt);
/* The fields that the script fills, the button (hidden until the script runs) and what is said when it failed, or,
 * where the button is the main one, cannot run. */
void sp_page_passkey_fields(struct sp_page *page, bool makes, enum sp_text button, bool is_main);

#endif
