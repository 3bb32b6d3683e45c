/* SPDX-License-Identifier: Apache-2.0 */
/* A request that never became whole: its sender went away, or sent nothing more. nginx closes such a connection without
 * an answer; who only closed its side of it, or waits, is told why. */
#ifndef SP_GATEWAY_CUT_OFF_H
#define SP_GATEWAY_CUT_OFF_H

#include "gateway/call.h"

/* In its header, or in its body before the API answered. Only of a request that nginx is done with. */
bool sp_is_cut_off(const ngx_http_request_t *request);

/* Log phase, before nginx writes its logs: 400, or 408 for who waited too long, with its cause, where the server has a
 * sallyport_error location, by HTTP/1. */
ngx_int_t sp_cut_off_handler(ngx_http_request_t *request);

/* The same for HTTP/2, whose streams nginx resets before the log phase: a filter of request bodies has the request's
 * clean-up answer. While nginx reads its configuration, after nginx's own filters. */
void sp_cut_off_install(void);

#endif
