/* SPDX-License-Identifier: Apache-2.0 */
/* One outbound HTTP request, with its ceilings, and what came of it as evidence (core/diagnosis/fetch_report.h). TLS is
 * always verified; plain http goes to loopback only; the body, the time and the redirects are bounded; addresses in
 * blocked networks are refused when connecting, after the name was resolved, so that no DNS answer gets around it
 * (SSRF). Whoever drives it – control's loop or sp_http_call_perform – does not matter to the evidence. */
#ifndef SP_PROBE_HTTP_CALL_H
#define SP_PROBE_HTTP_CALL_H

#include <curl/curl.h>
#include "core/base/status.h"
#include "core/diagnosis/fetch_report.h"
#include "probe/http_request.h"

struct sp_http_call;

/* Copies what it needs. SP_MALFORMED: the URL is none, or plain http beyond loopback (*cause: keys.insecure_url's class
 * is the caller's to name). SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_http_call_create(const struct sp_http_request *request, struct sp_http_call **call);
void sp_http_call_destroy(struct sp_http_call **call);

/* For a curl_multi; CURLOPT_PRIVATE is the call. */
CURL *sp_http_call_handle(struct sp_http_call *call);
/* Once curl is done with it. */
void sp_http_call_finish(struct sp_http_call *call, CURLcode result);
/* Drives it to its end, blocking. */
void sp_http_call_perform(struct sp_http_call *call);

/* After finish; lives as long as the call. */
const struct sp_fetch_report *sp_http_call_report(const struct sp_http_call *call);

#endif
