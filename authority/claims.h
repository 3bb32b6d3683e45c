/* SPDX-License-Identifier: Apache-2.0 */
/* What clients and APIs are told of a person: the standard claims (claims.def) by the scopes of OpenID Connect at
 * userinfo, and whatever claims the operator gives to scopes (told_scope.h) where those are told; each governed by a
 * scope, whether it is asked for by that scope or by name. A claim's language behind '#' (OIDC Core 5.2) does not
 * matter. */
#ifndef SP_AUTHORITY_CLAIMS_H
#define SP_AUTHORITY_CLAIMS_H

#include "authority/authority.h"

extern const char *const sp_standard_claims[];
extern const size_t sp_standard_claim_count;

/* What an account's claims may be as JSON. */
extern const struct sp_json_limits sp_claims_limits;

/* It speaks of the token and not of the person (reserved_claims.def). */
bool sp_claim_is_reserved(struct sp_str claim);
/* Does the scope tell the claim in one of these places (of enum sp_told_in)? */
bool sp_scope_tells(const struct sp_authority_settings *settings, struct sp_str scope, struct sp_str claim,
                    unsigned in);
/* A scope of the list that tells the claim to the client, one among `preferred` (words) before others; absent: none. */
struct sp_str sp_claim_scope(const struct sp_authority_settings *settings, struct sp_str_list scopes,
                             struct sp_str preferred, struct sp_str claim);
/* NULL: its value has the type that OIDC Core 5.1 gives it, or it is none of those. Else that type in words. */
const char *sp_claim_type_wanted(const struct sp_json *claim);

/* The account's claims as JSON, with preferred_username where they lack it: in the call's arena. */
SP_MUST_CHECK enum sp_status sp_claims_of_account(struct sp_call *call, const struct sp_account *account,
                                                  const struct sp_json **claims);

/* What is asked for. */
struct sp_claims_wish {
    struct sp_str scope; /* words */
    struct sp_str names; /* words; may be absent */
    unsigned in;         /* of enum sp_told_in */
};
/* Writes the members that the wish's scope tells there, and those among its names that any scope tells to clients; but
 * for those that say nothing or are of another type than they should be. */
void sp_claims_write(struct sp_json_writer *json, const struct sp_authority_settings *settings,
                     const struct sp_json *claims, const struct sp_claims_wish *wish);
/* The same for a token of the account's that is being written: a person who is gone meanwhile has none. SP_DENIED: they
 * are more than a token may carry (account.claims_too_large), or our failure; answered. */
SP_MUST_CHECK enum sp_step sp_claims_tell(struct sp_call *call, struct sp_json_writer *json, struct sp_str account,
                                          const struct sp_claims_wish *wish);

/* What a person agrees to with these scopes, as words: the scopes themselves, and each claim that they tell behind a
 * quotation mark, which no scope has – so that a scope that tells more than before is asked for again. Absent without
 * memory. */
struct sp_str sp_claims_consent(struct sp_arena *arena, const struct sp_authority_settings *settings,
                                struct sp_str scope);
/* Of such words the scopes. Absent without memory. */
struct sp_str sp_claims_consent_scope(struct sp_arena *arena, struct sp_str consent);

#endif
