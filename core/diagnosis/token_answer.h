/* SPDX-License-Identifier: Apache-2.0 */
/* What a token endpoint answered, just now (RFC 6749 5.1, 5.2): response.*, or the cause that it states itself. Its
 * bytes are judged as those of a recording (json_answer.h, stated_cause.h). */
#ifndef SP_DIAGNOSIS_TOKEN_ANSWER_H
#define SP_DIAGNOSIS_TOKEN_ANSWER_H

#include "core/diagnosis/document.h"

struct sp_token_answer {
    struct sp_str access_token, token_type, id_token, scope; /* absent: not there; tokens are secrets: never shown */
    struct sp_str error, error_description;
    int64_t expires_in; /* 0: not said */
    bool is_json;
};

/* Texts live in the arena or the report. The first finding that rejects is the cause; an answer without one has an
 * access token. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_token_answer_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                                     struct sp_token_answer *answer,
                                                     struct sp_document_findings *findings);

#endif
