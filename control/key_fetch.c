/* SPDX-License-Identifier: Apache-2.0 */
/* One fetch of an issuer's keys, from its start to what comes of it: adopted, kept aside, or failed with the old ones
 * going on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "control/kept_issuer.h"
#include "control/log.h"
#include "probe/schedule.h"
#include "core/base/limits.h"
#include "core/diagnosis/verdict.h"
#include "core/jose/crypto.h"
#include "probe/file.h"

/* A document and what is said of it; freed after each fetch. */
#define FETCH_ARENA_BYTES ((size_t)128 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 3000
#define FETCH_TIMEOUT_MS 8000
#define MAX_REDIRECTS 3

static void replace(char **text, char *with)
{
    free(*text);
    *text = with;
}

void sp_key_fetch_tell_waiters(struct sp_kept_issuer *issuer, const char *outcome)
{
    struct sp_waiter *waiter = issuer->waiters;
    issuer->waiters = NULL;
    while (waiter != NULL) {
        struct sp_waiter *next = waiter->next;
        waiter->done(waiter->data, outcome, issuer->keeper->generation);
        free(waiter);
        waiter = next;
    }
}

void sp_key_fetch_due(void *data)
{
    struct sp_kept_issuer *issuer = data;
    if (!issuer->is_fetching) {
        sp_key_fetch_start(issuer);
    }
}

static void fail(struct sp_kept_issuer *issuer, const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    bool is_new = issuer->failure != finding->cause || issuer->failure_reason != finding->reason;
    char about[256];
    snprintf(about, sizeof about, "issuer %.*s", SP_STR_ARG(issuer->setup.name));
    issuer->failures++;
    issuer->failures_in_row++;
    issuer->failure = finding->cause;
    issuer->failure_reason = finding->reason;
    if (arena != NULL) {
        replace(&issuer->failure_detail,
                sp_kept_text(sp_finding_fill(arena, sp_cause_get(finding->cause)->explanation, finding)));
    }
    if (issuer->keys != NULL && issuer->stale_since == 0) {
        issuer->stale_since = time(NULL);
    }
    if (is_new) {
        sp_log_finding(about, finding);
        if (issuer->keys != NULL) {
            int64_t until = sp_schedule_stale_until(issuer->fetched_at) - time(NULL);
            sp_log(SP_LOG_WARN, "%s: keys.stale_in_use: the keys fetched %lld s ago serve on, for %lld s at most",
                   about, (long long)(time(NULL) - issuer->fetched_at), (long long)until);
        }
    }
    sp_arena_destroy(&arena);
    uint32_t jitter = 0;
    if (sp_random(&jitter, sizeof jitter) != SP_OK) {
        jitter = 0;
    }
    issuer->is_fetching = issuer->is_looking_again = false;
    sp_timer_set(issuer->keeper->loop, &issuer->timer,
                 sp_schedule_retry(issuer->failures_in_row, issuer->keys != NULL, jitter) * 1000, sp_key_fetch_due,
                 issuer);
    sp_kept_warnings_take_refresh(issuer, finding);
    sp_keys_file_publish(issuer->keeper);
    sp_key_fetch_tell_waiters(issuer, "failed");
}

static void remember_kid(struct sp_kept_issuer *issuer, struct sp_str kid)
{
    for (size_t i = 0; i < issuer->previous_kid_count; i++) {
        if (sp_str_equal(sp_str_from_cstr(issuer->previous_kids[i]), kid)) {
            return;
        }
    }
    char *copy = sp_kept_text(kid);
    if (copy == NULL) {
        return;
    }
    if (issuer->previous_kid_count == SP_MAX_PREVIOUS_KIDS) {
        free(issuer->previous_kids[--issuer->previous_kid_count]);
    }
    memmove(&issuer->previous_kids[1], &issuer->previous_kids[0],
            issuer->previous_kid_count * sizeof issuer->previous_kids[0]);
    issuer->previous_kids[0] = copy;
    issuer->previous_kid_count++;
}

/* The set that came is the one used from now on. */
static void adopt(struct sp_kept_issuer *issuer, struct sp_jwk_set *set, char *text)
{
    if (issuer->keys != NULL) {
        for (size_t i = 0; i < issuer->keys->count; i++) {
            if (issuer->keys->keys[i].kid.at != NULL) {
                remember_kid(issuer, issuer->keys->keys[i].kid);
            }
        }
        replace(&issuer->old_text, issuer->keys_text);
        issuer->keys_text = NULL;
        sp_log(SP_LOG_INFO, "issuer %.*s: its key set changed; keys in use: %zu", SP_STR_ARG(issuer->setup.name),
               set->count);
    }
    sp_jwk_set_unref(&issuer->keys);
    issuer->keys = set;
    replace(&issuer->keys_text, text);
    replace(&issuer->unadopted_text, NULL);
    replace(&issuer->unusable_text, NULL);
}

static void succeed(struct sp_kept_issuer *issuer, struct sp_jwk_set *set, struct sp_str body, int64_t max_age_s)
{
    bool changed = issuer->keys_text == NULL || !sp_str_equal(sp_str_from_cstr(issuer->keys_text), body);
    /* Without healing an unknown kid does not change what is in use: what was found is kept aside, as the proof of
     * keys.rotated. */
    bool adopts = !issuer->is_looking_again || issuer->setup.heals || issuer->keys == NULL;
    char *text = changed ? sp_kept_text(body) : NULL;
    if (issuer->failure != SP_CAUSE_NONE) {
        sp_log(SP_LOG_INFO, "issuer %.*s: its keys can be fetched again", SP_STR_ARG(issuer->setup.name));
    }
    if (!changed || text == NULL) {
        sp_jwk_set_unref(&set);
    } else if (adopts) {
        adopt(issuer, set, text);
    } else {
        replace(&issuer->unadopted_text, text);
        sp_jwk_set_unref(&set);
    }
    issuer->fetched_at = time(NULL);
    issuer->stale_since = 0;
    issuer->failures_in_row = 0;
    issuer->failure = issuer->failure_reason = SP_CAUSE_NONE;
    replace(&issuer->failure_detail, NULL);
    sp_kept_warnings_take_refresh(issuer, NULL);
    issuer->is_fetching = issuer->is_looking_again = false;
    /* Keys that accept nothing are a failure in all but name: whoever mends the document does not wait for hours. */
    int64_t wait_s = sp_schedule_refresh(max_age_s, issuer->setup.refresh_s);
    wait_s = issuer->published_issuer != NULL && wait_s > SP_REFRESH_MIN_S ? SP_REFRESH_MIN_S : wait_s;
    sp_timer_set(issuer->keeper->loop, &issuer->timer, wait_s * 1000, sp_key_fetch_due, issuer);
    sp_keys_file_publish(issuer->keeper);
    sp_key_fetch_tell_waiters(issuer, changed ? "fresh" : "unchanged");
}

static void log_oddities(const struct sp_kept_issuer *issuer, const struct sp_document_findings *findings)
{
    char about[256];
    snprintf(about, sizeof about, "issuer %.*s", SP_STR_ARG(issuer->setup.name));
    for (size_t i = findings->refused ? 1 : 0; i < findings->count; i++) {
        sp_log_finding(about, &findings->rows[i]);
    }
}

static void keys_came(void *data, const struct sp_fetch_report *report)
{
    struct sp_kept_issuer *issuer = data;
    struct sp_arena *arena = sp_arena_create(FETCH_ARENA_BYTES);
    struct sp_document_findings findings = {.count = 0};
    struct sp_jwk_set *set = NULL;
    struct sp_finding no_memory = {.cause = SP_CAUSE_KEYS_TOO_LARGE,
                                   .expected = SP_STR("a key set that fits into memory")};
    sp_kept_warnings_take_answer(issuer, report);
    if (arena == NULL || sp_keys_document_examine(arena, report, &set, &findings) != SP_OK) {
        fail(issuer, &no_memory);
    } else if (findings.refused) {
        const bool is_of_members =
            findings.rows[0].cause == SP_CAUSE_KEYS_EMPTY || findings.rows[0].cause == SP_CAUSE_KEYS_PLACEHOLDER;
        replace(&issuer->unusable_text, is_of_members && issuer->keys == NULL ? sp_kept_text(report->body) : NULL);
        fail(issuer, &findings.rows[0]);
    } else {
        if (issuer->keys_text == NULL || !sp_str_equal(sp_str_from_cstr(issuer->keys_text), report->body)) {
            log_oddities(issuer, &findings);
        }
        sp_kept_warnings_take_findings(issuer, SP_WARNING_OF_KEYS, &findings);
        succeed(issuer, set, report->body, report->max_age_s);
    }
    sp_arena_destroy(&arena);
}

/* ---- fetching ---- */

static void fetch(struct sp_kept_issuer *issuer, struct sp_str url, size_t max_bytes,
                  void (*done)(void *data, const struct sp_fetch_report *report))
{
    struct sp_http_request request = {
        .url = url,
        .ca_file = issuer->setup.ca_file,
        .blocked_networks = issuer->keeper->blocked_networks,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .max_bytes = max_bytes,
        .max_redirects = MAX_REDIRECTS,
        .notes_certificate = true,
    };
    struct sp_http_call *call;
    struct sp_finding finding = {.cause = SP_CAUSE_KEYS_INSECURE_URL, .received = url};
    enum sp_status status = sp_http_call_create(&request, &call);
    if (status == SP_OK) {
        issuer->fetches++;
        status = sp_fetcher_start(issuer->keeper->fetcher, call, done, issuer);
    }
    if (status != SP_OK) {
        if (status == SP_NO_MEMORY) {
            finding = (struct sp_finding){
                .cause = SP_CAUSE_KEYS_UNREACHABLE, .expected = url, .detail = SP_STR("out of memory")};
        }
        fail(issuer, &finding);
    }
}

static void fetch_metadata(struct sp_kept_issuer *issuer);

static void fetch_keys(struct sp_kept_issuer *issuer)
{
    struct sp_str url = issuer->setup.jwks_uri.at != NULL ? issuer->setup.jwks_uri : sp_str_from_cstr(issuer->jwks_uri);
    fetch(issuer, url, SP_MAX_JWKS_BYTES, keys_came);
}

static void take_metadata(struct sp_kept_issuer *issuer, const struct sp_metadata *metadata)
{
    if (issuer->place != SP_METADATA_OPENID_APPENDED) {
        sp_log(SP_LOG_WARN,
               "issuer %.*s: discovery.path_form: its metadata is only at an inserted well-known path (RFC 8414 3.1)",
               SP_STR_ARG(issuer->setup.name));
    }
    bool is_ours = sp_str_equal(metadata->issuer, issuer->setup.issuer);
    replace(&issuer->published_issuer, is_ours ? NULL : sp_kept_text(metadata->issuer));
    replace(&issuer->jwks_uri, sp_kept_text(metadata->jwks_uri));
    /* No token is sent to where another issuer's document points. */
    replace(&issuer->introspection_endpoint, is_ours ? sp_kept_text(metadata->introspection_endpoint) : NULL);
    issuer->advertised_algorithms = metadata->algorithms;
}

static void metadata_came(void *data, const struct sp_fetch_report *report)
{
    struct sp_kept_issuer *issuer = data;
    struct sp_arena *arena = sp_arena_create(FETCH_ARENA_BYTES);
    struct sp_document_findings findings = {.count = 0};
    struct sp_metadata metadata;
    struct sp_finding no_memory = {.cause = SP_CAUSE_DISCOVERY_NOT_JSON,
                                   .expected = report->url,
                                   .received = SP_STR("a document that does not fit into memory")};
    sp_kept_warnings_take_answer(issuer, report);
    if (arena == NULL || sp_metadata_examine(arena, report, issuer->setup.issuer, &metadata, &findings) != SP_OK) {
        fail(issuer, &no_memory);
    } else if (findings.refused && findings.rows[0].cause == SP_CAUSE_DISCOVERY_NOT_FOUND &&
               issuer->place + 1 < SP_METADATA_PLACES) {
        issuer->place++;
        fetch_metadata(issuer);
    } else if (findings.refused) {
        if (findings.rows[0].cause == SP_CAUSE_DISCOVERY_NOT_FOUND) {
            findings.rows[0].received =
                sp_arena_printf(arena, "%.*s, %.*s, %.*s",
                                SP_STR_ARG(sp_metadata_url(arena, issuer->setup.issuer, SP_METADATA_OPENID_APPENDED)),
                                SP_STR_ARG(sp_metadata_url(arena, issuer->setup.issuer, SP_METADATA_OAUTH_INSERTED)),
                                SP_STR_ARG(sp_metadata_url(arena, issuer->setup.issuer, SP_METADATA_OPENID_INSERTED)));
        }
        fail(issuer, &findings.rows[0]);
    } else {
        if (issuer->jwks_uri == NULL) {
            log_oddities(issuer, &findings);
        }
        sp_kept_warnings_take_findings(issuer, SP_WARNING_OF_METADATA, &findings);
        take_metadata(issuer, &metadata);
        fetch_keys(issuer);
    }
    sp_arena_destroy(&arena);
}

static void fetch_metadata(struct sp_kept_issuer *issuer)
{
    struct sp_arena *arena = sp_arena_create(16 * 1024);
    struct sp_str url = arena != NULL ? sp_metadata_url(arena, issuer->setup.issuer, issuer->place) : SP_STR_NONE;
    fetch(issuer, url, SP_MAX_METADATA_BYTES, metadata_came);
    sp_arena_destroy(&arena);
}

/* A key set in a file goes through the same judgement as a fetched one. */
static void read_keys_file(struct sp_kept_issuer *issuer)
{
    struct sp_arena *arena = sp_arena_create(FETCH_ARENA_BYTES);
    struct sp_fetch_report report = {.url = issuer->setup.jwks_file,
                                     .http_status = 200,
                                     .max_bytes = SP_MAX_JWKS_BYTES,
                                     .max_age_s = SP_REFRESH_MIN_S};
    struct sp_str body = SP_STR_NONE;
    enum sp_status status =
        arena != NULL ? sp_file_read(arena, issuer->setup.jwks_file.at, SP_MAX_JWKS_BYTES, &body) : SP_NO_MEMORY;
    if (status == SP_OK || status == SP_TOO_LARGE) {
        report.body = body;
        report.too_large = status == SP_TOO_LARGE;
        keys_came(issuer, &report);
    } else {
        struct sp_finding finding = {.cause = SP_CAUSE_KEYS_UNREACHABLE,
                                     .expected = issuer->setup.jwks_file,
                                     .detail = sp_str_from_cstr(strerror(errno))};
        fail(issuer, &finding);
    }
    sp_arena_destroy(&arena);
}

void sp_key_fetch_start(struct sp_kept_issuer *issuer)
{
    issuer->is_fetching = true;
    if (issuer->is_looking_again) {
        /* Only these are throttled: a refresh that has just been must not hide a key that is newer still. */
        issuer->last_look_ms = sp_loop_now_ms();
    }
    issuer->place = SP_METADATA_OPENID_APPENDED;
    sp_timer_clear(&issuer->timer);
    if (issuer->setup.jwks_file.at != NULL) {
        read_keys_file(issuer);
    } else if (issuer->setup.jwks_uri.at != NULL ||
               (issuer->is_looking_again && issuer->jwks_uri != NULL && issuer->published_issuer == NULL)) {
        fetch_keys(issuer);
    } else {
        fetch_metadata(issuer);
    }
}
