/* SPDX-License-Identifier: Apache-2.0 */
/* Another OpenID Provider that signs people in for us, as a row of the configuration. Towards it we are a careful
 * relying party (RFC 9700): code with PKCE, a state of the browser that began, a nonce, a redirect URI of its own for
 * each provider, `iss` (RFC 9207) compared where it is sent and required where its metadata promise it; what it answers
 * is judged by core, so that the log names the cause of a sign-in that fails. */
#ifndef SP_AUTHORITY_UPSTREAM_H
#define SP_AUTHORITY_UPSTREAM_H

#include "core/base/str.h"
#include "core/diagnosis/requirements.h"

struct sp_authority_settings;

/* What becomes of somebody whom nobody knows here yet. */
enum sp_upstream_newcomer {
    SP_NEWCOMER_CREATE, /* an account is made */
    SP_NEWCOMER_LINK,   /* they sign in once with the password of the account that is theirs */
    SP_NEWCOMER_REFUSE,
};

/* Words of theirs and what they are worth here; whatever is not among them is worth nothing. */
struct sp_upstream_words {
    const struct sp_str *theirs, *ours;
    size_t count;
};

struct sp_upstream_provider {
    struct sp_str id, name, issuer, client_id, client_secret;
    struct sp_str_list scopes; /* openid is always among them */
    struct sp_str_list claims; /* that a new account gets, and that are brought up to date at each sign-in */
    struct sp_str_list acr_values;
    struct sp_upstream_words map_acr, map_amr;
    enum sp_upstream_newcomer newcomers;
    bool trust_email; /* its email_verified counts here */
    bool userinfo;
    bool sign_out; /* whoever signs out here is signed out there */
};

/* What `word` of theirs is here; absent: nothing. */
struct sp_str sp_upstream_word(const struct sp_upstream_words *words, struct sp_str word);

/* NULL: there is none. */
const struct sp_upstream_provider *sp_upstream_find(const struct sp_authority_settings *settings, struct sp_str id);

#endif
