/* SPDX-License-Identifier: Apache-2.0 */
/* Values that may be used once: the jti of an assertion or of a DPoP proof. A call that waits for an errand runs again
 * from its top; what it used up itself in its first run is not a replay. */
#ifndef SP_AUTHORITY_REPLAY_H
#define SP_AUTHORITY_REPLAY_H

#include "authority/authority.h"

/* Uses up the value (its SHA-256) until expires_at. *fresh is false when another call used it. Begins and keeps a write
 * of its own: not within another. SP_DENIED: our failure, answered. */
SP_MUST_CHECK enum sp_step sp_replay_spend(struct sp_call *call, const unsigned char hash[32], struct sp_str client_id,
                                           int64_t expires_at, bool *fresh);

#endif
