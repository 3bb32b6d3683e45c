/* SPDX-License-Identifier: Apache-2.0 */
/* What a refused client receives, as values: status, WWW-Authenticate (RFC 6750 3, RFC 9449 7.1, RFC 9470 3, RFC
 * 9728 5.1) and the problem+json body (RFC 9457). How much it says is the route's choice; it never says more than the
 * catalogue's client-safe sentence unless the route asks for `full`. */
#ifndef SP_DIAGNOSIS_REFUSAL_H
#define SP_DIAGNOSIS_REFUSAL_H

#include "core/base/arena.h"
#include "core/diagnosis/verdict.h"

enum sp_diagnostics {
    SP_DIAGNOSTICS_CAUSE, /* the cause and its client-safe sentence; the default */
    SP_DIAGNOSTICS_NONE,  /* the status and the OAuth error code only */
    SP_DIAGNOSTICS_FULL,  /* expected, received and fix too: for development */
};

struct sp_refusal_terms {
    enum sp_diagnostics diagnostics;
    bool offers_bearer, offers_dpop, offers_api_key; /* which challenges a 401 carries */
    struct sp_str realm;                             /* the API's name */
    struct sp_str resource_metadata;                 /* URL of the RFC 9728 document; none: not named */
    struct sp_str request_id;
    struct sp_str_list scopes, acr_values; /* required here; named where the cause is about them */
    int64_t max_age_s;
    int status; /* other than the cause's own; 0: that */
};

struct sp_refusal {
    int status;
    struct sp_str challenges[3]; /* values of WWW-Authenticate */
    size_t challenge_count;
    struct sp_str body; /* JSON */
};

/* A refusal for a verdict that does not accept. Texts live in arena. SP_NO_MEMORY past its ceiling. */
SP_MUST_CHECK enum sp_status sp_refusal_build(struct sp_arena *arena, const struct sp_verdict *verdict,
                                              const struct sp_refusal_terms *terms, struct sp_refusal *out);

#endif
