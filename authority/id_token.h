/* SPDX-License-Identifier: Apache-2.0 */
/* ID tokens (OIDC Core 2). */
#ifndef SP_AUTHORITY_ID_TOKEN_H
#define SP_AUTHORITY_ID_TOKEN_H

#include "authority/grant_record.h"

#define SP_ID_TOKEN_LIFETIME_S 3600

SP_MUST_CHECK enum sp_status sp_id_token_make(struct sp_call *call, const struct sp_client *client,
                                              const struct sp_grant_record *record, struct sp_str access_token,
                                              struct sp_str *id_token);

#endif
