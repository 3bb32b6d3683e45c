/* SPDX-License-Identifier: Apache-2.0 */
/* The form of what was presented, shared by the checks and by `token decode`. Not for other rooms. */
#ifndef SP_DIAGNOSIS_FORM_H
#define SP_DIAGNOSIS_FORM_H

#include "core/diagnosis/examination.h"

/* token.malformed.truncated with the length and the limit that fits it; what: static sentence. Told once: a signature
 * that ends within a character group is also too short for its algorithm. */
void sp_form_tell_truncated(struct sp_exam *exam, enum sp_check check, const char *what);

/* token.too_large, when the requirements allow fewer bytes; whether it was told. */
bool sp_form_tell_too_large(struct sp_exam *exam, size_t bytes);
bool sp_form_is_base64url(char c);
/* A finding about the form without a received value: the token itself is no evidence to show. expected: static text. */
void sp_form_refuse(struct sp_exam *exam, enum sp_cause cause, const char *expected, struct sp_str detail);
/* True when something on the way damaged it: told (form_damage.c). */
bool sp_form_examine_damage(struct sp_exam *exam, struct sp_str token);

#endif
