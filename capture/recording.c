/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/recording.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include "capture/source.h"
#include "capture/tshark.h"
#include "core/flow/dissection.h"
#include "core/flow/har.h"
#include "core/flow/log.h"

/* One more remark. */
__attribute__((format(printf, 3, 4))) static void remark(struct sp_recording *recording,
                                                         struct sp_flow_capture *capture, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0 || recording->remark_count == SP_RECORDING_REMARKS)
        return;
    struct sp_str copy;
    if (sp_arena_copy(capture->arena, sp_str(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1), &copy) ==
        SP_OK)
        recording->remarks[recording->remark_count++] = copy;
}

/* Hands the source on, piece by piece, to its end; *fault: what is wrong with its packing, which ends it too. */
static enum sp_status read_pieces(struct sp_source *source, void (*take)(void *reader, struct sp_str piece, bool last),
                                  void *reader, const char **fault)
{
    struct sp_str piece = SP_STR("");
    enum sp_status status;
    *fault = NULL;
    do {
        status = sp_source_read(source, &piece, fault);
        if (status == SP_OK || status == SP_MALFORMED)
            take(reader, piece, piece.len == 0 || status == SP_MALFORMED);
    } while (status == SP_OK && piece.len > 0);
    return status == SP_MALFORMED ? SP_OK : status;
}

/* ---- HAR ---- */

static void take_exchange(void *context, const struct sp_flow_exchange *exchange)
{
    sp_flow_capture_add(context, exchange);
}

static void remark_har(struct sp_recording *recording, struct sp_flow_capture *capture,
                       const struct sp_har_report *report)
{
    if (report->fault != NULL)
        remark(recording, capture, "The HAR breaks off at byte %llu: %s. What stands before was read.",
               (unsigned long long)report->fault_offset, report->fault);
    if (report->broken_entries > 0)
        remark(recording, capture, "%llu entries have no URL or method, or are too large, and were left out.",
               (unsigned long long)report->broken_entries);
    if (report->cut_texts > 0)
        remark(recording, capture, "%llu texts are longer than what is looked at; their beginning was read.",
               (unsigned long long)report->cut_texts);
    if (report->undecoded > 0)
        remark(recording, capture, "%llu bodies say that they are base64 and are not.",
               (unsigned long long)report->undecoded);
    if (report->not_utf8 > 0)
        remark(recording, capture, "%llu requests hold bytes that are not UTF-8.",
               (unsigned long long)report->not_utf8);
    if (report->entries > 0 && !report->has_cookies && !report->has_authorization)
        remark(recording, capture,
               "No cookie and no Authorization header is in it: the browser exported a sanitised HAR. What "
               "became of cookies cannot be said; export \"with sensitive data\" (DevTools, settings, "
               "Network) to see them.");
    if (report->entries == 0 && report->is_har)
        remark(recording, capture, "It has no entries.");
}

static void take_har(void *har, struct sp_str piece, bool last)
{
    sp_har_read(har, piece, last);
}

static enum sp_status read_har(struct sp_source *source, struct sp_flow_capture *capture,
                               struct sp_recording *recording)
{
    struct sp_har *har = sp_har_create(take_exchange, capture);
    const char *fault;
    if (har == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = read_pieces(source, take_har, har, &fault);
    if (fault != NULL)
        remark(recording, capture, "%s", fault);
    const struct sp_har_report *report = sp_har_report(har);
    recording->bytes = report->bytes;
    recording->exchanges = report->entries;
    recording->is_unread = report->entries == 0 && (report->fault != NULL || fault != NULL);
    recording->is_empty = report->is_har && report->entries == 0 && report->broken_entries == 0;
    remark_har(recording, capture, report);
    sp_har_destroy(&har);
    return status;
}

/* ---- logs ---- */

static void take_log(void *log, struct sp_str piece, bool last)
{
    sp_log_read(log, piece, last);
}

static enum sp_status read_log(struct sp_source *source, struct sp_flow_capture *capture,
                               struct sp_recording *recording)
{
    struct sp_log *log = sp_log_create(capture);
    const char *fault;
    if (log == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = read_pieces(source, take_log, log, &fault);
    const struct sp_log_report *report = sp_log_report(log);
    recording->kind = "log";
    recording->bytes = report->bytes;
    recording->exchanges = report->requests;
    recording->is_unread = report->bytes == 0 && fault != NULL;
    recording->is_empty = report->bytes == 0;
    remark(recording, capture, "%llu lines were read.", (unsigned long long)report->lines);
    if (fault != NULL)
        remark(recording, capture, "%s", fault);
    if (report->long_lines > 0)
        remark(recording, capture, "%llu lines are very long and were looked at in pieces.",
               (unsigned long long)report->long_lines);
    if (report->not_utf8 > 0)
        remark(recording, capture, "%llu lines of those shown hold bytes that are not UTF-8.",
               (unsigned long long)report->not_utf8);
    if (report->more_tokens > 0)
        remark(recording, capture, "%llu more tokens stand in it and were not looked at.",
               (unsigned long long)report->more_tokens);
    sp_log_destroy(&log);
    return status;
}

/* ---- packets ---- */

static void take_dissection(void *context, struct sp_str bytes)
{
    sp_dissection_read(context, bytes, false);
}

static void remark_packets(struct sp_recording *recording, struct sp_flow_capture *capture,
                           const struct sp_dissection_report *report, const struct sp_tshark_end *end, bool has_keylog)
{
    if (end->timed_out)
        remark(recording, capture, "tshark said nothing for %d s and was ended: what it told before counts.",
               SP_TSHARK_IDLE_S);
    else if (end->exit_status == -1)
        remark(recording, capture, "tshark crashed or was stopped at its limits: what it told before counts.");
    else if (end->exit_status != 0)
        remark(recording, capture, "tshark ended with %d: %.300s", end->exit_status,
               end->complaint[0] != '\0' ? end->complaint : "it did not say why");
    if (report->unreadable > 0)
        remark(recording, capture, "%llu of the dissector's lines could not be read.",
               (unsigned long long)report->unreadable);
    if (report->unanswered > 0)
        remark(recording, capture, "%llu requests have no answer in the capture.",
               (unsigned long long)report->unanswered);
    if (report->without_request > 0)
        remark(recording, capture, "%llu answers have no request in the capture: it began in their middle.",
               (unsigned long long)report->without_request);
    if (report->encrypted > 0 && !has_keylog)
        remark(recording, capture,
               "%llu connections are TLS: of them only the handshake can be seen. With the client's secrets "
               "(SSLKEYLOGFILE) give --keylog FILE.",
               (unsigned long long)report->encrypted);
    if (report->more_connections > 0)
        remark(recording, capture, "%llu packets are of more connections than are looked at.",
               (unsigned long long)report->more_connections);
}

static enum sp_status read_packets(const struct sp_recording_terms *terms, struct sp_flow_capture *capture,
                                   struct sp_recording *recording, const char **why)
{
    struct sp_tshark_end end;
    struct stat file;
    recording->kind = "pcap";
    if (strcmp(terms->path, "-") == 0) {
        *why = "a packet capture must be a file, it cannot come from standard input";
        return SP_UNSUPPORTED;
    }
    struct sp_dissection *dissection = sp_dissection_create(capture);
    if (dissection == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = sp_tshark_run(terms->path, terms->keylog, take_dissection, dissection, &end);
    if (status == SP_UNSUPPORTED)
        *why =
            "packet captures are read by tshark, which is not installed: `apt install tshark` (Debian, Ubuntu), `dnf "
            "install wireshark-cli` (Fedora)";
    if (status == SP_OK) {
        sp_dissection_read(dissection, SP_STR(""), true);
        const struct sp_dissection_report *report = sp_dissection_report(dissection);
        recording->exchanges = report->exchanges;
        recording->is_unread = report->exchanges == 0 && (end.timed_out || end.exit_status != 0);
        recording->bytes = stat(terms->path, &file) == 0 ? (uint64_t)file.st_size : 0;
        remark_packets(recording, capture, report, &end, terms->keylog != NULL);
    }
    sp_dissection_destroy(&dissection);
    return status;
}

enum sp_status sp_recording_read(const struct sp_recording_terms *terms, struct sp_flow_capture *capture,
                                 struct sp_recording *recording, const char **why)
{
    struct sp_source *source = NULL;
    *recording = (struct sp_recording){.kind = "har"};
    *why = NULL;
    enum sp_status status = sp_source_open(terms->path, &source);
    if (status != SP_OK)
        return status;
    switch (sp_source_kind(source)) {
    case SP_SOURCE_JSON:
        status = read_har(source, capture, recording);
        break;
    case SP_SOURCE_PCAP:
        status = read_packets(terms, capture, recording, why);
        break;
    case SP_SOURCE_TEXT:
        status = read_log(source, capture, recording);
        break;
    }
    sp_source_close(&source);
    return status;
}
