/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a person to sign in – an authorization request, or one of our own pages: the request's parameters or
 * the page's address, bound to the browser that started it. Its forms are own_form.h's.
 *
 *   sealed in its handle ── somebody proves something, or the way ends ──► a row, which speaks for the handle
 *
 * Until then nothing is stored (visit_seal.h says why). A request that is too large for a URL has a row from the start,
 * and these are counted by address and in all. */
#ifndef SP_AUTHORITY_VISIT_H
#define SP_AUTHORITY_VISIT_H

#include "authority/session.h"

/* How a visit ended, for whoever clicked twice (finished_visit.h). Hashes are SHA-256 in base64url. */
struct sp_visit_finish {
    struct sp_str subject; /* of who was signed in */
    struct sp_str session; /* hash of their session; absent: they refused */
    struct sp_str form;    /* hash of the form that ended it; absent: a page that was opened did */
    struct sp_str code;    /* hash of the code that was issued; absent: none was */
};

struct sp_visit {
    struct sp_str handle;     /* in the URL and the form */
    struct sp_str parameters; /* of the authorization request, form-encoded */
    struct sp_str local; /* path and query of our own page that the person comes back to; absent: a client's request */
    bool fresh;          /* a session is not enough: the person has to sign in again */
    struct sp_str form_token; /* of the forms by which a person signs in: whoever that will be */
    bool is_stored;           /* as a row; else the handle is all there is */
    bool is_stale;            /* not stored: a form of it was not taken, and the page is to say so */
    struct sp_str signed_in;  /* who logged in for this request; absent: nobody yet */
    struct sp_str link; /* id of a federated identity that becomes the account's once its owner signed in; or absent */
    /* Between the password and the second step: whose it was, by which method, when; absent: nobody's. */
    struct sp_str passed, passed_by, passed_mark; /* passed_mark: sp_person_password_mark then */
    struct sp_session_origin passed_from;         /* where an upstream did the first step */
    int64_t passed_at;
    struct sp_str challenge;       /* for one passkey; sp_visit_new_challenge once it was used */
    struct sp_visit_finish finish; /* of one that was finished */
    unsigned char hash[32];
    int64_t expires_at;
};

enum sp_visit_found {
    SP_VISIT_FOUND,
    SP_VISIT_GONE,
    SP_VISIT_OTHER_BROWSER,
    SP_VISIT_FINISHED, /* a moment ago, in this browser: but for who clicks twice it is gone */
};

/* Keeps call->parameters; sets the browser's cookie when it has none. SP_DENIED: too many large ones, or our failure;
 * answered. The caller has begun no write. */
SP_MUST_CHECK enum sp_step sp_visit_start(struct sp_call *call, struct sp_visit *visit);
/* Answers with a redirection to the sign-in page of a visit that was started. */
void sp_visit_answer(struct sp_call *call, const struct sp_visit *visit);
/* Sends the person to sign in and back to our own page `local` ("/account?…"). The caller has begun a write. */
SP_MUST_CHECK enum sp_step sp_visit_detour(struct sp_call *call, struct sp_str local, bool fresh);
/* By the parameter `visit`; SP_OK with *found. */
SP_MUST_CHECK enum sp_status sp_visit_find(struct sp_call *call, struct sp_visit *visit, enum sp_visit_found *found);
SP_MUST_CHECK enum sp_status sp_visit_find_by_handle(struct sp_call *call, struct sp_str handle, struct sp_visit *visit,
                                                     enum sp_visit_found *found);
/* Keeps what was changed of it. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_visit_change(struct sp_call *call, struct sp_visit *visit);
/* The hash by which other things are bound to this browser; absent when it has no cookie of ours. */
struct sp_str sp_browser_hash(struct sp_call *call);
/* What the forms carry that decide something in the name of who is signed in: consent, and to go on as them. */
struct sp_str sp_visit_decision_token(struct sp_call *call, const struct sp_visit *visit,
                                      const struct sp_session *session);
/* Remembers that the person logged in. */
SP_MUST_CHECK enum sp_status sp_visit_mark_signed_in(struct sp_call *call, struct sp_visit *visit,
                                                     struct sp_str subject);
/* Did the session's person log in for this very request? */
bool sp_visit_is_signed_in(const struct sp_visit *visit, const struct sp_session *session);
SP_MUST_CHECK enum sp_status sp_visit_new_challenge(struct sp_call *call, struct sp_visit *visit);
/* Its handle is worth nothing any more. session: of who is signed in; where nobody is and nothing was stored nothing is
 * now, and the handle lives until it expires: it does no more than a new request would. The caller has begun a write.
 */
SP_MUST_CHECK enum sp_status sp_visit_end(struct sp_call *call, const struct sp_visit *visit,
                                          const struct sp_session *session);
/* The same, and a minute long it is known how it ended. finish->form is this call's. */
SP_MUST_CHECK enum sp_status sp_visit_finish(struct sp_call *call, const struct sp_visit *visit,
                                             const struct sp_visit_finish *finish);
/* Hash of the form that this call sends; absent: it opens a page. */
struct sp_str sp_visit_form_hash(struct sp_call *call);

#endif
