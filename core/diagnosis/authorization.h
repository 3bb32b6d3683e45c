/* SPDX-License-Identifier: Apache-2.0 */
/* What a token grants and what it says, compared with a rule; one reading for examinations and for cached facts. */
#ifndef SP_DIAGNOSIS_AUTHORIZATION_H
#define SP_DIAGNOSIS_AUTHORIZATION_H

#include "core/base/json.h"
#include "core/diagnosis/requirements.h"

struct sp_claims;

/* Words of scope, scp and roles, joined by a space; absent past the ceiling. */
struct sp_str sp_scope_granted(struct sp_arena *arena, const struct sp_claims *claims);
bool sp_scope_text_has(struct sp_str granted, struct sp_str scope);
/* The value at a path: the member of that whole name, else member by member between the dots. NULL: absent. */
const struct sp_json *sp_claim_at(const struct sp_json *claims, struct sp_str path);

/* The same rule in the object of claims that facts keep (written by us); no allocation, and false where it cannot
 * decide. */
bool sp_kept_claim_satisfies(struct sp_str claims, const struct sp_claim_rule *rule);

#endif
