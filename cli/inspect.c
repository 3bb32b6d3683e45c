/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport inspect: every OAuth exchange of a recording, tied into flows, with the cause that broke each. */
#include "cli/inspect.h"

#include <errno.h>
#include <stdlib.h>
#include "capture/recording.h"

#define MAX_REPORT_BYTES (512u * 1024 * 1024)

static const struct sp_cli_option options[] = {
    {"jwks", 0, SP_OPTION_TEXT, "FILE", "A key set to verify tokens with, beside those that the recording shows."},
    {"redirect-uri", 0, SP_OPTION_LIST, "URI",
     "A redirect URI as registered at the issuer: what the client sent is compared with it."},
    {"client-id", 0, SP_OPTION_TEXT, "ID", "The client that --redirect-uri belongs to. Default: every client."},
    {"keylog", 0, SP_OPTION_TEXT, "FILE", "TLS secrets of a packet capture (SSLKEYLOGFILE), to decrypt it with."},
    {"leeway", 0, SP_OPTION_NUMBER, "SECONDS", "Tolerance for exp, nbf and iat. Default: 30."},
    {"html", 0, SP_OPTION_TEXT, "FILE", "Write a page with the sequence diagrams; \"-\": to standard output."},
    {"show-secrets", 0, SP_OPTION_FLAG, NULL, "Print codes, tokens and secrets whole instead of masked."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static int complain(const struct sp_cli *cli, enum sp_status status, struct sp_str path, const char *why)
{
    if (status == SP_NOT_FOUND)
        return sp_cli_failure(cli, "there is no file '%.*s'", SP_STR_ARG(path));
    if (status == SP_UNSUPPORTED)
        return sp_cli_failure(cli, "%s", why);
    if (status == SP_NO_MEMORY)
        return sp_cli_failure(cli, "out of memory");
    return sp_cli_failure(cli, "cannot read '%.*s': %s", SP_STR_ARG(path), strerror(errno));
}

static int print_json(const struct sp_cli *cli, struct sp_flow_capture *capture, const struct sp_flow_source *source,
                      int exit_status)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, NULL, MAX_REPORT_BYTES);
    sp_json_writer_init(&writer, &buffer, true);
    sp_json_begin_object(&writer);
    sp_flow_write_json(&writer, capture, source);
    sp_json_end_object(&writer);
    exit_status = sp_cli_print_json(cli, &buffer, exit_status);
    sp_buffer_fini(&buffer);
    return exit_status;
}

static int write_page(const struct sp_cli *cli, struct sp_str path, struct sp_flow_capture *capture,
                      const struct sp_flow_source *source)
{
    struct sp_buffer buffer;
    bool to_stdout = sp_str_equal(path, SP_STR("-"));
    sp_buffer_init(&buffer, NULL, MAX_REPORT_BYTES);
    sp_flow_write_html(&buffer, capture, source);
    FILE *file = to_stdout ? stdout : fopen(path.at, "we");
    bool written =
        file != NULL && sp_buffer_status(&buffer) == SP_OK && fwrite(buffer.at, 1, buffer.len, file) == buffer.len;
    if (file != NULL && (to_stdout ? fflush(file) : fclose(file)) != 0)
        written = false;
    sp_buffer_fini(&buffer);
    return written ? SP_CLI_FINE : sp_cli_failure(cli, "cannot write '%.*s': %s", SP_STR_ARG(path), strerror(errno));
}

static int show(const struct sp_cli *cli, struct sp_flow_capture *capture, const struct sp_flow_source *source,
                const struct sp_recording *recording)
{
    struct sp_str page = sp_cli_text(cli, "html");
    int exit_status = sp_flow_count(capture).broken > 0 ? SP_CLI_REJECTED : SP_CLI_FINE;
    if (recording->is_unread && exit_status == SP_CLI_FINE)
        exit_status = sp_cli_failure(cli, "nothing of '%.*s' could be read", SP_STR_ARG(source->name));
    else if (recording->is_empty && exit_status == SP_CLI_FINE)
        exit_status =
            sp_cli_failure(cli, "'%.*s' is empty: it holds no exchange; record it again while the login is tried",
                           SP_STR_ARG(source->name));
    if (page.at != NULL) {
        int written = write_page(cli, page, capture, source);
        if (written != SP_CLI_FINE || sp_str_equal(page, SP_STR("-")))
            return written != SP_CLI_FINE ? written : exit_status;
    }
    if (sp_cli_wants_json(cli))
        return print_json(cli, capture, source, exit_status);
    sp_inspect_print(capture, source);
    return exit_status;
}

static int run_inspect(struct sp_cli *cli)
{
    struct sp_flow_terms terms = {.show_secrets = sp_cli_flag(cli, "show-secrets"),
                                  .client_id = sp_cli_text(cli, "client-id"),
                                  .now_s = sp_cli_now(),
                                  .leeway_s = sp_cli_number(cli, "leeway", 30)};
    struct sp_str path = sp_cli_argument(cli, 0);
    struct sp_recording recording;
    const char *why = NULL;
    terms.redirect_uris.count = sp_cli_list(cli, "redirect-uri", &terms.redirect_uris.at);
    if (terms.leeway_s < 0 || terms.leeway_s > 86400)
        return sp_cli_usage_error(cli, "--leeway is between 0 and 86400 seconds");
    if (sp_cli_is_given(cli, "html") && sp_cli_wants_json(cli) && sp_str_equal(sp_cli_text(cli, "html"), SP_STR("-")))
        return sp_cli_usage_error(cli, "--html - and --json both want standard output");
    if (sp_cli_is_given(cli, "jwks") &&
        sp_cli_read(cli, sp_cli_text(cli, "jwks"), SP_MAX_JWKS_BYTES, &terms.jwks) != SP_OK)
        return SP_CLI_UNEXAMINED;
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    if (capture == NULL)
        return sp_cli_failure(cli, "out of memory, or --jwks is no key set");
    const struct sp_recording_terms how = {.path = path.at, .keylog = sp_cli_text(cli, "keylog").at};
    enum sp_status status = sp_recording_read(&how, capture, &recording, &why);
    int exit_status = SP_CLI_UNEXAMINED;
    if (status != SP_OK) {
        exit_status = complain(cli, status, path, why);
    } else {
        sp_flow_judge(capture);
        const struct sp_flow_source source = {.name = path,
                                              .kind = recording.kind,
                                              .bytes = recording.bytes,
                                              .exchanges = recording.exchanges,
                                              .remarks = recording.remarks,
                                              .remark_count = recording.remark_count};
        exit_status = show(cli, capture, &source, &recording);
    }
    sp_flow_capture_destroy(&capture);
    return exit_status;
}

const struct sp_cli_command sp_cli_inspect = {
    .name = "inspect",
    .summary = "Find every OAuth exchange in a HAR, a packet capture or a log, and say what broke it.",
    .arguments = "FILE|-",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text =
        "FILE is a browser's HAR export, a pcap or pcapng (needs tshark), or a log of text lines; each may be packed "
        "with gzip.\n"
        "Messages are tied into flows by state, code, tokens and client; each is judged, and the cause that broke a "
        "flow is\n"
        "named by its id (`sallyport cause ID`). Codes, tokens and secrets are masked in all output.\n"
        "\n"
        "Examples:\n"
        "  sallyport inspect login.har\n"
        "  sallyport inspect login.har --html login.html\n"
        "  sallyport inspect traffic.pcapng --keylog keys.txt\n"
        "  journalctl -u apache2 | sallyport inspect -\n"
        "\n"
        "Exit status: 0 nothing is broken, 1 a flow is broken, 2 usage, 3 the file could not be read, or is empty.",
    .run = run_inspect,
};
