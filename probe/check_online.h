/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport check --online`: asks each issuer for its metadata and its keys, as the key keeper would, and says what it
 * found at the line that names the issuer; and whether the names of upstreams lead anywhere. */
#ifndef SP_PROBE_CHECK_ONLINE_H
#define SP_PROBE_CHECK_ONLINE_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

/* Blocking; each fetch is bounded in time and size. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_check_online(const struct sp_policy *policy, struct sp_policy_report *report);

#endif
