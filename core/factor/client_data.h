/* SPDX-License-Identifier: Apache-2.0 */
/* What the browser says about a ceremony (Web Authentication 5.8.1): JSON whose hash the authenticator signs. */
#ifndef SP_FACTOR_CLIENT_DATA_H
#define SP_FACTOR_CLIENT_DATA_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"

struct sp_client_data {
    struct sp_str type, challenge, origin; /* challenge: base64url */
    struct sp_str top_origin;              /* may be absent */
    bool cross_origin;                     /* inside a frame of another site */
};

/* SP_MALFORMED: not such an object, a member twice, one of another type; SP_TOO_LARGE; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_client_data_read(struct sp_arena *arena, struct sp_str bytes,
                                                 struct sp_client_data *data);

#endif
