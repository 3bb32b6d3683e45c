/* SPDX-License-Identifier: Apache-2.0 */
/* A policy written for the gateway: policy.json, the same grammar, with the addresses that names were resolved to and
 * without what a worker must not know (client secrets, the authority's section). An issuer's HS* secret stays: it is
 * what verifies. Parsed again it is an equal policy. */
#ifndef SP_POLICY_SNAPSHOT_H
#define SP_POLICY_SNAPSHOT_H

#include "core/base/buffer.h"
#include "core/policy/policy.h"

struct sp_snapshot_terms {
    void *context;
    /* Addresses of a server ("10.0.0.1:9000", "[::1]:443"); count 0: not resolved, then those that the policy has stay.
     * NULL: nobody resolves. host without port, as in the URL; port as it is in force. */
    struct sp_str_list (*addresses)(void *context, struct sp_str host, unsigned port);
    /* What decides and nothing else, for telling whether two policies judge alike: where servers are found at the
     * moment is left out. Not for parsing again. */
    bool without_addresses;
    bool pretty;
};

/* Failure is the buffer's. terms may be NULL. */
void sp_policy_snapshot(const struct sp_policy *policy, const struct sp_snapshot_terms *terms, struct sp_buffer *out);

#endif
