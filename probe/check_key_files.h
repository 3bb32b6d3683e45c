/* SPDX-License-Identifier: Apache-2.0 */
/* The key sets that stand in files (issuers.NAME.jwks_file), judged as the key keeper judges them when `serve` reads
 * them: each finding at the line that names the file. For `sallyport check`. */
#ifndef SP_PROBE_CHECK_KEY_FILES_H
#define SP_PROBE_CHECK_KEY_FILES_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

/* SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_check_key_files(const struct sp_policy *policy, struct sp_policy_report *report);

#endif
