/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/record.h"

#include "core/base/buffer.h"
#include "gateway/cut_off.h"
#include "gateway/metrics.h"
#include "gateway/record_token.h"
#include "gateway/snapshot.h"
#include "gateway/worker.h"

#define MAX_RECORD_BYTES (512u * 1024)

static uint64_t total_ms(const ngx_http_request_t *request)
{
    const ngx_time_t *now = ngx_timeofday();
    const int64_t ms =
        ((int64_t)now->sec - (int64_t)request->start_sec) * 1000 + ((int64_t)now->msec - (int64_t)request->start_msec);
    return ms > 0 ? (uint64_t)ms : 0;
}

/* We accepted, the API did not: the one thing that a client cannot tell from our own 401. */
static bool is_token_rejected_upstream(const struct sp_call *call)
{
    const ngx_http_upstream_state_t *attempt = sp_last_attempt(call->request);
    return call->stage == SP_STAGE_PASSED && call->has_facts && call->match.api->forwards_token && attempt != NULL &&
           (attempt->status == NGX_HTTP_UNAUTHORIZED || attempt->status == NGX_HTTP_FORBIDDEN);
}

enum sp_cause sp_record_cause(const struct sp_call *call)
{
    if (call->cause != SP_CAUSE_NONE) {
        return call->cause;
    }
    return is_token_rejected_upstream(call) ? SP_CAUSE_UPSTREAM_REJECTED_TOKEN
           : sp_is_cut_off(call->request)   ? SP_CAUSE_REQUEST_MALFORMED
                                            : SP_CAUSE_NONE;
}

/* No gate stands before what it asks for: the authority's endpoints, which judge by themselves and have a log of their
 * own. Their answer says how it went. */
static bool is_unguarded(const struct sp_call *call)
{
    return call->stage == SP_STAGE_BEGIN && call->cause == SP_CAUSE_NONE;
}

static bool is_accepted(const struct sp_call *call)
{
    const ngx_uint_t status = call->request->headers_out.status; /* 0: nothing was said */
    return call->stage == SP_STAGE_PASSED || (is_unguarded(call) && status > 0 && status < NGX_HTTP_BAD_REQUEST);
}

static enum sp_call_outcome outcome_of(const struct sp_call *call)
{
    const ngx_uint_t status = call->request->headers_out.status;
    if (is_accepted(call)) {
        return call->upstream_cause == SP_CAUSE_NONE ? SP_CALL_ACCEPTED : SP_CALL_UPSTREAM_FAILED;
    }
    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return SP_CALL_UNDECIDED;
    }
    return is_unguarded(call) && status >= NGX_HTTP_INTERNAL_SERVER_ERROR ? SP_CALL_UPSTREAM_FAILED : SP_CALL_REFUSED;
}

ngx_int_t sp_record_handler(ngx_http_request_t *request)
{
    struct sp_call *call = sp_call_find(request);
    struct sp_metrics *metrics;
    if (call == NULL || (metrics = sp_metrics_of(call->conf)) == NULL) {
        return NGX_OK;
    }
    const enum sp_cause cause = sp_record_cause(call);
    sp_metrics_call(sp_snapshot_counters(call->snapshot, metrics, call->match.api), outcome_of(call));
    if (cause != SP_CAUSE_NONE) {
        sp_metrics_cause(metrics, cause);
    }
    sp_metrics_time(metrics, SP_TIME_TOTAL, total_ms(request) * 1000);
    const ngx_http_upstream_state_t *attempt = sp_last_attempt(request);
    if (attempt != NULL && attempt->response_time != (ngx_msec_t)-1) {
        sp_metrics_time(metrics, SP_TIME_UPSTREAM, (uint64_t)attempt->response_time * 1000);
    }
    if (call->judged_us > 0) {
        sp_metrics_time(metrics, SP_TIME_JUDGEMENT, call->judged_us);
    }
    return NGX_OK;
}

/* ---- the line ---- */
/* "2026-11-23T13:41:03.123Z"; the part down to the second is made once a second. */
static void put_time(struct sp_json_writer *json, struct sp_record_clock *clock)
{
    const ngx_time_t *now = ngx_timeofday();
    if (clock->second != now->sec) {
        ngx_tm_t tm;
        ngx_gmtime(now->sec, &tm);
        ngx_snprintf((u_char *)clock->text, sizeof clock->text, "%4d-%02d-%02dT%02d:%02d:%02d.000Z", tm.ngx_tm_year,
                     tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
        clock->second = now->sec;
    }
    clock->text[20] = (char)('0' + now->msec / 100 % 10);
    clock->text[21] = (char)('0' + now->msec / 10 % 10);
    clock->text[22] = (char)('0' + now->msec % 10);
    sp_json_string_member(json, "time", sp_str(clock->text, sizeof clock->text));
}

static void put_optional(struct sp_json_writer *json, const char *name, struct sp_str value)
{
    if (value.len > 0) {
        sp_json_string_member(json, name, value);
    }
}

static void put_caller(struct sp_json_writer *json, const struct sp_call *call)
{
    sp_json_string_member(json, "client_address", sp_str_of(call->request->connection->addr_text));
    if (call->consumer != NULL) {
        sp_json_string_member(json, "consumer", call->consumer->name);
    }
    if (call->has_facts) {
        put_optional(json, "subject", call->facts.subject);
        put_optional(json, "client_id", call->facts.client_id);
        sp_json_string_member(json, "issuer", call->snapshot->policy->issuers[call->facts.issuer].name);
    }
}

static void put_milliseconds(struct sp_json_writer *json, const char *name, ngx_msec_t ms)
{
    if (ms != (ngx_msec_t)-1) {
        sp_json_int_member(json, name, (int64_t)ms);
    }
}

static void put_timings(struct sp_json_writer *json, const struct sp_call *call)
{
    sp_json_name(json, SP_STR("timings"));
    sp_json_begin_object(json);
    sp_json_int_member(json, "total_ms", (int64_t)total_ms(call->request));
    if (call->judged_us > 0) {
        sp_json_int_member(json, "judgement_us", call->judged_us);
    }
    if (call->asked_ms > 0) {
        sp_json_int_member(json, "control_ms", call->asked_ms);
    }
    const ngx_http_upstream_state_t *attempt = sp_last_attempt(call->request);
    if (attempt != NULL) {
        put_milliseconds(json, "connect_ms", attempt->connect_time);
        put_milliseconds(json, "header_ms", attempt->header_time);
        put_milliseconds(json, "upstream_ms", attempt->response_time);
    }
    sp_json_end_object(json);
}

static void put_upstream(struct sp_json_writer *json, const struct sp_call *call)
{
    const ngx_http_upstream_state_t *attempt = sp_last_attempt(call->request);
    if (attempt == NULL || attempt->peer == NULL) {
        return;
    }
    sp_json_string_member(json, "upstream", sp_str_of(*attempt->peer));
    sp_json_int_member(json, "upstream_status", (int64_t)attempt->status);
    if (call->request->upstream_states->nelts > 1) {
        sp_json_int_member(json, "upstream_tries", (int64_t)call->request->upstream_states->nelts);
    }
}

/* What a request may say of itself, where its line has to be short. */
#define MAX_BRIEF_BYTES 1024u

static struct sp_str brief(struct sp_str text, bool is_brief)
{
    return is_brief ? sp_str_slice(text, 0, MAX_BRIEF_BYTES) : text;
}

static bool is_worth_telling(const struct sp_verdict *verdict)
{
    return verdict != NULL && (!verdict->accepted || verdict->also_count > 0);
}

/* nginx answers what it gives up from a location of ours, by GET: the line is of what the client asked for, and of
 * nothing where that could not be read. */
static struct sp_str asked_path(const ngx_http_request_t *request)
{
    const struct sp_str asked = sp_str_of(request->unparsed_uri);
    return request->internal ? sp_str_slice(asked, 0, sp_str_index_of(asked, '?', 0)) : sp_str_of(request->uri);
}

static struct sp_str asked_method(const ngx_http_request_t *request)
{
    const struct sp_str line = sp_str_of(request->request_line);
    return request->internal ? sp_str_slice(line, 0, sp_str_index_of(line, ' ', 0)) : sp_str_of(request->method_name);
}

static void write_line(struct sp_json_writer *json, struct sp_call *call, bool is_brief)
{
    const ngx_http_request_t *request = call->request;
    const struct sp_str api = call->match.api != NULL ? call->match.api->name : SP_STR_NONE;
    sp_json_begin_object(json);
    put_time(json, &call->conf->worker->clock);
    sp_json_string_member(json, "request_id", call->request_id);
    put_optional(json, "api", api);
    put_optional(json, "route", call->match.api != NULL ? call->match.api->path : SP_STR_NONE);
    sp_json_string_member(json, "method", brief(asked_method(request), is_brief));
    sp_json_string_member(json, "host", brief(sp_str_of(request->headers_in.server), is_brief));
    sp_json_string_member(json, "path", brief(asked_path(request), is_brief));
    sp_json_int_member(json, "status", (int64_t)request->headers_out.status);
    sp_json_int_member(json, "bytes_in", (int64_t)request->request_length);
    sp_json_int_member(json, "bytes_out", (int64_t)request->connection->sent);
    put_caller(json, call);
    sp_json_bool_member(json, "accepted", is_accepted(call));
    const enum sp_cause cause = sp_record_cause(call);
    if (cause != SP_CAUSE_NONE) {
        sp_json_string_member(json, "cause", sp_cause_get(cause)->id);
    }
    if (call->credential.kind == SP_CREDENTIAL_BEARER) {
        sp_json_string_member(json, "cache", call->was_cached ? SP_STR("shared") : SP_STR("miss"));
    }
    if (is_brief) {
        sp_json_bool_member(json, "cut", true);
    } else {
        sp_record_credential(json, call);
    }
    put_upstream(json, call);
    put_timings(json, call);
    if (!is_brief && is_worth_telling(call->verdict)) {
        sp_json_name(json, SP_STR("verdict"));
        sp_verdict_write(json, call->verdict, ngx_time());
    }
    sp_json_end_object(json);
}

struct sp_str sp_record_line(struct sp_call *call)
{
    struct sp_arena *arena = sp_call_arena(call);
    if (arena == NULL) {
        return SP_STR_NONE;
    }
    struct sp_buffer out;
    struct sp_json_writer json;
    sp_buffer_init(&out, arena, MAX_RECORD_BYTES);
    sp_json_writer_init(&json, &out, false);
    write_line(&json, call, false);
    if (sp_buffer_status(&out) != SP_OK) {
        /* Nobody makes their call go untold by saying too much. */
        sp_buffer_clear(&out);
        sp_json_writer_init(&json, &out, false);
        write_line(&json, call, true);
    }
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}
