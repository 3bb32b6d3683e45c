/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the control plane: a subrequest to the internal location that sallyport_control_call named. The main
 * request is parked in its access phase; its body and its connection are not touched. */
#ifndef SP_GATEWAY_CONTROL_CALL_H
#define SP_GATEWAY_CONTROL_CALL_H

#include "gateway/call.h"

/* body: JSON, in the request's pool. NGX_OK: asked; call->answer and call->answered are set when the access phase runs
 * again. NGX_DECLINED: this server has no such location. NGX_ERROR: no memory, or too many subrequests. */
ngx_int_t sp_control_ask(struct sp_call *call, enum sp_question question, struct sp_str body);

#endif
