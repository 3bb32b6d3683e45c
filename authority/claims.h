/* SPDX-License-Identifier: Apache-2.0 */
/* What clients are told of a person: the standard claims (claims.def), each governed by a scope, whether it is asked
 * for by that scope or by name. */
#ifndef SP_AUTHORITY_CLAIMS_H
#define SP_AUTHORITY_CLAIMS_H

#include "authority/authority.h"

extern const char *const sp_standard_claims[];
extern const size_t sp_standard_claim_count;

/* The scope that governs the claim; absent: it is none of ours. A language behind '#' (OIDC Core 5.2) does not matter.
 */
struct sp_str sp_claim_scope(struct sp_str claim);
/* NULL: its value has the type that OIDC Core 5.1 gives it, or it is none of ours. Else that type in words. */
const char *sp_claim_type_wanted(const struct sp_json *claim);

/* The account's claims as JSON, with preferred_username where they lack it: in the call's arena. */
SP_MUST_CHECK enum sp_status sp_claims_of_account(struct sp_call *call, const struct sp_account *account,
                                                  const struct sp_json **claims);
/* Writes the members that `scope` covers or that stand in `names` (words separated by spaces), but for those that say
 * nothing or are of another type than they should be. */
void sp_claims_write(struct sp_json_writer *json, const struct sp_json *claims, struct sp_str scope,
                     struct sp_str names);

#endif
