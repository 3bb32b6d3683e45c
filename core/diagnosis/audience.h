/* SPDX-License-Identifier: Apache-2.0 */
/* Audiences of a token and those that are expected, for audience.c and the refinements. Not for other rooms. */
#ifndef SP_DIAGNOSIS_AUDIENCE_H
#define SP_DIAGNOSIS_AUDIENCE_H

#include "core/diagnosis/examination.h"

/* The API's own audiences, else the issuer's. */
struct sp_str_list sp_audience_expected(const struct sp_exam *exam);
/* Walks aud (a string or an array); *at starts as NULL. Members that are no strings are passed over. */
bool sp_audience_next(const struct sp_json *aud, const struct sp_json **at, struct sp_str *value);
bool sp_str_list_has(struct sp_str_list list, struct sp_str value);

#endif
