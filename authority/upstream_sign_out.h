/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a session that another provider began, in both directions.
 *
 *   signed out here:  /logout ─► end_session_endpoint there ─► /signed_out?state=… ─► where the application wanted
 *   signed out there: logout token ─► POST /backchannel/ID ─► our sessions end, and our clients hear of it
 */
#ifndef SP_AUTHORITY_UPSTREAM_SIGN_OUT_H
#define SP_AUTHORITY_UPSTREAM_SIGN_OUT_H

#include "authority/session.h"
#include "authority/upstream.h"

/* An ID token that is longer is not kept as a hint: it goes into a URL. */
#define SP_MAX_UPSTREAM_HINT_BYTES 4096u

/* Is the person to be signed out where this session began, too? */
bool sp_upstream_sign_out_is_due(const struct sp_call *call, const struct sp_session *session);
/* Where the browser is sent for that. What comes back is sent on to `next` (absent: to nowhere). Writes: the caller has
 * begun a write. */
SP_MUST_CHECK enum sp_status sp_upstream_sign_out_begin(struct sp_call *call, const struct sp_session *session,
                                                        struct sp_str next, struct sp_str *url);

/* The ID token of the sign-in as a hint for then, sealed under the master key; absent when it is too long. */
SP_MUST_CHECK enum sp_status sp_upstream_hint_seal(struct sp_call *call, struct sp_str subject, struct sp_str id_token,
                                                   struct sp_str *sealed);

/* ---- what of a provider is needed when it speaks first ---- */
/* Keeps where its keys are. The caller has begun a write. */
SP_MUST_CHECK enum sp_status
sp_upstream_remember_keys(struct sp_call *call, const struct sp_upstream_provider *upstream, struct sp_str jwks_uri);
/* SP_NOT_FOUND: nobody signed in there yet. */
SP_MUST_CHECK enum sp_status sp_upstream_keys_place(struct sp_call *call, const struct sp_upstream_provider *upstream,
                                                    struct sp_str *jwks_uri);
/* The session that it calls sid belongs to the account. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_upstream_remember_sid(struct sp_call *call, const struct sp_session *session);
/* SP_NOT_FOUND. */
SP_MUST_CHECK enum sp_status sp_upstream_account_of_sid(struct sp_call *call, struct sp_str issuer, struct sp_str sid,
                                                        struct sp_str *account);

#endif
