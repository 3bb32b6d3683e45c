/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/doctor_report.h"

/* In the order of enum sp_step; the names are a contract. */
static const char *const step_names[SP_STEP_COUNT] = {
    [SP_STEP_DNS] = "dns",
    [SP_STEP_PROXY] = "proxy",
    [SP_STEP_TCP] = "tcp",
    [SP_STEP_TLS] = "tls",
    [SP_STEP_HTTP] = "http",
    [SP_STEP_DISCOVERY] = "discovery",
    [SP_STEP_ENDPOINTS] = "endpoints",
    [SP_STEP_HOST_HEADER] = "host_header",
    [SP_STEP_KEYS] = "keys",
    [SP_STEP_CLOCK] = "clock",
    [SP_STEP_CLIENT] = "client",
    [SP_STEP_REDIRECT_URI] = "redirect_uri",
    [SP_STEP_TOKEN] = "token",
    [SP_STEP_INTROSPECTION] = "introspect",
    [SP_STEP_API] = "api",
};

const char *sp_step_name(enum sp_step step)
{
    return step_names[step];
}

void sp_doctor_report_init(struct sp_doctor_report *report, struct sp_arena *arena, const char *kind,
                           struct sp_str name, struct sp_str target)
{
    *report = (struct sp_doctor_report){.arena = arena, .kind = sp_str_from_cstr(kind), .name = name, .target = target};
}

static enum sp_outcome outcome_of(const struct sp_finding *finding)
{
    switch (sp_finding_severity(finding)) {
    case SP_SEVERITY_REJECT:
        return SP_OUTCOME_FAIL;
    case SP_SEVERITY_WARN:
        return SP_OUTCOME_WARN;
    default:
        return SP_OUTCOME_PASS;
    }
}

/* The first finding of the worst kind stands in the step's row. */
void sp_doctor_report_step(struct sp_doctor_report *report, enum sp_step step,
                           const struct sp_document_findings *findings, struct sp_str detail, int64_t elapsed_ms)
{
    struct sp_step_result *row = &report->steps[step];
    *row = (struct sp_step_result){
        .is_done = true, .outcome = SP_OUTCOME_PASS, .detail = detail, .elapsed_ms = elapsed_ms};
    for (size_t i = 0; findings != NULL && i < findings->count; i++) {
        const struct sp_finding *finding = &findings->rows[i];
        if (report->finding_count < SP_MAX_FINDINGS) {
            report->findings[report->finding_count++] = (struct sp_step_finding){*finding, step};
        }
        if (outcome_of(finding) > row->outcome) {
            row->outcome = outcome_of(finding);
            row->expected = finding->expected;
            row->received = finding->received;
        }
    }
}

void sp_doctor_report_skip(struct sp_doctor_report *report, enum sp_step step, struct sp_str why)
{
    report->steps[step] = (struct sp_step_result){.is_done = true, .outcome = SP_OUTCOME_SKIP, .detail = why};
}

void sp_doctor_report_hint(struct sp_doctor_report *report, struct sp_str hint)
{
    if (report->hint_count < SP_MAX_FINDINGS && hint.at != NULL) {
        report->hints[report->hint_count++] = hint;
    }
}

/* A step whose failure the findings had no more room for fails all the same. */
bool sp_doctor_report_accepts(const struct sp_doctor_report *report)
{
    for (int step = 0; step < SP_STEP_COUNT; step++) {
        if (report->steps[step].outcome == SP_OUTCOME_FAIL) {
            return false;
        }
    }
    return true;
}

const struct sp_step_finding *sp_doctor_report_cause(const struct sp_doctor_report *report)
{
    const struct sp_step_finding *cause = NULL;
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct sp_step_finding *row = &report->findings[i];
        if (outcome_of(&row->finding) == SP_OUTCOME_FAIL && (cause == NULL || row->step < cause->step)) {
            cause = row;
        }
    }
    return cause;
}

static void text_member(struct sp_json_writer *writer, const char *name, struct sp_str value)
{
    sp_json_name(writer, sp_str_from_cstr(name));
    if (value.at != NULL) {
        sp_json_put_string(writer, value);
    } else {
        sp_json_put_null(writer);
    }
}

/* Two steps met the same. */
static bool says_the_same(const struct sp_step_finding *row, const struct sp_step_finding *cause)
{
    const struct sp_finding *a = &row->finding, *b = cause != NULL ? &cause->finding : NULL;
    return b != NULL && a->cause == b->cause && sp_str_equal(a->expected, b->expected) &&
           sp_str_equal(a->received, b->received);
}

/* What rejects first, then along the chain. */
static void write_also(struct sp_json_writer *writer, const struct sp_doctor_report *report,
                       const struct sp_step_finding *cause)
{
    static const enum sp_outcome order[] = {SP_OUTCOME_FAIL, SP_OUTCOME_WARN, SP_OUTCOME_PASS};
    sp_json_name(writer, SP_STR("also"));
    sp_json_begin_array(writer);
    for (size_t pass = 0; pass < sizeof order / sizeof order[0]; pass++) {
        for (int step = 0; step < SP_STEP_COUNT; step++) {
            for (size_t i = 0; i < report->finding_count; i++) {
                const struct sp_step_finding *row = &report->findings[i];
                if (!says_the_same(row, cause) && row->step == (enum sp_step)step &&
                    outcome_of(&row->finding) == order[pass]) {
                    sp_finding_write(writer, &row->finding);
                }
            }
        }
    }
    sp_json_end_array(writer);
}

static void write_checks(struct sp_json_writer *writer, const struct sp_doctor_report *report)
{
    sp_json_name(writer, SP_STR("checks"));
    sp_json_begin_array(writer);
    for (int step = 0; step < SP_STEP_COUNT; step++) {
        const struct sp_step_result *row = &report->steps[step];
        if (!row->is_done) {
            continue;
        }
        sp_json_begin_object(writer);
        text_member(writer, "name", sp_str_from_cstr(step_names[step]));
        text_member(writer, "outcome", sp_str_from_cstr(sp_outcome_name(row->outcome)));
        text_member(writer, "expected", row->expected);
        text_member(writer, "received", row->received);
        text_member(writer, "detail", row->detail);
        sp_json_int_member(writer, "elapsed_ms", row->elapsed_ms);
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
}

static void write_token(struct sp_json_writer *writer, const struct sp_verdict *token)
{
    static const struct sp_verdict none = {.kind = SP_TOKEN_NONE};
    const struct sp_verdict *shown = token != NULL ? token : &none;
    const struct {
        const char *name;
        const struct sp_json *value;
    } parts[] = {{"header", shown->header}, {"claims", shown->claims}};
    sp_json_name(writer, SP_STR("token"));
    sp_json_begin_object(writer);
    text_member(writer, "kind",
                shown->kind != SP_TOKEN_NONE ? sp_str_from_cstr(sp_token_kind_name(shown->kind)) : SP_STR_NONE);
    for (size_t i = 0; i < 2; i++) {
        sp_json_name(writer, sp_str_from_cstr(parts[i].name));
        if (parts[i].value != NULL) {
            sp_json_put_value(writer, parts[i].value);
        } else {
            sp_json_begin_object(writer);
            sp_json_end_object(writer);
        }
    }
    sp_json_bool_member(writer, "signature_verified", shown->signature_verified);
    sp_json_end_object(writer);
}

void sp_doctor_report_write(struct sp_json_writer *writer, const struct sp_doctor_report *report, int64_t now)
{
    const struct sp_step_finding *cause = sp_doctor_report_cause(report);
    sp_json_begin_object(writer);
    sp_json_bool_member(writer, "accepted", sp_doctor_report_accepts(report));
    sp_json_int_member(writer, "examined_at", now);
    sp_json_name(writer, SP_STR("target"));
    sp_json_begin_object(writer);
    text_member(writer, "kind", report->kind);
    text_member(writer, "name", report->name);
    text_member(writer, "url", report->target);
    sp_json_end_object(writer);
    sp_json_name(writer, SP_STR("cause"));
    if (cause != NULL) {
        sp_finding_write(writer, &cause->finding);
    } else {
        sp_json_put_null(writer);
    }
    write_also(writer, report, cause);
    sp_json_name(writer, SP_STR("hints"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < report->hint_count; i++) {
        sp_json_put_string(writer, report->hints[i]);
    }
    sp_json_end_array(writer);
    write_checks(writer, report);
    write_token(writer, report->token);
    sp_json_end_object(writer);
}
