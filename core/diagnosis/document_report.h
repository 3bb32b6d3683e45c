/* SPDX-License-Identifier: Apache-2.0 */
/* Inside document.c and its kin: what every fetched document goes through before its content is looked at. Not for
 * other rooms. */
#ifndef SP_DIAGNOSIS_DOCUMENT_REPORT_H
#define SP_DIAGNOSIS_DOCUMENT_REPORT_H

#include "core/diagnosis/document.h"

/* Which causes name the failures of this kind of document. */
struct sp_document_causes {
    enum sp_cause unreachable, not_found, http_status, too_large, html, not_json;
};

/* *json: the document's object, or NULL when a finding refuses it. */
SP_MUST_CHECK enum sp_status sp_document_read(struct sp_arena *arena, const struct sp_fetch_report *report,
                                              const struct sp_document_causes *causes,
                                              struct sp_document_findings *findings, const struct sp_json **json);
/* Appends. Never NULL. */
struct sp_finding *sp_document_saw(struct sp_document_findings *findings, enum sp_cause cause);
/* Puts in front. Never NULL. */
struct sp_finding *sp_document_refuse(struct sp_document_findings *findings, enum sp_cause cause);
#endif
