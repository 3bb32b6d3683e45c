/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits, in shared memory, so that all workers count together: a sliding window (core/base/window.h) by API, rule
 * and whom it counts. 40 bytes a counter; 8m holds 200,000 of them, the one unused for longest gives way. */
#ifndef SP_GATEWAY_LIMITS_H
#define SP_GATEWAY_LIMITS_H

#include "gateway/call.h"
#include "gateway/shared_table.h"

extern const struct sp_shared_table_shape sp_limits_shape;

/* Takes one call from every limit of the API that counts by one of `kinds` (bits of 1 << enum sp_limit_per). False: one
 * is used up; *finding says which, call->retry_after_s when it opens. A rule whose subject the call does not have
 * counts the address. */
bool sp_limits_take(struct sp_call *call, unsigned kinds, struct sp_finding *finding);

#endif
