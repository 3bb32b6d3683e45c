/* SPDX-License-Identifier: Apache-2.0 */
/* Base32 (RFC 4648 6) without padding, as authenticator apps take secrets. */
#ifndef SP_FACTOR_BASE32_H
#define SP_FACTOR_BASE32_H

#include "core/base/str.h"

#define SP_BASE32_ENCODED(bytes) (((bytes)*8 + 4) / 5)

/* out has room for SP_BASE32_ENCODED(bytes.len); nothing terminates it. */
void sp_base32_encode(struct sp_str bytes, char *out);

#endif
