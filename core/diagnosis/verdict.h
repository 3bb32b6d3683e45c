/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict: the value that an examination ends in and every surface shows (DESIGN: "Verdict: the JSON"). Lives in the
 * examination's arena. Accepted only if no finding of severity reject exists and every check that was required ran. */
#ifndef SP_DIAGNOSIS_VERDICT_H
#define SP_DIAGNOSIS_VERDICT_H

#include "core/base/json.h"
#include "core/diagnosis/finding.h"
#include "core/diagnosis/requirements.h"

enum sp_outcome { SP_OUTCOME_SKIP, SP_OUTCOME_PASS, SP_OUTCOME_WARN, SP_OUTCOME_FAIL };
enum sp_token_kind { SP_TOKEN_NONE, SP_TOKEN_JWT, SP_TOKEN_JWE, SP_TOKEN_OPAQUE, SP_TOKEN_API_KEY };

struct sp_check_result {
    enum sp_outcome outcome;
    struct sp_str expected, received, detail;
};

struct sp_verdict {
    bool accepted;
    const struct sp_finding *cause; /* primary; NULL when accepted */
    const struct sp_finding *also;  /* the others, ranked; warnings included */
    size_t also_count;
    struct sp_str_list hints; /* likely, not proven: whole sentences */
    struct sp_check_result checks[SP_CHECK_COUNT];
    enum sp_token_kind kind;
    bool signature_verified;
    const struct sp_json *header,
        *claims; /* claims of an introspection answer for opaque tokens; NULL where not readable */
};

/* The contract's JSON object. token header and claims are included whole; the signature never is. */
void sp_verdict_write(struct sp_json_writer *writer, const struct sp_verdict *verdict, int64_t now);

/* The fix of a finding's cause with {expected}, {received}, {detail} filled in. */
struct sp_str sp_finding_fix(struct sp_arena *arena, const struct sp_finding *finding);

/* Any text of the catalogue, filled likewise; an absent value reads "(not known)". Absent past the arena's ceiling. */
struct sp_str sp_finding_fill(struct sp_arena *arena, struct sp_str text, const struct sp_finding *finding);

/* The row's severity, unless the finding was fatal or tolerated. */
enum sp_severity sp_finding_severity(const struct sp_finding *finding);
/* One finding as the contract's object (`cause`, and each of `also`). */
void sp_finding_write(struct sp_json_writer *writer, const struct sp_finding *finding);

const char *sp_check_name(enum sp_check check);
const char *sp_outcome_name(enum sp_outcome outcome);
const char *sp_token_kind_name(enum sp_token_kind kind);

/* For a shell whose arena is used up: refuses. Static. */
const struct sp_verdict *sp_verdict_without_memory(void);

/* HTTP status for the refused client (0 when accepted). */
int sp_verdict_http_status(const struct sp_verdict *verdict);

#endif
