/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/document.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/json_answer.h"

struct sp_finding *sp_document_saw(struct sp_document_findings *findings, enum sp_cause cause)
{
    static _Thread_local struct sp_finding beyond; /* more findings than anybody reads */
    struct sp_finding *row = findings->count < SP_MAX_FINDINGS ? &findings->rows[findings->count++] : &beyond;
    *row = (struct sp_finding){.cause = cause, .check = SP_CHECK_KEY, .verified = true};
    return row;
}

struct sp_finding *sp_document_refuse(struct sp_document_findings *findings, enum sp_cause cause)
{
    if (findings->count == SP_MAX_FINDINGS) {
        findings->count--;
    }
    memmove(&findings->rows[1], &findings->rows[0], findings->count * sizeof findings->rows[0]);
    findings->count++;
    findings->refused = true;
    findings->rows[0] = (struct sp_finding){.cause = cause, .check = SP_CHECK_KEY, .verified = true};
    return &findings->rows[0];
}

struct sp_str sp_document_first_bytes(struct sp_arena *arena, struct sp_str body)
{
    struct sp_str shown;
    if (sp_arena_copy(arena, sp_str_slice(sp_str_trim(body), 0, 60), &shown) != SP_OK) {
        return SP_STR_NONE;
    }
    for (size_t i = 0; i < shown.len; i++) {
        char *at = (char *)(uintptr_t)&shown.at[i]; /* our own copy */
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7E) {
            *at = ' ';
        }
    }
    return shown;
}

static enum sp_cause reason_of_status(int status)
{
    if (status == 429) {
        return SP_CAUSE_NETWORK_HTTP_RATE_LIMITED;
    }
    if (status >= 500) {
        return SP_CAUSE_NETWORK_HTTP_SERVER_ERROR;
    }
    return status >= 300 && status < 400 ? SP_CAUSE_NETWORK_HTTP_REDIRECT : SP_CAUSE_NONE;
}

static bool refuse_status(struct sp_arena *arena, const struct sp_fetch_report *report,
                          const struct sp_document_causes *causes, struct sp_document_findings *findings)
{
    if (report->http_status == 200) {
        return false;
    }
    struct sp_finding *finding =
        sp_document_refuse(findings, report->http_status == 404 ? causes->not_found : causes->http_status);
    finding->expected = report->url;
    finding->received = report->http_status == 404 && causes->not_found != causes->http_status
                            ? report->url
                            : sp_arena_printf(arena, "%d", report->http_status);
    finding->reason = reason_of_status(report->http_status);
    if (report->location.at != NULL) {
        finding->detail =
            sp_arena_printf(arena, "It redirects to %.*s, which is not followed: name the URL it redirects to",
                            SP_STR_ARG(report->location));
    } else if (report->retry_after_s > 0) {
        finding->detail = sp_arena_printf(arena, "It asks to come back in %lld s.", (long long)report->retry_after_s);
    }
    return true;
}

enum sp_status sp_document_read(struct sp_arena *arena, const struct sp_fetch_report *report,
                                const struct sp_document_causes *causes, struct sp_document_findings *findings,
                                const struct sp_json **json)
{
    struct sp_finding *finding;
    struct sp_json_error error;
    *json = NULL;
    if (report->failure != SP_CAUSE_NONE) {
        finding = sp_document_refuse(findings, causes->unreachable);
        finding->expected = report->url;
        finding->reason = report->failure;
        finding->detail = report->failure_detail;
        return SP_OK;
    }
    if (refuse_status(arena, report, causes, findings)) {
        return SP_OK;
    }
    if (report->too_large) {
        finding = sp_document_refuse(findings, causes->too_large);
        finding->expected = sp_arena_printf(arena, "%zu bytes", report->max_bytes);
        finding->received = sp_arena_printf(arena, "more than %zu bytes", report->max_bytes);
        finding->detail = report->url;
        finding->reason = SP_CAUSE_NETWORK_HTTP_TOO_LARGE;
        return SP_OK;
    }
    if (sp_body_is_html(report->content_type, report->body)) {
        finding = sp_document_refuse(findings, causes->html);
        finding->expected = report->url;
        finding->received = sp_document_first_bytes(arena, report->body);
        return SP_OK;
    }
    enum sp_status status = sp_json_parse(arena, report->body, &sp_json_limits_document, json, &error);
    if (status == SP_MALFORMED || (status == SP_OK && !sp_json_is(*json, SP_JSON_OBJECT))) {
        finding = sp_document_refuse(findings, causes->not_json);
        finding->expected = report->url;
        finding->received = sp_arena_printf(
            arena, "%.*s: %.*s",
            SP_STR_ARG(report->content_type.at != NULL ? report->content_type : SP_STR("no media type")),
            SP_STR_ARG(sp_document_first_bytes(arena, report->body)));
        finding->detail = status == SP_MALFORMED
                              ? sp_arena_printf(arena, "At byte %zu: %s.", error.offset, error.message)
                              : SP_STR("It is JSON, but not an object.");
        *json = NULL;
        status = SP_OK;
    }
    return status;
}
