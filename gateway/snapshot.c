/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/limits.h"
#include "core/jose/crypto.h"
#include "core/jose/jwk_set.h"
#include "core/policy/report.h"
#include "core/policy/snapshot.h"
#include "gateway/file.h"
#include "gateway/forwarded.h"
#include "gateway/metrics.h"
#include "gateway/peers.h"
#include "gateway/references.h"
#include "gateway/worker.h"

#define WATCH_INTERVAL_MS 500
#define MAX_KEYS_BYTES (64u << 20)

/* Names that no client may set, whatever the policy says. */
static const struct sp_str always_owned[] = {
    {"x-sallyport-consumer", 20},
    {"x-sallyport-subject", 19},
    {"x-sallyport-client", 18},
};
#define ALWAYS_OWNED (sizeof always_owned / sizeof always_owned[0])

struct sp_snapshot *sp_snapshot_ref(struct sp_snapshot *snapshot)
{
    snapshot->references++;
    return snapshot;
}

void sp_snapshot_unref(struct sp_snapshot **pointer)
{
    struct sp_snapshot *snapshot = *pointer;
    *pointer = NULL;
    if (snapshot == NULL || --snapshot->references > 0) {
        return;
    }
    for (size_t i = 0; snapshot->peers != NULL && i < snapshot->policy->api_count; i++) {
        sp_peers_unref(&snapshot->peers[i]);
    }
    free(snapshot->peers);
    free(snapshot->counters);
    free(snapshot->quiet);
    free(snapshot->owned.names);
    free(snapshot->trusted.elts);
    sp_knowledge_destroy(&snapshot->knowledge);
    sp_policy_unref(&snapshot->policy);
    free(snapshot);
}

static enum sp_status own_headers(struct sp_snapshot *snapshot)
{
    const struct sp_str_list named = snapshot->policy->owned_headers;
    struct sp_owned_headers *owned = &snapshot->owned;
    owned->names = calloc(named.count + ALWAYS_OWNED, sizeof *owned->names);
    if (owned->names == NULL) {
        return SP_NO_MEMORY;
    }
    memcpy(owned->names, always_owned, sizeof always_owned);
    owned->count = ALWAYS_OWNED;
    for (size_t i = 0; i < named.count; i++) {
        owned->names[owned->count++] = named.at[i];
    }
    for (size_t i = 0; i < owned->count; i++) {
        owned->lengths |= UINT64_C(1) << (owned->names[i].len < 63 ? owned->names[i].len : 63);
    }
    return SP_OK;
}

/* What a cached fact depends on: what is allowed, and which keys verified it. */
static uint64_t generation_of(const unsigned char policy_sha256[32], const struct sp_knowledge *knowledge)
{
    unsigned char both[64], digest[32];
    uint64_t generation;
    memcpy(both, policy_sha256, 32);
    memcpy(both + 32, knowledge->keys_sha256, 32);
    sp_sha256(sp_str((const char *)both, sizeof both), digest);
    memcpy(&generation, digest, sizeof generation);
    return generation;
}

/* What a snapshot has besides policy and knowledge. */
static enum sp_status equip(struct sp_snapshot *snapshot)
{
    snapshot->peers = calloc(snapshot->policy->api_count + 1, sizeof *snapshot->peers);
    snapshot->counters = calloc(snapshot->policy->api_count + 1, sizeof *snapshot->counters);
    snapshot->generation = generation_of(snapshot->policy_sha256, snapshot->knowledge);
    snapshot->quiet = calloc(snapshot->policy->issuer_count + 1, sizeof *snapshot->quiet);
    if (snapshot->peers == NULL || snapshot->counters == NULL || snapshot->quiet == NULL) {
        return SP_NO_MEMORY;
    }
    const enum sp_status status = sp_forwarded_networks(snapshot->policy->trusted_proxies, &snapshot->trusted);
    return status == SP_OK ? own_headers(snapshot) : status;
}

/* ---- reading ---- */
static void log_failure(ngx_log_t *log, const ngx_str_t *path, enum sp_status status)
{
    ngx_log_error(NGX_LOG_ERR, log, status == SP_IO ? errno : 0, "sallyport: \"%V\" is not taken: %s", path,
                  sp_status_text(status));
}

/* jwks_file of an issuer, for a guest without a control plane; relative to the policy's own directory. false: it has
 * none, or none that a path can name (*path is "" then). */
static bool find_jwks_file(const struct sp_policy *policy, size_t issuer, const ngx_str_t *policy_path,
                           char path[NGX_MAX_PATH])
{
    const struct sp_str name = sp_json_string(sp_json_member(policy->issuer_sources[issuer], SP_STR("jwks_file")));
    size_t directory = policy_path->len;
    path[0] = '\0';
    if (sp_str_is_empty(name)) {
        return false;
    }
    while (name.at[0] != '/' && directory > 0 && policy_path->data[directory - 1] != '/') {
        directory--;
    }
    const int len = snprintf(path, NGX_MAX_PATH, "%.*s%.*s", name.at[0] != '/' ? (int)directory : 0,
                             (const char *)policy_path->data, SP_STR_ARG(name));
    return len > 0 && len < NGX_MAX_PATH;
}

/* Other keys, other generation. */
static enum sp_status offer_jwks_file(struct sp_knowledge *knowledge, size_t issuer, const char *path)
{
    struct sp_str text = SP_STR_NONE;
    struct sp_jwk_set *set = NULL;
    struct sp_json_error error = {0};
    enum sp_status status = sp_file_read(path, SP_MAX_JWKS_BYTES, &text);
    if (status == SP_OK) {
        status = sp_jwk_set_parse(text, &set, &error);
    }
    if (status == SP_OK) {
        unsigned char both[64];
        memcpy(both, knowledge->keys_sha256, 32);
        sp_sha256(text, both + 32);
        sp_sha256(sp_str((const char *)both, sizeof both), knowledge->keys_sha256);
        sp_knowledge_offer_keys(knowledge, issuer, set);
        sp_jwk_set_unref(&set);
    }
    free((void *)(uintptr_t)text.at);
    return status;
}

/* The first failure, all of them told; the others' keys are offered. */
static enum sp_status offer_jwks_files(struct sp_knowledge *knowledge, const struct sp_policy *policy,
                                       const ngx_str_t *policy_path, ngx_log_t *log)
{
    char path[NGX_MAX_PATH];
    enum sp_status first = SP_OK;
    for (size_t i = 0; i < policy->issuer_count; i++) {
        const bool is_named = find_jwks_file(policy, i, policy_path, path);
        if (!is_named && path[0] == '\0') {
            continue;
        }
        const enum sp_status status = is_named ? offer_jwks_file(knowledge, i, path) : SP_TOO_LARGE;
        if (status != SP_OK) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "sallyport: jwks_file \"%s\": %s", path, sp_status_text(status));
        }
        first = first == SP_OK ? status : first;
    }
    return first;
}

/* Of what offer_jwks_files reads, without reading it. With a control plane these are its to read. */
static uint64_t mark_of_jwks_files(const struct sp_main_conf *conf)
{
    const struct sp_policy *policy = conf->snapshot->policy;
    uint64_t mark = 0;
    char path[NGX_MAX_PATH];
    for (size_t i = 0; conf->keys_path.len == 0 && i < policy->issuer_count; i++) {
        struct sp_file file;
        if (find_jwks_file(policy, i, &conf->policy_path, path) && sp_file_differs(path, &(struct sp_file){0}, &file)) {
            const uint64_t parts[] = {(uint64_t)file.inode, (uint64_t)file.bytes, (uint64_t)file.changed.tv_sec,
                                      (uint64_t)file.changed.tv_nsec};
            for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
                mark = (mark ^ parts[part]) * UINT64_C(0x100000001b3); /* FNV-1a, by words */
            }
        }
        mark = mark * UINT64_C(0x100000001b3) + 1;
    }
    return mark;
}

static enum sp_status read_knowledge(const struct sp_main_conf *conf, struct sp_policy *policy,
                                     struct sp_knowledge **out, ngx_log_t *log)
{
    struct sp_str text = SP_STR_NONE;
    struct sp_json_error error = {0};
    enum sp_status status = SP_NOT_FOUND;
    if (conf->keys_path.len > 0) {
        status = sp_file_read((const char *)conf->keys_path.data, MAX_KEYS_BYTES, &text);
    }
    if (status == SP_OK || status == SP_NOT_FOUND) {
        status = sp_knowledge_parse(text, policy, out, &error);
    }
    free((void *)(uintptr_t)text.at);
    if (status != SP_OK) {
        log_failure(log, &conf->keys_path, status);
    }
    return status;
}

static void log_report(ngx_log_t *log, const struct sp_policy_report *report, bool refused)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct sp_policy_problem *problem = &report->problems[i];
        const struct sp_str id = sp_cause_get(problem->finding.cause)->id;
        if (refused) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "sallyport: policy refused: %*s: %*s:%ui:%ui: %*s", id.len, id.at,
                          problem->file.len, problem->file.at, (ngx_uint_t)problem->line, (ngx_uint_t)problem->column,
                          problem->message.len, problem->message.at);
        }
    }
}

/* A snapshot is JSON; a guest's own file is YAML, with references and paths of its own. */
static enum sp_status parse_policy(struct sp_str text, const ngx_str_t *path, struct sp_policy **policy,
                                   struct sp_policy_report *report)
{
    struct sp_str start = sp_str_trim(sp_str_slice(text, 0, 64));
    struct sp_policy_text file = {.name = sp_str_of(*path), .text = text};
    size_t directory = path->len;
    while (directory > 0 && path->data[directory - 1] != '/') {
        directory--;
    }
    if (start.len > 0 && start.at[0] == '{') {
        return sp_policy_parse(text, file.name, policy, report);
    }
    file.directory = sp_str((const char *)path->data, directory > 1 ? directory - 1 : directory);
    const struct sp_policy_input input = {.texts = &file, .text_count = 1, .expansion = &sp_gateway_references};
    return sp_policy_parse_input(&input, policy, report);
}

/* Without the servers' addresses: a name behind a balancer changes them each half minute, and no verdict is another one
 * for it. */
static enum sp_status hash_policy(const struct sp_policy *policy, unsigned char sha256[32])
{
    const struct sp_snapshot_terms terms = {.without_addresses = true};
    struct sp_buffer text;
    sp_buffer_init(&text, NULL, SP_MAX_POLICY_BYTES);
    sp_policy_snapshot(policy, &terms, &text);
    const enum sp_status status = sp_buffer_status(&text);
    if (status == SP_OK) {
        sp_sha256(sp_buffer_str(&text), sha256);
    }
    sp_buffer_fini(&text);
    return status;
}

/* A file that nobody wrote into, or that lost what was in it: every call would be refused, and nothing would say why.
 */
static bool is_empty(const struct sp_policy *policy)
{
    return policy->api_count == 0 && policy->issuer_count == 0 &&
           sp_json_member(policy->source, SP_STR("authority")) == NULL;
}

static void log_empty(ngx_log_t *log, const ngx_str_t *path)
{
    ngx_log_error(
        NGX_LOG_ERR, log, 0,
        "sallyport: policy refused: config.type: %V: the policy is empty: it has neither apis nor issuers, so "
        "every call would be refused. Write them, or name the file that has them in sallyport_policy",
        path);
}

static enum sp_status read_policy(const struct sp_main_conf *conf, struct sp_snapshot *snapshot, ngx_log_t *log)
{
    struct sp_str text = SP_STR_NONE;
    enum sp_status status = sp_file_read((const char *)conf->policy_path.data, SP_MAX_POLICY_BYTES, &text);
    if (status == SP_OK) {
        struct sp_policy_report *report = sp_policy_report_create();
        status = report == NULL ? SP_NO_MEMORY : parse_policy(text, &conf->policy_path, &snapshot->policy, report);
        if (report != NULL) {
            log_report(log, report, status != SP_OK);
        }
        sp_policy_report_destroy(&report);
    }
    if (status == SP_OK && is_empty(snapshot->policy)) {
        log_empty(log, &conf->policy_path);
        status = SP_MALFORMED;
    }
    if (status == SP_OK) {
        status = hash_policy(snapshot->policy, snapshot->policy_sha256);
    }
    free((void *)(uintptr_t)text.at);
    if (status != SP_OK) {
        log_failure(log, &conf->policy_path, status);
    }
    return status;
}

/* A whole new snapshot; NULL when something in it is broken (and logged). */
static struct sp_snapshot *read_snapshot(const struct sp_main_conf *conf, ngx_log_t *log)
{
    struct sp_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        return NULL;
    }
    snapshot->references = 1;
    if (read_policy(conf, snapshot, log) == SP_OK &&
        read_knowledge(conf, snapshot->policy, &snapshot->knowledge, log) == SP_OK) {
        /* Without some issuer's keys the others' calls are judged all the same. */
        (void)offer_jwks_files(snapshot->knowledge, snapshot->policy, &conf->policy_path, log);
        if (equip(snapshot) == SP_OK) {
            return snapshot;
        }
    }
    if (snapshot->policy == NULL) {
        free(snapshot);
    } else {
        sp_snapshot_unref(&snapshot);
    }
    return NULL;
}

/* ---- watching ---- */
static void publish(struct sp_main_conf *conf, struct sp_snapshot *snapshot)
{
    struct sp_snapshot *old = conf->snapshot;
    conf->snapshot = snapshot;
    sp_snapshot_unref(&old);
}

/* A server that is out stays out: a name behind a balancer brings a policy each half minute, and each would send
 * max_fails calls into the time-out of a dead one. */
static void inherit_peers(struct sp_snapshot *snapshot, const struct sp_snapshot *before)
{
    for (size_t i = 0; i < before->policy->api_count; i++) {
        const struct sp_api *api =
            before->peers[i] != NULL ? sp_policy_api(snapshot->policy, before->policy->apis[i].name) : NULL;
        struct sp_peers *peers = api != NULL ? sp_snapshot_peers(snapshot, api) : NULL;
        if (peers != NULL) {
            sp_peers_inherit(peers, before->peers[i]);
        }
    }
}

static void take_policy(struct sp_main_conf *conf, ngx_log_t *log)
{
    struct sp_snapshot *snapshot = read_snapshot(conf, log);
    struct sp_metrics *metrics = sp_metrics_of(conf);
    if (snapshot == NULL) {
        sp_metrics_count(metrics, SP_COUNT_POLICY_REFUSED);
        ngx_log_error(NGX_LOG_ERR, log, 0, "sallyport: the policy that was in force before serves on");
        return;
    }
    sp_metrics_count(metrics, SP_COUNT_POLICY_LOADED);
    inherit_peers(snapshot, conf->snapshot);
    publish(conf, snapshot);
    ngx_log_error(NGX_LOG_NOTICE, log, 0, "sallyport: a new policy is in force");
}

struct sp_snapshot *sp_snapshot_renew(const struct sp_main_conf *conf, const struct sp_snapshot *old)
{
    struct sp_knowledge *knowledge = NULL;
    struct sp_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL || read_knowledge(conf, old->policy, &knowledge, ngx_cycle->log) != SP_OK) {
        free(snapshot);
        return NULL;
    }
    snapshot->references = 1;
    snapshot->policy = sp_policy_ref(old->policy);
    snapshot->knowledge = knowledge;
    memcpy(snapshot->policy_sha256, old->policy_sha256, sizeof snapshot->policy_sha256);
    /* A file that is broken, or half written, takes no keys away. */
    if (offer_jwks_files(knowledge, old->policy, &conf->policy_path, ngx_cycle->log) != SP_OK ||
        equip(snapshot) != SP_OK) {
        sp_snapshot_unref(&snapshot);
        return NULL;
    }
    /* The servers' health goes along; calls under way keep it alive. */
    for (size_t i = 0; i < old->policy->api_count; i++) {
        snapshot->peers[i] = old->peers[i] != NULL ? sp_peers_ref(old->peers[i]) : NULL;
    }
    return snapshot;
}

/* New keys under the same policy. Calls under way keep the knowledge they began with, so the snapshot is replaced, not
 * changed. */
static void take_keys(struct sp_main_conf *conf)
{
    struct sp_snapshot *snapshot = sp_snapshot_renew(conf, conf->snapshot);
    sp_metrics_count(sp_metrics_of(conf), snapshot != NULL ? SP_COUNT_KEYS_LOADED : SP_COUNT_KEYS_REFUSED);
    if (snapshot != NULL) {
        publish(conf, snapshot);
    }
}

void sp_snapshot_refresh(struct sp_main_conf *conf)
{
    struct sp_worker *worker = conf->worker;
    struct sp_file policy, keys = worker->keys_file;
    const bool has_new_policy = sp_file_differs((const char *)conf->policy_path.data, &worker->policy_file, &policy);
    const bool has_new_keys =
        conf->keys_path.len > 0 && sp_file_differs((const char *)conf->keys_path.data, &worker->keys_file, &keys);
    const uint64_t jwks_mark = mark_of_jwks_files(conf);
    const bool has_new_jwks = jwks_mark != worker->jwks_mark;
    /* Noted before reading: what changes while we read is seen as a change the next time. */
    worker->policy_file = policy;
    worker->keys_file = keys;
    worker->jwks_mark = jwks_mark;
    if (has_new_policy) {
        take_policy(conf, ngx_cycle->log);
        worker->jwks_mark = mark_of_jwks_files(conf); /* its issuers may be others */
    } else if (has_new_keys || has_new_jwks) {
        take_keys(conf);
    }
}

static void watch(ngx_event_t *event)
{
    struct sp_main_conf *conf = ((ngx_connection_t *)event->data)->data;
    sp_snapshot_refresh(conf);
    if (!ngx_exiting && !ngx_quit && !ngx_terminate) {
        ngx_add_timer(event, WATCH_INTERVAL_MS);
    }
}

void sp_snapshot_watch(struct sp_main_conf *conf, ngx_cycle_t *cycle)
{
    struct sp_worker *worker = conf->worker;
    worker->policy_file = conf->policy_file;
    worker->keys_file = conf->keys_file;
    worker->watch_connection = (ngx_connection_t){.data = conf, .fd = (ngx_socket_t)-1};
    worker->watch =
        (ngx_event_t){.handler = watch, .data = &worker->watch_connection, .log = cycle->log, .cancelable = 1};
    ngx_add_timer(&worker->watch, WATCH_INTERVAL_MS);
    /* A worker that nginx started anew was forked from a master that may hold an old policy. */
    sp_snapshot_refresh(conf);
}

static void close_snapshot(void *data)
{
    struct sp_main_conf *conf = data;
    sp_snapshot_unref(&conf->snapshot);
}

ngx_int_t sp_snapshot_open(ngx_conf_t *cf, struct sp_main_conf *conf)
{
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == NULL) {
        return NGX_ERROR;
    }
    sp_file_differs((const char *)conf->policy_path.data, &(struct sp_file){0}, &conf->policy_file);
    if (conf->keys_path.len > 0) {
        sp_file_differs((const char *)conf->keys_path.data, &(struct sp_file){0}, &conf->keys_file);
    }
    conf->snapshot = read_snapshot(conf, cf->log);
    if (conf->snapshot == NULL) {
        return NGX_ERROR;
    }
    cleanup->handler = close_snapshot;
    cleanup->data = conf;
    return NGX_OK;
}

void sp_snapshot_close(struct sp_main_conf *conf)
{
    sp_snapshot_unref(&conf->snapshot);
}

struct sp_peers *sp_snapshot_peers(struct sp_snapshot *snapshot, const struct sp_api *api)
{
    struct sp_peers **peers = &snapshot->peers[api->index];
    if (*peers == NULL) {
        *peers = sp_peers_create(snapshot->policy, &api->upstream);
    }
    return *peers;
}

struct sp_route_counters *sp_snapshot_counters(struct sp_snapshot *snapshot, struct sp_metrics *metrics,
                                               const struct sp_api *api)
{
    if (api == NULL) {
        return &metrics->other;
    }
    struct sp_route_counters **counters = &snapshot->counters[api->index];
    if (*counters == NULL) {
        *counters = sp_metrics_route(metrics, api->name);
    }
    return *counters;
}
