/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor found on the whole chain from a name to a token: one row a step, each with its evidence and outcome,
 * and the findings, of which the first that rejects – along the chain – is the cause: what fails early explains what
 * fails later. The same JSON as a token's verdict (DESIGN: "Verdict"), with these checks in the place of its own. */
#ifndef SP_DIAGNOSIS_DOCTOR_REPORT_H
#define SP_DIAGNOSIS_DOCTOR_REPORT_H

#include "core/diagnosis/document.h"
#include "core/diagnosis/verdict.h"

/* In the order of the chain; the names are a contract. */
enum sp_step {
    SP_STEP_DNS,
    SP_STEP_PROXY,
    SP_STEP_TCP,
    SP_STEP_TLS,
    SP_STEP_HTTP,
    SP_STEP_DISCOVERY,
    SP_STEP_ENDPOINTS,
    SP_STEP_HOST_HEADER,
    SP_STEP_KEYS,
    SP_STEP_CLOCK,
    SP_STEP_CLIENT,
    SP_STEP_REDIRECT_URI,
    SP_STEP_TOKEN,
    SP_STEP_INTROSPECTION,
    SP_STEP_API,
    SP_STEP_COUNT,
};

struct sp_step_result {
    bool is_done;
    enum sp_outcome outcome;
    struct sp_str expected, received;
    struct sp_str detail; /* one line of evidence, or why it did not run */
    int64_t elapsed_ms;
};

struct sp_step_finding {
    struct sp_finding finding;
    enum sp_step step;
};

struct sp_doctor_report {
    struct sp_arena *arena;
    struct sp_str kind, name, target; /* "issuer", its name in the configuration (absent: none), its URL */
    struct sp_step_result steps[SP_STEP_COUNT];
    struct sp_step_finding findings[SP_MAX_FINDINGS];
    size_t finding_count;
    struct sp_str hints[SP_MAX_FINDINGS];
    size_t hint_count;
    const struct sp_verdict *token; /* of the token that was issued; NULL: none was */
    bool has_skew;
    int64_t skew_ms; /* of the target's clock against ours, as sp_clock_skew_ms */
};

void sp_doctor_report_init(struct sp_doctor_report *report, struct sp_arena *arena, const char *kind,
                           struct sp_str name, struct sp_str target);
/* The step ran: what the findings say of it, and `detail` as its line. Texts are borrowed: the arena's. */
void sp_doctor_report_step(struct sp_doctor_report *report, enum sp_step step,
                           const struct sp_document_findings *findings, struct sp_str detail, int64_t elapsed_ms);
/* It did not run, and why. */
void sp_doctor_report_skip(struct sp_doctor_report *report, enum sp_step step, struct sp_str why);
void sp_doctor_report_hint(struct sp_doctor_report *report, struct sp_str hint);

bool sp_doctor_report_accepts(const struct sp_doctor_report *report);
/* NULL when it accepts. */
const struct sp_step_finding *sp_doctor_report_cause(const struct sp_doctor_report *report);
void sp_doctor_report_write(struct sp_json_writer *writer, const struct sp_doctor_report *report, int64_t now);

const char *sp_step_name(enum sp_step step);

#endif
