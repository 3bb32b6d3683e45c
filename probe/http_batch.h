/* SPDX-License-Identifier: Apache-2.0 */
/* Several HTTP calls at once, driven to their ends, blocking. */
#ifndef SP_PROBE_HTTP_BATCH_H
#define SP_PROBE_HTTP_BATCH_H

#include "probe/http_call.h"

/* NULLs among the calls are passed over. All are finished afterwards: when curl_multi fails, one after the other. */
void sp_http_calls_perform(struct sp_http_call *const *calls, size_t count);

#endif
