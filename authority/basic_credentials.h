/* SPDX-License-Identifier: Apache-2.0 */
/* The Authorization header of a client: Basic, with id and secret form-encoded first (RFC 6749 2.3.1) – which many
 * clients forget, so the raw halves are kept to prove that. */
#ifndef SP_AUTHORITY_BASIC_CREDENTIALS_H
#define SP_AUTHORITY_BASIC_CREDENTIALS_H

#include <stdbool.h>
#include "core/base/arena.h"
#include "core/base/str.h"

struct sp_basic_credentials {
    struct sp_str raw_id, raw_secret; /* as between base64 and the first colon */
    struct sp_str id, secret;         /* form-decoded; absent where that is not possible */
};

/* True when the header has the scheme Basic, in any letter case. */
bool sp_is_basic(struct sp_str authorization);
/* SP_MALFORMED with *fault, a static sentence. */
SP_MUST_CHECK enum sp_status sp_basic_credentials_parse(struct sp_arena *arena, struct sp_str authorization,
                                                        struct sp_basic_credentials *credentials, const char **fault);

#endif
