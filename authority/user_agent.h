/* SPDX-License-Identifier: Apache-2.0 */
/* A browser by a name that its owner knows it by. The header lies as it likes: it is shown to its owner, nothing is
 * decided by it. */
#ifndef SP_AUTHORITY_USER_AGENT_H
#define SP_AUTHORITY_USER_AGENT_H

#include "core/base/arena.h"
#include "core/base/str.h"

/* "Firefox, Windows"; "" when neither is known. In arena or static. */
struct sp_str sp_user_agent_name(struct sp_arena *arena, struct sp_str user_agent);

#endif
