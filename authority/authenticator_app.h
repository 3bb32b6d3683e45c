/* SPDX-License-Identifier: Apache-2.0 */
/* A person's authenticator app (RFC 6238): the secret it shares with us, sealed under the master key, and which codes
 * of it were used. It counts only after its first code came; until then its secret belongs to the visit or the session
 * that was shown it: two who know the password, of whom one is a thief, never see the same. Tries are throttled like
 * passwords, by a count of their own: the right password, which whoever guesses codes has, does not start it again. */
#ifndef SP_AUTHORITY_AUTHENTICATOR_APP_H
#define SP_AUTHORITY_AUTHENTICATOR_APP_H

#include "authority/authority.h"

/* From the picture to its first code. */
#define SP_AUTHENTICATOR_SETUP_S 600

struct sp_authenticator_app {
    struct sp_str account;
    struct sp_str holder; /* while it is not confirmed: the visit's handle or the session's sid */
    struct sp_str secret; /* in the call's arena: sp_authenticator_app_forget when done */
    bool is_confirmed;
    int64_t last_step; /* of the last accepted code */
    int64_t failures, failed_at;
    int64_t created_at;
};

/* A confirmed one. SP_NOT_FOUND: none, or sealed under another master key. */
SP_MUST_CHECK enum sp_status sp_authenticator_app_find(struct sp_call *call, struct sp_str account,
                                                       struct sp_authenticator_app *app);
/* The confirmed one, else the one that this holder was shown a moment ago. SP_NOT_FOUND: neither. */
SP_MUST_CHECK enum sp_status sp_authenticator_app_find_setup(struct sp_call *call, struct sp_str account,
                                                             struct sp_str holder, struct sp_authenticator_app *app);
/* The same, else a new one: what somebody saw on the screen or in the browser's history once is not what is set up
 * later. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_authenticator_app_begin(struct sp_call *call, struct sp_str account,
                                                        struct sp_str holder, struct sp_authenticator_app *app);
void sp_authenticator_app_forget(struct sp_authenticator_app *app);

/* What a code was worth. */
enum sp_code_verdict { SP_CODE_WRONG, SP_CODE_RIGHT, SP_CODE_REPLAYED, SP_CODE_TOO_OFTEN };

/* Judges a code and keeps what follows: the used step and, of a new app, its confirmation, or the failure. *wait_s with
 * SP_CODE_TOO_OFTEN. */
SP_MUST_CHECK enum sp_status sp_authenticator_app_try(struct sp_call *call, struct sp_authenticator_app *app,
                                                      struct sp_str code, enum sp_code_verdict *verdict,
                                                      int64_t *wait_s);

/* "JBSW Y3DP …", for typing; absent without memory. */
struct sp_str sp_authenticator_app_text(struct sp_arena *arena, const struct sp_authenticator_app *app);
/* otpauth:// URI, for the QR code: issuer's host and account name are its label. */
struct sp_str sp_authenticator_app_uri(struct sp_call *call, const struct sp_authenticator_app *app,
                                       struct sp_str account_name);

#endif
