/* SPDX-License-Identifier: Apache-2.0 */
/* An authorization request (RFC 6749 4.1.1, OIDC Core 3.1.2.1): read, judged and answered. What is wrong before the
 * redirect URI is known to be the client's is a page for people; everything after goes back to the client. */
#ifndef SP_AUTHORITY_AUTHORIZATION_H
#define SP_AUTHORITY_AUTHORIZATION_H

#include "authority/acr.h"
#include "authority/claims_request.h"
#include "authority/session.h"

enum sp_response_mode { SP_RESPONSE_QUERY, SP_RESPONSE_FRAGMENT, SP_RESPONSE_FORM_POST };

struct sp_authorization {
    const struct sp_client *client;
    struct sp_str redirect_uri;
    bool redirect_uri_sent; /* RFC 6749 4.1.3: then the token request must repeat it */
    enum sp_response_mode mode;
    struct sp_str state, nonce, scope, challenge, login_hint, dpop_jkt;
    struct sp_str hint_subject;          /* the account that id_token_hint names */
    const unsigned char *subject_secret; /* by which people are called as the client knows them (subject.h) */
    struct sp_str consent_scope;         /* scope, and what the claims asked for by name need */
    struct sp_str consent;               /* what the person has to agree to for it: sp_claims_consent's words */
    struct sp_claims_request claims;
    struct sp_acr_wish acr;
    struct sp_str_list audiences;
    int64_t max_age_s; /* -1: not asked for */
    bool prompt_none, prompt_login, prompt_consent, prompt_select;
    bool challenge_is_plain;
    bool is_again; /* it had a code, which is spent: so is what it was pushed with */
};

/* From call->parameters. SP_DENIED: answered, by page or redirect; from then on refusals of this call go to the client.
 */
SP_MUST_CHECK enum sp_step sp_authorization_read(struct sp_call *call, struct sp_authorization *authorization);

/* The same judgement without a browser: refusals stay what the call's are (RFC 9126 2.3). */
SP_MUST_CHECK enum sp_step sp_authorization_check(struct sp_call *call, struct sp_authorization *authorization);

/* Where refusals go before the request is read, while its parameters may still be elsewhere (pushed, or in a request
 * object): to the client when the plain parameters name a redirect URI of its own, else to a page. What stands twice is
 * not known: without client_id or redirect_uri it is a page, a response_mode is the default, and no state goes back
 * rather than one of two. */
void sp_authorization_aim(struct sp_call *call);

enum sp_authorization_need {
    SP_NEEDS_NOTHING,
    SP_NEEDS_LOGIN,
    SP_NEEDS_ACCOUNT, /* somebody is signed in, and shall say whether it is them who go on */
    SP_NEEDS_CONSENT,
    SP_NEEDS_TOO_MUCH, /* the login was not as strong as the request demands, and no stronger one is to be had */
};

/* What is missing before a code may be issued. signed_in: the person logged in for this very request. consented: what
 * was agreed to before. Pure. */
enum sp_authorization_need sp_authorization_need(const struct sp_authorization *authorization,
                                                 const struct sp_session *session, struct sp_str consented,
                                                 bool signed_in, int64_t now);

/* Does the request ask for another person than this one? */
bool sp_authorization_is_for_another(const struct sp_authorization *authorization, struct sp_str subject);
/* Refuses what needs too much: unmet_authentication_requirements, to the client. */
enum sp_step sp_authorization_deny_unmet(struct sp_call *call, const struct sp_authorization *authorization,
                                         const struct sp_session *session);

struct sp_answer_pair {
    const char *name;
    struct sp_str value; /* absent: left out */
};
/* Sends name=value pairs, state and iss to the redirect URI by the response mode. */
void sp_authorization_respond(struct sp_call *call, const struct sp_authorization *authorization,
                              const struct sp_answer_pair *pairs, size_t count);
/* A refusal that goes to the client; its context is the sp_authorization. A value for call->deny. */
enum sp_step sp_authorization_deny(struct sp_call *call, const struct sp_denial *denial);
/* Issues a code and sends it. code_hash: where its hash goes, in base64url; may be NULL. The caller has begun a write
 * and keeps it. */
enum sp_step sp_authorization_grant(struct sp_call *call, const struct sp_authorization *authorization,
                                    const struct sp_session *session, struct sp_str *code_hash);

/* The scopes that the person granted to the client before; empty without any. */
SP_MUST_CHECK enum sp_status sp_authorization_consented(struct sp_call *call,
                                                        const struct sp_authorization *authorization,
                                                        const struct sp_session *session, struct sp_str *scopes);

/* A page for people: what is wrong, and for the developer cause, expected and received. A value for call->deny. */
enum sp_step sp_denial_page(struct sp_call *call, const struct sp_denial *denial);

#endif
