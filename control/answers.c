/* SPDX-License-Identifier: Apache-2.0 */
/* What is served on STATE/control.sock: the workers' questions, and health, readiness and metrics for people, through
 * nginx. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "control/admin.h"
#include "control/issuer_setups.h"
#include "control/metrics.h"
#include "control/nginx_conf.h"
#include "control/plane_state.h"
#include "core/base/limits.h"

#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MAX_ANSWER_BYTES ((size_t)16 * 1024 * 1024)

/* ---- the workers' questions ---- */

static void keys_done(void *data, const char *outcome, int64_t generation)
{
    char text[128];
    int len = snprintf(text, sizeof text, "{\"generation\":%lld,\"outcome\":\"%s\"}", (long long)generation, outcome);
    sp_exchange_respond(data, 200, JSON_TYPE, sp_str(text, (size_t)len));
}

static void introspection_done(void *data, struct sp_str answer)
{
    sp_exchange_respond(data, 200, JSON_TYPE, answer);
}

static void answer_question(struct sp_plane *plane, struct sp_exchange *exchange, bool for_keys)
{
    struct sp_arena *arena = sp_arena_create(SP_MAX_CONTROL_BODY_BYTES * 2);
    const struct sp_json *question = NULL;
    enum sp_status status = SP_NO_MEMORY;
    if (arena != NULL) {
        status = sp_json_parse(arena, sp_exchange_body(exchange), &sp_json_limits_token, &question, NULL);
    }
    struct sp_str issuer = sp_json_string(sp_json_member(question, SP_STR("issuer")));
    struct sp_str kid = sp_json_string(sp_json_member(question, SP_STR("kid"))),
                  token = sp_json_string(sp_json_member(question, SP_STR("token")));
    if (status == SP_OK && (issuer.at == NULL || (!for_keys && token.at == NULL))) {
        status = SP_MALFORMED;
    }
    if (status == SP_OK && for_keys) {
        status = sp_keeper_look_again(plane->keeper, issuer, kid, keys_done, exchange);
    } else if (status == SP_OK) {
        struct sp_str endpoint = sp_issuer_introspection_endpoint(plane->policy, issuer);
        if (endpoint.at == NULL) {
            endpoint = sp_keeper_introspection_endpoint(plane->keeper, issuer);
        }
        status = sp_introspector_ask(plane->introspector, issuer, endpoint, token, introspection_done, exchange);
    }
    if (status != SP_OK) {
        sp_exchange_respond(exchange,
                            status == SP_NOT_FOUND   ? 404
                            : status == SP_MALFORMED ? 400
                                                     : 503,
                            TEXT_TYPE, sp_str_from_cstr(sp_status_text(status)));
    }
    sp_arena_destroy(&arena);
}

/* ---- health ---- */

static bool has_authority(const struct sp_plane *plane)
{
    return plane->policy != NULL && sp_authority_path(plane->policy).at != NULL;
}

/* Ready: nginx serves, the authority too where there is one, and of every issuer we know whether its keys can be had.
 * An issuer that is out of reach does not make the gateway useless for the others: it is listed, and metrics tell. */
static bool is_ready(const struct sp_plane *plane)
{
    if (plane->policy == NULL || !plane->is_keeping || !sp_nginx_is_serving(plane->nginx)) {
        return false;
    }
    if (has_authority(plane) && !sp_plane_authority_answers(plane)) {
        return false;
    }
    for (size_t i = 0; i < sp_keeper_issuer_count(plane->keeper); i++) {
        struct sp_keeper_status status;
        sp_keeper_status(plane->keeper, i, &status);
        if (status.needs_keys && !status.has_keys && status.failure == SP_CAUSE_NONE) {
            return false;
        }
    }
    return true;
}

static void write_issuer(struct sp_json_writer *json, const struct sp_keeper_status *status, int64_t now)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "issuer", status->name);
    sp_json_string_member(json, "keys",
                          !status->needs_keys                   ? SP_STR("not needed")
                          : !status->has_keys                   ? SP_STR("none")
                          : status->published_issuer.at != NULL ? SP_STR("not used")
                          : status->stale_since != 0            ? SP_STR("stale")
                                                                : SP_STR("fresh"));
    if (status->fetched_at != 0) {
        sp_json_int_member(json, "age_s", now - status->fetched_at);
    }
    if (status->stale_until != 0) {
        sp_json_int_member(json, "stale_until", status->stale_until);
    }
    if (status->failure != SP_CAUSE_NONE) {
        sp_json_string_member(json, "cause", sp_cause_get(status->failure)->id);
        sp_json_string_member(json, "detail", status->failure_detail);
    } else if (status->published_issuer.at != NULL) {
        sp_json_string_member(json, "cause", sp_cause_get(SP_CAUSE_DISCOVERY_ISSUER_MISMATCH)->id);
        sp_json_string_member(json, "published_issuer", status->published_issuer);
    }
    sp_json_end_object(json);
}

static void write_waiting_settings(const struct sp_plane *plane, struct sp_json_writer *json)
{
    enum sp_setting waiting[SP_SETTING_COUNT];
    const size_t count = sp_plane_waiting_settings(plane, waiting);
    if (count == 0) {
        return;
    }
    sp_json_name(json, SP_STR("waits_for_restart"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        char name[128];
        const struct sp_setting_info *info = sp_setting_get(waiting[i]);
        snprintf(name, sizeof name, "%.*s.%.*s", SP_STR_ARG(sp_section_get(info->section)->place),
                 SP_STR_ARG(info->name));
        sp_json_put_string(json, sp_str_from_cstr(name));
    }
    sp_json_end_array(json);
}

/* What was asked for last is not in force, and why. */
static void write_refusal(const struct sp_plane *plane, struct sp_json_writer *json)
{
    const struct sp_plane_refusal *refusal = &plane->refusal;
    if (refusal->at == 0) {
        return;
    }
    sp_json_name(json, SP_STR("refused_configuration"));
    sp_json_begin_object(json);
    sp_json_int_member(json, "at", refusal->at);
    if (refusal->cause != SP_CAUSE_NONE) {
        sp_json_string_member(json, "cause", sp_cause_get(refusal->cause)->id);
    }
    sp_json_string_member(json, "detail", sp_str_from_cstr(refusal->why[0] != '\0' ? refusal->why : "see the log"));
    sp_json_end_object(json);
}

static void answer_ready(struct sp_plane *plane, struct sp_exchange *exchange)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    bool ready = is_ready(plane);
    sp_buffer_init(&text, NULL, MAX_ANSWER_BYTES);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "ready", ready);
    sp_json_string_member(&json, "nginx",
                          sp_nginx_is_serving(plane->nginx) ? SP_STR("serving") : SP_STR("not serving"));
    if (sp_nginx_has_old_module(plane->nginx)) {
        sp_json_string_member(&json, "module", SP_STR("another build than is installed"));
    }
    if (has_authority(plane)) {
        sp_json_string_member(&json, "authority",
                              sp_plane_authority_answers(plane) ? SP_STR("serving") : SP_STR("not serving"));
    }
    write_refusal(plane, &json);
    write_waiting_settings(plane, &json);
    sp_plane_write_call_log(plane, &json);
    sp_warnings_write_json(plane->warnings, &json);
    sp_json_name(&json, SP_STR("issuers"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < sp_keeper_issuer_count(plane->keeper); i++) {
        struct sp_keeper_status status;
        sp_keeper_status(plane->keeper, i, &status);
        write_issuer(&json, &status, time(NULL));
    }
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    sp_exchange_respond(exchange, ready ? 200 : 503, JSON_TYPE, sp_buffer_str(&text));
    sp_buffer_fini(&text);
}

/* ---- metrics ---- */

typedef double issuer_metric(const struct sp_keeper_status *status);

static double key_age(const struct sp_keeper_status *status)
{
    return status->fetched_at != 0 ? (double)(time(NULL) - status->fetched_at) : -1;
}
static double key_count(const struct sp_keeper_status *status)
{
    return (double)status->key_count;
}
static double is_stale(const struct sp_keeper_status *status)
{
    return status->stale_since != 0;
}
static double fetches(const struct sp_keeper_status *status)
{
    return (double)status->fetches;
}
static double failures(const struct sp_keeper_status *status)
{
    return (double)status->failures;
}
static double look_agains(const struct sp_keeper_status *status)
{
    return (double)status->look_agains;
}
static double throttled(const struct sp_keeper_status *status)
{
    return (double)status->throttled;
}
static double clock_skew(const struct sp_keeper_status *status)
{
    return (double)status->clock_skew_s;
}

static void write_issuer_metrics(const struct sp_plane *plane, struct sp_buffer *out)
{
    static const struct {
        const char *name, *kind, *help;
        issuer_metric *value;
    } rows[] = {
        {"sallyport_keys_age_seconds", "gauge", "Seconds since the issuer's key set was fetched; -1: never.", key_age},
        {"sallyport_keys", "gauge", "Usable keys of the issuer.", key_count},
        {"sallyport_keys_stale", "gauge", "1 while the keys cannot be refreshed.", is_stale},
        {"sallyport_keys_fetches_total", "counter", "Fetches of metadata and key sets.", fetches},
        {"sallyport_keys_fetch_failures_total", "counter", "Refreshes that failed.", failures},
        {"sallyport_keys_look_again_total", "counter", "Times that workers asked for an unknown kid.", look_agains},
        {"sallyport_keys_look_again_throttled_total", "counter",
         "Of these, answered without a fetch because of the throttle.", throttled},
        {"sallyport_issuer_clock_skew_seconds", "gauge", "The issuer's clock minus ours.", clock_skew},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        sp_metric_describe(out, rows[row].name, rows[row].kind, rows[row].help);
        for (size_t i = 0; i < sp_keeper_issuer_count(plane->keeper); i++) {
            struct sp_keeper_status status;
            sp_keeper_status(plane->keeper, i, &status);
            sp_metric_sample(out, rows[row].name, "issuer", status.name, rows[row].value(&status));
        }
    }
}

static void write_own_metrics(const struct sp_plane *plane, struct sp_buffer *out)
{
    struct sp_introspector_counts counts;
    sp_introspector_counts(plane->introspector, &counts);
    const struct {
        const char *result;
        uint64_t count;
    } introspections[] = {{"asked", counts.asked},
                          {"from_cache", counts.from_cache},
                          {"joined", counts.joined},
                          {"failed", counts.failed}};
    sp_metric_describe(out, "sallyport_introspections_total", "counter", "Introspections by what became of them.");
    for (size_t i = 0; i < sizeof introspections / sizeof introspections[0]; i++) {
        sp_metric_sample(out, "sallyport_introspections_total", "result", sp_str_from_cstr(introspections[i].result),
                         (double)introspections[i].count);
    }
    sp_metric_describe(out, "sallyport_configuration_reloads_total", "counter", "Reloads of the configuration.");
    sp_metric_sample(out, "sallyport_configuration_reloads_total", "result", SP_STR("applied"), (double)plane->reloads);
    sp_metric_sample(out, "sallyport_configuration_reloads_total", "result", SP_STR("refused"),
                     (double)plane->refused_reloads);
    sp_metric_describe(out, "sallyport_configuration_refused", "gauge",
                       "1 while the configuration that was asked for last is not in force, with its cause, if it has "
                       "one.");
    sp_metric_sample(out, "sallyport_configuration_refused", "cause", sp_cause_get(plane->refusal.cause)->id,
                     plane->refusal.at != 0);
    sp_metric_describe(out, "sallyport_nginx_restarts_total", "counter",
                       "Times that nginx died and was started again.");
    sp_metric_sample(out, "sallyport_nginx_restarts_total", NULL, SP_STR_NONE, (double)sp_nginx_restarts(plane->nginx));
    sp_metric_describe(out, "sallyport_nginx_old_module", "gauge",
                       "1 while nginx runs another build of the module than is installed, which it refused.");
    sp_metric_sample(out, "sallyport_nginx_old_module", NULL, SP_STR_NONE, sp_nginx_has_old_module(plane->nginx));
    if (has_authority(plane)) {
        sp_metric_describe(out, "sallyport_authority_up", "gauge", "1 while the authority takes connections.");
        sp_metric_sample(out, "sallyport_authority_up", NULL, SP_STR_NONE, sp_plane_authority_answers(plane));
        sp_metric_describe(out, "sallyport_authority_restarts_total", "counter",
                           "Times that the authority died and was to be started again.");
        sp_metric_sample(out, "sallyport_authority_restarts_total", NULL, SP_STR_NONE,
                         (double)plane->authority_restarts);
    }
    sp_metric_describe(out, "sallyport_ready", "gauge", "1 while /readyz says so.");
    sp_metric_sample(out, "sallyport_ready", NULL, SP_STR_NONE, is_ready(plane));
    write_issuer_metrics(plane, out);
    sp_warnings_write_metrics(plane->warnings, out, time(NULL));
}

/* The workers' counters come from nginx; without them ours are told all the same. */
static void answer_metrics_with(const struct sp_plane *plane, struct sp_exchange *exchange, struct sp_str gateway)
{
    struct sp_buffer text;
    sp_buffer_init(&text, NULL, 2 * MAX_ANSWER_BYTES);
    sp_buffer_append(&text, gateway);
    write_own_metrics(plane, &text);
    sp_exchange_respond(exchange, 200, METRICS_TYPE, sp_buffer_str(&text));
    sp_buffer_fini(&text);
}

static void gateway_metrics_came(void *data, const struct sp_fetch_report *report)
{
    struct sp_exchange *exchange = data;
    struct sp_plane *plane = sp_exchange_data(exchange);
    answer_metrics_with(plane, exchange, report->http_status == 200 && !report->too_large ? report->body : SP_STR_NONE);
}

static void answer_metrics(struct sp_plane *plane, struct sp_exchange *exchange)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/gateway.sock", plane->terms->state);
    struct sp_http_request request = {
        .url = SP_STR("http://localhost/_sallyport/status?format=prometheus"),
        .accept = SP_STR("text/plain"),
        .unix_socket = sp_str(path, (size_t)len),
        .connect_timeout_ms = 1000,
        .timeout_ms = 3000,
        .max_bytes = MAX_ANSWER_BYTES,
    };
    struct sp_http_call *call;
    if (sp_http_call_create(&request, &call) != SP_OK ||
        sp_fetcher_start(plane->fetcher, call, gateway_metrics_came, exchange) != SP_OK) {
        answer_metrics_with(plane, exchange, SP_STR_NONE);
    }
}

/* ---- which is which ---- */

static void answer_health(struct sp_plane *plane, struct sp_exchange *exchange)
{
    (void)plane;
    sp_exchange_respond(exchange, 200, JSON_TYPE, SP_STR("{\"status\":\"ok\"}"));
}

static void answer_keys_question(struct sp_plane *plane, struct sp_exchange *exchange)
{
    answer_question(plane, exchange, true);
}

static void answer_introspection_question(struct sp_plane *plane, struct sp_exchange *exchange)
{
    answer_question(plane, exchange, false);
}

/* HEAD is GET without the body, which MHD leaves out (RFC 9110 9.3.2): load balancers ask so. */
static bool takes(struct sp_str method, struct sp_str asked)
{
    return sp_str_equal(method, asked) || (sp_str_equal(method, SP_STR("GET")) && sp_str_equal(asked, SP_STR("HEAD")));
}

static void refuse_method(struct sp_exchange *exchange, struct sp_str method)
{
    const struct sp_exchange_header allow = {"Allow",
                                             sp_str_equal(method, SP_STR("GET")) ? SP_STR("GET, HEAD") : method};
    sp_exchange_respond_with(exchange, 405, TEXT_TYPE, SP_STR("This address does not take this method.\n"), &allow, 1);
}

void sp_plane_answer(void *data, struct sp_exchange *exchange)
{
    static const struct {
        struct sp_str method, path;
        void (*answer)(struct sp_plane *plane, struct sp_exchange *exchange);
    } rows[] = {
        {{"GET", 3}, {"/healthz", 8}, answer_health},
        {{"GET", 3}, {"/readyz", 7}, answer_ready},
        {{"GET", 3}, {"/metrics", 8}, answer_metrics},
        {{"POST", 4}, {"/internal/keys", 14}, answer_keys_question},
        {{"POST", 4}, {"/internal/introspect", 20}, answer_introspection_question},
    };
    bool is_question = sp_str_has_prefix(sp_exchange_path(exchange), SP_STR("/internal/"));
    if (!is_question && sp_admin_refuses_name(data, exchange)) {
        return;
    }
    if (sp_str_has_prefix(sp_exchange_path(exchange), SP_STR(SP_ADMIN_PREFIX))) {
        sp_admin_serve(data, exchange);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (sp_str_equal(rows[i].path, sp_exchange_path(exchange))) {
            if (takes(rows[i].method, sp_exchange_method(exchange))) {
                rows[i].answer(data, exchange);
            } else {
                refuse_method(exchange, rows[i].method);
            }
            return;
        }
    }
    sp_exchange_respond(exchange, 404, TEXT_TYPE, SP_STR(SP_NGINX_ADMIN_PLACES "\n"));
}

void sp_plane_exchange_ended(void *data, struct sp_exchange *exchange)
{
    struct sp_plane *plane = data;
    sp_keeper_forget(plane->keeper, exchange);
    sp_introspector_forget(plane->introspector, exchange);
    sp_fetcher_cancel(plane->fetcher, exchange);
}
