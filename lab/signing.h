/* SPDX-License-Identifier: Apache-2.0 */
/* Signs what the lab's issuer says, rightly or as the fault has it. */
#ifndef SP_LAB_SIGNING_H
#define SP_LAB_SIGNING_H

#include "lab/document.h"
#include "lab/key_set.h"

struct sp_lab_signing {
    struct sp_lab_keys *keys;
    struct sp_str client_secret; /* key of the HMAC faults */
    enum sp_cause fault;
    bool committed; /* becomes true when the fault changed something */
};

/* header: without alg and kid, which are put here. SP_CRYPTO, SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_lab_sign(struct sp_lab_signing *signing, struct sp_lab_object *header,
                                         struct sp_str payload, struct sp_str *compact);

#endif
