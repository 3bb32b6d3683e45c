/* SPDX-License-Identifier: Apache-2.0 */
/* Which second factors a person has set up, and how all are taken away (by the operator, for who lost the phone). */
#ifndef SP_AUTHORITY_FACTORS_H
#define SP_AUTHORITY_FACTORS_H

#include "authority/store.h"

struct sp_factors {
    bool has_app; /* confirmed */
    size_t passkeys, recovery_codes;
    int64_t app_since;
};

SP_MUST_CHECK enum sp_status sp_factors_find(struct sp_store *store, struct sp_arena *arena, struct sp_str account,
                                             struct sp_factors *factors);

static inline bool sp_factors_any(const struct sp_factors *factors)
{
    return factors->has_app || factors->passkeys > 0;
}

/* Each of the three, or all. SP_NOT_FOUND: there is nothing of that kind. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_factors_drop_app(struct sp_store *store, struct sp_arena *arena, struct sp_str account);
SP_MUST_CHECK enum sp_status sp_factors_drop_passkey(struct sp_store *store, struct sp_arena *arena,
                                                     struct sp_str account, struct sp_str id);
SP_MUST_CHECK enum sp_status sp_factors_drop_all(struct sp_store *store, struct sp_arena *arena, struct sp_str account);

#endif
