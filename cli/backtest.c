/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport backtest: every recorded call under another policy, before it is deployed. Line by line: memory does not
 * grow with the log. */
#include "cli/backtest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/log_files.h"
#include "cli/policy_file.h"
#include "core/base/limits.h"
#include "core/policy/settings.h"

#define LINE_ARENA_BYTES (32u * 1024 * 1024)
#define ANSWER_BYTES (64u * 1024 * 1024)
#define DEFAULT_LIMIT 50
#define PROGRESS_BYTES (16u * 1024 * 1024)
#define TIME_BYTES 24u /* 2026-11-23T13:41:03.123Z */

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE", "The configuration to judge by. Several are merged in order."},
    {"state", 0, SP_OPTION_TEXT, "DIR",
     "The state directory of sallyport serve, where the call log is. Default: state, else /var/lib/sallyport."},
    {"log", 0, SP_OPTION_TEXT, "FILE", "The call log itself; rotated ones beside it are read too, .gz included."},
    {"since", 0, SP_OPTION_TEXT, "WHEN", "Only calls from then on: 24h ago, 7d ago, or 2026-11-25T06:00."},
    {"until", 0, SP_OPTION_TEXT, "WHEN", "Only calls before."},
    {"each", 0, SP_OPTION_FLAG, NULL,
     "Tell every call that would change or cannot be judged, a JSON line each, in place of the summary."},
    {"limit", 0, SP_OPTION_NUMBER, "N", "At most so many rows of the summary. Default: 50."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

struct run {
    const struct sp_cli *cli;
    struct sp_bench *bench;
    struct sp_arena *arena; /* of one line */
    struct sp_backtest *result;
    int64_t since_ms, until_ms; /* 0: not given */
    char since[32], until[32];
    bool shows_progress, tells_each;
    uint64_t shown_at; /* bytes */
};

/* ---- times ---- */

/* "24h" ago, or a time. */
static bool read_when(struct sp_str text, int64_t *ms)
{
    int64_t ago;
    if (sp_recorded_time(text, ms) == SP_OK)
        return *ms > 0;
    if (sp_duration_parse(text, &ago) != SP_OK || ago > sp_cli_now() * 1000)
        return false;
    *ms = sp_cli_now() * 1000 - ago;
    return true;
}

/* As the gateway writes it, so that lines can be passed over by comparing bytes. */
static void write_when(int64_t ms, char out[32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32] = "";
    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, 32, "%.20s.%03dZ", text, (int)(ms % 1000));
}

static int read_window(const struct sp_cli *cli, struct run *run)
{
    if (sp_cli_is_given(cli, "since")) {
        if (!read_when(sp_cli_text(cli, "since"), &run->since_ms))
            return sp_cli_usage_error(cli,
                                      "--since is a duration such as 24h or 7d, or a time such as 2026-11-25T06:00");
        write_when(run->since_ms, run->since);
        run->result->since = run->since;
    }
    if (sp_cli_is_given(cli, "until")) {
        if (!read_when(sp_cli_text(cli, "until"), &run->until_ms))
            return sp_cli_usage_error(cli, "--until is a duration such as 1h, or a time such as 2026-11-25T06:00");
        write_when(run->until_ms, run->until);
        run->result->until = run->until;
    }
    return SP_CLI_FINE;
}

/* By the line's first bytes; true also when they do not say. */
static bool may_be_meant(const struct run *run, struct sp_str line)
{
    struct sp_str start = SP_STR("{\"time\":\"");
    if ((run->since_ms == 0 && run->until_ms == 0) || line.len < start.len + TIME_BYTES ||
        !sp_str_has_prefix(line, start))
        return true;
    struct sp_str time = sp_str_slice(line, start.len, start.len + TIME_BYTES);
    return (run->since_ms == 0 || sp_str_compare(time, sp_str(run->since, TIME_BYTES)) >= 0) &&
           (run->until_ms == 0 || sp_str_compare(time, sp_str(run->until, TIME_BYTES)) < 0);
}

static bool is_meant(const struct run *run, const struct sp_recorded_call *call)
{
    int64_t ms;
    if (sp_recorded_time(call->time, &ms) != SP_OK)
        return false;
    return (run->since_ms == 0 || ms >= run->since_ms) && (run->until_ms == 0 || ms < run->until_ms);
}

static void note_time(struct sp_backtest *result, struct sp_str time)
{
    size_t len = time.len < sizeof result->first - 1 ? time.len : sizeof result->first - 1;
    time = sp_str_slice(time, 0, len);
    if (result->first[0] == '\0' || sp_str_compare(time, sp_str_from_cstr(result->first)) < 0)
        snprintf(result->first, sizeof result->first, "%.*s", SP_STR_ARG(time));
    if (sp_str_compare(time, sp_str_from_cstr(result->last)) > 0)
        snprintf(result->last, sizeof result->last, "%.*s", SP_STR_ARG(time));
}

/* ---- a line ---- */

static enum sp_status take_line(struct run *run, struct sp_str line)
{
    static const struct sp_rejudge_terms as_then = {0};
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_recorded_call call;
    struct sp_rejudgement judged;
    struct sp_backtest *result = run->result;
    result->lines++;
    if (!may_be_meant(run, line)) {
        result->outside_time++;
        return SP_OK;
    }
    sp_arena_reset(run->arena);
    if (sp_json_parse(run->arena, line, &sp_json_limits_document, &json, &error) != SP_OK ||
        sp_recorded_call_read(run->arena, json, &call) != SP_OK) {
        result->unreadable++;
        return SP_OK;
    }
    if (!is_meant(run, &call)) {
        result->outside_time++;
        return SP_OK;
    }
    sp_rejudge(run->arena, run->bench, &call, &as_then, &judged);
    if (run->tells_each && sp_backtest_print_call(run->arena, &call, &judged) != SP_OK)
        return SP_IO;
    note_time(result, call.time);
    return sp_tally_add(result->tally, &call, &judged);
}

static void show_progress(struct run *run, uint64_t bytes)
{
    if (!run->shows_progress || bytes < run->shown_at + PROGRESS_BYTES)
        return;
    run->shown_at = bytes;
    fprintf(stderr, "\r%llu MB, %llu lines ", (unsigned long long)(bytes >> 20),
            (unsigned long long)run->result->lines);
}

/* ---- files ---- */

/* Closes the lines. */
static enum sp_status read_lines(struct run *run, struct sp_log_lines *lines)
{
    struct sp_str line;
    enum sp_status status;
    const uint64_t before = run->result->bytes;
    while ((status = sp_log_lines_next(lines, &line)) == SP_OK) {
        if (line.len > 0 && (status = take_line(run, line)) != SP_OK)
            break;
        if (run->shows_progress)
            show_progress(run, before + sp_log_lines_bytes(lines));
    }
    run->result->files++;
    run->result->bytes = before + sp_log_lines_bytes(lines);
    run->result->unreadable += sp_log_lines_too_long(lines);
    if (sp_log_lines_fault(lines) != NULL)
        run->result->fault = sp_log_lines_fault(lines);
    sp_log_lines_close(&lines);
    return status == SP_NOT_FOUND ? SP_OK : status;
}

static enum sp_status read_file(struct run *run, const char *path)
{
    struct sp_log_lines *lines = NULL;
    enum sp_status status = sp_log_lines_open(path, &lines);
    return status == SP_OK ? read_lines(run, lines) : status;
}

/* The oldest first. Files last written before --since hold nothing that is meant; `live` is open already. */
static enum sp_status read_rotated(struct run *run, const char *path, const struct sp_log_lines *live)
{
    struct sp_log_file *list = calloc(SP_MAX_ROTATED_LOGS, sizeof *list);
    if (list == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = SP_OK;
    for (size_t i = sp_log_files_rotated(path, list, &run->result->unreadable_files); i > 0 && status == SP_OK; i--) {
        const struct sp_log_file *file = &list[i - 1];
        if ((run->since_ms > 0 && (int64_t)file->changed.tv_sec < run->since_ms / 1000) ||
            sp_log_lines_are_of(live, file))
            continue;
        status = read_file(run, file->path);
        if (status == SP_IO || status == SP_NOT_FOUND) {
            run->result->unreadable_files++;
            status = SP_OK;
        }
    }
    free(list);
    return status;
}

/* ---- the command ---- */

static int exit_status_of(const struct sp_tally *tally)
{
    uint64_t changed = sp_tally_total(tally, SP_CHANGE_REFUSED) + sp_tally_total(tally, SP_CHANGE_ACCEPTED) +
                       sp_tally_total(tally, SP_CHANGE_OTHER_CAUSE);
    if (changed > 0)
        return SP_CLI_REJECTED;
    /* Nothing that could be judged proves nothing. */
    return sp_tally_total(tally, SP_CHANGE_NONE) > 0 ? SP_CLI_FINE : SP_CLI_UNEXAMINED;
}

/* Why nothing was proven, for who sees the exit status alone. */
static void say_why(const struct sp_cli *cli, const struct sp_backtest *result)
{
    bool is_windowed = result->since != NULL || result->until != NULL;
    const char *why = "the log has no call that a policy judges";
    if (sp_tally_total(result->tally, SP_CHANGE_UNKNOWN) > 0)
        why = "the log does not tell enough of any call";
    else if (result->outside_time > 0 || (result->lines == 0 && is_windowed))
        why = "no call is of the time asked for";
    else if (result->lines == 0)
        why = "the log is empty";
    sp_cli_failure(cli, "nothing could be judged: %s", why);
}

/* What the exit status leaves out: of these the new configuration is not known to change nothing. */
static void say_what_is_missing(const struct sp_cli *cli, const struct sp_backtest *result)
{
    const struct {
        uint64_t count;
        const char *one, *many;
    } rows[] = {{sp_tally_total(result->tally, SP_CHANGE_UNKNOWN), "call cannot be judged", "calls cannot be judged"},
                {result->unreadable, "line is no call, or broken", "lines are no calls, or broken"},
                {result->unreadable_files, "file could not be read", "files could not be read"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].count > 0)
            fprintf(stderr, "%s: %llu %s: the exit status says nothing of %s\n", cli->path,
                    (unsigned long long)rows[i].count, rows[i].count == 1 ? rows[i].one : rows[i].many,
                    rows[i].count == 1 ? "it" : "them");
    if (result->fault != NULL)
        fprintf(stderr, "%s: %s\n", cli->path, result->fault);
}

static int show(const struct sp_cli *cli, const struct sp_backtest *result)
{
    size_t limit = (size_t)sp_cli_number(cli, "limit", DEFAULT_LIMIT);
    int exit_status = exit_status_of(result->tally);
    if (exit_status == SP_CLI_UNEXAMINED)
        say_why(cli, result);
    else
        say_what_is_missing(cli, result);
    if (sp_cli_flag(cli, "each"))
        return exit_status;
    if (!sp_cli_wants_json(cli)) {
        sp_backtest_print(cli, result, limit);
        return exit_status;
    }
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, cli->arena, ANSWER_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    sp_backtest_write(&json, result, limit);
    return sp_cli_print_json(cli, &buffer, exit_status);
}

static int complain(const struct sp_cli *cli, enum sp_status status, const char *path)
{
    if (status == SP_NO_MEMORY)
        return sp_cli_failure(cli, "not enough memory");
    if (status == SP_NOT_FOUND || errno == ENOENT)
        return sp_cli_failure(
            cli, "there is no call log at %s: name the state directory with --state, or the log with --log", path);
    return sp_cli_failure(cli, "cannot read %s: %s", path, strerror(errno));
}

/* The log is opened first: one that is rotated meanwhile is read once all the same. */
static int judge_logs(const struct sp_cli *cli, struct run *run, const char *path)
{
    struct sp_log_lines *live = NULL;
    enum sp_status status = sp_log_lines_open(path, &live);
    if (status == SP_OK && strcmp(path, "-") != 0)
        status = read_rotated(run, path, live);
    if (status == SP_OK)
        status = read_lines(run, live);
    else if (live != NULL)
        sp_log_lines_close(&live);
    if (run->shows_progress && run->shown_at > 0)
        fputs("\r\033[K", stderr);
    if (status != SP_OK)
        return complain(cli, status, path);
    return show(cli, run->result);
}

static const char *log_of(const struct sp_cli *cli, const struct sp_policy *policy)
{
    struct sp_str name = policy->serving.call_log_file, copy;
    if (sp_cli_is_given(cli, "log") || !sp_str_has_prefix(name, SP_STR("/")))
        return sp_log_path(cli, sp_arena_copy(cli->arena, name, &copy) == SP_OK ? copy.at : "calls.jsonl");
    return sp_arena_copy(cli->arena, name, &copy) == SP_OK ? copy.at : NULL;
}

static int run_backtest(struct sp_cli *cli)
{
    struct sp_policy *policy = NULL;
    struct sp_backtest result = {0};
    struct run run = {.cli = cli,
                      .result = &result,
                      .shows_progress = isatty(STDERR_FILENO) == 1 && !sp_cli_flag(cli, "each"),
                      .tells_each = sp_cli_flag(cli, "each")};
    struct sp_configuration_terms terms = {0};
    terms.count = sp_cli_list(cli, "config", &terms.paths);
    if (terms.count == 0)
        return sp_cli_usage_error(cli, "-c names the configuration to judge by");
    if (sp_cli_number(cli, "limit", DEFAULT_LIMIT) < 0)
        return sp_cli_usage_error(cli, "--limit is a number of rows");
    if (sp_cli_is_given(cli, "limit") && sp_cli_flag(cli, "each"))
        return sp_cli_usage_error(cli, "--limit is of the summary; --each tells every call");
    int exit_status = read_window(cli, &run);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_cli_policy_read(cli, &terms, &policy);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    const char *path = log_of(cli, policy);
    result.log = sp_str_from_cstr(path);
    result.tally = sp_tally_create();
    run.arena = sp_arena_create(LINE_ARENA_BYTES);
    if (path == NULL || result.tally == NULL || run.arena == NULL || sp_bench_create(policy, &run.bench) != SP_OK)
        exit_status = sp_cli_failure(cli, "out of memory");
    else
        exit_status = judge_logs(cli, &run, path);
    sp_bench_destroy(&run.bench);
    sp_arena_destroy(&run.arena);
    sp_tally_destroy(&result.tally);
    return exit_status;
}

const struct sp_cli_command sp_cli_backtest = {
    .name = "backtest",
    .summary = "Judge the calls of the call log by another configuration, and say which would change.",
    .options = options,
    .text =
        "Every call in the log takes its way through the new configuration: route, credential, token, consumer, each "
        "at the time\n"
        "of the call. What would be refused or accepted now is told by cause, caller and API, with an example for\n"
        "`sallyport explain ID --what-if … -c FILE`.\n"
        "Signatures are not stored: the recorded outcome of a token's signature, form, introspection and proof of "
        "possession is\n"
        "used. Limits are not counted again. What a line does not tell is counted as 'cannot be judged', never "
        "guessed; see\n"
        "call_log.claims in sallyport.yaml(5).\n"
        "\n"
        "Examples:\n"
        "  sallyport backtest -c new.yaml --since 24h\n"
        "  sallyport backtest -c base.yaml -c production.yaml --log calls.jsonl --json | jq .totals\n"
        "\n"
        "Exit status: 0 no call that could be judged changes, 1 one would, 2 usage, 3 the log or the configuration "
        "cannot be read,\n"
        "or no call could be judged. How many calls and lines could not stands on standard error, and in the JSON's "
        "totals and\n"
        "`complete`.",
    .run = run_backtest,
};
