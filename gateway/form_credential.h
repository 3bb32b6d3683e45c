/* SPDX-License-Identifier: Apache-2.0 */
/* A token in a form beside the call's own credential (RFC 6750 2.2): two ways at once, of which an API may believe the
 * other one. */
#ifndef SP_GATEWAY_FORM_CREDENTIAL_H
#define SP_GATEWAY_FORM_CREDENTIAL_H

#include "gateway/call.h"

/* Of a call that was accepted: NGX_OK when it carries none, or what came is no form that is looked at: one whose length
 * is said and has room in nginx's memory (client_body_buffer_size). NGX_AGAIN: the form is awaited, and the phases run
 * again when it is here. NGX_DECLINED: it carries one, *finding says so. Others: nginx's. */
ngx_int_t sp_form_credential_look(struct sp_call *call, struct sp_finding *finding);

#endif
