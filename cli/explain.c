/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport explain REQUEST_ID: what became of a call and why, from the call log. */
#include "cli/explain.h"

#include <errno.h>
#include <time.h>

#include "cli/explain_lost.h"
#include "cli/log_files.h"
#include "cli/log_search.h"
#include "cli/token.h"
#include "core/base/limits.h"
#include "core/diagnosis/exam.h"

/* nginx writes the log in buffers: a line may be a moment late. */
#define PATIENCE_MS 3000
#define PAUSE_MS 100
#define ANSWER_BYTES (8u * 1024 * 1024)

static const struct sp_cli_option options[] = {
    {"state", 0, SP_OPTION_TEXT, "DIR",
     "The state directory of sallyport serve. Default: state, else /var/lib/sallyport."},
    {"log", 0, SP_OPTION_TEXT, "FILE",
     "The call log itself. Default: calls.jsonl and authority.jsonl in the state directory."},
    {"what-if", 0, SP_OPTION_LIST, "NAME=VALUE,…",
     "Judge the call under another policy: issuer, audience, leeway, scope, claim, algorithm, max_age, now and "
     "others."},
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Judge the call under this configuration. Default for --what-if: policy.json in the state directory."},
    {"nth", 0, SP_OPTION_NUMBER, "N",
     "Of several calls with this id (of one trace, or tried again) the Nth, newest first. Default: 1."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

/* In the state directory: the gateway's calls, and those of the authority. */
static const char *const log_names[] = {"calls.jsonl", "authority.jsonl"};

static bool is_absent(enum sp_status status)
{
    return status == SP_NOT_FOUND || (status == SP_IO && errno == ENOENT);
}

/* The gateway judged it, or refused it unjudged; what it only handed to the authority it knows nothing of. */
static bool is_judged(const struct sp_json *line)
{
    return sp_json_member(line, SP_STR("api")) != NULL || sp_json_member(line, SP_STR("cause")) != NULL;
}

/* In any of the logs: the gateway's, or the authority's for what only that one judged. What is said of a call in none
 * of them is said of the first that exists. */
static enum sp_status find_once(struct sp_arena *arena, const char *const *paths, struct sp_log_mark *marks,
                                struct sp_str id, struct sp_log_found *found)
{
    enum sp_status first = sp_log_find(arena, paths[0], id, &marks[0], found);
    if (paths[1] == NULL || (first == SP_OK && is_judged(found->line)))
        return first;
    if (first == SP_OK) {
        struct sp_log_found handed_on = {0};
        if (sp_log_find(arena, paths[1], id, &marks[1], &handed_on) == SP_OK)
            *found = handed_on;
        return SP_OK;
    }
    if (!is_absent(first))
        return first;
    int error = errno;
    enum sp_status second = sp_log_find(arena, paths[1], id, &marks[1], found);
    if (!is_absent(second) || first == SP_IO)
        return second;
    errno = error;
    return first;
}

/* Each further look reads what was written since the one before. */
static enum sp_status find_patiently(struct sp_arena *arena, const char *const *paths, struct sp_str id,
                                     struct sp_log_found *found)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    struct sp_log_mark marks[2] = {{0}, {0}};
    enum sp_status status = find_once(arena, paths, marks, id, found);
    for (int waited = 0; waited < PATIENCE_MS && is_absent(status); waited += PAUSE_MS) {
        nanosleep(&pause, NULL);
        status = find_once(arena, paths, marks, id, found);
    }
    return status;
}

/* ---- the answer: the verdict's object, with the call beside it ---- */

/* What tells calls with one id apart. */
static const char *const short_members[] = {"time", "method", "host", "path", "status", "cause"};

static void put_members(struct sp_json_writer *writer, const struct sp_json *object, const char *without)
{
    for
        SP_JSON_EACH(member, object)
        {
            if (sp_str_equal(member->name, sp_str_from_cstr(without)))
                continue;
            sp_json_name(writer, member->name);
            sp_json_put_value(writer, member);
        }
}

void sp_explain_write_call(struct sp_json_writer *writer, const struct sp_json *line)
{
    put_members(writer, line, "verdict");
}

/* Which kind of token an accepted call brought: a JWT's record has its header, any other's its kind. */
static enum sp_token_kind recorded_kind(const struct sp_json *line)
{
    const struct sp_json *token = sp_json_member(line, SP_STR("token"));
    if (sp_json_is(sp_json_member(token, SP_STR("header")), SP_JSON_OBJECT))
        return SP_TOKEN_JWT;
    if (sp_json_is(token, SP_JSON_OBJECT))
        return SP_TOKEN_OPAQUE;
    const struct sp_str presented = sp_json_string(sp_json_member(line, SP_STR("presented")));
    return sp_str_equal(presented, SP_STR("api_key")) ? SP_TOKEN_API_KEY : SP_TOKEN_NONE;
}

/* No JWT is accepted whose signature did not verify. */
static void take_recorded_token(const struct sp_json *line, struct sp_verdict *verdict)
{
    const struct sp_json *token = sp_json_member(line, SP_STR("token"));
    const struct sp_json *header = sp_json_member(token, SP_STR("header"));
    const struct sp_json *claims = sp_json_member(token, SP_STR("claims"));
    verdict->kind = recorded_kind(line);
    verdict->signature_verified = verdict->kind == SP_TOKEN_JWT;
    verdict->header = sp_json_is(header, SP_JSON_OBJECT) ? header : NULL;
    verdict->claims = sp_json_is(claims, SP_JSON_OBJECT) ? claims : NULL;
}

/* A line without a verdict: accepted with nothing to say, or refused by a cause alone. */
static void put_made_verdict(struct sp_json_writer *writer, struct sp_arena *arena, const struct sp_json *line)
{
    struct sp_finding finding = {.cause = sp_cause_find(sp_json_string(sp_json_member(line, SP_STR("cause")))),
                                 .check = SP_CHECK_COUNT,
                                 .verified = true};
    if (finding.cause == SP_CAUSE_UPSTREAM_REJECTED_TOKEN) {
        const struct sp_json *status = sp_json_member(line, SP_STR("upstream_status"));
        finding.expected = SP_STR("a status other than 401 and 403");
        finding.received = status != NULL ? status->text : SP_STR_NONE;
    }
    bool accepted = sp_json_is(sp_json_member(line, SP_STR("accepted")), SP_JSON_TRUE);
    struct sp_verdict verdict = {.accepted = accepted};
    if (finding.cause != SP_CAUSE_NONE && accepted) {
        verdict.also = &finding;
        verdict.also_count = 1;
    } else if (finding.cause != SP_CAUSE_NONE) {
        verdict = *sp_verdict_of(arena, &finding);
    }
    if (accepted)
        take_recorded_token(line, &verdict);
    struct sp_buffer buffer;
    struct sp_json_writer inner;
    struct sp_json_error error;
    const struct sp_json *json;
    sp_buffer_init(&buffer, arena, ANSWER_BYTES);
    sp_json_writer_init(&inner, &buffer, false);
    sp_verdict_write(&inner, &verdict, 0);
    if (sp_json_parse(arena, sp_buffer_str(&buffer), &sp_json_limits_document, &json, &error) != SP_OK)
        return;
    for
        SP_JSON_EACH(member, json)
        {
            if (sp_str_equal(member->name, SP_STR("examined_at")))
                continue;
            sp_json_name(writer, member->name);
            /* What was checked of a call that passed is not written down; "skip" would say that it was not checked. */
            if (accepted && sp_str_equal(member->name, SP_STR("checks")))
                sp_json_put_raw(writer, SP_STR("[]"));
            else
                sp_json_put_value(writer, member);
        }
}

/* The other calls with this id, newest first. */
static void write_namesakes(struct sp_json_writer *writer, const struct sp_log_found *found)
{
    sp_json_name(writer, SP_STR("same_id"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < found->count; i++) {
        if (found->lines[i] == found->line)
            continue;
        sp_json_begin_object(writer);
        sp_json_int_member(writer, "nth", (int64_t)i + 1);
        for (size_t n = 0; n < sizeof short_members / sizeof short_members[0]; n++) {
            const struct sp_json *member = sp_json_member(found->lines[i], sp_str_from_cstr(short_members[n]));
            if (member == NULL)
                continue;
            sp_json_name(writer, member->name);
            sp_json_put_value(writer, member);
        }
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
}

static void write_answer(struct sp_json_writer *writer, struct sp_arena *arena, const struct sp_log_found *found)
{
    const struct sp_json *verdict = sp_json_member(found->line, SP_STR("verdict"));
    sp_json_begin_object(writer);
    sp_json_string_member(writer, "request_id", sp_json_string(sp_json_member(found->line, SP_STR("request_id"))));
    if (sp_json_is(verdict, SP_JSON_OBJECT))
        put_members(writer, verdict, "");
    else
        put_made_verdict(writer, arena, found->line);
    sp_json_name(writer, SP_STR("call"));
    sp_json_begin_object(writer);
    sp_explain_write_call(writer, found->line);
    sp_json_end_object(writer);
    sp_json_string_member(writer, "log", found->file);
    write_namesakes(writer, found);
    sp_json_end_object(writer);
}

/* ---- for people ---- */

static void print_member(const struct sp_json *line, const char *name)
{
    const struct sp_json *member = sp_json_member(line, sp_str_from_cstr(name));
    struct sp_str text = member == NULL                                                     ? SP_STR_NONE
                         : member->type == SP_JSON_NUMBER || member->type == SP_JSON_STRING ? member->text
                                                                                            : SP_STR_NONE;
    if (text.len == 0)
        return;
    printf("  %-10s ", name);
    sp_cli_print_value(stdout, text);
    putchar('\n');
}

void sp_explain_print_call(const struct sp_json *line)
{
    static const char *const members[] = {"time",     "endpoint", "grant",           "api",
                                          "consumer", "subject",  "client_id",       "issuer",
                                          "cache",    "upstream", "upstream_status", "client_address"};
    const struct sp_json *timings = sp_json_member(line, SP_STR("timings"));
    printf("%s", sp_cli_style(SP_STYLE_BOLD));
    struct sp_str method = sp_json_string(sp_json_member(line, SP_STR("method")));
    sp_cli_print_value(stdout, method.len > 0 ? method : SP_STR("(no request that could be read)"));
    fputs(" ", stdout);
    sp_cli_print_value(stdout, sp_json_string(sp_json_member(line, SP_STR("host"))));
    sp_cli_print_value(stdout, sp_json_string(sp_json_member(line, SP_STR("path"))));
    printf("%s %s ", sp_cli_style(SP_STYLE_PLAIN), sp_cli_sign(SP_SIGN_ARROW));
    const struct sp_json *status = sp_json_member(line, SP_STR("status"));
    sp_cli_print_value(stdout, status != NULL ? status->text : SP_STR("?"));
    putchar('\n');
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        print_member(line, members[i]);
    if (timings != NULL && timings->count > 0) {
        fputs("  timings   ", stdout);
        for
            SP_JSON_EACH(timing, timings)
            {
                printf(" %.*s ", SP_STR_ARG(timing->name));
                sp_cli_print_value(stdout, timing->text);
            }
        putchar('\n');
    }
    putchar('\n');
}

/* Of an accepted call's token the log has as much as call_log.claims says. */
static void print_recorded_part(const struct sp_json *line)
{
    if (sp_json_is(sp_json_member(line, SP_STR("token")), SP_JSON_OBJECT) &&
        sp_json_member(line, SP_STR("verdict")) == NULL)
        puts("  as far as the log tells of it: call_log.claims says how much");
}

static void print_namesakes(const struct sp_log_found *found)
{
    if (found->count < 2)
        return;
    printf("\n%sCalls with this id%s, newest first: --nth N tells of the Nth%s\n", sp_cli_style(SP_STYLE_BOLD),
           sp_cli_style(SP_STYLE_PLAIN), found->count == SP_MAX_CALLS_OF_ID ? "; there may be more" : "");
    for (size_t i = 0; i < found->count; i++) {
        printf("  %s%2zu", sp_cli_sign(found->lines[i] == found->line ? SP_SIGN_ARROW : SP_SIGN_NONE), i + 1);
        for (size_t n = 0; n < sizeof short_members / sizeof short_members[0]; n++) {
            const struct sp_json *member = sp_json_member(found->lines[i], sp_str_from_cstr(short_members[n]));
            if (member == NULL || member->text.len == 0)
                continue;
            fputs(strcmp(short_members[n], "path") == 0 ? "" : " ", stdout);
            sp_cli_print_value(stdout, sp_str_slice(member->text, 0, 120));
        }
        putchar('\n');
    }
}

static int show(const struct sp_cli *cli, const struct sp_log_found *found)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *answer;
    sp_buffer_init(&buffer, cli->arena, ANSWER_BYTES);
    sp_json_writer_init(&writer, &buffer, sp_cli_wants_json(cli));
    write_answer(&writer, cli->arena, found);
    if (sp_cli_wants_json(cli))
        return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
    if (sp_buffer_status(&buffer) != SP_OK ||
        sp_json_parse(cli->arena, sp_buffer_str(&buffer), &sp_json_limits_document, &answer, &error) != SP_OK)
        return sp_cli_failure(cli, "the call does not fit in memory");
    sp_explain_print_call(found->line);
    sp_cli_print_verdict(answer, sp_cli_now());
    print_recorded_part(found->line);
    print_namesakes(found);
    return SP_CLI_FINE;
}

/* ---- the command ---- */

static int complain(struct sp_cli *cli, const char *path, struct sp_str id, enum sp_status status,
                    const struct sp_log_found *found)
{
    if (status == SP_IO && errno == ENOENT)
        return sp_cli_failure(
            cli, "there is no call log at %s: name the state directory with --state, or the log with --log", path);
    if (status == SP_IO)
        return sp_cli_failure(cli, "cannot read %s: %s", path, strerror(errno));
    if (status != SP_NOT_FOUND)
        return sp_cli_failure(cli, "not enough memory to read %s", path);
    sp_cli_failure(cli, "no call with the id '%.*s' is in %s or the rotated logs beside it.", SP_STR_ARG(id), path);
    fputs("The id is the X-Request-Id of the answer, and the request_id of a problem body. Each gateway keeps its own "
          "log.\n",
          stderr);
    if (found->unreadable > 0)
        fprintf(stderr,
                "%u rotated files could not be searched (compressed, or no permission): unpack one and name it with "
                "--log.\n",
                found->unreadable);
    sp_explain_tell_lost(cli, path);
    return SP_CLI_UNEXAMINED;
}

static int run_explain(struct sp_cli *cli)
{
    struct sp_str id = sp_str_trim(sp_cli_argument(cli, 0));
    struct sp_log_found found = {0};
    const char *path = sp_log_path(cli, log_names[0]);
    const char *const paths[] = {path, sp_cli_text(cli, "log").at == NULL ? sp_log_path(cli, log_names[1]) : NULL};
    if (id.len == 0 || id.len > 256)
        return sp_cli_usage_error(cli, "this is no request id");
    if (path == NULL)
        return sp_cli_failure(cli, "out of memory");
    const int64_t nth = sp_cli_number(cli, "nth", 1);
    if (nth < 1 || nth > SP_MAX_CALLS_OF_ID)
        return sp_cli_usage_error(cli, "--nth is a number from 1 to %u", SP_MAX_CALLS_OF_ID);
    enum sp_status status = find_patiently(cli->arena, paths, id, &found);
    if (status == SP_OK && (size_t)nth > found.count)
        return sp_cli_failure(cli, "--nth %lld: the log has %zu call%s with this id", (long long)nth, found.count,
                              found.count == 1 ? "" : "s");
    if (status == SP_OK)
        found.line = found.lines[nth - 1];
    if (status == SP_OK && (sp_cli_is_given(cli, "what-if") || sp_cli_is_given(cli, "config")))
        return sp_explain_what_if(cli, &found);
    return status == SP_OK ? show(cli, &found) : complain(cli, path, id, status, &found);
}

const struct sp_cli_command sp_cli_explain = {
    .name = "explain",
    .summary = "Say what became of a call and why, from the call log.",
    .arguments = "REQUEST_ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text =
        "The id stands in the answer's X-Request-Id header and in its problem body. The log is read backwards from "
        "its end, rotated files\n"
        "(calls.jsonl.1, calls.jsonl-20261123, .gz) after it, newest first.\n"
        "Calls of one trace (traceparent) share an id, and clients choose it: the newest is told, the others near it "
        "are "
        "listed.\n"
        "\n"
        "--what-if changes what is asked of the token: issuer, leeway, algorithm, max_lifetime, require_type,\n"
        "allow_missing_exp and client_id of the issuer; audience, scope, claim (NAME or NAME:VALUE), acr, max_age,\n"
        "verified_email, dpop, mtls, introspect, anonymous and max_token_size of the API; now (the time of the "
        "judgement). Lists:\n"
        "scope=read,write; empty for none: audience=. Signatures are not stored: their recorded outcome is used.\n"
        "\n"
        "Examples:\n"
        "  sallyport explain 6f1d0c9be2a94f0f8a1c\n"
        "  sallyport explain 6f1d0c9be2a94f0f8a1c --what-if issuer=https://idp.example.com/,leeway=60s\n"
        "  sallyport explain 6f1d0c9be2a94f0f8a1c -c new.yaml\n"
        "\n"
        "Exit status: 0 found, 2 usage, 3 no such call, or the log cannot be read; with --what-if or -c: 0 it "
        "would be accepted,\n"
        "1 refused, 2 usage, 3 it cannot be judged.",
    .run = run_explain,
};
