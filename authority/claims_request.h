/* SPDX-License-Identifier: Apache-2.0 */
/* The `claims` parameter (OIDC Core 5.5): an application asks for single claims, in the id_token or at userinfo,
 * perhaps with the values it wants. Reading is pure; what is asked for is given only within the scopes that the client
 * may have and the person consents to. */
#ifndef SP_AUTHORITY_CLAIMS_REQUEST_H
#define SP_AUTHORITY_CLAIMS_REQUEST_H

#include "authority/client.h"
#include "core/base/arena.h"
#include "core/base/json.h"

struct sp_authority_settings;

struct sp_claims_request {
    const struct sp_json *userinfo, *id_token; /* objects, or NULL */
};

/* SP_MALFORMED: *fault says what is wrong with it, for the developer (static). The result borrows from text and arena.
 */
SP_MUST_CHECK enum sp_status sp_claims_request_parse(struct sp_arena *arena, struct sp_str text,
                                                     struct sp_claims_request *request, const char **fault);

/* Is this the person that `sub` asks for? Yes when nobody is asked for. */
bool sp_claims_request_is_for(const struct sp_claims_request *request, struct sp_str subject);
/* Appends to *scope the scopes that the claims asked for need, as far as the client may have them. */
SP_MUST_CHECK enum sp_status sp_claims_request_add_scopes(struct sp_arena *arena,
                                                          const struct sp_claims_request *request,
                                                          const struct sp_authority_settings *settings,
                                                          const struct sp_client *client, struct sp_str *scope);
/* The names among `asked` (one side of the request) that the client may have and whose value, if one is asked for, is
 * the account's: separated by spaces. */
SP_MUST_CHECK enum sp_status sp_claims_request_names(struct sp_arena *arena, const struct sp_json *asked,
                                                     const struct sp_authority_settings *settings,
                                                     const struct sp_client *client, const struct sp_json *claims,
                                                     struct sp_str *names);

#endif
