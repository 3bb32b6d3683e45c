/* SPDX-License-Identifier: Apache-2.0 */
/* explain ID --what-if …, explain ID -c FILE: a recorded call judged under another policy. */
#include "cli/explain.h"

#include "cli/log_files.h"
#include "cli/policy_file.h"
#include "cli/token.h"
#include "core/backtest/tally.h"
#include "core/backtest/what_if.h"

#define ANSWER_BYTES (8u * 1024 * 1024)

static const char note[] = "Signatures are not stored: the recorded outcome of the token's form, signature, "
                           "introspection and proof of possession is used.";

struct question {
    const struct sp_cli *cli;
    const struct sp_log_found *found;
    struct sp_recorded_call call;
    const struct sp_str *settings; /* as given */
    size_t setting_count;
    struct sp_policy *policy;
    struct sp_rejudgement judged;
};

/* ---- the policy ---- */

/* -c, else what the gateway has in force. */
static int base_of(const struct question *question, struct sp_configuration_terms *terms)
{
    const struct sp_cli *cli = question->cli;
    terms->count = sp_cli_list(cli, "config", &terms->paths);
    if (terms->count > 0)
        return SP_CLI_FINE;
    if (sp_cli_is_given(cli, "log") && !sp_cli_is_given(cli, "state"))
        return sp_cli_usage_error(cli, "--what-if with --log needs the configuration too: -c FILE");
    struct sp_str *path = SP_ARENA_NEW(cli->arena, struct sp_str);
    if (path == NULL)
        return sp_cli_failure(cli, "out of memory");
    *path = sp_str_from_cstr(sp_state_path(cli, "policy.json"));
    terms->paths = path;
    terms->count = 1;
    terms->is_snapshot = true;
    return SP_CLI_FINE;
}

static bool is_of_line(const struct question *question, const struct sp_policy *policy, size_t issuer)
{
    struct sp_str judged = question->call.token.issuer;
    struct sp_str name = sp_json_string(sp_json_member(question->found->line, SP_STR("issuer")));
    return (judged.len > 0 && sp_str_equal(policy->issuers[issuer].issuer, judged)) ||
           (name.len > 0 && sp_str_equal(policy->issuers[issuer].name, name));
}

/* Whose settings are meant: the API that the call meets, and of its issuers the one that the call was judged against.
 */
static struct sp_what_if target_of(const struct question *question, const struct sp_policy *policy)
{
    const struct sp_recorded_call *call = &question->call;
    struct sp_route_match match = {0};
    struct sp_what_if what = {0};
    if (sp_policy_match(policy, call->host, call->path, call->method, &match) != SP_MATCH_FOUND)
        return what;
    const struct sp_requirements *required = match.requirements;
    what.api = match.api->name;
    if (required->issuer_count > 0)
        what.issuer = policy->issuers[required->issuers[0]].name;
    for (size_t i = 0; i < required->issuer_count; i++)
        if (is_of_line(question, policy, required->issuers[i]))
            what.issuer = policy->issuers[required->issuers[i]].name;
    return what;
}

static int read_policies(struct question *question, struct sp_rejudge_terms *how)
{
    const struct sp_cli *cli = question->cli;
    struct sp_configuration_terms terms = {0};
    struct sp_what_if_result change;
    int exit_status = base_of(question, &terms);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_cli_policy_read(cli, &terms, &question->policy);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    struct sp_what_if what = target_of(question, question->policy);
    enum sp_status status = sp_what_if_write(cli->arena, &what, question->settings, question->setting_count, &change);
    if (status == SP_MALFORMED)
        return sp_cli_usage_error(cli, "--what-if: %.*s", SP_STR_ARG(change.refused));
    if (status != SP_OK)
        return sp_cli_failure(cli, "out of memory");
    how->now = change.now;
    if (change.overlay.at == NULL)
        return SP_CLI_FINE;
    terms.overlay = change.overlay;
    terms.overlay_name = SP_STR("--what-if");
    return sp_cli_policy_read(cli, &terms, &question->policy);
}

/* ---- the answer ---- */

static const char *word_of(const struct sp_rejudgement *judged)
{
    switch (judged->change) {
    case SP_CHANGE_UNKNOWN:
        return "unknown";
    case SP_CHANGE_OUTSIDE:
        return "outside";
    default:
        return judged->cause == SP_CAUSE_NONE ? "accepted" : "refused";
    }
}

static void write_recorded(struct sp_json_writer *writer, const struct sp_recorded_call *call)
{
    sp_json_name(writer, SP_STR("recorded"));
    sp_json_begin_object(writer);
    sp_json_bool_member(writer, "accepted", call->accepted);
    sp_json_name(writer, SP_STR("cause"));
    if (call->cause != SP_CAUSE_NONE)
        sp_json_put_string(writer, sp_cause_get(call->cause)->id);
    else
        sp_json_put_null(writer);
    sp_json_int_member(writer, "judged_at", call->judged_at);
    sp_json_end_object(writer);
}

static void write_answer(struct sp_json_writer *writer, const struct question *question, int64_t now)
{
    static const struct sp_verdict accepted = {.accepted = true};
    const struct sp_rejudgement *judged = &question->judged;
    bool is_decided = judged->change != SP_CHANGE_UNKNOWN && judged->change != SP_CHANGE_OUTSIDE;
    sp_json_begin_object(writer);
    sp_json_string_member(writer, "request_id", question->call.request_id);
    sp_json_string_member(writer, "outcome", sp_str_from_cstr(word_of(judged)));
    sp_json_string_member(writer, "change", sp_str_from_cstr(sp_change_name(judged->change)));
    sp_json_name(writer, SP_STR("what_if"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < question->setting_count; i++)
        sp_json_put_string(writer, question->settings[i]);
    sp_json_end_array(writer);
    write_recorded(writer, &question->call);
    sp_json_name(writer, SP_STR("verdict"));
    if (is_decided)
        sp_verdict_write(writer, judged->verdict != NULL ? judged->verdict : &accepted, now);
    else
        sp_json_put_null(writer);
    sp_json_name(writer, SP_STR("lacking"));
    if (judged->lacking.at != NULL)
        sp_json_put_string(writer, judged->lacking);
    else
        sp_json_put_null(writer);
    sp_json_string_member(writer, "note", sp_str_from_cstr(note));
    sp_json_name(writer, SP_STR("call"));
    sp_json_begin_object(writer);
    sp_explain_write_call(writer, question->found->line);
    sp_json_end_object(writer);
    sp_json_end_object(writer);
}

static void print_lead(const struct question *question)
{
    const struct sp_recorded_call *call = &question->call;
    printf("  recorded   %s%s", call->accepted ? "accepted" : "refused: ",
           call->accepted                 ? ""
           : call->cause != SP_CAUSE_NONE ? sp_cause_get(call->cause)->id.at
                                          : "without a cause");
    const struct sp_str *files;
    size_t file_count = sp_cli_list(question->cli, "config", &files);
    fputs("\n  what if    ", stdout);
    for (size_t i = 0; i < question->setting_count; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        sp_cli_print_value(stdout, question->settings[i]);
    }
    for (size_t i = 0; i < file_count; i++) {
        fputs(i > 0 || question->setting_count > 0 ? ", -c " : "-c ", stdout);
        sp_cli_print_value(stdout, files[i]);
    }
    fputs("\n\n", stdout);
}

/* A claim that lines do not tell can be told from now on. */
static void print_advice(const struct sp_rejudgement *judged)
{
    struct sp_str claim = sp_lacking_claim(judged->lacking);
    if (claim.len == 0)
        return;
    fputs("To have it in the lines from now on: call_log: {claims: [", stdout);
    sp_cli_print_value(stdout, claim);
    puts("]} in sallyport.yaml.");
}

static int exit_status_of(const struct sp_rejudgement *judged)
{
    if (judged->change == SP_CHANGE_UNKNOWN || judged->change == SP_CHANGE_OUTSIDE)
        return SP_CLI_UNEXAMINED;
    return judged->cause == SP_CAUSE_NONE ? SP_CLI_FINE : SP_CLI_REJECTED;
}

static int show(const struct question *question, int64_t now)
{
    const struct sp_cli *cli = question->cli;
    const struct sp_rejudgement *judged = &question->judged;
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *answer;
    sp_buffer_init(&buffer, cli->arena, ANSWER_BYTES);
    sp_json_writer_init(&writer, &buffer, sp_cli_wants_json(cli));
    write_answer(&writer, question, now);
    if (sp_cli_wants_json(cli))
        return sp_cli_print_json(cli, &buffer, exit_status_of(judged));
    if (sp_buffer_status(&buffer) != SP_OK ||
        sp_json_parse(cli->arena, sp_buffer_str(&buffer), &sp_json_limits_document, &answer, &error) != SP_OK)
        return sp_cli_failure(cli, "the call does not fit in memory");
    sp_explain_print_call(question->found->line);
    print_lead(question);
    if (judged->change == SP_CHANGE_UNKNOWN) {
        printf("%sCannot be judged%s: the log does not tell ", sp_cli_style(SP_STYLE_WARN),
               sp_cli_style(SP_STYLE_PLAIN));
        sp_cli_print_value(stdout, judged->lacking);
        puts(".");
        print_advice(judged);
    } else if (judged->change == SP_CHANGE_OUTSIDE) {
        puts("No policy judges this request: a CORS preflight, metadata, or refused by nginx itself.");
    } else {
        sp_cli_print_verdict(sp_json_member(answer, SP_STR("verdict")), now);
    }
    putchar('\n');
    sp_cli_print_wrapped(stdout, sp_str_from_cstr(note), 0, 0);
    putchar('\n');
    return exit_status_of(judged);
}

static void release_bench(void *bench)
{
    struct sp_bench *held = bench;
    sp_bench_destroy(&held);
}

int sp_explain_what_if(const struct sp_cli *cli, const struct sp_log_found *found)
{
    struct question question = {.cli = cli, .found = found};
    struct sp_rejudge_terms how = {.explain = true};
    struct sp_bench *bench = NULL;
    question.setting_count = sp_cli_list(cli, "what-if", &question.settings);
    for (size_t i = 0; i < question.setting_count; i++)
        if (question.settings[i].len == 0)
            return sp_cli_usage_error(cli, "--what-if: NAME=VALUE is missing");
    if (sp_recorded_call_read(cli->arena, found->line, &question.call) != SP_OK)
        return sp_cli_failure(cli, "this line of the log tells of no call that a policy judges");
    int exit_status = read_policies(&question, &how);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    if (sp_bench_create(question.policy, &bench) != SP_OK || sp_arena_defer(cli->arena, release_bench, bench) != SP_OK)
        return sp_cli_failure(cli, "out of memory");
    sp_rejudge(cli->arena, bench, &question.call, &how, &question.judged);
    return show(&question, how.now != 0 ? how.now : question.call.judged_at);
}
