/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …?": how far a mistyped name is from one that exists. */
#ifndef SP_BASE_NEAREST_H
#define SP_BASE_NEAREST_H

#include "core/base/str.h"

#define SP_NOT_NEAR SIZE_MAX

/* Levenshtein's distance when it is small enough for a slip of the fingers (a third of the longer name, at most 4, at
 * least 2), otherwise SP_NOT_NEAR, which is also the answer for names longer than 63 bytes. */
size_t sp_nearness(struct sp_str a, struct sp_str b);

/* The nearest of several, one after the other: *nearest becomes `candidate` where that is nearer to `name` than
 * *distance, which begins as SP_NOT_NEAR. Of those equally near the first stays. */
void sp_nearest_keep(struct sp_str candidate, struct sp_str name, size_t *distance, struct sp_str *nearest);

#endif
