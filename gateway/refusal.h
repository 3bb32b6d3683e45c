/* SPDX-License-Identifier: Apache-2.0 */
/* Sends what core/diagnosis/refusal.h says: the one place where the gateway answers instead of the API. */
#ifndef SP_GATEWAY_REFUSAL_H
#define SP_GATEWAY_REFUSAL_H

#include "core/diagnosis/refusal.h"
#include "gateway/call.h"

/* Answers with the verdict's refusal. A NULL or accepting verdict (we could not judge) is 503 without a cause. Returns
 * what the phase handler returns. */
ngx_int_t sp_refuse(struct sp_call *call, const struct sp_verdict *verdict);
/* The same for one cause with its evidence. */
ngx_int_t sp_refuse_for(struct sp_call *call, const struct sp_finding *finding);

/* Sends a body of ours with this status; the request's own body is discarded. */
ngx_int_t sp_respond(ngx_http_request_t *request, ngx_uint_t status, struct sp_str content_type, struct sp_str body);

/* Sends what is built already, with its challenges; changes nothing of the call. */
ngx_int_t sp_respond_refusal(struct sp_call *call, const struct sp_refusal *refusal);

/* The call itself was accepted, and its line says so; what became of it then stands beside. */
void sp_tell_beside(struct sp_call *call, struct sp_arena *arena, const struct sp_finding *finding);

/* sallyport_error: content handler of the location that nginx's error_page points to. */
ngx_int_t sp_error_handler(ngx_http_request_t *request);
/* sallyport_authority_error: the same where nginx could not reach our own authority, which is no API of anybody's. */
ngx_int_t sp_authority_error_handler(ngx_http_request_t *request);

#endif
