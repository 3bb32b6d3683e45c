/* SPDX-License-Identifier: Apache-2.0 */
/* Drives sp_exam for one call: gives it what it asks for, parks the call while the control plane is asked. */
#ifndef SP_GATEWAY_EXAMINATION_H
#define SP_GATEWAY_EXAMINATION_H

#include "gateway/call.h"

/* Facts of a token seen before that meet this route's requirements: then call->facts is filled and no examination is
 * needed. */
bool sp_examination_is_known(struct sp_call *call);

/* Starts, or goes on after an answer. NGX_AGAIN: parked. NGX_OK: judged. The facts of an accepted token are
 * in the pool (call->facts, has_facts) and remembered, the examination and its arena are gone unless the verdict has
 * something to tell beside; call->verdict is that of a refused one. NGX_ERROR: could not be judged. */
ngx_int_t sp_examination_run(struct sp_call *call);

#endif
