/* SPDX-License-Identifier: Apache-2.0 */
/* A person logged in with a browser: a ticket found by the hash of its cookie. The handle is new with every login, so
 * none can be fixed beforehand; `sid` names it to clients.
 *
 * A device that a person let in (device.h) is signed in by itself, whatever becomes of the browser it was allowed in:
 * it has a session of its own, without a cookie. Its sid is the family of what was granted to it, so neither outlives
 * the other. */
#ifndef SP_AUTHORITY_SESSION_H
#define SP_AUTHORITY_SESSION_H

#include "authority/authority.h"

/* Who signed the person in when it was not us, and what it calls the person and the session there. */
struct sp_session_origin {
    struct sp_str upstream; /* id of the provider; absent: we did */
    struct sp_str issuer, subject, sid;
    struct sp_str end_session_endpoint; /* where it signs people out; absent: nowhere */
    struct sp_str hint;                 /* its ID token, sealed (upstream_sign_out.h); or absent */
};

struct sp_session {
    struct sp_str subject;       /* absent: nobody is logged in */
    struct sp_str sid, acr, amr; /* amr: words separated by spaces */
    struct sp_session_origin origin;
    int64_t auth_time; /* no later than this; 0: an upstream did not tell */
    int64_t expires_at;
    struct sp_str device;       /* client_id of the device whose session it is; absent: a browser's */
    struct sp_str_list clients; /* ids of those that got tokens in it and are to hear of its end */
    unsigned char hash[32];
};

/* SP_OK with subject absent when there is none, or none that is as strong as login.second_factor demands; SP_IO. */
SP_MUST_CHECK enum sp_status sp_session_find(struct sp_call *call, struct sp_session *session);
/* Did the browser send a session's cookie, whatever it is worth? */
bool sp_session_has_cookie(const struct sp_call *call);
/* The same by the hash that a refresh token keeps; SP_NOT_FOUND when it has ended. */
SP_MUST_CHECK enum sp_status sp_session_find_by_hash(struct sp_call *call, const unsigned char hash[32],
                                                     struct sp_session *session);
/* A person's, as clients know it; SP_NOT_FOUND. */
SP_MUST_CHECK enum sp_status sp_session_find_by_sid(struct sp_call *call, struct sp_str subject, struct sp_str sid,
                                                    struct sp_session *session);
/* The one in which something was granted: by `hash`, and when the same person signed in again since and it goes on
 * under another handle, by its sid. SP_NOT_FOUND when it has ended. */
SP_MUST_CHECK enum sp_status sp_session_find_granted(struct sp_call *call, const unsigned char hash[32],
                                                     struct sp_str subject, struct sp_str sid,
                                                     struct sp_session *session);
/* Begins one and sets its cookie; ends the one before. amr (RFC 8176) decides acr (assurance.h). The caller has begun a
 * write. */
SP_MUST_CHECK enum sp_status sp_session_start(struct sp_call *call, struct sp_str subject, const char *amr,
                                              struct sp_session *session);
/* The same with more that is known: subject, amr, auth_time, origin, and acr where there is one that amr does not tell.
 */
SP_MUST_CHECK enum sp_status sp_session_start_as(struct sp_call *call, const struct sp_session *known,
                                                 struct sp_session *session);
/* The one with this hash goes on under a new handle, of which the browser gets the cookie. SP_NOT_FOUND: it has ended,
 * or is not as strong as login.second_factor demands. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_session_renew(struct sp_call *call, const unsigned char hash[32],
                                              struct sp_session *session);
/* Of a device: known has subject, sid (the family), acr, amr, auth_time, device and expires_at. The caller has begun a
 * write. */
SP_MUST_CHECK enum sp_status sp_session_start_device(struct sp_call *call, const struct sp_session *known,
                                                     struct sp_session *session);
/* It goes on until then. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_session_prolong(struct sp_call *call, const struct sp_session *session,
                                                int64_t expires_at);
/* As a member of what is kept meanwhile; absent: nothing is written, and none is read. */
void sp_session_origin_write(struct sp_json_writer *json, const struct sp_session_origin *origin);
void sp_session_origin_read(const struct sp_json *data, struct sp_session_origin *origin);
void sp_session_forget_cookie(struct sp_call *call);
/* The client got tokens in the session; a session that has ended is SP_OK too. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_session_add_client(struct sp_call *call, const unsigned char hash[32],
                                                   const struct sp_client *client);
/* Its clients are told by back-channel messages; with a device's everything dies that was granted to the device. The
 * caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_session_end(struct sp_call *call, const struct sp_session *session);

#endif
