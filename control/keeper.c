/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keeper.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "control/kept_issuer.h"
#include "control/log.h"
#include "control/schedule.h"
#include "control/state_file.h"
#include "core/base/limits.h"
#include "core/diagnosis/verdict.h"
#include "core/jose/crypto.h"
#include "probe/file.h"

/* A document and what is said of it; freed after each fetch. */
#define FETCH_ARENA_BYTES ((size_t)128 * 1024 * 1024)
#define KEYS_FILE_BYTES ((size_t)64 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 3000
#define FETCH_TIMEOUT_MS 8000
#define MAX_REDIRECTS 3

struct sp_keeper {
    struct sp_loop *loop;
    struct sp_fetcher *fetcher;
    char *path;
    struct sp_kept_issuer *issuers;
    struct sp_str_list blocked_networks;
    int64_t generation;
    unsigned char written_sha256[32]; /* of the last keys.json without its generation */
    struct sp_arena *restored_arena;  /* of what keys.json held at the start */
    const struct sp_json *restored;
};

static void start_fetch(struct sp_kept_issuer *issuer);

/* ---- texts that are replaced ---- */

static void replace(char **text, char *with)
{
    free(*text);
    *text = with;
}

static char *copy_of(struct sp_str text)
{
    return text.at != NULL ? strndup(text.at, text.len) : NULL;
}

/* ---- keys.json ---- */

static void restore_from(struct sp_keeper *keeper)
{
    struct sp_str text;
    struct sp_json_error error;
    keeper->restored_arena = sp_arena_create(4 * KEYS_FILE_BYTES);
    if (keeper->restored_arena == NULL ||
        sp_file_read(keeper->restored_arena, keeper->path, KEYS_FILE_BYTES, &text) != SP_OK) {
        return;
    }
    if (sp_json_parse(keeper->restored_arena, text, &sp_json_limits_document, &keeper->restored, &error) != SP_OK) {
        sp_log(SP_LOG_WARN, "%s cannot be read (byte %zu: %s); all keys are fetched anew", keeper->path, error.offset,
               error.message);
        keeper->restored = NULL;
        return;
    }
    int64_t generation;
    if (sp_json_int64(sp_json_member(keeper->restored, SP_STR("generation")), &generation) == SP_OK && generation > 0) {
        keeper->generation = generation;
    }
}

static void write_issuers(struct sp_json_writer *writer, const struct sp_keeper *keeper)
{
    int64_t now = time(NULL);
    sp_json_begin_object(writer);
    for (const struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        sp_keys_file_write_issuer(writer, issuer, now);
    }
    sp_json_end_object(writer);
}

/* Writes keys.json if anything in it changed. */
static void publish(struct sp_keeper *keeper)
{
    struct sp_buffer issuers, text;
    struct sp_json_writer writer;
    unsigned char sha256[32];
    sp_buffer_init(&issuers, NULL, KEYS_FILE_BYTES);
    sp_buffer_init(&text, NULL, KEYS_FILE_BYTES);
    sp_json_writer_init(&writer, &issuers, false);
    write_issuers(&writer, keeper);
    sp_sha256(sp_buffer_str(&issuers), sha256);
    if (memcmp(sha256, keeper->written_sha256, sizeof sha256) != 0) {
        sp_json_writer_init(&writer, &text, false);
        sp_json_begin_object(&writer);
        sp_json_int_member(&writer, "generation", keeper->generation + 1);
        sp_json_name(&writer, SP_STR("issuers"));
        sp_json_put_raw(&writer, sp_buffer_str(&issuers));
        sp_json_end_object(&writer);
        bool whole = sp_buffer_status(&issuers) == SP_OK && sp_buffer_status(&text) == SP_OK;
        if (whole && sp_state_file_replace(keeper->path, sp_buffer_str(&text), 0644, -1) == SP_OK) {
            keeper->generation++;
            memcpy(keeper->written_sha256, sha256, sizeof sha256);
        } else {
            sp_log(SP_LOG_ERROR, "%s cannot be written: %s. Workers go on with the last one.", keeper->path,
                   whole ? strerror(errno) : "too large");
        }
    }
    sp_buffer_fini(&issuers);
    sp_buffer_fini(&text);
}

/* ---- what came of a fetch ---- */

static void tell_waiters(struct sp_kept_issuer *issuer, const char *outcome)
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

static void refresh_due(void *data)
{
    struct sp_kept_issuer *issuer = data;
    if (!issuer->is_fetching) {
        start_fetch(issuer);
    }
}

static void measure_clock(struct sp_kept_issuer *issuer, const struct sp_fetch_report *report)
{
    if (report->date_s != 0) {
        int64_t skew = report->date_s - (int64_t)time(NULL);
        /* Date counts whole seconds and travels: below 2 s it says nothing. */
        issuer->clock_skew_s = skew > -2 && skew < 2 ? 0 : skew;
        issuer->clock_skew_known = true;
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
                copy_of(sp_finding_fill(arena, sp_cause_get(finding->cause)->explanation, finding)));
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
                 sp_schedule_retry(issuer->failures_in_row, issuer->keys != NULL, jitter) * 1000, refresh_due, issuer);
    publish(issuer->keeper);
    tell_waiters(issuer, "failed");
}

static void remember_kid(struct sp_kept_issuer *issuer, struct sp_str kid)
{
    for (size_t i = 0; i < issuer->previous_kid_count; i++) {
        if (sp_str_equal(sp_str_from_cstr(issuer->previous_kids[i]), kid)) {
            return;
        }
    }
    char *copy = copy_of(kid);
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
        sp_log(SP_LOG_INFO, "issuer %.*s: its key set changed; %zu keys are in use", SP_STR_ARG(issuer->setup.name),
               set->count);
    }
    sp_jwk_set_unref(&issuer->keys);
    issuer->keys = set;
    replace(&issuer->keys_text, text);
    replace(&issuer->unadopted_text, NULL);
}

static void succeed(struct sp_kept_issuer *issuer, struct sp_jwk_set *set, struct sp_str body, int64_t max_age_s)
{
    bool changed = issuer->keys_text == NULL || !sp_str_equal(sp_str_from_cstr(issuer->keys_text), body);
    /* Without healing an unknown kid does not change what is in use: what was found is kept aside, as the proof of
     * keys.rotated. */
    bool adopts = !issuer->is_looking_again || issuer->setup.heals || issuer->keys == NULL;
    char *text = changed ? copy_of(body) : NULL;
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
    issuer->is_fetching = issuer->is_looking_again = false;
    sp_timer_set(issuer->keeper->loop, &issuer->timer, sp_schedule_refresh(max_age_s, issuer->setup.refresh_s) * 1000,
                 refresh_due, issuer);
    publish(issuer->keeper);
    tell_waiters(issuer, changed ? "fresh" : "unchanged");
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
    measure_clock(issuer, report);
    if (arena == NULL || sp_keys_document_examine(arena, report, &set, &findings) != SP_OK) {
        fail(issuer, &no_memory);
    } else if (findings.refused) {
        fail(issuer, &findings.rows[0]);
    } else {
        if (issuer->keys_text == NULL || !sp_str_equal(sp_str_from_cstr(issuer->keys_text), report->body)) {
            log_oddities(issuer, &findings);
        }
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
    replace(&issuer->jwks_uri, copy_of(metadata->jwks_uri));
    replace(&issuer->introspection_endpoint, copy_of(metadata->introspection_endpoint));
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
    measure_clock(issuer, report);
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

static void start_fetch(struct sp_kept_issuer *issuer)
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
    } else if (issuer->setup.jwks_uri.at != NULL || (issuer->is_looking_again && issuer->jwks_uri != NULL)) {
        fetch_keys(issuer);
    } else {
        fetch_metadata(issuer);
    }
}

/* ---- issuers come and go ---- */

static void destroy_issuer(struct sp_kept_issuer *issuer)
{
    sp_fetcher_cancel(issuer->keeper->fetcher, issuer);
    sp_timer_clear(&issuer->timer);
    tell_waiters(issuer, "failed");
    sp_jwk_set_unref(&issuer->keys);
    char **texts[] = {&issuer->keys_text, &issuer->old_text,       &issuer->unadopted_text,
                      &issuer->jwks_uri,  &issuer->failure_detail, &issuer->introspection_endpoint};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(*texts[i]);
    }
    while (issuer->previous_kid_count > 0) {
        free(issuer->previous_kids[--issuer->previous_kid_count]);
    }
    sp_arena_destroy(&issuer->arena);
    free(issuer);
}

struct sp_keeper *sp_keeper_create(struct sp_loop *loop, struct sp_fetcher *fetcher, const char *keys_path)
{
    struct sp_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        return NULL;
    }
    keeper->loop = loop;
    keeper->fetcher = fetcher;
    keeper->path = strdup(keys_path);
    if (keeper->path == NULL) {
        free(keeper);
        return NULL;
    }
    restore_from(keeper);
    return keeper;
}

void sp_keeper_destroy(struct sp_keeper **keeper)
{
    if (*keeper == NULL) {
        return;
    }
    while ((*keeper)->issuers != NULL) {
        struct sp_kept_issuer *issuer = (*keeper)->issuers;
        (*keeper)->issuers = issuer->next;
        destroy_issuer(issuer);
    }
    sp_arena_destroy(&(*keeper)->restored_arena);
    free((*keeper)->path);
    free(*keeper);
    *keeper = NULL;
}

static enum sp_status copy_setup(struct sp_arena *arena, const struct sp_keeper_issuer *from,
                                 struct sp_keeper_issuer *to)
{
    struct sp_keeper_issuer made = *from;
    struct sp_str *texts[] = {&made.name, &made.issuer, &made.jwks_uri, &made.jwks_file, &made.ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (sp_arena_copy(arena, *texts[i], texts[i]) != SP_OK) {
            return SP_NO_MEMORY;
        }
    }
    *to = made;
    return SP_OK;
}

static struct sp_kept_issuer *create_issuer(struct sp_keeper *keeper, const struct sp_keeper_issuer *setup)
{
    struct sp_kept_issuer *issuer = calloc(1, sizeof *issuer);
    if (issuer == NULL) {
        return NULL;
    }
    issuer->keeper = keeper;
    issuer->arena = sp_arena_create(64 * 1024);
    if (issuer->arena == NULL || copy_setup(issuer->arena, setup, &issuer->setup) != SP_OK) {
        destroy_issuer(issuer);
        return NULL;
    }
    const struct sp_json *known = sp_json_member(sp_json_member(keeper->restored, SP_STR("issuers")), setup->name);
    sp_keys_file_restore(issuer, known);
    return issuer;
}

/* Takes the issuer of this name and URL out of the list; NULL: there is none. */
static struct sp_kept_issuer *take_out(struct sp_kept_issuer **list, const struct sp_keeper_issuer *setup)
{
    for (struct sp_kept_issuer **at = list; *at != NULL; at = &(*at)->next) {
        const struct sp_keeper_issuer *known = &(*at)->setup;
        if (sp_str_equal(known->name, setup->name) && sp_str_equal(known->issuer, setup->issuer) &&
            sp_str_equal(known->jwks_uri, setup->jwks_uri) && sp_str_equal(known->jwks_file, setup->jwks_file) &&
            sp_str_equal(known->ca_file, setup->ca_file)) {
            struct sp_kept_issuer *found = *at;
            *at = found->next;
            return found;
        }
    }
    return NULL;
}

enum sp_status sp_keeper_configure(struct sp_keeper *keeper, const struct sp_keeper_issuer *issuers, size_t count,
                                   struct sp_str_list blocked_networks)
{
    struct sp_kept_issuer *before = keeper->issuers, **end = &keeper->issuers;
    enum sp_status status = SP_OK;
    keeper->issuers = NULL;
    keeper->blocked_networks = blocked_networks;
    for (size_t i = 0; i < count; i++) {
        struct sp_kept_issuer *issuer = take_out(&before, &issuers[i]);
        if (issuer == NULL) {
            issuer = create_issuer(keeper, &issuers[i]);
        }
        if (issuer == NULL) {
            status = SP_NO_MEMORY;
            break;
        }
        issuer->setup.heals = issuers[i].heals;
        issuer->setup.refresh_s = issuers[i].refresh_s;
        issuer->setup.needs_keys = issuers[i].needs_keys;
        issuer->next = NULL;
        *end = issuer;
        end = &issuer->next;
    }
    while (before != NULL) {
        struct sp_kept_issuer *gone = before;
        before = gone->next;
        destroy_issuer(gone);
    }
    publish(keeper);
    for (struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        bool has_source =
            issuer->setup.issuer.at != NULL || issuer->setup.jwks_uri.at != NULL || issuer->setup.jwks_file.at != NULL;
        if (issuer->setup.needs_keys && has_source && !issuer->is_fetching && issuer->timer.previous == NULL) {
            /* Not at once: fetches that fail right here would tell of an issuer whose neighbours are not there yet. */
            sp_timer_set(keeper->loop, &issuer->timer, 0, refresh_due, issuer);
        }
    }
    return status;
}

static struct sp_kept_issuer *find(const struct sp_keeper *keeper, struct sp_str name)
{
    for (struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        if (sp_str_equal(issuer->setup.name, name)) {
            return issuer;
        }
    }
    return NULL;
}

static bool knows(const struct sp_kept_issuer *issuer, struct sp_str kid)
{
    return issuer->keys != NULL && kid.len > 0 && sp_jwk_set_find(issuer->keys, kid, 0) != NULL;
}

enum sp_status sp_keeper_look_again(struct sp_keeper *keeper, struct sp_str name, struct sp_str kid,
                                    void (*done)(void *data, const char *outcome, int64_t generation), void *data)
{
    struct sp_kept_issuer *issuer = find(keeper, name);
    if (issuer == NULL || !issuer->setup.needs_keys) {
        return SP_NOT_FOUND;
    }
    issuer->look_agains++;
    if (!issuer->is_fetching && knows(issuer, kid)) {
        /* Fetched meanwhile; the worker has not seen keys.json yet. */
        done(data, "fresh", keeper->generation);
        return SP_OK;
    }
    if (!issuer->is_fetching && !sp_schedule_may_look_again(sp_loop_now_ms(), issuer->last_look_ms)) {
        issuer->throttled++;
        done(data, "throttled", keeper->generation);
        return SP_OK;
    }
    struct sp_waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) {
        return SP_NO_MEMORY;
    }
    *waiter = (struct sp_waiter){.next = issuer->waiters, .done = done, .data = data};
    issuer->waiters = waiter;
    if (!issuer->is_fetching) {
        issuer->is_looking_again = true;
        start_fetch(issuer);
    }
    return SP_OK;
}

void sp_keeper_forget(struct sp_keeper *keeper, const void *data)
{
    for (struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        for (struct sp_waiter **at = &issuer->waiters; *at != NULL;) {
            struct sp_waiter *waiter = *at;
            if (waiter->data == data) {
                *at = waiter->next;
                free(waiter);
            } else {
                at = &waiter->next;
            }
        }
    }
}

/* ---- what others ask ---- */

struct sp_str sp_keeper_introspection_endpoint(const struct sp_keeper *keeper, struct sp_str name)
{
    const struct sp_kept_issuer *issuer = find(keeper, name);
    return issuer != NULL ? sp_str_from_cstr(issuer->introspection_endpoint) : SP_STR_NONE;
}

size_t sp_keeper_issuer_count(const struct sp_keeper *keeper)
{
    size_t count = 0;
    for (const struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        count++;
    }
    return count;
}

void sp_keeper_status(const struct sp_keeper *keeper, size_t index, struct sp_keeper_status *status)
{
    const struct sp_kept_issuer *issuer = keeper->issuers;
    for (size_t i = 0; i < index; i++) {
        issuer = issuer->next;
    }
    *status = (struct sp_keeper_status){
        .name = issuer->setup.name,
        .has_keys = issuer->keys != NULL,
        .needs_keys = issuer->setup.needs_keys,
        .key_count = issuer->keys != NULL ? issuer->keys->count : 0,
        .fetched_at = issuer->fetched_at,
        .stale_since = issuer->stale_since,
        .stale_until = issuer->stale_since != 0 ? sp_schedule_stale_until(issuer->fetched_at) : 0,
        .failure = issuer->failure,
        .failure_detail = sp_str_from_cstr(issuer->failure_detail),
        .fetches = issuer->fetches,
        .failures = issuer->failures,
        .look_agains = issuer->look_agains,
        .throttled = issuer->throttled,
        .clock_skew_s = issuer->clock_skew_s,
        .clock_skew_known = issuer->clock_skew_known,
    };
}

int64_t sp_keeper_generation(const struct sp_keeper *keeper)
{
    return keeper->generation;
}
