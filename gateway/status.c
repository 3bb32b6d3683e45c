/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/status.h"

#include <inttypes.h>

#include "core/base/buffer.h"
#include "core/base/json.h"
#include "gateway/metrics.h"
#include "gateway/refusal.h"

#define MAX_STATUS_BYTES (32u << 20)

static const struct {
    const char *name, *help;
} counters[SP_COUNTERS] = {
#define COUNTER(symbol, name, help) [SP_COUNT_##symbol] = {name, help},
#include "gateway/counters.def"
#undef COUNTER
};

static uint64_t value_of(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* The i-th API that was ever called; the last is all others. NULL: no such. */
static const struct sp_route_counters *route_at(const struct sp_metrics *metrics, uint32_t i)
{
    const struct sp_route_counters *route = i < metrics->route_slots ? &metrics->routes[i] : &metrics->other;
    return i == metrics->route_slots || __atomic_load_n(&route->name_len, __ATOMIC_ACQUIRE) > 0 ? route : NULL;
}

static void write_routes(struct sp_json_writer *json, const struct sp_metrics *metrics)
{
    sp_json_name(json, SP_STR("routes"));
    sp_json_begin_object(json);
    for (uint32_t i = 0; i <= metrics->route_slots; i++) {
        const struct sp_route_counters *route = route_at(metrics, i);
        if (route == NULL) {
            continue;
        }
        sp_json_name(json, sp_str(route->name, route->name_len));
        sp_json_begin_object(json);
        for (size_t outcome = 0; outcome < SP_CALL_OUTCOMES; outcome++) {
            sp_json_int_member(json, sp_call_outcome_names[outcome], (int64_t)value_of(&route->calls[outcome]));
        }
        sp_json_end_object(json);
    }
    sp_json_end_object(json);
}

static void write_histogram(struct sp_json_writer *json, const char *name, const struct sp_histogram_state *state)
{
    sp_json_name(json, sp_str_from_cstr(name));
    sp_json_begin_object(json);
    uint64_t count = 0;
    for (size_t i = 0; i <= SP_HISTOGRAM_BUCKETS; i++) {
        count += value_of(&state->buckets[i]);
    }
    sp_json_int_member(json, "count", (int64_t)count);
    sp_json_int_member(json, "sum_us", (int64_t)value_of(&state->sum_us));
    sp_json_name(json, SP_STR("bounds_us"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < SP_HISTOGRAM_BUCKETS; i++) {
        sp_json_put_int(json, sp_histogram_bounds_us[i]);
    }
    sp_json_end_array(json);
    sp_json_name(json, SP_STR("buckets"));
    sp_json_begin_array(json);
    for (size_t i = 0; i <= SP_HISTOGRAM_BUCKETS; i++) {
        sp_json_put_int(json, (int64_t)value_of(&state->buckets[i]));
    }
    sp_json_end_array(json);
    sp_json_end_object(json);
}

static void write_json(struct sp_buffer *out, const struct sp_metrics *metrics)
{
    struct sp_json_writer json;
    sp_json_writer_init(&json, out, false);
    sp_json_begin_object(&json);
    write_routes(&json, metrics);
    sp_json_name(&json, SP_STR("causes"));
    sp_json_begin_object(&json);
    for (size_t cause = 1; cause < SP_CAUSE_COUNT; cause++) {
        if (value_of(&metrics->causes[cause]) > 0) {
            sp_json_name(&json, sp_cause_get((enum sp_cause)cause)->id);
            sp_json_put_int(&json, (int64_t)value_of(&metrics->causes[cause]));
        }
    }
    sp_json_end_object(&json);
    sp_json_name(&json, SP_STR("counters"));
    sp_json_begin_object(&json);
    for (size_t i = 0; i < SP_COUNTERS; i++) {
        sp_json_int_member(&json, counters[i].name, (int64_t)value_of(&metrics->counters[i]));
    }
    sp_json_end_object(&json);
    sp_json_name(&json, SP_STR("times"));
    sp_json_begin_object(&json);
    for (size_t i = 0; i < SP_HISTOGRAMS; i++) {
        write_histogram(&json, sp_histogram_names[i], &metrics->histograms[i]);
    }
    sp_json_end_object(&json);
    sp_json_end_object(&json);
}

/* Prometheus' text format: a label's value escapes backslash, quote and line end. */
static void append_label(struct sp_buffer *out, struct sp_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '\\' || value.at[i] == '"') {
            sp_buffer_append_char(out, '\\');
        }
        sp_buffer_append_char(out, value.at[i] == '\n' ? ' ' : value.at[i]);
    }
}

static void write_prometheus_histogram(struct sp_buffer *out, const char *name, const struct sp_histogram_state *state)
{
    uint64_t below = 0;
    for (size_t i = 0; i < SP_HISTOGRAM_BUCKETS; i++) {
        below += value_of(&state->buckets[i]);
        sp_buffer_printf(out, "sallyport_call_seconds_bucket{part=\"%s\",le=\"%g\"} %" PRIu64 "\n", name,
                         (double)sp_histogram_bounds_us[i] / 1e6, below);
    }
    below += value_of(&state->buckets[SP_HISTOGRAM_BUCKETS]);
    sp_buffer_printf(out, "sallyport_call_seconds_bucket{part=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, below);
    sp_buffer_printf(out, "sallyport_call_seconds_sum{part=\"%s\"} %.6f\n", name,
                     (double)value_of(&state->sum_us) / 1e6);
    sp_buffer_printf(out, "sallyport_call_seconds_count{part=\"%s\"} %" PRIu64 "\n", name, below);
}

static void write_prometheus(struct sp_buffer *out, const struct sp_metrics *metrics)
{
    sp_buffer_append(out, SP_STR("# HELP sallyport_requests_total Calls by API and outcome.\n"
                                 "# TYPE sallyport_requests_total counter\n"));
    for (uint32_t i = 0; i <= metrics->route_slots; i++) {
        const struct sp_route_counters *route = route_at(metrics, i);
        for (size_t outcome = 0; route != NULL && outcome < SP_CALL_OUTCOMES; outcome++) {
            sp_buffer_append(out, SP_STR("sallyport_requests_total{route=\""));
            append_label(out, sp_str(route->name, route->name_len));
            sp_buffer_printf(out, "\",outcome=\"%s\"} %" PRIu64 "\n", sp_call_outcome_names[outcome],
                             value_of(&route->calls[outcome]));
        }
    }
    sp_buffer_append(out, SP_STR("# HELP sallyport_refusals_total Calls that were not served, by cause.\n"
                                 "# TYPE sallyport_refusals_total counter\n"));
    for (size_t cause = 1; cause < SP_CAUSE_COUNT; cause++) {
        if (value_of(&metrics->causes[cause]) > 0) {
            sp_buffer_printf(out, "sallyport_refusals_total{cause=\"%.*s\"} %" PRIu64 "\n",
                             SP_STR_ARG(sp_cause_get((enum sp_cause)cause)->id), value_of(&metrics->causes[cause]));
        }
    }
    for (size_t i = 0; i < SP_COUNTERS; i++) {
        sp_buffer_printf(
            out, "# HELP sallyport_%s_total %s\n# TYPE sallyport_%s_total counter\nsallyport_%s_total %" PRIu64 "\n",
            counters[i].name, counters[i].help, counters[i].name, counters[i].name, value_of(&metrics->counters[i]));
    }
    sp_buffer_append(
        out, SP_STR("# HELP sallyport_call_seconds Time of calls: in total, at the API, and for the judgement.\n"
                    "# TYPE sallyport_call_seconds histogram\n"));
    for (size_t i = 0; i < SP_HISTOGRAMS; i++) {
        write_prometheus_histogram(out, sp_histogram_names[i], &metrics->histograms[i]);
    }
}

/* For whoever asks often: how the call log is written. */
static void write_call_log(struct sp_buffer *out, const struct sp_metrics *metrics)
{
    struct sp_json_writer json;
    sp_json_writer_init(&json, out, false);
    sp_json_begin_object(&json);
    sp_json_bool_member(&json, "fails", __atomic_load_n(&metrics->call_log_fails, __ATOMIC_RELAXED) != 0);
    sp_json_int_member(&json, "error", __atomic_load_n(&metrics->call_log_error, __ATOMIC_RELAXED));
    sp_json_int_member(&json, "lines_lost", (int64_t)value_of(&metrics->counters[SP_COUNT_CALL_LOG_LOST]));
    sp_json_end_object(&json);
}

struct form {
    struct sp_str name, type; /* name: of ?format= */
    void (*write)(struct sp_buffer *out, const struct sp_metrics *metrics);
};

/* The first stands for all other names. */
static const struct form *form_of(ngx_http_request_t *request)
{
    static const struct form forms[] = {
        {{"json", 4}, {"application/json", 16}, write_json},
        {{"prometheus", 10}, {"text/plain; version=0.0.4", 25}, write_prometheus},
        {{"call_log", 8}, {"application/json", 16}, write_call_log},
    };
    ngx_str_t format;
    if (ngx_http_arg(request, (u_char *)(uintptr_t) "format", 6, &format) == NGX_OK) {
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            if (sp_str_equal(sp_str_of(format), forms[i].name)) {
                return &forms[i];
            }
        }
    }
    return &forms[0];
}

ngx_int_t sp_status_handler(ngx_http_request_t *request)
{
    const struct sp_metrics *metrics = sp_metrics_of(sp_main_conf_of(request));
    if (metrics == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }
    const struct form *form = form_of(request);
    struct sp_buffer out;
    sp_buffer_init(&out, NULL, MAX_STATUS_BYTES);
    form->write(&out, metrics);
    ngx_int_t rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    u_char *copy = sp_buffer_status(&out) == SP_OK ? ngx_pnalloc(request->pool, out.len) : NULL;
    if (copy != NULL) {
        memcpy(copy, out.at, out.len);
        rc = sp_respond(request, NGX_HTTP_OK, form->type, sp_str((char *)copy, out.len));
    }
    sp_buffer_fini(&out);
    return rc;
}
