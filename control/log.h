/* SPDX-License-Identifier: Apache-2.0 */
/* What the control plane says: one line an event on stderr, `LEVEL  what  details`, with colours on a terminal and as
 * logfmt-like plain text otherwise (journald adds the time). Secrets have no way into it: it takes texts, and struct
 * sp_secret is none. */
#ifndef SP_CONTROL_LOG_H
#define SP_CONTROL_LOG_H

#include "core/base/str.h"
#include "core/diagnosis/finding.h"

enum sp_log_level { SP_LOG_INFO, SP_LOG_WARN, SP_LOG_ERROR };

void sp_log(enum sp_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* From here on the first error that is said is copied into line as well; NULL: no more. For whoever has to say
 * elsewhere why something was refused. */
void sp_log_keep_first_error(char *line, size_t size);
/* What ends a sentence that something follows: "." unless it has an end. */
const char *sp_log_stop(struct sp_str sentence);
/* about: what it concerns ("issuer corp"). Says cause, evidence and fix. */
void sp_log_finding(const char *about, const struct sp_finding *finding);

#endif
