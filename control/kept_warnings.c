/* SPDX-License-Identifier: Apache-2.0 */
/* What the key keeper sees on its way – certificates, clocks, odd documents, refreshes that fail – as warnings. Judged
 * by core/diagnosis, as the doctor judges it. */
#include <stdio.h>
#include <time.h>
#include "control/kept_issuer.h"
#include "control/log.h"
#include "core/diagnosis/tls.h"
#include "core/diagnosis/words.h"
#include "probe/local_clock.h"
#include "probe/schedule.h"

#define MAX_SAMPLES 64u
#define WARNING_ARENA_BYTES ((size_t)256 * 1024)
#define THIS_MACHINE "this machine"

static void name_of(const struct sp_kept_issuer *issuer, char *about, size_t room)
{
    snprintf(about, room, "issuer %.*s", SP_STR_ARG(issuer->setup.name));
}

static void add(struct sp_document_findings *findings, const struct sp_finding *finding)
{
    if (findings->count < SP_MAX_FINDINGS) {
        findings->rows[findings->count++] = *finding;
    }
}

void sp_kept_warnings_take_findings(struct sp_kept_issuer *issuer, enum sp_warning_source source,
                                    const struct sp_document_findings *findings)
{
    char about[256];
    name_of(issuer, about, sizeof about);
    if (issuer->keeper->warnings != NULL) {
        sp_warnings_take(issuer->keeper->warnings, about, source, findings, 0);
    }
}

void sp_kept_warnings_forget(const struct sp_kept_issuer *issuer)
{
    char about[256];
    name_of(issuer, about, sizeof about);
    if (issuer->keeper->warnings != NULL) {
        sp_warnings_forget(issuer->keeper->warnings, about);
    }
}

static void tell_given_up(struct sp_kept_issuer *issuer, const char *about)
{
    if (issuer->keys != NULL && !issuer->gave_up) {
        issuer->gave_up = true;
        sp_log(SP_LOG_ERROR,
               "%s: the keys fetched %lld s ago are too old and serve no more: calls are answered with 503", about,
               (long long)(time(NULL) - issuer->fetched_at));
    }
}

/* Old keys serve for a while: that is a warning. Without any, calls are refused already, and why is told as it is. */
void sp_kept_warnings_take_refresh(struct sp_kept_issuer *issuer, const struct sp_finding *failed)
{
    struct sp_arena *arena = sp_arena_create(WARNING_ARENA_BYTES);
    struct sp_document_findings findings = {.count = 0};
    char about[256];
    int64_t until = 0;
    name_of(issuer, about, sizeof about);
    bool serve = issuer->keys != NULL && (int64_t)time(NULL) < sp_schedule_stale_until(issuer->fetched_at);
    if (failed == NULL) {
        issuer->gave_up = false;
    } else if (!serve) {
        tell_given_up(issuer, about);
        add(&findings, failed);
    } else if (arena != NULL) {
        until = sp_schedule_stale_until(issuer->fetched_at);
        const struct sp_finding stale = {.cause = SP_CAUSE_KEYS_STALE_IN_USE,
                                         .check = SP_CHECK_KEY,
                                         .verified = true,
                                         .expected = sp_words_instant(arena, issuer->fetched_at),
                                         .received = sp_words_instant(arena, until),
                                         .detail = sp_str_from_cstr(issuer->failure_detail),
                                         .reason = issuer->failure};
        add(&findings, &stale);
    }
    if (arena != NULL && issuer->keeper->warnings != NULL) {
        sp_warnings_take(issuer->keeper->warnings, about, SP_WARNING_OF_REFRESH, &findings, until);
    }
    sp_arena_destroy(&arena);
}

static void take_certificate(struct sp_kept_issuer *issuer, struct sp_arena *arena,
                             const struct sp_fetch_report *report)
{
    struct sp_document_findings findings = {.count = 0};
    char about[256];
    const struct sp_certificate_facts certificate = {.subject = report->certificate,
                                                     .not_after = report->certificate_ends_s};
    name_of(issuer, about, sizeof about);
    if (report->certificate_ends_s != 0) {
        sp_certificate_end_judge(arena, &certificate, time(NULL), &findings);
        sp_warnings_take(issuer->keeper->warnings, about, SP_WARNING_OF_CERTIFICATE, &findings,
                         report->certificate_ends_s);
    }
}

/* All issuers' clocks together: only then it shows whose is wrong. */
static void judge_clocks(struct sp_keeper *keeper, struct sp_arena *arena)
{
    struct sp_clock_sample samples[MAX_SAMPLES];
    struct sp_kernel_clock kernel;
    struct sp_document_findings all = {.count = 0}, ours = {.count = 0};
    size_t count = 0;
    for (const struct sp_kept_issuer *at = keeper->issuers; at != NULL && count < MAX_SAMPLES; at = at->next) {
        if (at->clock_sample.date_s != 0) {
            samples[count] = at->clock_sample;
            samples[count].who = at->setup.name;
            samples[count++].address = sp_str_from_cstr(at->clock_address);
        }
    }
    sp_local_clock_look(arena, &kernel);
    sp_clocks_judge(arena, samples, count, &kernel, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (all.rows[i].cause != SP_CAUSE_CLOCK_ISSUER_WRONG) {
            add(&ours, &all.rows[i]);
        }
    }
    sp_warnings_take(keeper->warnings, THIS_MACHINE, SP_WARNING_OF_CLOCK, &ours, 0);
    for (struct sp_kept_issuer *at = keeper->issuers; at != NULL; at = at->next) {
        struct sp_document_findings theirs = {.count = 0};
        for (size_t i = 0; i < all.count; i++) {
            if (all.rows[i].cause == SP_CAUSE_CLOCK_ISSUER_WRONG &&
                sp_str_equal(all.rows[i].expected, at->setup.name)) {
                add(&theirs, &all.rows[i]);
            }
        }
        sp_kept_warnings_take_findings(at, SP_WARNING_OF_CLOCK, &theirs);
    }
}

static void measure_clock(struct sp_kept_issuer *issuer, const struct sp_fetch_report *report)
{
    issuer->clock_sample = (struct sp_clock_sample){
        .date_s = report->date_s, .sent_ms = report->sent_ms, .received_ms = report->received_ms};
    snprintf(issuer->clock_address, sizeof issuer->clock_address, "%.*s", SP_STR_ARG(report->address));
    int64_t skew_ms = sp_clock_skew_ms(&issuer->clock_sample);
    bool says_something = skew_ms >= SP_CLOCK_TOLERANCE_MS || skew_ms <= -SP_CLOCK_TOLERANCE_MS;
    issuer->clock_skew_s = says_something ? skew_ms / 1000 : 0;
    issuer->clock_skew_known = true;
}

void sp_kept_warnings_take_answer(struct sp_kept_issuer *issuer, const struct sp_fetch_report *report)
{
    /* A Date out of a cache is that of an older answer. */
    bool has_date = report->date_s != 0 && report->age_s <= 0 && report->sent_ms != 0;
    if (has_date) {
        measure_clock(issuer, report);
    }
    struct sp_arena *arena = issuer->keeper->warnings != NULL ? sp_arena_create(WARNING_ARENA_BYTES) : NULL;
    if (arena != NULL) {
        take_certificate(issuer, arena, report);
        if (has_date) {
            judge_clocks(issuer->keeper, arena);
        }
        sp_arena_destroy(&arena);
    }
}
