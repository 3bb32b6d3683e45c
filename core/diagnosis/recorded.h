/* SPDX-License-Identifier: Apache-2.0 */
/* What a log keeps of a token that was judged: enough to judge it again under other requirements, by the same checks,
 * without the token. What can only be seen on the token itself, or was told by others – its form, its signature,
 * introspection, the proof of possession – has the outcome that it had then. Where neither is recorded the examination
 * lacks it and says so (sp_exam_lacking): it never guesses. */
#ifndef SP_DIAGNOSIS_RECORDED_H
#define SP_DIAGNOSIS_RECORDED_H

#include "core/base/json.h"
#include "core/diagnosis/finding.h"
#include "core/diagnosis/verdict.h"

struct sp_recorded_token {
    enum sp_token_kind kind;             /* SP_TOKEN_NONE: it could not be read */
    const struct sp_json *header, *body; /* objects, or NULL */
    bool whole;                          /* every claim is in body: what is absent there was absent in the token */
    struct sp_str issuer;                /* whose token it was taken for: the `iss` configured then; none: not known */
    size_t bytes;                        /* of the token; 0: not known */
    bool signature_verified;
    bool introspected; /* that issuer said active */
    bool shown_by_dpop;
    bool bound_to_key, bound_to_certificate, binding_proven;
    const struct sp_finding *findings; /* what was found then on what is not recorded, each with its check */
    size_t finding_count;
};

/* The check whose outcome is taken from the record when this was found then; SP_CHECK_COUNT: it is judged anew. */
enum sp_check sp_recorded_check(enum sp_cause cause);

#endif
