/* SPDX-License-Identifier: Apache-2.0 */
/* The key that seals the signing keys at rest: from the configuration (a variable or a secret file), or a file that is
 * generated once in the state directory with mode 0600. */
#ifndef SP_AUTHORITY_MASTER_KEY_H
#define SP_AUTHORITY_MASTER_KEY_H

#include <stdbool.h>
#include "core/base/status.h"
#include "core/base/str.h"

#define SP_MIN_MASTER_KEY_CHARACTERS 32u

/* configured: absent to use STATE/authority.master_key. may_make: where that file is not there it is made; never when
 * something is sealed under the one that is missing. SP_NOT_FOUND, SP_IO or SP_MALFORMED (too short, open to others)
 * with the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_master_key_get(struct sp_str configured, const char *state_directory, bool may_make,
                                               unsigned char key[32], char trouble[256]);

#endif
