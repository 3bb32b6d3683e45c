/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/doctor.h"

#include "probe/connection.h"
#include "probe/doctor_checkup.h"
#include "probe/local_clock.h"

#define CONNECT_TIMEOUT_MS 3000

void sp_checkup_begin(struct sp_checkup *checkup, enum sp_step step)
{
    checkup->started_ms = sp_monotonic_ms();
    if (checkup->question->told != NULL) {
        checkup->question->told(checkup->question->context, checkup->report, step, true);
    }
}

static void tell(struct sp_checkup *checkup, enum sp_step step)
{
    if (checkup->question->told != NULL) {
        checkup->question->told(checkup->question->context, checkup->report, step, false);
    }
}

void sp_checkup_end(struct sp_checkup *checkup, enum sp_step step, const struct sp_document_findings *findings,
                    struct sp_str detail)
{
    sp_doctor_report_step(checkup->report, step, findings, detail, sp_monotonic_ms() - checkup->started_ms);
    tell(checkup, step);
}

void sp_checkup_skip(struct sp_checkup *checkup, enum sp_step step, const char *why)
{
    if (!checkup->report->steps[step].is_done) {
        sp_doctor_report_skip(checkup->report, step, sp_str_from_cstr(why));
        tell(checkup, step);
    }
}

struct sp_http_call *sp_checkup_call(struct sp_checkup *checkup, struct sp_http_request request)
{
    const struct sp_doctor_question *question = checkup->question;
    struct sp_http_call *call = NULL;
    request.ca_file = question->ca_file;
    request.certificate_file = question->certificate_file;
    request.key_file = question->key_file;
    request.blocked_networks = question->blocked_networks;
    request.timeout_ms = request.timeout_ms > 0 ? request.timeout_ms : question->timeout_ms;
    request.connect_timeout_ms = request.timeout_ms < CONNECT_TIMEOUT_MS ? request.timeout_ms : CONNECT_TIMEOUT_MS;
    if (checkup->call_count == SP_DOCTOR_MAX_CALLS || checkup->status != SP_OK) {
        return NULL;
    }
    enum sp_status status = sp_http_call_create(&request, &call);
    if (status == SP_OK) {
        checkup->calls[checkup->call_count++] = call;
    } else if (status == SP_NO_MEMORY) {
        checkup->status = status;
    }
    return call;
}

void sp_checkup_take_sample(struct sp_checkup *checkup, const struct sp_fetch_report *report)
{
    /* A Date out of a cache is that of an older answer (RFC 9111 5.1). */
    if (report == NULL || report->date_s == 0 || report->age_s > 0 || report->sent_ms == 0 ||
        checkup->sample_count == SP_DOCTOR_MAX_SAMPLES) {
        return;
    }
    struct sp_url url;
    size_t origin = sp_url_split(report->url, &url) == SP_OK && url.path.at != NULL
                        ? (size_t)(url.path.at - report->url.at)
                        : report->url.len;
    checkup->samples[checkup->sample_count++] = (struct sp_clock_sample){.who = sp_str_slice(report->url, 0, origin),
                                                                         .address = report->address,
                                                                         .date_s = report->date_s,
                                                                         .sent_ms = report->sent_ms,
                                                                         .received_ms = report->received_ms};
}

/* What the report shows must outlive the calls. */
static struct sp_str keep(struct sp_checkup *checkup, struct sp_str text)
{
    struct sp_str copy = SP_STR_NONE;
    if (text.at != NULL && sp_arena_copy(checkup->arena, text, &copy) != SP_OK) {
        checkup->status = SP_NO_MEMORY;
    }
    return copy;
}

static void keep_evidence(struct sp_checkup *checkup)
{
    struct sp_doctor_report *report = checkup->report;
    for (size_t i = 0; i < report->finding_count; i++) {
        struct sp_finding *finding = &report->findings[i].finding;
        finding->expected = keep(checkup, finding->expected);
        finding->received = keep(checkup, finding->received);
        finding->detail = keep(checkup, finding->detail);
    }
    for (int step = 0; step < SP_STEP_COUNT; step++) {
        struct sp_step_result *row = &report->steps[step];
        row->expected = keep(checkup, row->expected);
        row->received = keep(checkup, row->received);
        row->detail = keep(checkup, row->detail);
    }
    for (size_t i = 0; i < report->hint_count; i++) {
        report->hints[i] = keep(checkup, report->hints[i]);
    }
}

static void end(struct sp_checkup *checkup)
{
    keep_evidence(checkup);
    for (size_t i = 0; i < checkup->call_count; i++) {
        sp_http_call_destroy(&checkup->calls[i]);
    }
    sp_jwk_set_unref(&checkup->keys);
    sp_connection_close(&checkup->socket);
}

static struct sp_checkup *start(struct sp_arena *arena, const struct sp_doctor_question *question,
                                struct sp_trust *trust, struct sp_doctor_report *report)
{
    struct sp_checkup *checkup = SP_ARENA_NEW(arena, struct sp_checkup);
    if (checkup != NULL) {
        checkup->arena = arena;
        checkup->question = question;
        checkup->trust = trust;
        checkup->report = report;
        checkup->socket = -1;
        checkup->now = sp_wall_clock_ms() / 1000;
        struct sp_str url = question->jwks_uri.len > 0 ? question->jwks_uri : question->issuer;
        if (sp_url_split(url, &checkup->url) != SP_OK) {
            checkup->status = SP_MALFORMED;
        }
    }
    return checkup;
}

enum sp_status sp_doctor_examine_issuer(struct sp_arena *arena, const struct sp_doctor_question *question,
                                        struct sp_trust *trust, struct sp_doctor_report *report)
{
    struct sp_checkup *checkup = start(arena, question, trust, report);
    if (checkup == NULL) {
        return SP_NO_MEMORY;
    }
    sp_doctor_report_init(report, arena, "issuer", question->name,
                          question->issuer.len > 0 ? question->issuer : question->jwks_uri);
    if (checkup->status == SP_OK) {
        const char *why = "not asked: there is no connection to the issuer that can be trusted";
        sp_checkup_recall(checkup);
        if (sp_checkup_reach(checkup)) {
            sp_checkup_documents(checkup);
            sp_checkup_clock(checkup);
            sp_checkup_client(checkup);
            sp_checkup_introspection(checkup);
            sp_checkup_api(checkup);
            sp_checkup_remember(checkup);
        } else {
            for (int step = SP_STEP_HTTP; step < SP_STEP_CLOCK; step++) {
                sp_checkup_skip(checkup, (enum sp_step)step, why);
            }
            sp_checkup_clock(checkup);
            for (int step = SP_STEP_CLIENT; step <= SP_STEP_API; step++) {
                sp_checkup_skip(checkup, (enum sp_step)step, why);
            }
        }
    }
    end(checkup);
    return checkup->status;
}

/* The gateway's names for the same: upstream.*. */
static void rename_findings(struct sp_doctor_report *report)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        sp_finding_of_upstream(&report->findings[i].finding, report->target);
    }
}

enum sp_status sp_doctor_examine_upstream(struct sp_arena *arena, const struct sp_doctor_question *question,
                                          struct sp_trust *trust, struct sp_doctor_report *report)
{
    struct sp_checkup *checkup = start(arena, question, trust, report);
    if (checkup == NULL) {
        return SP_NO_MEMORY;
    }
    checkup->is_upstream = true;
    sp_doctor_report_init(report, arena, "upstream", question->name, question->issuer);
    if (checkup->status == SP_OK) {
        if (sp_checkup_reach(checkup)) {
            sp_checkup_api(checkup);
        } else {
            sp_checkup_skip(checkup, SP_STEP_API, "not asked: there is no connection to the API that can be trusted");
        }
    }
    end(checkup);
    rename_findings(report);
    return checkup->status;
}
