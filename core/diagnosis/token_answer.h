/* SPDX-License-Identifier: Apache-2.0 */
/* What a token endpoint answered (RFC 6749 5.1, 5.2): response.*. */
#ifndef SP_DIAGNOSIS_TOKEN_ANSWER_H
#define SP_DIAGNOSIS_TOKEN_ANSWER_H

#include "core/diagnosis/document.h"

struct sp_token_answer {
    struct sp_str access_token, token_type, scope; /* absent: not there; the token is a secret: never shown */
    struct sp_str error, error_description;
    int64_t expires_in; /* 0: not said */
    bool is_json;
};

/* Texts live in the arena or the report. An answer without a finding of severity reject has an access token.
 * SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_token_answer_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                                     struct sp_token_answer *answer,
                                                     struct sp_document_findings *findings);

#endif
