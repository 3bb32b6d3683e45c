/* SPDX-License-Identifier: Apache-2.0 */
/* What came of asking an issuer about a token (RFC 7662), judged from the fetch's evidence. The answer's content is
 * examined by sp_exam_give_introspection's caller's next step. */
#ifndef SP_DIAGNOSIS_INTROSPECTION_H
#define SP_DIAGNOSIS_INTROSPECTION_H

#include "core/base/arena.h"
#include "core/diagnosis/fetch_report.h"

struct sp_introspection_outcome {
    enum sp_cause failure; /* introspection.unreachable, .unauthorized, .http_status, .malformed; SP_CAUSE_NONE: body is
                              an answer */
    enum sp_cause reason;  /* network.* behind unreachable, or SP_CAUSE_NONE */
    struct sp_str detail;  /* in the arena */
    bool active;           /* of the answer, for how long to keep it */
    int64_t expires_at;    /* of the answer, 0: not said */
};

void sp_introspection_judge(struct sp_arena *arena, const struct sp_fetch_report *report,
                            struct sp_introspection_outcome *outcome);

#endif
