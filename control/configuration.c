/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration's files to what is in force. Order matters: everything that can refuse the new configuration
 * comes before anything that changes what runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "control/issuer_setups.h"
#include "control/log.h"
#include "control/plane_state.h"
#include "control/state_file.h"
#include "core/base/limits.h"
#include "core/diagnosis/tls.h"
#include "core/diagnosis/verdict.h"
#include "core/diagnosis/words.h"
#include "core/policy/settings.h"
#include "core/policy/snapshot.h"
#include "probe/certificate_file.h"
#include "probe/check_here.h"
#include "probe/configuration.h"

#define SETUP_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define RESOLVE_MS 3000
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static void tell_problem(struct sp_plane *plane, const struct sp_policy_problem *problem)
{
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    const struct sp_cause_info *info = sp_cause_get(problem->finding.cause);
    struct sp_str fix = arena != NULL ? sp_finding_fix(arena, &problem->finding) : SP_STR_NONE;
    bool refuses = info->severity == SP_SEVERITY_REJECT && !problem->finding.tolerated;
    if (refuses && plane->attempt.cause == SP_CAUSE_NONE) {
        plane->attempt.cause = problem->finding.cause;
    }
    sp_log(refuses ? SP_LOG_ERROR : SP_LOG_WARN, "%.*s:%u:%u: %.*s: %.*s%s Fix: %.*s", SP_STR_ARG(problem->file),
           problem->line, problem->column, SP_STR_ARG(info->id), SP_STR_ARG(problem->message),
           sp_log_stop(problem->message), SP_STR_ARG(fix));
    sp_arena_destroy(&arena);
}

static void tell_left_out(void *data, const char *path, struct sp_str address)
{
    (void)data;
    sp_log(SP_LOG_INFO,
           "%s: whether %.*s can be listened on here was not looked at, for it is a name, which is not looked up while "
           "others wait: `sallyport check --here` does",
           path, SP_STR_ARG(address));
}

void sp_plane_tell_machine(struct sp_plane *plane, const char *nginx_why)
{
    const struct sp_machine_terms terms = {.state = plane->terms->state, .leaves_out = tell_left_out};
    sp_log_keep_first_error(plane->attempt.why, sizeof plane->attempt.why);
    struct sp_policy_report *report = sp_policy_report_create();
    if (report != NULL && plane->policy != NULL && sp_check_here(plane->policy, &terms, report) == SP_OK) {
        for (size_t i = 0; i < report->count; i++) {
            tell_problem(plane, &report->problems[i]);
        }
    }
    sp_log_keep_first_error(NULL, 0);
    if (plane->attempt.why[0] == '\0') {
        snprintf(plane->attempt.why, sizeof plane->attempt.why, "%s", nginx_why);
    }
    sp_policy_report_destroy(&report);
}

struct resolving {
    struct sp_resolver *resolver;
    struct sp_arena *arena;
};

static struct sp_str_list resolve(void *context, struct sp_str host, unsigned port)
{
    struct resolving *resolving = context;
    return sp_resolver_addresses(resolving->resolver, resolving->arena, host, port);
}

enum sp_status sp_plane_publish(struct sp_plane *plane)
{
    char path[4096];
    struct sp_buffer text;
    struct resolving resolving = {plane->resolver, sp_arena_create(SETUP_ARENA_BYTES)};
    struct sp_snapshot_terms terms = {.context = &resolving, .addresses = resolve};
    if (resolving.arena == NULL) {
        return SP_NO_MEMORY;
    }
    sp_buffer_init(&text, NULL, SP_MAX_POLICY_BYTES);
    sp_policy_snapshot(plane->policy, &terms, &text);
    snprintf(path, sizeof path, "%s/policy.json", plane->terms->state);
    enum sp_status status = sp_buffer_status(&text);
    if (status == SP_OK) {
        status = sp_state_file_replace(path, sp_buffer_str(&text), plane->group >= 0 ? 0640 : 0600, plane->group);
    }
    if (status != SP_OK) {
        sp_log(SP_LOG_ERROR, "%s cannot be written: %s", path,
               status == SP_IO ? strerror(errno) : sp_status_text(status));
    }
    sp_buffer_fini(&text);
    sp_arena_destroy(&resolving.arena);
    return status;
}

static enum sp_status set_up_issuers(struct sp_plane *plane, const struct sp_policy *policy)
{
    struct sp_issuer_setups setups;
    struct sp_arena *arena = sp_arena_create(SETUP_ARENA_BYTES);
    enum sp_status status = arena != NULL ? sp_issuer_setups_make(policy, arena, &setups) : SP_NO_MEMORY;
    if (status == SP_OK) {
        status = sp_introspector_configure(plane->introspector, setups.introspection, setups.introspection_count,
                                           policy->serving.blocked_networks);
    }
    if (status == SP_OK) {
        const struct sp_json *alerts = sp_setting_value(policy->source, SP_SETTING_ROOT_ALERTS);
        status = sp_warnings_configure(plane->warnings, sp_setting_text(alerts, SP_SETTING_ALERTS_WEBHOOK),
                                       policy->serving.blocked_networks);
        status = status == SP_MALFORMED ? SP_OK : status; /* told; the gateway serves all the same */
    }
    if (status == SP_OK && plane->is_keeping) {
        status =
            sp_keeper_configure(plane->keeper, setups.keeper, setups.keeper_count, policy->serving.blocked_networks);
    }
    sp_arena_destroy(&arena);
    return status;
}

void sp_plane_start_keeping(struct sp_plane *plane)
{
    plane->is_keeping = true;
    if (set_up_issuers(plane, plane->policy) != SP_OK) {
        sp_log(SP_LOG_ERROR, "the issuers cannot be set up");
    }
}

void sp_plane_keep(struct sp_plane *plane)
{
    sp_policy_unref(&plane->policy_before);
}

/* For plane->policy, after another one was refused. */
static void put_back(struct sp_plane *plane)
{
    sp_resolver_configure(plane->resolver, plane->policy, RESOLVE_MS);
    if (sp_plane_publish(plane) != SP_OK || set_up_issuers(plane, plane->policy) != SP_OK) {
        sp_log(SP_LOG_ERROR, "the policy from before could not be written back; nginx goes on with what it has read");
    }
}

void sp_plane_go_back(struct sp_plane *plane)
{
    struct sp_policy *refused = plane->policy;
    if (plane->policy_before == NULL) {
        return; /* nginx was found running with what another control plane had given it */
    }
    plane->policy = plane->policy_before;
    plane->policy_before = NULL;
    put_back(plane);
    if (sp_nginx_write_back(plane->nginx, plane->policy) != SP_OK) {
        sp_log(SP_LOG_ERROR, "nginx's configuration from before could not be written back; nginx does not start with "
                             "the one that it refused");
    }
    sp_policy_unref(&refused);
}

/* Whatever was refused, what ran before goes on. */
static enum sp_status put_in_force(struct sp_plane *plane, struct sp_policy *policy)
{
    struct sp_policy *before = plane->policy;
    enum sp_status status = set_up_issuers(plane, policy);
    if (status != SP_OK) {
        return status;
    }
    sp_resolver_configure(plane->resolver, policy, RESOLVE_MS);
    plane->policy = policy;
    status = sp_plane_publish(plane);
    if (status == SP_OK) {
        status = sp_nginx_apply(plane->nginx, policy);
        plane->attempt.cause = status == SP_MALFORMED ? SP_CAUSE_CONFIG_TYPE : plane->attempt.cause; /* told as that */
    }
    if (status != SP_OK) {
        plane->policy = before;
        if (before != NULL) {
            put_back(plane);
        }
        return status;
    }
    sp_policy_ref(policy);
    sp_policy_unref(&plane->policy_before);
    plane->policy_before = before;
    return SP_OK;
}

/* ---- certificates ---- */

/* What cannot be used at all is refused, here and not by nginx in OpenSSL's words, or by each call. A date refuses
 * nothing: the other listeners, and clients that do not look, are served; and a start in the night is no time for it.
 */
static enum sp_status judge_certificates(const struct sp_policy *policy, struct sp_policy_report *report)
{
    return sp_policy_check_certificates(policy, &sp_certificate_files, time(NULL), true, report);
}

/* The listener's certificate that ends first, when its end is near or past: a warning that stands. Returns that end; 0:
 * there is none. */
static int64_t find_first_end(const struct sp_policy *policy, struct sp_arena *arena,
                              struct sp_document_findings *findings)
{
    const int64_t now = time(NULL);
    int64_t first = now + SP_CERTIFICATE_WARNING_S;
    for (size_t i = 0; i < policy->serving.listener_count; i++) {
        const struct sp_listener *listener = &policy->serving.listeners[i];
        struct sp_certificate_look look = {0};
        if (listener->certificate.len == 0) {
            continue;
        }
        sp_certificate_files.look(sp_certificate_files.context, arena, listener->certificate, listener->key, &look);
        if (look.fault.len == 0 && look.not_after < first) {
            first = look.not_after;
            findings->count = 1;
            findings->rows[0] =
                (struct sp_finding){.cause = SP_CAUSE_CONFIG_CERTIFICATE,
                                    .check = SP_CHECK_COUNT,
                                    .verified = true,
                                    .tolerated = true,
                                    .received = listener->certificate,
                                    .detail = sp_arena_printf(arena, "%s %.*s", first < now ? "it expired" : "it ends",
                                                              SP_STR_ARG(sp_words_instant(arena, first)))};
        }
    }
    return findings->count > 0 ? first : 0;
}

static void look_at_certificates(struct sp_plane *plane, bool tells)
{
    struct sp_policy_report *report = sp_policy_report_create();
    struct sp_arena *arena = sp_arena_create(SETUP_ARENA_BYTES);
    struct sp_document_findings findings = {.count = 0};
    if (report != NULL && arena != NULL) {
        const int64_t end = find_first_end(plane->policy, arena, &findings);
        tells = tells && end != 0 && judge_certificates(plane->policy, report) == SP_OK;
        for (size_t i = 0; i < report->count && tells; i++) {
            tell_problem(plane, &report->problems[i]);
        }
        sp_warnings_take(plane->warnings, "the configuration", SP_WARNING_OF_CONFIGURATION, &findings, end);
    }
    sp_arena_destroy(&arena);
    sp_policy_report_destroy(&report);
}

static void look_each_day(void *data)
{
    struct sp_plane *plane = data;
    look_at_certificates(plane, true);
    sp_timer_set(plane->loop, &plane->certificate_timer, DAY_MS, look_each_day, plane);
}

void sp_plane_watch_certificates(struct sp_plane *plane)
{
    look_at_certificates(plane, false);
    sp_timer_set(plane->loop, &plane->certificate_timer, DAY_MS, look_each_day, plane);
}

static void watch_file(void *data, struct sp_str path)
{
    struct sp_plane *plane = data;
    sp_watched_files_add(&plane->watched, path);
}

static void begin_watching(struct sp_plane *plane)
{
    sp_watched_files_begin(&plane->watched);
    for (size_t i = 0; i < plane->terms->configuration_count && plane->terms->watches; i++) {
        sp_watched_files_add(&plane->watched, plane->terms->configurations[i]);
    }
}

static void end_watching(struct sp_plane *plane, bool was_refused)
{
    sp_watched_files_end(&plane->watched, was_refused);
    if (plane->watched.left_out > 0) {
        sp_log(SP_LOG_WARN,
               "--watch looks at %u files at most; the configuration names %zu more. After a change of one of those "
               "send SIGHUP",
               SP_MAX_WATCHED_FILES, plane->watched.left_out);
    }
}

static enum sp_status configure(struct sp_plane *plane)
{
    char trouble[512];
    struct sp_policy *policy = NULL;
    struct sp_policy_report *report = sp_policy_report_create();
    if (report == NULL) {
        return SP_NO_MEMORY;
    }
    const struct sp_configuration_terms terms = {.paths = plane->terms->configurations,
                                                 .count = plane->terms->configuration_count,
                                                 .names_file = plane->terms->watches ? watch_file : NULL,
                                                 .names_data = plane};
    begin_watching(plane);
    enum sp_status status = sp_configuration_read_as(&terms, &policy, report, trouble);
    if (status == SP_OK) {
        status = judge_certificates(policy, report);
    }
    if (status == SP_OK) {
        status = plane->terms->judge_authority(policy, report);
    }
    for (size_t i = 0; i < report->count; i++) {
        tell_problem(plane, &report->problems[i]);
    }
    if (status == SP_IO) {
        sp_log(SP_LOG_ERROR, "%s", trouble);
    } else if (status == SP_OK && report->error_count > 0) {
        status = SP_MALFORMED;
    } else if (status == SP_OK) {
        status = put_in_force(plane, policy);
    }
    end_watching(plane, status != SP_OK);
    sp_policy_unref(&policy);
    sp_policy_report_destroy(&report);
    return status;
}

enum sp_status sp_plane_configure(struct sp_plane *plane)
{
    plane->attempt = (struct sp_plane_refusal){0};
    sp_log_keep_first_error(plane->attempt.why, sizeof plane->attempt.why);
    enum sp_status status = configure(plane);
    sp_log_keep_first_error(NULL, 0);
    return status;
}
