/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport record: a client's traffic with its issuer, recorded and judged as it happens. */
#include "cli/inspect.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include "capture/recorder.h"
#include "core/base/host.h"
#include "core/base/url.h"

static const struct sp_cli_option options[] = {
    {"issuer", 0, SP_OPTION_TEXT, "URL", "The issuer to forward to."},
    {"listen", 0, SP_OPTION_TEXT, "ADDRESS:PORT", "Where the client is to go instead. Default: 127.0.0.1:8089."},
    {"har", 0, SP_OPTION_TEXT, "FILE", "Write all exchanges into a HAR (mode 0600: it holds secrets)."},
    {"ca", 0, SP_OPTION_TEXT, "FILE", "Trust these CAs for the issuer instead of the system's."},
    {"redirect-uri", 0, SP_OPTION_LIST, "URI", "A redirect URI as registered at the issuer, to compare with."},
    {"show-secrets", 0, SP_OPTION_FLAG, NULL, "Print codes, tokens and secrets whole instead of masked."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

struct session {
    const struct sp_cli *cli;
    struct sp_flow_capture *capture;
    int64_t since_ms;
    uint64_t exchanges;
};

static void print_line(struct sp_buffer *buffer)
{
    if (sp_buffer_status(buffer) == SP_OK) {
        fwrite(buffer->at, 1, buffer->len, stdout);
        putchar('\n');
    }
    fflush(stdout);
}

/* One JSON object a line: the message as `inspect --json` has it. */
static void print_json_message(struct session *session, const struct sp_flow_message *message)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, NULL, 4u * 1024 * 1024);
    sp_json_writer_init(&writer, &buffer, false);
    sp_flow_write_message_json(&writer, session->capture, message);
    print_line(&buffer);
    sp_buffer_fini(&buffer);
}

static void take(void *context, const struct sp_flow_exchange *exchange)
{
    struct session *session = context;
    session->exchanges++;
    if (session->since_ms == 0)
        session->since_ms = exchange->started_ms;
    struct sp_flow_message *message = sp_flow_capture_take(session->capture, exchange);
    if (message == NULL)
        return;
    sp_flow_judge_message(session->capture, message);
    if (sp_cli_wants_json(session->cli))
        print_json_message(session, message);
    else
        sp_inspect_print_message(session->capture, message, session->since_ms);
    fflush(stdout);
}

static void announce(const struct session *session, struct sp_str url, struct sp_str issuer, bool loopback)
{
    struct sp_str origin = sp_flow_origin(issuer);
    struct sp_str path = sp_str_slice(issuer, origin.len, issuer.len);
    if (sp_cli_wants_json(session->cli)) {
        struct sp_buffer buffer;
        struct sp_json_writer writer;
        struct sp_str base = sp_arena_printf(sp_cli_arena(session->cli), "%.*s%.*s", SP_STR_ARG(url), SP_STR_ARG(path));
        sp_buffer_init(&buffer, NULL, 4096);
        sp_json_writer_init(&writer, &buffer, false);
        sp_json_begin_object(&writer);
        sp_json_string_member(&writer, "url", base);
        sp_json_end_object(&writer);
        print_line(&buffer);
        sp_buffer_fini(&buffer);
        return;
    }
    printf("%.*s%.*s stands for ", SP_STR_ARG(url), SP_STR_ARG(path));
    sp_cli_print_safe(stdout, issuer);
    printf("; point the client's metadata URL there. Ctrl-C ends the recording.\n\n");
    if (!loopback)
        fprintf(stderr, "%s: this is plain http on an address that others can reach\n", session->cli->path);
    fflush(stdout);
}

static int wait_for_end(const sigset_t *signals)
{
    int number = 0;
    while (sigwait(signals, &number) != 0) {
    }
    return number;
}

static int finish(struct session *session)
{
    struct sp_flow_count count = sp_flow_count(session->capture);
    if (!sp_cli_wants_json(session->cli)) {
        for (const struct sp_flow *flow = session->capture->flows; flow != NULL; flow = flow->next)
            if (flow->cause != NULL)
                printf("%s flow %u: %.*s at exchange %u\n", sp_cli_sign(SP_SIGN_BAD), flow->number,
                       SP_STR_ARG(sp_cause_get(flow->cause->finding.cause)->id), flow->broken_at->exchange.number);
        printf("\n%llu exchanges, %u flows: %u broken, %u with warnings, %u fine\n",
               (unsigned long long)session->exchanges, count.flows, count.broken, count.warned,
               count.flows - count.broken - count.warned);
    }
    if (session->exchanges == 0)
        return sp_cli_failure(
            session->cli,
            "nothing was recorded: no client came this way; point its metadata URL at the address named at the start");
    return count.broken > 0 ? SP_CLI_REJECTED : SP_CLI_FINE;
}

static int record(struct session *session, const struct sp_recorder_terms *terms)
{
    struct sp_recorder *recorder = NULL;
    sigset_t signals;
    struct sp_str host = sp_str_from_cstr(terms->address);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    /* Before threads are made: they inherit it. */
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    enum sp_status status = sp_recorder_start(terms, &recorder);
    if (status == SP_NO_MEMORY)
        return sp_cli_failure(session->cli, "out of memory");
    if (status != SP_OK)
        return sp_cli_failure(session->cli, "cannot listen at %s:%u or write %s: %s", terms->address, terms->port,
                              terms->har != NULL ? terms->har : "standard output", strerror(errno));
    announce(session, sp_recorder_url(recorder), terms->issuer,
             sp_host_is_loopback(host) || sp_str_equal(host, SP_STR("::1")));
    wait_for_end(&signals);
    sp_recorder_stop(&recorder);
    return finish(session);
}

static int run_record(struct sp_cli *cli)
{
    struct session session = {.cli = cli};
    struct sp_flow_terms flow_terms = {.show_secrets = sp_cli_flag(cli, "show-secrets"), .leeway_s = 30};
    struct sp_str listen = sp_cli_text(cli, "listen");
    struct sp_url issuer;
    struct sp_recorder_terms terms = {.issuer = sp_cli_text(cli, "issuer"),
                                      .ca_file = sp_cli_text(cli, "ca"),
                                      .har = sp_cli_text(cli, "har").at,
                                      .take = take,
                                      .context = &session};
    if (terms.issuer.at == NULL)
        return sp_cli_usage_error(cli, "--issuer URL is needed");
    if (sp_url_split(terms.issuer, &issuer) != SP_OK || !sp_url_is_secure(&issuer) || issuer.userinfo.at != NULL)
        return sp_cli_usage_error(cli, "--issuer is an https URL (http only on a loopback address), not '%.*s'",
                                  SP_STR_ARG(terms.issuer));
    if (!sp_cli_split_address(cli, listen.at != NULL ? listen : SP_STR("127.0.0.1:8089"), &terms.address, &terms.port))
        return sp_cli_usage_error(cli, "--listen is ADDRESS:PORT, not '%.*s'", SP_STR_ARG(listen));
    if (sp_str_has_suffix(terms.issuer, SP_STR("/")))
        terms.issuer = sp_str_slice(terms.issuer, 0, terms.issuer.len - 1);
    flow_terms.redirect_uris.count = sp_cli_list(cli, "redirect-uri", &flow_terms.redirect_uris.at);
    session.capture = sp_flow_capture_create(&flow_terms);
    if (session.capture == NULL)
        return sp_cli_failure(cli, "out of memory");
    int exit_status = record(&session, &terms);
    sp_flow_capture_destroy(&session.capture);
    return exit_status;
}

const struct sp_cli_command sp_cli_record = {
    .name = "record",
    .summary = "Stand between a client and its issuer, judge what passes, write a HAR.",
    .options = options,
    .text = "For a server-side client whose traffic no browser sees: point its metadata URL (or its endpoints) at the "
            "address "
            "that is\n"
            "printed. Endpoints in the metadata, redirects, pages and cookies of the issuer are led through it; "
            "`issuer` stays as "
            "it is,\n"
            "because tokens name it. Every exchange is judged as `sallyport inspect` judges it.\n"
            "\n"
            "Example:\n"
            "  sallyport record --issuer https://idp.example.com/realms/corp --listen 127.0.0.1:8089 --har client.har\n"
            "\n"
            "Exit status when it is ended: 0 nothing was broken, 1 a flow was broken, 2 usage, 3 it could not listen "
            "or write, or nothing\n"
            "came to be recorded.",
    .run = run_record,
};
