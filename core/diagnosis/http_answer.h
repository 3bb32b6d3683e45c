/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP exchange by itself, whatever the document was meant to be: network.http.*, or the network.* cause that kept
 * an answer away. */
#ifndef SP_DIAGNOSIS_HTTP_ANSWER_H
#define SP_DIAGNOSIS_HTTP_ANSWER_H

#include "core/base/arena.h"
#include "core/diagnosis/document.h"

void sp_http_answer_judge(struct sp_arena *arena, const struct sp_fetch_report *report,
                          struct sp_document_findings *findings);

/* Of a report that failed: its failure, or response.truncated where a part of the answer had come. */
enum sp_cause sp_http_failure_cause(const struct sp_fetch_report *report);

/* "200 application/json, 1834 bytes", "no answer". */
struct sp_str sp_http_answer_words(struct sp_arena *arena, const struct sp_fetch_report *report);

#endif
