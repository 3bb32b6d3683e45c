/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/call_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "core/diagnosis/cause.h"
#include "core/diagnosis/exam.h"

#define MAX_WAITING_BYTES (16u * 1024 * 1024)
/* Text from outside is evidence, not storage. */
#define MAX_EVIDENCE_BYTES 512u

int sp_call_log_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void sp_call_log_init(struct sp_call_log *log, int fd, bool tells_refusals)
{
    *log = (struct sp_call_log){.fd = fd, .tells_refusals = tells_refusals};
    sp_buffer_init(&log->waiting, NULL, MAX_WAITING_BYTES);
}

void sp_call_log_fini(struct sp_call_log *log)
{
    sp_call_log_flush(log);
    sp_buffer_fini(&log->waiting);
}

/* Never inside a character: a text that is no UTF-8 any more loses all that is not ASCII. */
static struct sp_str cut(struct sp_str text)
{
    size_t end = text.len < MAX_EVIDENCE_BYTES ? text.len : MAX_EVIDENCE_BYTES;
    while (end < text.len && end > MAX_EVIDENCE_BYTES - 4 && ((unsigned char)text.at[end] & 0xC0) == 0x80)
        end--;
    return sp_str_slice(text, 0, end);
}

static void put(struct sp_json_writer *json, const char *name, struct sp_str value)
{
    if (value.len > 0)
        sp_json_string_member(json, name, cut(value));
}

static void put_cause(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_finding *finding)
{
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    sp_json_name(json, SP_STR("finding"));
    sp_json_begin_object(json);
    put(json, "id", info->id);
    put(json, "title", info->title);
    put(json, "expected", finding->expected);
    put(json, "received", finding->received);
    put(json, "detail", finding->detail);
    put(json, "fix", sp_finding_fix(arena, finding));
    put(json, "references", info->references);
    sp_json_end_object(json);
}

/* What `sallyport explain` shows, in the form of every other surface. */
static void put_verdict(struct sp_json_writer *json, const struct sp_call *call)
{
    struct sp_finding finding = call->finding;
    finding.check = SP_CHECK_COUNT; /* of the request, none of a token's checks */
    finding.expected = cut(finding.expected);
    finding.received = cut(finding.received);
    finding.detail = cut(finding.detail);
    const struct sp_verdict *verdict = sp_verdict_of(call->arena, &finding);
    if (verdict == NULL)
        return;
    sp_json_name(json, SP_STR("verdict"));
    sp_verdict_write(json, verdict, call->now);
}

/* For a terminal: nothing of it moves the cursor or begins a line, by a control character of ASCII or by one of U+0080
 * to U+009F, which some obey just so. */
static void print_safe(struct sp_str text)
{
    text = cut(text);
    const bool is_text = sp_str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        const bool is_c1 = is_text && c == 0xC2 && (unsigned char)text.at[i + 1] < 0xA0;
        i += is_c1;
        fputc(c < 0x20 || c == 0x7F || is_c1 || (c >= 0x80 && !is_text) ? '?' : c, stderr);
    }
}

static void tell(const struct sp_call *call)
{
    const struct sp_finding *finding = &call->finding;
    print_safe(call->asked.method);
    fputc(' ', stderr);
    print_safe(call->asked.path);
    fprintf(stderr, " -> %d %.*s: %.*s\n", call->answer.status, SP_STR_ARG(sp_cause_get(finding->cause)->id),
            SP_STR_ARG(sp_cause_get(finding->cause)->title));
    const struct {
        const char *name;
        struct sp_str text;
    } lines[] = {{"expected", finding->expected}, {"received", finding->received}, {"detail", finding->detail}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].text.len == 0)
            continue;
        fprintf(stderr, "    %-9s ", lines[i].name);
        print_safe(lines[i].text);
        fputc('\n', stderr);
    }
}

static struct sp_str tell_time(struct sp_call_log *log, int64_t at)
{
    if (log->told_at != at || log->time_text[0] == '\0') {
        struct tm broken;
        time_t now = (time_t)at;
        strftime(log->time_text, sizeof log->time_text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &broken));
        log->told_at = at;
    }
    return sp_str_from_cstr(log->time_text);
}

void sp_call_log_add(struct sp_call_log *log, const struct sp_call *call)
{
    bool refused = call->finding.cause != SP_CAUSE_NONE;
    if (log->tells_refusals && refused && !call->finding.tolerated)
        tell(call);
    if (log->fd < 0)
        return;
    const size_t before = log->waiting.len;
    struct sp_json_writer json;
    sp_json_writer_init(&json, &log->waiting, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "time", tell_time(log, call->now));
    put(&json, "request_id", call->asked.request_id);
    put(&json, "endpoint", sp_str_from_cstr(call->endpoint));
    put(&json, "method", call->asked.method);
    put(&json, "path", call->asked.path);
    sp_json_int_member(&json, "status", call->answer.status);
    sp_json_bool_member(&json, "accepted", !refused || call->finding.tolerated);
    put(&json, "client_address", call->asked.client_address);
    put(&json, "client_id", call->client_id);
    put(&json, "subject", call->subject);
    put(&json, "grant", call->grant);
    if (refused) {
        put(&json, "cause", sp_cause_get(call->finding.cause)->id);
        put_cause(&json, call->arena, &call->finding);
        if (!call->finding.tolerated)
            put_verdict(&json, call);
    }
    sp_json_end_object(&json);
    sp_buffer_append_char(&log->waiting, '\n');
    if (sp_buffer_status(&log->waiting) != SP_OK) { /* whole lines or none */
        log->waiting.len = before;
        log->waiting.status = SP_OK;
        log->lost++;
    }
}

/* lost: what could not be written, for the reason that errno has. */
static void tell_outcome(struct sp_call_log *log, struct sp_str lost)
{
    const char *path = log->path != NULL ? log->path : "the call log";
    for (size_t i = 0; i < lost.len; i++)
        log->lost += lost.at[i] == '\n';
    if (lost.len > 0 && !log->fails)
        fprintf(
            stderr,
            "authority: disk.log_unwritable: %s: %s. Calls are answered; their lines are lost. Make room on that file "
            "system, or let the file be written: it goes on by itself\n",
            path, strerror(errno));
    else if (lost.len == 0 && log->fails)
        fprintf(stderr, "authority: %s is written again; lines lost since the start: %" PRIu64 "\n", path, log->lost);
    log->fails = lost.len > 0;
}

void sp_call_log_flush(struct sp_call_log *log)
{
    struct sp_str waiting = sp_buffer_str(&log->waiting);
    const bool has_lines = log->fd >= 0 && waiting.len > 0;
    bool goes_on = has_lines;
    /* What could not be written whole stays a line of its own. */
    if (goes_on && log->is_cut)
        goes_on = write(log->fd, "\n", 1) == 1;
    while (goes_on && waiting.len > 0) {
        ssize_t written = write(log->fd, waiting.at, waiting.len);
        if (written <= 0)
            break;
        log->is_cut = waiting.at[written - 1] != '\n';
        waiting = sp_str_slice(waiting, (size_t)written, waiting.len);
    }
    if (has_lines)
        tell_outcome(log, waiting);
    sp_buffer_clear(&log->waiting);
}

enum sp_status sp_call_log_reopen(struct sp_call_log *log, const char *path)
{
    struct stat before, after;
    sp_call_log_flush(log);
    int fd = sp_call_log_open(path);
    if (fd < 0)
        return SP_IO;
    bool is_same = fstat(log->fd, &before) == 0 && fstat(fd, &after) == 0 && before.st_dev == after.st_dev &&
                   before.st_ino == after.st_ino;
    bool moved = dup3(fd, log->fd, O_CLOEXEC) >= 0;
    int failure = errno;
    close(fd);
    errno = failure;
    if (moved && !is_same)
        log->is_cut = false;
    return moved ? SP_OK : SP_IO;
}
