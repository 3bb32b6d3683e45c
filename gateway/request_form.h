/* SPDX-License-Identifier: Apache-2.0 */
/* What nginx lets through though it is no HTTP: two programs would read it in two ways, or echo what nobody sent as a
 * name. What nginx refuses by itself never comes here (docs/internals/gateway.md, "Who refuses what"). */
#ifndef SP_GATEWAY_REQUEST_FORM_H
#define SP_GATEWAY_REQUEST_FORM_H

#include "gateway/call.h"

/* SP_CAUSE_NONE, or request.malformed with what is wrong in *finding, whose texts are in the call's arena or the
 * request. The headers must have been read. */
enum sp_cause sp_request_form_judge(struct sp_call *call, struct sp_finding *finding);

#endif
