/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed transfer means: curl's result, errno and OpenSSL's verify result to one network.* cause. */
#ifndef SP_PROBE_CURL_FAILURE_H
#define SP_PROBE_CURL_FAILURE_H

#include <curl/curl.h>
#include "core/diagnosis/cause.h"

/* error: the transfer's CURLOPT_ERRORBUFFER. Never SP_CAUSE_NONE. */
enum sp_cause sp_curl_failure_cause(CURL *handle, CURLcode result, const char *error);
/* One sentence: whom we spoke to and what curl said. */
void sp_curl_failure_detail(CURL *handle, CURLcode result, const char *error, char *out, size_t room);

#endif
