/* SPDX-License-Identifier: Apache-2.0 */
/* Trials as JUnit XML, which every CI server shows: a finding is a failure, a command that fails in a healthy world an
 * error, a fault that was not met is skipped. */
#include "cli/lab_run.h"

#include <errno.h>

/* XML 1.0 has no place for most control characters, and the command's output may hold anything. */
static void write_text(FILE *file, struct sp_str text)
{
    bool is_text = sp_str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool surely = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';
        if (c == '&')
            fputs("&amp;", file);
        else if (c == '<')
            fputs("&lt;", file);
        else if (c == '>')
            fputs("&gt;", file);
        else if (c == '"')
            fputs("&quot;", file);
        else if (surely || (c >= 0x80 && is_text))
            fputc(c, file);
        else
            fputc('?', file);
    }
}

static void write_problem(FILE *file, const char *element, const struct sp_lab_trial *trial)
{
    fprintf(file, "    <%s message=\"", element);
    write_text(file, sp_lab_outcome_words(trial->outcome));
    fputs(": ", file);
    write_text(file, sp_lab_fault_find(trial->fault)->what);
    fputs("\">", file);
    write_text(file, sp_lab_trial_explain(trial));
    fputs("\n", file);
    write_text(file, trial->ending.output);
    fprintf(file, "</%s>\n", element);
}

static void write_trial(FILE *file, const struct sp_lab_trial *trial)
{
    fputs("  <testcase classname=\"", file);
    write_text(file, sp_cause_group(trial->fault));
    fputs("\" name=\"", file);
    write_text(file, sp_cause_get(trial->fault)->id);
    fprintf(file, "\" time=\"%lld.%03lld\">\n", (long long)(trial->ending.took_ms / 1000),
            (long long)(trial->ending.took_ms % 1000));
    if (sp_lab_outcome_is_finding(trial->outcome))
        write_problem(file, "failure", trial);
    else if (trial->outcome == SP_LAB_UNHEALTHY)
        write_problem(file, "error", trial);
    else if (trial->outcome == SP_LAB_UNMET)
        fputs("    <skipped message=\"the command never came to where the fault is\"/>\n", file);
    fputs("  </testcase>\n", file);
}

enum sp_status sp_lab_junit_write(const struct sp_lab_session *session, struct sp_str path)
{
    size_t failures = 0, errors = 0, skipped = 0;
    struct sp_str name = sp_arena_printf(session->arena, "%.*s", SP_STR_ARG(path));
    FILE *file = name.at != NULL ? fopen(name.at, "we") : NULL;
    if (file == NULL)
        return SP_IO;
    for (size_t i = 0; i < session->done; i++) {
        failures += sp_lab_outcome_is_finding(session->trials[i].outcome);
        errors += session->trials[i].outcome == SP_LAB_UNHEALTHY;
        skipped += session->trials[i].outcome == SP_LAB_UNMET;
    }
    fprintf(
        file,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"sallyport lab\" tests=\"%zu\" failures=\"%zu\" "
        "errors=\"%zu\" skipped=\"%zu\">\n",
        session->done, failures, errors, skipped);
    for (size_t i = 0; i < session->done; i++)
        write_trial(file, &session->trials[i]);
    fputs("</testsuite>\n", file);
    bool failed = ferror(file) != 0;
    return fclose(file) == 0 && !failed ? SP_OK : SP_IO;
}
