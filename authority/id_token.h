/* SPDX-License-Identifier: Apache-2.0 */
/* ID tokens (OIDC Core 2). */
#ifndef SP_AUTHORITY_ID_TOKEN_H
#define SP_AUTHORITY_ID_TOKEN_H

#include "authority/grant_record.h"

#define SP_ID_TOKEN_LIFETIME_S 3600

/* One that has all claims but the hash of the access token it comes with, and no signature: in a call's arena. */
struct sp_id_token_draft;

/* scope: what of the record's the client gets now. SP_DENIED: answered. */
SP_MUST_CHECK enum sp_step sp_id_token_draft(struct sp_call *call, const struct sp_client *client,
                                             const struct sp_grant_record *record, struct sp_str scope,
                                             struct sp_id_token_draft **draft);
/* The algorithm that it will be signed by. */
enum sp_algorithm sp_id_token_algorithm(const struct sp_call *call, const struct sp_id_token_draft *draft);
/* Once, by a call of the same turn. */
SP_MUST_CHECK enum sp_status sp_id_token_sign(struct sp_call *call, struct sp_id_token_draft *draft,
                                              struct sp_str access_token, struct sp_str *id_token);

/* What the request's id_token_hint says: an id_token of ours, expired ones too (OIDC Core 3.1.2.1; RP-Initiated Logout
 * 2). SP_OK with *claims NULL: none was sent. SP_NOT_FOUND: one that is not ours. */
SP_MUST_CHECK enum sp_status sp_id_token_read_hint(struct sp_call *call, const struct sp_json **claims);
/* Of a hint that was not found to be ours: it says that it is, and that it ended – the key that signed it may be gone
 * by now. Nothing of it is proven; *audience as it says. SP_NOT_FOUND: it does not. */
SP_MUST_CHECK enum sp_status sp_id_token_read_outlived_hint(struct sp_call *call, struct sp_str *audience);

#endif
