/* SPDX-License-Identifier: Apache-2.0 */
#include "control/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/base/arena.h"
#include "core/diagnosis/verdict.h"

#define MAX_LINE_BYTES 4096

static char *kept; /* the first error; NULL: nobody asked */
static size_t kept_size;

/* Names and evidence come from outside: a control character in them must not forge a second line. */
static void make_safe(char *line)
{
    for (; *line != '\0'; line++) {
        if ((unsigned char)*line < 0x20 || *line == 0x7F) {
            *line = ' ';
        }
    }
}

void sp_log_keep_first_error(char *line, size_t size)
{
    kept = line;
    kept_size = size;
    if (line != NULL) {
        line[0] = '\0';
    }
}

void sp_log(enum sp_log_level level, const char *format, ...)
{
    static const char *const words[] = {[SP_LOG_INFO] = "info ", [SP_LOG_WARN] = "warn ", [SP_LOG_ERROR] = "error"};
    static const char *const colours[] = {
        [SP_LOG_INFO] = "\033[32m", [SP_LOG_WARN] = "\033[33m", [SP_LOG_ERROR] = "\033[31m"};
    char line[MAX_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    make_safe(line);
    if (level == SP_LOG_ERROR && kept != NULL && kept[0] == '\0') {
        snprintf(kept, kept_size, "%s", line);
    }
    bool coloured = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    fprintf(stderr, "%s%s%s  %s\n", coloured ? colours[level] : "", words[level], coloured ? "\033[0m" : "", line);
}

const char *sp_log_stop(struct sp_str sentence)
{
    return sentence.len == 0 || strchr(".?!", sentence.at[sentence.len - 1]) != NULL ? "" : ".";
}

void sp_log_finding(const char *about, const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    if (arena == NULL) {
        sp_log(SP_LOG_ERROR, "%s: %.*s", about, SP_STR_ARG(info->id));
        return;
    }
    struct sp_str explanation = sp_finding_fill(arena, info->explanation, finding),
                  fix = sp_finding_fix(arena, finding);
    struct sp_str reason = sp_cause_get(finding->reason)->id;
    sp_log(info->severity == SP_SEVERITY_REJECT ? SP_LOG_ERROR : SP_LOG_WARN, "%s: %.*s%s%.*s%s: %.*s%s Fix: %.*s",
           about, SP_STR_ARG(info->id), reason.len > 0 ? " (" : "", SP_STR_ARG(reason), reason.len > 0 ? ")" : "",
           SP_STR_ARG(explanation), sp_log_stop(explanation), SP_STR_ARG(fix));
    sp_arena_destroy(&arena);
}
