/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport doctor`: the whole chain from a name to a token, live. The walk is probe/doctor.h's; here are the options,
 * what is printed when, and the watch. */
#include "cli/doctor.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/client_key.h"
#include "cli/token_grant.h"
#include "core/base/limits.h"
#include "core/base/url.h"
#include "core/policy/report.h"
#include "probe/certificate_chain.h"
#include "probe/configuration.h"

#define VISIT_ARENA_BYTES ((size_t)128 * 1024 * 1024)
#define MAX_REPORT_BYTES ((size_t)64 * 1024 * 1024)
#define DEFAULT_TIMEOUT_S 10
#define DEFAULT_INTERVAL_S 60

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE", "Examine every issuer and every upstream of a configuration instead."},
    {"ca", 0, SP_OPTION_TEXT, "FILE", "Trust these certification authorities (PEM) instead of the system's."},
    {"client-cert", 0, SP_OPTION_TEXT, "FILE", "Present this certificate (PEM) where one is asked for."},
    {"client-key", 0, SP_OPTION_TEXT, "FILE", "Its private key. Default: in the same file."},
    {"client-id", 0, SP_OPTION_TEXT, "ID", "Also try this client: authentication, redirect URI, a token."},
    {"client-secret", 0, SP_OPTION_TEXT, "SECRET", "Its secret."},
    {"client-secret-file", 0, SP_OPTION_TEXT, "FILE",
     "Its secret, from a file (or \"-\": standard input); a line end at its end is not part of it."},
    {"assertion-key", 0, SP_OPTION_TEXT, "FILE", "Its private key (PEM or JWK), for private_key_jwt."},
    {"assertion-kid", 0, SP_OPTION_TEXT, "KID", "The id of that key. Default: the one of a JWK."},
    {"redirect-uri", 0, SP_OPTION_TEXT, "URI", "See whether the issuer accepts this redirect URI of the client."},
    {"scope", 0, SP_OPTION_TEXT, "SCOPE", "Ask for these scopes, and examine the token for them."},
    {"audience", 0, SP_OPTION_TEXT, "AUDIENCE", "Ask for a token for this audience, and examine it for that."},
    {"api", 0, SP_OPTION_TEXT, "URL", "Call this API with the token."},
    {"reference", 0, SP_OPTION_LIST, "URL", "Another server, whose Date header tells whose clock is wrong."},
    {"timeout", 0, SP_OPTION_NUMBER, "SECONDS", "Wait this long for each answer. Default: 10."},
    {"watch", 0, SP_OPTION_FLAG, NULL, "Repeat, and report what changes."},
    {"interval", 0, SP_OPTION_NUMBER, "SECONDS", "How often, with --watch. Default: 60."},
    {"cache", 0, SP_OPTION_TEXT, "DIR",
     "Where to keep what was seen of an issuer's keys, to tell a rotation. Default: ~/.cache/sallyport; 'off': "
     "nowhere."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

/* ---- what is asked ---- */
static const char *memory_folder(const struct sp_cli *cli)
{
    struct sp_str given = sp_cli_text(cli, "cache");
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given.at != NULL) {
        return sp_str_equal(given, SP_STR("off")) ? NULL : given.at; /* of argv: ends with NUL */
    }
    if (base != NULL && base[0] == '/') {
        return sp_arena_printf(sp_cli_arena(cli), "%s/sallyport", base).at;
    }
    return home != NULL && home[0] == '/' ? sp_arena_printf(sp_cli_arena(cli), "%s/.cache/sallyport", home).at : NULL;
}

static int read_secret(const struct sp_cli *cli, struct sp_doctor_question *question)
{
    struct sp_str file = sp_cli_text(cli, "client-secret-file");
    question->client_secret = sp_cli_text(cli, "client-secret");
    if (file.at == NULL) {
        return SP_CLI_FINE;
    }
    if (question->client_secret.at != NULL) {
        return sp_cli_usage_error(cli, "give one of --client-secret and --client-secret-file");
    }
    return sp_token_secret_read(cli, file, &question->client_secret);
}

static int read_question(const struct sp_cli *cli, struct sp_doctor_question *question)
{
    *question = (struct sp_doctor_question){
        .issuer = sp_cli_argument(cli, 0),
        .ca_file = sp_cli_text(cli, "ca"),
        .certificate_file = sp_cli_text(cli, "client-cert"),
        .key_file = sp_cli_text(cli, "client-key"),
        .client_id = sp_cli_text(cli, "client-id"),
        .redirect_uri = sp_cli_text(cli, "redirect-uri"),
        .scope = sp_cli_text(cli, "scope"),
        .audience = sp_cli_text(cli, "audience"),
        .api = sp_cli_text(cli, "api"),
        .timeout_ms = sp_cli_number(cli, "timeout", DEFAULT_TIMEOUT_S) * 1000,
        .memory_folder = memory_folder(cli),
        .told = sp_cli_wants_json(cli) ? NULL : sp_doctor_print_step,
    };
    question->references.count = sp_cli_list(cli, "reference", &question->references.at);
    if (question->timeout_ms < 1000 || question->timeout_ms > 600000) {
        return sp_cli_usage_error(cli, "--timeout is between 1 and 600 seconds");
    }
    bool needs_client = question->redirect_uri.len > 0 || question->scope.len > 0 || question->audience.len > 0 ||
                        question->api.len > 0 || sp_cli_is_given(cli, "client-secret") ||
                        sp_cli_is_given(cli, "client-secret-file") || sp_cli_is_given(cli, "assertion-key");
    if (needs_client && question->client_id.len == 0) {
        return sp_cli_usage_error(
            cli, "--client-secret, --assertion-key, --redirect-uri, --scope, --audience and --api need "
                 "--client-id");
    }
    int exit_status = sp_cli_client_key(cli, "assertion-key", &question->key, &question->kid);
    if (sp_cli_is_given(cli, "assertion-kid")) {
        question->kid = sp_cli_text(cli, "assertion-kid");
    }
    return exit_status == SP_CLI_FINE ? read_secret(cli, question) : exit_status;
}

static int read_policy(const struct sp_cli *cli, struct sp_policy **policy)
{
    char trouble[512] = "";
    const struct sp_str *files;
    struct sp_str found;
    size_t count = sp_cli_list(cli, "config", &files);
    if (count == 0) {
        found = sp_configuration_default();
        files = &found;
        count = 1;
    }
    struct sp_policy_report *report = sp_policy_report_create();
    if (report == NULL) {
        return sp_cli_failure(cli, "out of memory");
    }
    enum sp_status status = sp_configuration_read(files, count, policy, report, trouble);
    sp_policy_report_destroy(&report);
    if (status == SP_MALFORMED) {
        return sp_cli_failure(cli, "the configuration has errors: 'sallyport check' names them");
    }
    return status == SP_OK ? SP_CLI_FINE
                           : sp_cli_failure(cli, "%s", trouble[0] != '\0' ? trouble : sp_status_text(status));
}

/* ---- one round ---- */
struct round {
    const struct sp_cli *cli;
    struct sp_doctor_target *targets;
    size_t count;
    struct sp_arena **arenas;
    struct sp_doctor_report *reports;
    struct sp_doctor_memory **memories; /* of the round before */
    bool is_repeated;
};

static enum sp_status examine(const struct round *round, size_t index, const struct sp_doctor_question *question)
{
    struct sp_trust *trust = NULL;
    struct sp_arena *arena = round->arenas[index];
    enum sp_status status = sp_trust_create(question->ca_file, &trust);
    if (status == SP_OK) {
        status = round->targets[index].is_upstream
                     ? sp_doctor_examine_upstream(arena, question, trust, &round->reports[index])
                     : sp_doctor_examine_issuer(arena, question, trust, &round->reports[index]);
    } else if (status != SP_NO_MEMORY) {
        sp_cli_failure(round->cli, "there is no certificate to trust in %.*s",
                       SP_STR_ARG(question->ca_file.at != NULL ? question->ca_file : SP_STR("the system's store")));
        status = SP_IO;
    }
    sp_trust_destroy(&trust);
    return status;
}

static void print_changes(const struct round *round, size_t index)
{
    struct sp_doctor_change changes[SP_STEP_COUNT];
    const struct sp_doctor_report *report = &round->reports[index];
    size_t count = sp_doctor_changes(report->arena, round->memories[index], report, changes, SP_STEP_COUNT);
    for (size_t i = 0; i < count; i++) {
        char when[32];
        time_t now = time(NULL);
        struct tm tm;
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
        printf("%s ", when);
        sp_cli_print_safe(stdout, report->name.len > 0 ? report->name : report->target);
        printf(" %s%s%s changed\n    was ", sp_cli_style(SP_STYLE_BOLD), sp_step_name(changes[i].step),
               sp_cli_style(SP_STYLE_PLAIN));
        sp_cli_print_wrapped(stdout, changes[i].before, 8, 8);
        printf("\n    is  ");
        sp_cli_print_wrapped(stdout, changes[i].after, 8, 8);
        putchar('\n');
    }
    if (count > 0 && !sp_doctor_report_accepts(report)) {
        sp_doctor_print_diagnosis(report, sp_cli_now());
    }
    fflush(stdout);
}

static void print_changes_as_json(const struct round *round, size_t index)
{
    struct sp_doctor_change changes[SP_STEP_COUNT];
    const struct sp_doctor_report *report = &round->reports[index];
    size_t count = sp_doctor_changes(report->arena, round->memories[index], report, changes, SP_STEP_COUNT);
    struct sp_buffer buffer;
    struct sp_json_writer json;
    if (count == 0) {
        return;
    }
    sp_buffer_init(&buffer, NULL, MAX_REPORT_BYTES);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR("changes"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        sp_json_begin_object(&json);
        sp_json_string_member(&json, "check", sp_str_from_cstr(sp_step_name(changes[i].step)));
        sp_json_string_member(&json, "before", changes[i].before);
        sp_json_string_member(&json, "after", changes[i].after);
        sp_json_end_object(&json);
    }
    sp_json_end_array(&json);
    sp_json_name(&json, SP_STR("verdict"));
    sp_doctor_report_write(&json, report, sp_cli_now());
    sp_json_end_object(&json);
    sp_cli_print_json(round->cli, &buffer, SP_CLI_FINE);
    fflush(stdout);
    sp_buffer_fini(&buffer);
}

/* What is printed of one target while the round goes on. */
static enum sp_status visit(const struct round *round, size_t index)
{
    struct sp_doctor_question question = round->targets[index].question;
    struct sp_doctor_report *report = &round->reports[index];
    bool for_people = !sp_cli_wants_json(round->cli);
    if (round->is_repeated) {
        question.told = NULL;
    } else if (for_people) {
        sp_doctor_report_init(report, round->arenas[index], round->targets[index].is_upstream ? "upstream" : "issuer",
                              question.name, question.issuer.len > 0 ? question.issuer : question.jwks_uri);
        printf("%s", index > 0 ? "\n" : "");
        sp_doctor_print_target(report);
    }
    enum sp_status status = examine(round, index, &question);
    if (status == SP_OK && round->is_repeated) {
        if (for_people) {
            print_changes(round, index);
        } else {
            print_changes_as_json(round, index);
        }
    } else if (status == SP_OK && for_people) {
        sp_doctor_print_diagnosis(report, sp_cli_now());
    }
    if (status == SP_OK && sp_cli_flag(round->cli, "watch")) {
        struct sp_doctor_memory *before = round->memories[index];
        round->memories[index] = sp_doctor_memory_create(report, before);
        sp_doctor_memory_destroy(&before);
        status = round->memories[index] != NULL ? SP_OK : SP_NO_MEMORY;
    }
    return status;
}

/* The whole configuration: the first target that fails gives the cause. */
static void write_all(struct sp_json_writer *json, const struct round *round)
{
    const struct sp_step_finding *cause = NULL;
    int64_t now = sp_cli_now();
    bool accepted = true;
    for (size_t i = 0; i < round->count; i++) {
        const struct sp_step_finding *own = sp_doctor_report_cause(&round->reports[i]);
        cause = cause == NULL ? own : cause;
        accepted = accepted && sp_doctor_report_accepts(&round->reports[i]);
    }
    sp_json_begin_object(json);
    sp_json_bool_member(json, "accepted", accepted);
    sp_json_int_member(json, "examined_at", now);
    sp_json_name(json, SP_STR("cause"));
    if (cause != NULL) {
        sp_finding_write(json, &cause->finding);
    } else {
        sp_json_put_null(json);
    }
    sp_json_name(json, SP_STR("targets"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < round->count; i++) {
        sp_doctor_report_write(json, &round->reports[i], now);
    }
    sp_json_end_array(json);
    sp_json_end_object(json);
}

static int print_json(const struct round *round, bool is_configuration, int exit_status)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, NULL, MAX_REPORT_BYTES);
    sp_json_writer_init(&json, &buffer, !sp_cli_flag(round->cli, "watch"));
    if (is_configuration) {
        write_all(&json, round);
    } else {
        sp_doctor_report_write(&json, &round->reports[0], sp_cli_now());
    }
    exit_status = sp_cli_print_json(round->cli, &buffer, exit_status);
    fflush(stdout);
    sp_buffer_fini(&buffer);
    return exit_status;
}

static int run_round(const struct round *round, bool is_configuration)
{
    int exit_status = SP_CLI_FINE;
    for (size_t i = 0; i < round->count; i++) {
        sp_arena_reset(round->arenas[i]);
        enum sp_status status = visit(round, i);
        if (status != SP_OK) {
            return status == SP_IO ? SP_CLI_UNEXAMINED : sp_cli_failure(round->cli, "%s", sp_status_text(status));
        }
        if (!sp_doctor_report_accepts(&round->reports[i])) {
            exit_status = SP_CLI_REJECTED;
        }
    }
    return sp_cli_wants_json(round->cli) && !round->is_repeated ? print_json(round, is_configuration, exit_status)
                                                                : exit_status;
}

/* ---- again and again ---- */
static volatile sig_atomic_t is_over;

static void end_watch(int signal)
{
    (void)signal;
    is_over = 1;
}

static int watch(struct round *round, bool is_configuration)
{
    int64_t interval = sp_cli_number(round->cli, "interval", DEFAULT_INTERVAL_S);
    struct sigaction action = {.sa_handler = end_watch};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int exit_status = run_round(round, is_configuration);
    if (!sp_cli_wants_json(round->cli) && exit_status != SP_CLI_UNEXAMINED) {
        printf("\n%sWatching, every %lld s; only changes are told. End with Ctrl-C.%s\n", sp_cli_style(SP_STYLE_DIM),
               (long long)interval, sp_cli_style(SP_STYLE_PLAIN));
        fflush(stdout);
    }
    round->is_repeated = true;
    while (!is_over && exit_status != SP_CLI_UNEXAMINED) {
        struct timespec pause = {.tv_sec = interval};
        if (nanosleep(&pause, NULL) == 0) {
            exit_status = run_round(round, is_configuration);
        }
    }
    return exit_status;
}

/* ---- the command ---- */
static int prepare(struct round *round)
{
    struct sp_arena *arena = sp_cli_arena(round->cli);
    round->arenas = sp_arena_calloc(arena, round->count + 1, sizeof *round->arenas);
    round->reports = sp_arena_calloc(arena, round->count + 1, sizeof *round->reports);
    round->memories = sp_arena_calloc(arena, round->count + 1, sizeof *round->memories);
    bool ready = round->arenas != NULL && round->reports != NULL && round->memories != NULL;
    for (size_t i = 0; ready && i < round->count; i++) {
        round->arenas[i] = sp_arena_create(VISIT_ARENA_BYTES);
        ready = round->arenas[i] != NULL;
    }
    return ready ? SP_CLI_FINE : sp_cli_failure(round->cli, "out of memory");
}

static void clear(struct round *round)
{
    for (size_t i = 0; round->arenas != NULL && i < round->count; i++) {
        sp_arena_destroy(&round->arenas[i]);
        if (round->memories != NULL) {
            sp_doctor_memory_destroy(&round->memories[i]);
        }
    }
}

static int choose_targets(const struct sp_cli *cli, bool is_configuration, const struct sp_doctor_question *question,
                          struct sp_policy **policy, struct round *round)
{
    struct sp_url url;
    if (!is_configuration) {
        static struct sp_doctor_target one;
        one.question = *question;
        round->targets = &one;
        round->count = 1;
        bool is_http =
            sp_url_split(question->issuer, &url) == SP_OK && (sp_str_equal_ignoring_case(url.scheme, SP_STR("https")) ||
                                                              sp_str_equal_ignoring_case(url.scheme, SP_STR("http")));
        return is_http
                   ? SP_CLI_FINE
                   : sp_cli_usage_error(cli, "'%.*s' is no URL of an issuer (https://…)", SP_STR_ARG(question->issuer));
    }
    int exit_status = read_policy(cli, policy);
    if (exit_status == SP_CLI_FINE &&
        sp_doctor_targets_of(sp_cli_arena(cli), *policy, question, &round->targets, &round->count) != SP_OK) {
        exit_status = sp_cli_failure(cli, "out of memory");
    }
    if (exit_status == SP_CLI_FINE && round->count == 0) {
        exit_status = sp_cli_failure(cli, "the configuration names no issuer and no upstream to ask");
    }
    return exit_status;
}

static int run_doctor(struct sp_cli *cli)
{
    struct sp_doctor_question question;
    struct sp_policy *policy = NULL;
    struct round round = {.cli = cli};
    bool is_configuration = sp_cli_argument_count(cli) == 0;
    if (!is_configuration && sp_cli_is_given(cli, "config")) {
        return sp_cli_usage_error(cli, "give an issuer or -c FILE, not both");
    }
    if (sp_cli_number(cli, "interval", DEFAULT_INTERVAL_S) < 1) {
        return sp_cli_usage_error(cli, "--interval is at least one second");
    }
    int exit_status = read_question(cli, &question);
    if (exit_status == SP_CLI_FINE) {
        exit_status = choose_targets(cli, is_configuration, &question, &policy, &round);
    }
    if (exit_status == SP_CLI_FINE) {
        exit_status = prepare(&round);
    }
    if (exit_status == SP_CLI_FINE) {
        exit_status = sp_cli_flag(cli, "watch") ? watch(&round, is_configuration) : run_round(&round, is_configuration);
    }
    clear(&round);
    sp_policy_unref(&policy);
    return exit_status;
}

const struct sp_cli_command sp_cli_doctor = {
    .name = "doctor",
    .summary = "Examine the whole chain to an issuer, live: from its name to a token.",
    .arguments = "[ISSUER_URL]",
    .max_arguments = 1,
    .options = options,
    .text = "Looks, in this order: DNS (and /etc/hosts), forward proxy, TCP, TLS, HTTP, discovery, the endpoints, the "
            "Host\n"
            "header, the keys, the clocks; with --client-id also client authentication by each method, the redirect "
            "URI, a\n"
            "token by client credentials, and the API with it. Each step says what it saw; the first failure is the "
            "cause.\n"
            "Nothing has an effect at the other end but the token. Without an argument the configuration is examined.\n"
            "\n"
            "Examples:\n"
            "  sallyport doctor https://idp.example.com\n"
            "  sallyport doctor https://idp.example.com --client-id app --client-secret-file secret \\\n"
            "      --redirect-uri https://app.example.com/callback --audience https://api.example.com\n"
            "  sallyport doctor -c sallyport.yaml --watch --interval 300\n"
            "\n"
            "Exit status: 0 it works (there may be warnings), 1 something is wrong, 2 usage, 3 could not be examined.",
    .run = run_doctor,
};
