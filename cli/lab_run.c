/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport lab run FAULT… --against 'COMMAND'`: somebody's own test command, in a healthy world and under each fault,
 * and whether it failed closed. */
#include "cli/lab_run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define TRIAL_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define MOST_FAULTS 512u
#define JSON_BYTES ((size_t)64 * 1024 * 1024)

static const struct sp_cli_option options[] = {
    {"against", 0, SP_OPTION_TEXT, "COMMAND", "Your test command, for /bin/sh; it succeeds when its exit status is 0."},
    {"all", 0, SP_OPTION_FLAG, NULL, "Every fault of the table (or of --for)."},
    {"for", 0, SP_OPTION_TEXT, "WHO", "Only what this meets: client, verifier or api."},
    {"timeout", 0, SP_OPTION_NUMBER, "SECONDS", "The longest that the command may take. Default: 30."},
    {"tls", 0, SP_OPTION_FLAG, NULL, "Serve https for every fault, not for those of TLS alone."},
    {"listen", 0, SP_OPTION_TEXT, "ADDRESS:PORT", "Where the issuer is; the API is at the next port. Default: any."},
    {"redirect-uri", 0, SP_OPTION_LIST, "URI", "A redirect URI to accept beyond those on loopback addresses."},
    {"junit", 0, SP_OPTION_TEXT, "FILE", "Write the results as JUnit XML too."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

/* ---- which faults ---- */

static bool add_fault(struct sp_lab_session *session, enum sp_cause fault)
{
    for (size_t i = 0; i < session->count; i++)
        if (session->trials[i].fault == fault)
            return true;
    if (session->count == MOST_FAULTS)
        return false;
    session->trials[session->count++] = (struct sp_lab_trial){.fault = fault};
    return true;
}

static bool is_asked(struct sp_str who, const struct sp_lab_fault *fault)
{
    return who.at == NULL || sp_str_equal(who, sp_lab_who_name(fault->who));
}

/* An id, or the beginning of several that ends with a dot: "keys.". */
static bool add_named(struct sp_lab_session *session, struct sp_str word, struct sp_str who)
{
    enum sp_cause fault;
    size_t before = session->count;
    bool is_group = sp_str_has_suffix(word, SP_STR("."));
    for (size_t i = 0; i < sp_lab_fault_count() && is_group; i++) {
        const struct sp_lab_fault *row = sp_lab_fault_at(i);
        if (sp_str_has_prefix(sp_cause_get(row->cause)->id, word) && is_asked(who, row))
            (void)add_fault(session, row->cause);
    }
    if (session->count > before)
        return true;
    if (!sp_lab_read_fault(session->cli, word, &fault))
        return false;
    if (fault == SP_CAUSE_NONE) {
        sp_cli_usage_error(session->cli, "'%.*s' is no fault: the command is run in a healthy world first anyway",
                           SP_STR_ARG(word));
        return false;
    }
    return add_fault(session, fault);
}

static bool read_faults(struct sp_lab_session *session)
{
    const struct sp_cli *cli = session->cli;
    struct sp_str who = sp_cli_text(cli, "for");
    size_t count = sp_cli_argument_count(cli);
    bool all = sp_cli_flag(cli, "all");
    if (all == (count > 0)) {
        sp_cli_usage_error(cli, "give faults, or --all");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!add_named(session, sp_cli_argument(cli, i), who))
            return false;
    for (size_t i = 0; i < sp_lab_fault_count() && all; i++)
        if (is_asked(who, sp_lab_fault_at(i)))
            (void)add_fault(session, sp_lab_fault_at(i)->cause);
    if (session->count == 0)
        sp_cli_usage_error(cli, "no fault is for '%.*s'; --for is client, verifier or api", SP_STR_ARG(who));
    return session->count > 0;
}

/* ---- for people ---- */

static enum sp_style style_of(enum sp_lab_outcome outcome)
{
    if (sp_lab_outcome_is_finding(outcome))
        return SP_STYLE_BAD;
    return outcome == SP_LAB_UNMET || outcome == SP_LAB_UNHEALTHY ? SP_STYLE_WARN : SP_STYLE_GOOD;
}

static void print_output(struct sp_str output)
{
    size_t from = output.len > 1500 ? output.len - 1500 : 0;
    struct sp_str rest = sp_str_slice(output, from, output.len), line;
    while (sp_str_next_word(&rest, SP_STR("\r\n"), &line)) {
        fputs("    | ", stdout);
        sp_cli_print_safe(stdout, line);
        putchar('\n');
    }
}

static void print_trial(const struct sp_lab_trial *trial)
{
    const struct sp_lab_fault *fault = sp_lab_fault_find(trial->fault);
    struct sp_str id = sp_cause_get(trial->fault)->id, words = sp_lab_outcome_words(trial->outcome);
    enum sp_style style = style_of(trial->outcome);
    const char *mark = sp_cli_sign(style == SP_STYLE_BAD    ? SP_SIGN_BAD
                                   : style == SP_STYLE_WARN ? SP_SIGN_DASH
                                                            : SP_SIGN_GOOD);
    printf("%s%s %-42.*s %.*s%s  exit %d, %lld ms\n", sp_cli_style(style), mark, SP_STR_ARG(id), SP_STR_ARG(words),
           sp_cli_style(SP_STYLE_PLAIN), trial->ending.exit_status, (long long)trial->ending.took_ms);
    if (style != SP_STYLE_GOOD) {
        struct sp_str why = sp_lab_trial_explain(trial);
        printf("    %.*s\n    ", SP_STR_ARG(fault->what));
        sp_cli_print_wrapped(stdout, why, 4, 4);
        putchar('\n');
        print_output(trial->ending.output);
    }
    fflush(stdout);
}

struct sp_str sp_lab_trial_explain(const struct sp_lab_trial *trial)
{
    const struct sp_lab_fault *fault = sp_lab_fault_find(trial->fault);
    switch (trial->outcome) {
    case SP_LAB_ACCEPTED:
        return fault->who == SP_LAB_WHO_API ? SP_STR("The command succeeded. If it is a client alone: an API or a "
                                                     "gateway must refuse this, clients do "
                                                     "not look into access tokens (--for client leaves it out).")
                                            : SP_STR("The command succeeded where a strict one fails: whoever commits "
                                                     "this on purpose gets through.");
    case SP_LAB_DID_NOT_SURVIVE:
        return SP_STR("The command failed where a good one goes on: this happens in the life of every issuer.");
    case SP_LAB_HUNG:
        return SP_STR("The command did not end in time: give its requests a limit (--timeout is how long we wait).");
    case SP_LAB_UNMET:
        return SP_STR("The command never came to where the fault is, so it proves nothing about it.");
    case SP_LAB_UNHEALTHY:
        return SP_STR("The command fails without any fault; repair it first.");
    default:
        return SP_STR("");
    }
}

/* ---- counting ---- */

struct count {
    size_t passed, findings, unmet, unhealthy;
};

static struct count count_all(const struct sp_lab_session *session)
{
    struct count count = {0};
    for (size_t i = 0; i < session->done; i++) {
        enum sp_lab_outcome outcome = session->trials[i].outcome;
        if (sp_lab_outcome_is_finding(outcome))
            count.findings++;
        else if (outcome == SP_LAB_UNMET)
            count.unmet++;
        else if (outcome == SP_LAB_UNHEALTHY)
            count.unhealthy++;
        else
            count.passed++;
    }
    return count;
}

static int exit_status_of(const struct count *count)
{
    if (count->findings > 0)
        return SP_CLI_REJECTED;
    return count->unhealthy > 0 || count->passed == 0 ? SP_CLI_UNEXAMINED : SP_CLI_FINE;
}

/* ---- for programs ---- */

static void write_trial(struct sp_json_writer *json, const struct sp_lab_trial *trial)
{
    const struct sp_lab_fault *fault = sp_lab_fault_find(trial->fault);
    sp_json_begin_object(json);
    sp_json_string_member(json, "fault", sp_cause_get(trial->fault)->id);
    sp_json_string_member(json, "who", sp_lab_who_name(fault->who));
    sp_json_string_member(json, "must", sp_lab_must_name(fault->must));
    sp_json_string_member(json, "outcome", sp_lab_outcome_name(trial->outcome));
    sp_json_bool_member(json, "finding", sp_lab_outcome_is_finding(trial->outcome));
    sp_json_int_member(json, "committed", (int64_t)trial->committed);
    sp_json_int_member(json, "exit_status", trial->ending.exit_status);
    sp_json_bool_member(json, "timed_out", trial->ending.timed_out);
    sp_json_int_member(json, "took_ms", trial->ending.took_ms);
    sp_json_string_member(json, "output", trial->ending.output.at != NULL ? trial->ending.output : SP_STR(""));
    sp_json_end_object(json);
}

static int print_json(const struct sp_lab_session *session, const struct count *count)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, NULL, JSON_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "command", session->command);
    sp_json_int_member(&json, "passed", (int64_t)count->passed);
    sp_json_int_member(&json, "findings", (int64_t)count->findings);
    sp_json_int_member(&json, "unmet", (int64_t)count->unmet);
    sp_json_int_member(&json, "unhealthy", (int64_t)count->unhealthy);
    sp_json_name(&json, SP_STR("trials"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < session->done; i++)
        write_trial(&json, &session->trials[i]);
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    int exit_status = sp_cli_print_json(session->cli, &buffer, exit_status_of(count));
    sp_buffer_fini(&buffer);
    return exit_status;
}

static int report(const struct sp_lab_session *session)
{
    struct count count = count_all(session);
    struct sp_str junit = sp_cli_text(session->cli, "junit");
    if (junit.at != NULL && sp_lab_junit_write(session, junit) != SP_OK)
        return sp_cli_failure(session->cli, "cannot write %.*s: %s", SP_STR_ARG(junit), strerror(errno));
    if (sp_cli_wants_json(session->cli))
        return print_json(session, &count);
    printf("\n%zu as they should be, %zu findings, %zu not met, %zu not examined\n", count.passed, count.findings,
           count.unmet, count.unhealthy);
    return exit_status_of(&count);
}

/* ---- the trials ---- */

/* The faults of one kind of lab. False: we were told to stop, or failed (exit_status). */
static bool try_all(struct sp_lab_session *session, struct sp_lab *lab, int *exit_status)
{
    for (; session->done < session->count; session->done++) {
        struct sp_lab_trial *trial = &session->trials[session->done];
        bool secure = session->always_tls || sp_lab_needs_tls(trial->fault);
        if (secure != session->tls_now)
            return true;
        enum sp_status status =
            sp_lab_trial_run(lab, session->arena, trial->fault, session->command, session->timeout_ms, trial);
        if (status != SP_OK) {
            *exit_status = sp_cli_failure(session->cli, "cannot run the command: %s",
                                          status == SP_IO ? strerror(errno) : sp_status_text(status));
            return false;
        }
        if (trial->ending.interrupted) {
            *exit_status = sp_cli_failure(session->cli, "stopped");
            return false;
        }
        if (!sp_cli_wants_json(session->cli))
            print_trial(trial);
    }
    return true;
}

static int run_trials(struct sp_lab_session *session, struct sp_lab_terms *terms)
{
    char trouble[256];
    int exit_status = SP_CLI_FINE;
    bool goes_on = true;
    /* A lab is plain or of TLS; the table has runs of either. */
    while (goes_on && session->done < session->count) {
        struct sp_lab *lab = NULL;
        terms->tls = session->tls_now = session->always_tls || sp_lab_needs_tls(session->trials[session->done].fault);
        if (sp_lab_start(terms, &lab, trouble) != SP_OK)
            return sp_cli_failure(session->cli, "%s", trouble);
        goes_on = try_all(session, lab, &exit_status);
        sp_lab_stop(&lab);
    }
    return goes_on ? report(session) : exit_status;
}

static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    /* Before threads are made: they inherit it. */
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int run_run(struct sp_cli *cli)
{
    struct sp_lab_terms terms = {.fault = SP_CAUSE_NONE};
    struct sp_lab_session session = {.cli = cli,
                                     .command = sp_cli_text(cli, "against"),
                                     .timeout_ms = sp_cli_number(cli, "timeout", 30) * 1000,
                                     .always_tls = sp_cli_flag(cli, "tls")};
    if (session.command.len == 0)
        return sp_cli_usage_error(cli, "--against 'COMMAND' is needed");
    if (session.timeout_ms < 1000 || session.timeout_ms > 3600 * 1000)
        return sp_cli_usage_error(cli, "--timeout is 1 to 3600 seconds");
    session.trials = sp_arena_calloc(cli->arena, MOST_FAULTS, sizeof *session.trials);
    if (session.trials == NULL)
        return sp_cli_failure(cli, "out of memory");
    if (!read_faults(&session) || !sp_lab_read_terms(cli, "127.0.0.1:0", &terms))
        return SP_CLI_USAGE;
    session.arena = sp_arena_create(TRIAL_ARENA_BYTES);
    if (session.arena == NULL)
        return sp_cli_failure(cli, "out of memory");
    block_signals();
    int exit_status = run_trials(&session, &terms);
    sp_arena_destroy(&session.arena);
    return exit_status;
}

const struct sp_cli_command sp_cli_lab_run = {
    .name = "run",
    .summary = "Run your own test command under faults; does it fail closed?",
    .arguments = "FAULT…",
    .max_arguments = MOST_FAULTS,
    .options = options,
    .text =
        "The command runs in a healthy world first, where it must succeed, and then under the fault. A FAULT that ends "
        "with a dot\nstands for all that begin with it (`keys.`). The command finds the lab in its environment:\n"
        "\n"
        "  SALLYPORT_LAB_ISSUER, _METADATA_URL, _TOKEN_ENDPOINT, _AUTHORIZATION_ENDPOINT, _API, _CA (a file), "
        "_CLIENT_ID,\n  _CLIENT_SECRET, _SCOPE, _AUDIENCE, _TOKEN (an access token), _ID_TOKEN, _FAULT\n"
        "\n"
        "Examples:\n"
        "  sallyport lab run issuer.trailing_slash --against 'npm test'\n"
        "  sallyport lab run --all --for client --against ./login-test.sh --junit lab.xml\n"
        "  sallyport lab run token. keys. --listen 127.0.0.1:9480 \\\n"
        "    --against 'curl -sf -H \"Authorization: Bearer $SALLYPORT_LAB_TOKEN\" http://127.0.0.1:8080/photos'\n"
        "\n"
        "Exit status: 0 everything was as it should be, 1 something was accepted, not survived or hung, 2 usage, 3 the "
        "command fails in\na healthy world, or came to none of the faults.",
    .run = run_run,
};
