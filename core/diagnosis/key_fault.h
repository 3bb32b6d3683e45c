/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about keys that are missing or unfit, for key_choice.c. Not for other rooms. */
#ifndef SP_DIAGNOSIS_KEY_FAULT_H
#define SP_DIAGNOSIS_KEY_FAULT_H

#include "core/diagnosis/examination.h"
#include "core/jose/jwk_set.h"

/* Members that are told of beside the cause: the first ones speak for the others. */
#define SP_TOLD_MEMBERS 8

/* The issuer has no key set at all: what kept it away, 503. */
void sp_key_tell_no_set(struct sp_exam *exam);
/* The set has no key for signatures. */
void sp_key_tell_no_usable_key(struct sp_exam *exam, const struct sp_jwk_set *keys);
/* The member with the token's kid could not be imported. */
void sp_key_tell_skipped(struct sp_exam *exam, const struct sp_jwk_skipped *skipped);
/* Another member could not be imported: worth knowing, in nobody's way. */
void sp_key_tell_other_skipped(struct sp_exam *exam, const struct sp_jwk_skipped *skipped);
/* No member has the token's kid. */
void sp_key_tell_unknown_kid(struct sp_exam *exam);
/* The member that the token names may not be used for it. */
void sp_key_tell_unfit(struct sp_exam *exam, const struct sp_jwk *jwk);

#endif
