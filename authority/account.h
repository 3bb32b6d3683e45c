/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts as the CLI makes them. */
#ifndef SP_AUTHORITY_ACCOUNT_H
#define SP_AUTHORITY_ACCOUNT_H

#include "authority/store.h"

struct sp_account_request {
    struct sp_str name, password;
    struct sp_str claims; /* a JSON object, or absent */
};

/* Adds it, or with `replaces` sets a new password (and claims, when given) of an existing one. SP_MALFORMED,
 * SP_NOT_FOUND (replaces: there is none; else: the name is taken), SP_IO: the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_account_put(struct sp_store *store, struct sp_arena *arena,
                                            const struct sp_account_request *request, bool replaces, int64_t now,
                                            char trouble[256]);

#endif
