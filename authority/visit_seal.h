/* SPDX-License-Identifier: Apache-2.0 */
/* A visit that nobody has proved anything in yet rests nowhere: its handle, in the URL and the forms, is the visit
 * itself, sealed. So a stranger who asks to sign in, however often, has nothing stored; every node of one master key
 * can open it, and tabs and the way back work as ever.
 *
 *   handle = base64url( salt, 16 bytes | AES-256-GCM under HMAC(master key's secret, salt) of the visit's data ) */
#ifndef SP_AUTHORITY_VISIT_SEAL_H
#define SP_AUTHORITY_VISIT_SEAL_H

#include "authority/authority.h"

/* Of the data. The handle is then 5,600 characters at most: a URL with it passes a proxy that reads 8 kB a line. */
#define SP_MAX_SEALED_VISIT_BYTES 4096u

/* SP_TOO_LARGE; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_visit_seal(struct sp_call *call, struct sp_str data, struct sp_str *handle);
/* SP_NOT_FOUND: none of ours, or of another master key. */
SP_MUST_CHECK enum sp_status sp_visit_unseal(struct sp_call *call, struct sp_str handle, struct sp_str *data);

#endif
