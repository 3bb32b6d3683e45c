/* SPDX-License-Identifier: Apache-2.0 */
/* What of a grant its client may have now. A person granted it some time ago – seconds for a code, months for a refresh
 * token – and meanwhile the operator, or the client's own registration, may have taken scopes and audiences away from
 * the client. What is taken away is left out of every token from then on, and the answer's `scope` says what was given
 * (RFC 6749 3.3, 5.1). The record itself stays as it was granted: a refresh token keeps its scope (RFC 6749 6), and
 * what was taken away by mistake is there again with the next refresh. */
#ifndef SP_AUTHORITY_GRANT_ALLOWED_H
#define SP_AUTHORITY_GRANT_ALLOWED_H

#include "authority/grant_record.h"

/* Leaves in *scope (within the record's) and in the record's audiences and claims what the client may have now.
 * SP_DENIED: of scopes or of audiences nothing is left, so there is no grant any more (invalid_grant). */
SP_MUST_CHECK enum sp_step sp_grant_keep_allowed(struct sp_call *call, const struct sp_client *client,
                                                 struct sp_grant_record *record, struct sp_str *scope);

/* A refresh token that no session ends lives by offline_access: SP_DENIED where the client may not have it any more. */
SP_MUST_CHECK enum sp_step sp_grant_check_offline(struct sp_call *call, const struct sp_client *client,
                                                  const struct sp_grant_record *record);

#endif
