/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor for people: a line a step as it ends, with what was seen; then the cause. */
#include "cli/doctor.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/token.h"

#define NAME_COLUMNS 13
#define INDENT (4 + NAME_COLUMNS)

static const struct {
    enum sp_sign sign;
    enum sp_style style;
} signs[] = {
    [SP_OUTCOME_SKIP] = {SP_SIGN_SKIP, SP_STYLE_DIM},
    [SP_OUTCOME_PASS] = {SP_SIGN_GOOD, SP_STYLE_GOOD},
    [SP_OUTCOME_WARN] = {SP_SIGN_WARN, SP_STYLE_WARN},
    [SP_OUTCOME_FAIL] = {SP_SIGN_BAD, SP_STYLE_BAD},
};

static enum sp_outcome outcome_of(const struct sp_finding *finding)
{
    return sp_finding_severity(finding) == SP_SEVERITY_REJECT ? SP_OUTCOME_FAIL
           : sp_finding_severity(finding) == SP_SEVERITY_WARN ? SP_OUTCOME_WARN
                                                              : SP_OUTCOME_PASS;
}

static void print_findings(const struct sp_doctor_report *report, enum sp_step step)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct sp_finding *finding = &report->findings[i].finding;
        enum sp_outcome outcome = outcome_of(finding);
        if (report->findings[i].step != step) {
            continue;
        }
        struct sp_str id = sp_cause_get(finding->cause)->id, title = sp_cause_get(finding->cause)->title;
        printf("%*s%s%s %.*s%s: ", INDENT, "", sp_cli_style(signs[outcome].style), sp_cli_sign(signs[outcome].sign),
               SP_STR_ARG(id), sp_cli_style(SP_STYLE_PLAIN));
        sp_cli_print_wrapped(stdout, title, INDENT + 2, (unsigned)(INDENT + 4 + id.len));
        putchar('\n');
    }
}

/* Neighbours that did not run for the same reason share a line: it waits here for the next step. */
static struct {
    struct sp_str why; /* absent: nothing waits */
    char names[160];
    char text[256];
} waiting;

static void flush_waiting(void)
{
    if (waiting.why.at != NULL) {
        printf("  %s- %-*s", sp_cli_style(SP_STYLE_DIM), NAME_COLUMNS, waiting.names);
        unsigned used = (unsigned)strlen(waiting.names);
        if (used >= NAME_COLUMNS) {
            printf("\n%*s", INDENT, "");
        }
        sp_cli_print_wrapped(stdout, waiting.why, INDENT, INDENT);
        printf("%s\n", sp_cli_style(SP_STYLE_PLAIN));
    }
    waiting.why = SP_STR_NONE;
    waiting.names[0] = '\0';
}

static void wait_with(enum sp_step step, struct sp_str why)
{
    if (!sp_str_equal(waiting.why, sp_str_slice(why, 0, sizeof waiting.text))) {
        flush_waiting();
    }
    size_t used = strlen(waiting.names);
    snprintf(waiting.names + used, sizeof waiting.names - used, "%s%s", used > 0 ? ", " : "", sp_step_name(step));
    waiting.why.len = why.len < sizeof waiting.text ? why.len : sizeof waiting.text;
    memcpy(waiting.text, why.at, waiting.why.len); /* the report's texts may move */
    waiting.why.at = waiting.text;
}

void sp_doctor_print_step(void *context, const struct sp_doctor_report *report, enum sp_step step, bool begins)
{
    (void)context;
    const struct sp_step_result *row = &report->steps[step];
    const char *terminal = getenv("TERM");
    /* One that takes a line back. */
    bool on_terminal = isatty(STDOUT_FILENO) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
    if (begins) {
        if (on_terminal) {
            printf("%s  %s %s%s", sp_cli_style(SP_STYLE_DIM), sp_cli_sign(SP_SIGN_MORE), sp_step_name(step),
                   sp_cli_style(SP_STYLE_PLAIN));
            fflush(stdout);
        }
        return;
    }
    if (on_terminal) {
        fputs("\r\033[K", stdout);
    }
    if (row->outcome == SP_OUTCOME_SKIP) {
        wait_with(step, row->detail);
        return;
    }
    flush_waiting();
    printf("  %s%-*s%s %s%-*s%s", sp_cli_style(signs[row->outcome].style), sp_cli_is_utf8() ? 1 : 2,
           sp_cli_sign(signs[row->outcome].sign), sp_cli_style(SP_STYLE_PLAIN), sp_cli_style(SP_STYLE_BOLD),
           NAME_COLUMNS, sp_step_name(step), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, sp_str_slice(row->detail, 0, 1500), INDENT, INDENT);
    if (row->elapsed_ms >= 100) {
        printf(" %s(%lld ms)%s", sp_cli_style(SP_STYLE_DIM), (long long)row->elapsed_ms, sp_cli_style(SP_STYLE_PLAIN));
    }
    putchar('\n');
    print_findings(report, step);
    fflush(stdout);
}

void sp_doctor_print_target(const struct sp_doctor_report *report)
{
    printf("%s%.*s%s ", sp_cli_style(SP_STYLE_BOLD), SP_STR_ARG(report->kind), sp_cli_style(SP_STYLE_PLAIN));
    if (report->name.len > 0) {
        sp_cli_print_safe(stdout, report->name);
        fputs(": ", stdout);
    }
    sp_cli_print_safe(stdout, report->target);
    putchar('\n');
}

void sp_doctor_print_diagnosis(const struct sp_doctor_report *report, int64_t now)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *json;
    flush_waiting();
    sp_buffer_init(&buffer, report->arena, (size_t)4 * 1024 * 1024);
    sp_json_writer_init(&writer, &buffer, false);
    sp_doctor_report_write(&writer, report, now);
    if (sp_buffer_status(&buffer) == SP_OK &&
        sp_json_parse(report->arena, sp_buffer_str(&buffer), &sp_json_limits_document, &json, &error) == SP_OK) {
        putchar('\n');
        sp_cli_print_diagnosis(json);
    }
}
