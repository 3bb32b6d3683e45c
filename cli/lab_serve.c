/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport lab serve`: the lab until Ctrl-C, with one fault or a sequence of them. */
#include "cli/lab.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include "core/base/host.h"
#include "lab/sequence.h"

#define LINE_BYTES ((size_t)1024 * 1024)
#define TICK_MS 50

static const struct sp_cli_option options[] = {
    {"fault", 0, SP_OPTION_TEXT, "ID", "The fault to commit; `healthy` (the default) for none."},
    {"sequence", 0, SP_OPTION_TEXT, "STEPS",
     "Faults one after the other: 'healthy 10s, keys.rotated 5 requests, healthy'."},
    {"listen", 0, SP_OPTION_TEXT, "ADDRESS:PORT",
     "Where the issuer is; the API is at the next port. Default: 127.0.0.1:9480. Port 0: any."},
    {"tls", 0, SP_OPTION_FLAG, NULL, "Serve https, with a CA of the lab's own. Faults of TLS imply it."},
    {"redirect-uri", 0, SP_OPTION_LIST, "URI", "A redirect URI to accept beyond those on loopback addresses."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

struct session {
    const struct sp_cli *cli;
    struct sp_lab *lab;
    struct sp_lab_sequence sequence;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what is told ---- */

static bool print_json(const struct session *session)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, NULL, LINE_BYTES);
    sp_json_writer_init(&writer, &buffer, false);
    bool done = sp_lab_write(session->lab, &writer) == SP_OK && sp_buffer_status(&buffer) == SP_OK;
    if (done) {
        fwrite(buffer.at, 1, buffer.len, stdout);
        putchar('\n');
        fflush(stdout);
    }
    sp_buffer_fini(&buffer);
    return done;
}

static void print_fact(const char *name, struct sp_str value)
{
    printf("  %-14s %.*s\n", name, SP_STR_ARG(value));
}

static void print_fault(enum sp_cause cause)
{
    const struct sp_lab_fault *fault = sp_lab_fault_find(cause);
    struct sp_str id = sp_lab_fault_id(cause);
    printf("%s%.*s%s  %.*s\n", sp_cli_style(fault != NULL ? SP_STYLE_BAD : SP_STYLE_GOOD), SP_STR_ARG(id),
           sp_cli_style(SP_STYLE_PLAIN), SP_STR_ARG(fault != NULL ? fault->what : SP_STR("Nothing is wrong.")));
    if (fault != NULL)
        printf(
            "  A strict %.*s must %.*s.\n",
            SP_STR_ARG(fault->who == SP_LAB_WHO_API ? SP_STR("API or gateway") : sp_lab_who_name(fault->who)),
            SP_STR_ARG(fault->must == SP_LAB_MUST_EITHER ? SP_STR("refuse or tell") : sp_lab_must_name(fault->must)));
}

static void print_ways(const struct sp_lab_facts *facts, bool tls)
{
    struct sp_str ca = tls ? facts->ca_file : SP_STR("");
    const char *option = tls ? " --cacert " : "";
    printf("\nA token by client credentials:\n"
           "  curl -s%s%.*s -u %.*s:%.*s -d grant_type=client_credentials %.*s\n",
           option, SP_STR_ARG(ca), SP_STR_ARG(facts->client_id), SP_STR_ARG(facts->client_secret),
           SP_STR_ARG(facts->token_endpoint));
    printf("A login, for any redirect URI on a loopback address (everybody agrees at once):\n"
           "  %.*s?response_type=code&client_id=%.*s&scope=openid&redirect_uri=http://127.0.0.1:3000/callback\n",
           SP_STR_ARG(facts->authorization_endpoint), SP_STR_ARG(facts->client_id));
    printf("Another fault, while it runs:\n  curl -s -d id=FAULT %.*s\n", SP_STR_ARG(facts->control));
}

static bool print_for_people(const struct session *session, bool tls)
{
    const struct sp_lab_facts facts = sp_lab_facts(session->lab);
    struct sp_str access_token, id_token;
    if (sp_lab_example_tokens(session->lab, sp_cli_arena(session->cli), &access_token, &id_token) != SP_OK)
        return false;
    print_fault(sp_lab_fault(session->lab));
    putchar('\n');
    print_fact("issuer", facts.issuer);
    print_fact("API", facts.api);
    if (tls)
        print_fact("CA file", facts.ca_file);
    print_fact("client_id", facts.client_id);
    print_fact("client_secret", facts.client_secret);
    print_fact("audience", facts.audience);
    print_fact("scope", facts.scope);
    print_fact("a token", access_token);
    print_ways(&facts, tls);
    fputs("\nKeys, secret and CA are made for this run and good for nothing else. Ctrl-C ends it.\n\n", stdout);
    fflush(stdout);
    return true;
}

static void told(void *context, const char *line)
{
    const struct session *session = context;
    if (sp_cli_wants_json(session->cli))
        return;
    sp_cli_print_safe(stdout, sp_str_from_cstr(line));
    putchar('\n');
    fflush(stdout);
}

/* ---- time ---- */

static void change_to(struct session *session, enum sp_cause fault)
{
    sp_lab_set_fault(session->lab, fault);
    if (sp_cli_wants_json(session->cli)) {
        (void)print_json(session);
    } else {
        printf("%s ", sp_cli_sign(SP_SIGN_ARROW));
        print_fault(fault);
        fflush(stdout);
    }
}

/* Until a signal comes. */
static void run_sequence(struct session *session, const sigset_t *signals)
{
    const struct timespec tick = {0, TICK_MS * 1000000L};
    int64_t since = now_ms();
    for (size_t step = 0; sigtimedwait(signals, NULL, &tick) < 0;) {
        bool last = step + 1 >= session->sequence.count;
        const struct sp_lab_step *now = &session->sequence.at[step];
        if (last || !sp_lab_step_is_over(now, now_ms() - since, sp_lab_requests(session->lab)))
            continue;
        step++;
        since = now_ms();
        change_to(session, session->sequence.at[step].fault);
    }
}

/* ---- the command ---- */

static bool read_faults(struct session *session, struct sp_lab_terms *terms)
{
    const struct sp_cli *cli = session->cli;
    struct sp_str fault = sp_cli_text(cli, "fault"), steps = sp_cli_text(cli, "sequence"), trouble;
    if (fault.at != NULL && steps.at != NULL) {
        sp_cli_usage_error(cli, "--fault and --sequence exclude each other");
        return false;
    }
    if (steps.at == NULL)
        steps = fault.at != NULL ? fault : SP_STR("healthy");
    if (fault.at != NULL && !sp_lab_read_fault(cli, fault, &terms->fault))
        return false;
    if (sp_lab_sequence_parse(cli->arena, steps, &session->sequence, &trouble) != SP_OK) {
        sp_cli_usage_error(cli, "--sequence: %.*s", SP_STR_ARG(trouble));
        return false;
    }
    terms->fault = session->sequence.at[0].fault;
    terms->tls = sp_cli_flag(cli, "tls");
    for (size_t i = 0; i < session->sequence.count; i++)
        terms->tls = terms->tls || sp_lab_needs_tls(session->sequence.at[i].fault);
    return true;
}

static int run_serve(struct sp_cli *cli)
{
    struct session session = {.cli = cli};
    struct sp_lab_terms terms = {.told = told, .context = &session};
    char trouble[256];
    sigset_t signals;
    if (!read_faults(&session, &terms) || !sp_lab_read_terms(cli, "127.0.0.1:9480", &terms))
        return SP_CLI_USAGE;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    /* Before threads are made: they inherit it. */
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (sp_lab_start(&terms, &session.lab, trouble) != SP_OK)
        return sp_cli_failure(cli, "%s", trouble);
    struct sp_str host = sp_str_from_cstr(terms.address);
    if (!sp_host_is_loopback(host) && !sp_str_equal(host, SP_STR("::1")))
        fprintf(stderr, "%s: others can reach %s; the lab gives tokens to whoever asks\n", cli->path, terms.address);
    bool shown = sp_cli_wants_json(cli) ? print_json(&session) : print_for_people(&session, terms.tls);
    if (shown)
        run_sequence(&session, &signals);
    sp_lab_stop(&session.lab);
    return shown ? SP_CLI_FINE : sp_cli_failure(cli, "out of memory");
}

const struct sp_cli_command sp_cli_lab_serve = {
    .name = "serve",
    .summary = "An issuer and an API that commit one fault, until Ctrl-C.",
    .options = options,
    .text = "Prints the issuer's and the API's URL, the client's credentials, an example token, and each request as it "
            "comes.\n"
            "--json prints one line with all of that at the start, and one more for every change of the fault.\n"
            "\n"
            "Examples:\n"
            "  sallyport lab serve --fault issuer.trailing_slash\n"
            "  sallyport lab serve --fault network.tls.expired --listen 127.0.0.1:0 --json\n"
            "  sallyport lab serve --sequence 'healthy 10s, keys.rotated 5s, healthy'\n"
            "\n"
            "Exit status: 0 when it is ended, 2 usage, 3 it could not listen.",
    .run = run_serve,
};
