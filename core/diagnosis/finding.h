/* SPDX-License-Identifier: Apache-2.0 */
/* A finding: we looked and this is what we saw. A check appends a symptom with both sides of its comparison; refine.c
 * turns a symptom into its root cause once the call is refused. */
#ifndef SP_DIAGNOSIS_FINDING_H
#define SP_DIAGNOSIS_FINDING_H

#include <stdbool.h>
#include "core/base/str.h"
#include "core/diagnosis/cause.h"

/* The order is the order in every verdict; names are a contract (checks.def). */
enum sp_check {
    SP_CHECK_FORM,
    SP_CHECK_TYPE,
    SP_CHECK_ALGORITHM,
    SP_CHECK_KEY,
    SP_CHECK_SIGNATURE,
    SP_CHECK_ISSUER,
    SP_CHECK_AUDIENCE,
    SP_CHECK_EXPIRY,
    SP_CHECK_NOT_BEFORE,
    SP_CHECK_ISSUED_AT,
    SP_CHECK_SCOPE,
    SP_CHECK_CLAIMS,
    SP_CHECK_BINDING,
    SP_CHECK_REVOCATION,
    SP_CHECK_COUNT, /* as a finding's check: of none (limits, routes) */
};

struct sp_finding {
    enum sp_cause cause;
    enum sp_check check;              /* SP_CHECK_COUNT: of none (route.none, rate.limited, upstream.*) */
    bool verified;                    /* false: read from claims whose signature did not verify – a rumour */
    struct sp_str expected, received; /* evidence; never a secret, a token's signature is cut */
    struct sp_str detail;             /* one more sentence of evidence, may be none; fills {detail} */
    bool is_told;                     /* detail is the whole explanation, as it was told when the cause was found */
    bool is_quote;                    /* detail is a sentence of its own: what the server said */
    bool fatal; /* it is why the call is refused: severity reject whatever its row says (keys.rotated, not healed) */
    bool tolerated; /* it did not stand in the way: severity warn whatever its row says (keys.rotated once healed) */
    enum sp_cause reason; /* the cause behind it (network.* behind keys.unreachable), or SP_CAUSE_NONE */
};

#endif
