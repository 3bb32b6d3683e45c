/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/http_answer.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/words.h"

enum sp_cause sp_http_failure_cause(const struct sp_fetch_report *report)
{
    bool is_cut = report->failure == SP_CAUSE_NETWORK_HTTP_SERVER_ERROR && report->body.len > 0;
    return is_cut ? SP_CAUSE_RESPONSE_TRUNCATED : report->failure;
}

static void tell_failure(struct sp_arena *arena, const struct sp_fetch_report *report,
                         struct sp_document_findings *findings)
{
    struct sp_finding *finding = sp_document_refuse(findings, sp_http_failure_cause(report));
    finding->detail = sp_arena_printf(arena, "%.*s.", SP_STR_ARG(report->failure_detail));
    switch (finding->cause) {
    case SP_CAUSE_RESPONSE_TRUNCATED:
        finding->expected = sp_arena_printf(arena, "the answer of %.*s", SP_STR_ARG(report->url));
        finding->received = sp_arena_printf(arena, "%zu bytes", report->body.len);
        break;
    case SP_CAUSE_NETWORK_HTTP_SERVER_ERROR: /* the connection ended before the answer did */
        finding->expected = report->url;
        finding->received = report->failure_detail;
        break;
    case SP_CAUSE_NETWORK_HTTP_REDIRECT:
        finding->expected = report->url;
        finding->received = report->location.len > 0 ? report->location : SP_STR("another place");
        break;
    case SP_CAUSE_NETWORK_DNS_NOT_FOUND:
    case SP_CAUSE_NETWORK_DNS_TIMEOUT:
        finding->expected = report->url;
        break;
    case SP_CAUSE_NETWORK_HTTP_TIMEOUT:
        finding->expected = sp_words_duration(arena, report->timeout_ms / 1000);
        finding->received = report->url;
        break;
    default:
        finding->received = report->url;
    }
}

static void tell_status(struct sp_arena *arena, const struct sp_fetch_report *report,
                        struct sp_document_findings *findings)
{
    struct sp_finding *finding;
    if (report->http_status == 429) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_RATE_LIMITED);
        finding->expected = report->url;
        finding->received = SP_STR("429");
        finding->detail =
            report->retry_after_s > 0
                ? sp_arena_printf(arena, "in %.*s", SP_STR_ARG(sp_words_duration(arena, report->retry_after_s)))
                : SP_STR("later (there is no Retry-After)");
    } else if (report->http_status >= 500) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_SERVER_ERROR);
        finding->expected = report->url;
        finding->received = sp_arena_printf(arena, "%d", report->http_status);
        finding->detail = sp_document_first_bytes(arena, report->body);
    } else if (report->http_status >= 300 && report->http_status < 400) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_REDIRECT);
        finding->expected = report->url;
        finding->received = report->location.at != NULL ? report->location : SP_STR("nowhere: there is no Location");
    }
}

void sp_http_answer_judge(struct sp_arena *arena, const struct sp_fetch_report *report,
                          struct sp_document_findings *findings)
{
    struct sp_finding *finding;
    if (report->failure != SP_CAUSE_NONE) {
        tell_failure(arena, report, findings);
        return;
    }
    tell_status(arena, report, findings);
    if (report->too_large) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_TOO_LARGE);
        finding->expected = sp_arena_printf(arena, "%zu bytes", report->max_bytes);
        finding->received = sp_arena_printf(arena, "more than %zu bytes", report->max_bytes);
        finding->detail = report->url;
    }
    if (report->redirects > 0) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_REDIRECT);
        finding->expected = report->url;
        finding->received = report->final_url;
        finding->detail = SP_STR("It was followed.");
        finding->tolerated = true;
    }
}

struct sp_str sp_http_answer_words(struct sp_arena *arena, const struct sp_fetch_report *report)
{
    if (report->http_status == 0) {
        return report->too_large ? SP_STR("an answer without end") : SP_STR("no answer");
    }
    return sp_arena_printf(arena, "%d %.*s, %zu bytes%s", report->http_status,
                           SP_STR_ARG(report->content_type.at != NULL ? report->content_type : SP_STR("no media type")),
                           report->body.len, report->too_large ? " and more" : "");
}
