/* SPDX-License-Identifier: Apache-2.0 */
/* What a person granted, as codes and refresh tokens carry it from step to step: the JSON in their tickets. */
#ifndef SP_AUTHORITY_GRANT_RECORD_H
#define SP_AUTHORITY_GRANT_RECORD_H

#include "authority/access_token.h"
#include "authority/grant.h"
#include "authority/session.h"
#include "authority/token_answer.h"

struct sp_grant_record {
    struct sp_str subject, family, scope, nonce, acr, amr, sid, jkt, x5t;
    struct sp_str userinfo_claims, id_token_claims; /* asked for by name, and allowed; words */
    struct sp_str session; /* base64url of the session ticket's hash; absent: not bound to one */
    struct sp_str_list audiences;
    int64_t auth_time;
    bool keeps_refresh_token; /* the client has one and goes on with it */
    struct sp_str next;       /* the refresh token that it gets; absent: a new one is made */
    unsigned char next_hash[32];
};

/* Reads it from a ticket's data. */
SP_MUST_CHECK enum sp_status sp_grant_record_read(struct sp_arena *arena, const struct sp_ticket *ticket,
                                                  const struct sp_json *data, struct sp_grant_record *record);
void sp_grant_record_write(struct sp_json_writer *json, const struct sp_grant_record *record);

/* Access token, refresh token if the client may have one, id_token if openid was granted. The caller has begun a write.
 * scope: what the access token gets, within the record's and within what the client may have now (grant_allowed.h);
 * of the record's audiences it gets those that the request names, if it names any. What is kept for later is the whole
 * record. */
SP_MUST_CHECK enum sp_step sp_grant_record_issue(struct sp_call *call, const struct sp_client *client,
                                                 const struct sp_grant_record *record, struct sp_str scope,
                                                 struct sp_token_answer *answer);

/* Everything issued from the family dies now; whoever uses its code or a refresh token later is told that. */
SP_MUST_CHECK enum sp_status sp_grant_family_revoke(struct sp_call *call, struct sp_str family);
/* The same, and nothing in the store remembers what there was. */
SP_MUST_CHECK enum sp_status sp_grant_family_forget(struct sp_call *call, struct sp_str family);

#endif
