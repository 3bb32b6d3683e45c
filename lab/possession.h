/* SPDX-License-Identifier: Apache-2.0 */
/* DPoP at the lab's issuer (RFC 9449). */
#ifndef SP_LAB_POSSESSION_H
#define SP_LAB_POSSESSION_H

#include "lab/world.h"

/* The proof of a token request, when it has one: its key's thumbprint becomes the call's. False: answered. */
bool sp_lab_take_proof(struct sp_lab_call *call);
/* Has who shows this token its key, if it is bound to one? `path` is below the issuer. False: answered. */
bool sp_lab_is_possessed(struct sp_lab_call *call, const struct sp_json *claims, struct sp_str token, const char *path);

#endif
