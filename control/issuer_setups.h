/* SPDX-License-Identifier: Apache-2.0 */
/* From the policy's issuers to what the keeper and the introspector are set up with. */
#ifndef SP_CONTROL_ISSUER_SETUPS_H
#define SP_CONTROL_ISSUER_SETUPS_H

#include "control/introspection.h"
#include "control/keeper.h"
#include "core/policy/policy.h"

struct sp_issuer_setups {
    struct sp_keeper_issuer *keeper; /* one per issuer of the policy, in its order */
    size_t keeper_count;
    struct sp_introspection_setup *introspection; /* of those that are asked */
    size_t introspection_count;
};

/* In the arena; texts are borrowed from the policy. SP_IO: a private_key_file cannot be read (logged). */
SP_MUST_CHECK enum sp_status sp_issuer_setups_make(const struct sp_policy *policy, struct sp_arena *arena,
                                                   struct sp_issuer_setups *setups);

/* Of one issuer that is asked, by its index. As above. */
SP_MUST_CHECK enum sp_status sp_issuer_introspection_setup(const struct sp_policy *policy, size_t index,
                                                           struct sp_arena *arena,
                                                           struct sp_introspection_setup *setup);
/* introspection.endpoint of the configuration; absent when discovery is to find it. */
struct sp_str sp_issuer_introspection_endpoint(const struct sp_policy *policy, struct sp_str issuer);

#endif
