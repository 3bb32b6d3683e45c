/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/examination.h"

#include "core/base/buffer.h"
#include "gateway/client_certificate.h"
#include "gateway/control_call.h"
#include "gateway/metrics.h"
#include "gateway/replay.h"
#include "gateway/snapshot.h"
#include "gateway/verdict_cache.h"
#include "gateway/worker.h"

#define QUIET_MS 250        /* after an answer about keys the same issuer is not asked about again */
#define UNDATED_TOKEN_S 300 /* a token without exp is looked at anew that often */

/* Routes that ask the issuer about JWTs too must not profit from a route that did not. */
static uint64_t generation_of(const struct sp_call *call, const struct sp_snapshot *snapshot)
{
    return snapshot->generation ^ (call->match.requirements->introspect_jwt ? 1u : 0u);
}

static struct sp_cache_query query_of(struct sp_call *call, const struct sp_snapshot *snapshot)
{
    return (struct sp_cache_query){
        .expected = call->expected,
        .small = call->conf->cache_zone,
        .large = call->conf->cache_large_zone,
        .token = call->credential.value,
        .generation = generation_of(call, snapshot),
        .now_s = ngx_time(),
    };
}

/* Whether the issuer was asked for what is remembered of the token. */
static bool was_introspected(const struct sp_call *call)
{
    return call->facts.kind == SP_TOKEN_OPAQUE || call->match.requirements->introspect_jwt;
}

/* Nothing is kept for that long: it was kept before the clock was set back, and the token may be revoked since. Two
 * workers' seconds may differ by one. */
static bool is_from_another_clock(const struct sp_call *call, int64_t until_s, int64_t now_s)
{
    return was_introspected(call) &&
           until_s - now_s > call->snapshot->policy->issuers[call->facts.issuer].introspection_cache_s + 1;
}

bool sp_examination_is_known(struct sp_call *call)
{
    if (call->credential.kind != SP_CREDENTIAL_BEARER) {
        return false;
    }
    const struct sp_cache_query query = query_of(call, call->snapshot);
    int64_t until_s = 0;
    call->was_cached = sp_verdict_cache_find(&query, call->request->pool, &call->facts, &until_s) &&
                       call->facts.issuer < call->snapshot->knowledge->world.issuer_count &&
                       !is_from_another_clock(call, until_s, query.now_s);
    sp_metrics_count(sp_metrics_of(call->conf), call->was_cached ? SP_COUNT_CACHE_SHARED : SP_COUNT_CACHE_MISS);
    if (!call->was_cached) {
        return false;
    }
    const struct sp_world *world = &call->snapshot->knowledge->world;
    call->has_facts = sp_facts_judge(&call->facts, call->match.requirements, world, query.now_s) == SP_CHECK_COUNT;
    return call->has_facts;
}

/* ---- questions ---- */
static struct sp_str question(struct sp_arena *arena, struct sp_str issuer, const char *name, struct sp_str value)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_buffer_init(&text, arena, 256 * 1024);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "issuer", issuer);
    sp_json_string_member(&json, name, value);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static struct sp_str issuer_name(const struct sp_call *call)
{
    return call->snapshot->policy->issuers[sp_exam_issuer(call->exam)].name;
}

static ngx_int_t ask(struct sp_call *call, enum sp_question what)
{
    const bool for_keys = what == SP_ASK_KEYS;
    const struct sp_str body = question(call->arena, issuer_name(call), for_keys ? "kid" : "token",
                                        for_keys ? sp_exam_kid(call->exam) : call->credential.value);
    if (body.at == NULL) {
        return NGX_ERROR;
    }
    sp_metrics_count(sp_metrics_of(call->conf), for_keys ? SP_COUNT_ASK_KEYS : SP_COUNT_ASK_INTROSPECTION);
    call->asked = what;
    return sp_control_ask(call, what, body);
}

/* ---- answers ---- */
/* An answer stands for a moment: tokens with invented kids do not each cost a question (the keeper fetches once in 10 s
 * anyway). New keys come with a new snapshot, which has forgotten it. */
static struct sp_quiet *quiet_of(const struct sp_call *call)
{
    const struct sp_snapshot *snapshot = call->renewed != NULL ? call->renewed : call->snapshot;
    return &snapshot->quiet[sp_exam_issuer(call->exam)];
}

/* Keys that came while the call waited. When a policy came too, its issuers may be others, and the call is judged by
 * the one it began with. */
static ngx_int_t renew_snapshot(struct sp_call *call)
{
    sp_snapshot_refresh(call->conf);
    if (call->renewed != NULL || call->conf->snapshot == call->snapshot) {
        return NGX_OK;
    }
    call->renewed = call->conf->snapshot->policy == call->snapshot->policy
                        ? sp_snapshot_ref(call->conf->snapshot)
                        : sp_snapshot_renew(call->conf, call->snapshot);
    return call->renewed != NULL ? NGX_OK : NGX_ERROR;
}

/* The world as the keeper left it, with a note that it looked. When it could not be asked, nothing can be decided: that
 * is a failure of the keys, not of the token. */
static const struct sp_world *renewed_world(struct sp_call *call, bool was_reachable)
{
    if (renew_snapshot(call) != NGX_OK) {
        return NULL;
    }
    const struct sp_snapshot *snapshot = call->renewed != NULL ? call->renewed : call->snapshot;
    const struct sp_world *now = &snapshot->knowledge->world;
    struct sp_world *world = SP_ARENA_NEW(call->arena, struct sp_world);
    struct sp_known_issuer *issuers = sp_arena_calloc(call->arena, now->issuer_count, sizeof *issuers);
    if (world == NULL || issuers == NULL) {
        return NULL;
    }
    memcpy(issuers, now->issuers, now->issuer_count * sizeof *issuers);
    struct sp_issuer_knowledge *known = &issuers[sp_exam_issuer(call->exam)].known;
    known->refetched = true;
    if (!was_reachable) {
        known->refetched = false;
        known->failure = SP_CAUSE_KEYS_UNREACHABLE;
        known->failure_detail = SP_STR("the control plane did not answer");
    }
    *world = *now;
    world->issuers = issuers;
    return world;
}

static ngx_int_t give_keys(struct sp_call *call, bool was_reachable)
{
    const struct sp_world *world = renewed_world(call, was_reachable);
    if (world == NULL) {
        return NGX_ERROR;
    }
    sp_exam_give_world(call->exam, world);
    return NGX_OK;
}

/* {"outcome":"answered","answer":{…}} or {"outcome":…,"reason":ID,"status":N,"detail":"…"}. */
static ngx_int_t give_introspection(struct sp_call *call)
{
    const struct sp_json *answer = NULL;
    struct sp_json_error error;
    if (call->answer.status != NGX_HTTP_OK ||
        sp_json_parse(call->arena, call->answer.body, &sp_json_limits_document, &answer, &error) != SP_OK) {
        sp_metrics_count(sp_metrics_of(call->conf), SP_COUNT_ASK_FAILED);
        sp_exam_give_introspection(call->exam, SP_STR_NONE, SP_CAUSE_INTROSPECTION_UNREACHABLE, SP_CAUSE_NONE,
                                   SP_STR("the control plane did not answer"));
        return NGX_OK;
    }
    const struct sp_json *body = sp_json_member(answer, SP_STR("answer"));
    const struct sp_str outcome = sp_json_string(sp_json_member(answer, SP_STR("outcome")));
    if (sp_str_equal(outcome, SP_STR("answered")) && body != NULL) {
        const int64_t longest =
            ngx_time() + call->snapshot->policy->issuers[sp_exam_issuer(call->exam)].introspection_cache_s;
        int64_t keep_until;
        if (sp_json_int64(sp_json_member(answer, SP_STR("keep_until")), &keep_until) != SP_OK || keep_until > longest) {
            keep_until = longest;
        }
        call->answer_until = keep_until;
        const struct sp_str text =
            body->type == SP_JSON_STRING || body->type == SP_JSON_OBJECT ? body->text : SP_STR_NONE;
        sp_exam_give_introspection(call->exam, text, SP_CAUSE_NONE, SP_CAUSE_NONE, SP_STR_NONE);
        return NGX_OK;
    }
    enum sp_cause failure = sp_cause_find(sp_json_string(sp_json_member(answer, SP_STR("cause"))));
    if (failure == SP_CAUSE_NONE) {
        failure = sp_cause_find(outcome);
    }
    sp_exam_give_introspection(call->exam, SP_STR_NONE,
                               failure != SP_CAUSE_NONE ? failure : SP_CAUSE_INTROSPECTION_UNREACHABLE,
                               sp_cause_find(sp_json_string(sp_json_member(answer, SP_STR("reason")))),
                               sp_json_string(sp_json_member(answer, SP_STR("detail"))));
    return NGX_OK;
}

static ngx_int_t take_answer(struct sp_call *call)
{
    call->stage = SP_STAGE_EXAMINING;
    if (call->asked != SP_ASK_KEYS) {
        return give_introspection(call);
    }
    const bool was_reachable = call->answer.status == NGX_HTTP_OK;
    if (!was_reachable) {
        sp_metrics_count(sp_metrics_of(call->conf), SP_COUNT_ASK_FAILED);
    }
    *quiet_of(call) = (struct sp_quiet){.until = ngx_current_msec + QUIET_MS, .was_reachable = was_reachable};
    return give_keys(call, was_reachable);
}

/* NGX_AGAIN: parked; NGX_OK: the examination has what it needs. */
static ngx_int_t provide(struct sp_call *call, enum sp_need need)
{
    if (need == SP_NEED_REPLAY_CHECK) {
        sp_exam_give_replay(call->exam,
                            sp_replay_seen(call->conf->replay_zone, sp_exam_proof_id(call->exam), ngx_time()));
        return NGX_OK;
    }
    const enum sp_question what = need == SP_NEED_KEYS ? SP_ASK_KEYS : SP_ASK_INTROSPECTION;
    const struct sp_quiet *quiet = quiet_of(call);
    if (what == SP_ASK_KEYS && (ngx_msec_int_t)(quiet->until - ngx_current_msec) > 0) {
        return give_keys(call, quiet->was_reachable);
    }
    const ngx_int_t rc = ask(call, what);
    if (rc == NGX_OK) {
        call->stage = SP_STAGE_ASKING;
        return NGX_AGAIN;
    }
    if (rc != NGX_DECLINED) {
        return NGX_ERROR;
    }
    call->answer = (struct sp_answer){0};
    return what == SP_ASK_KEYS ? give_keys(call, true) : give_introspection(call);
}

/* ---- the machine ---- */
static struct sp_str url_of(struct sp_call *call)
{
    const ngx_http_request_t *request = call->request;
    struct sp_str path = sp_str_of(request->unparsed_uri);
    path = sp_str_slice(path, 0, sp_str_index_of(path, '?', 0));
    const struct sp_str public_url = call->snapshot->policy->public_url;
    if (public_url.len > 0) {
        const size_t len = public_url.at[public_url.len - 1] == '/' ? public_url.len - 1 : public_url.len;
        return sp_arena_printf(call->arena, "%.*s%.*s", (int)len, public_url.at, SP_STR_ARG(path));
    }
    const struct sp_str host = request->headers_in.host != NULL ? sp_str_of(request->headers_in.host->value)
                                                                : sp_str_of(request->headers_in.server);
    return sp_arena_printf(call->arena, "%s://%.*s%.*s", request->connection->ssl != NULL ? "https" : "http",
                           SP_STR_ARG(host), SP_STR_ARG(path));
}

static ngx_int_t start(struct sp_call *call)
{
    if (sp_call_arena(call) == NULL) {
        return NGX_ERROR;
    }
    struct sp_possession *possession = &call->possession;
    possession->scheme_is_dpop = call->credential.kind == SP_CREDENTIAL_DPOP;
    possession->method = sp_str_of(call->request->method_name);
    if (possession->scheme_is_dpop || call->headers.dpop_count > 0) {
        /* Two proofs are no proof (RFC 9449 4.3, 1): what is given instead is malformed. */
        possession->dpop_proof = call->headers.dpop_count > 1 ? SP_STR(",") : call->headers.dpop;
        possession->url = url_of(call);
        if (possession->url.at == NULL) {
            return NGX_ERROR;
        }
    }
    const ngx_int_t certificate = sp_client_certificate(call->request, call->certificate_sha256);
    if (certificate == NGX_ERROR) {
        return NGX_ERROR;
    }
    possession->certificate_sha256 = certificate == NGX_OK ? call->certificate_sha256 : NULL;
    const struct sp_exam_input input = {
        .token = call->credential.value,
        .requirements = call->match.requirements,
        .world = &call->snapshot->knowledge->world,
        .possession = possession,
        .now = ngx_time(),
    };
    call->exam = sp_exam_start(call->arena, &input);
    return call->exam != NULL ? NGX_OK : NGX_ERROR;
}

static int64_t remembered_until(const struct sp_call *call)
{
    const int64_t now = ngx_time();
    int64_t until = call->facts.expires_at != 0 ? call->facts.expires_at : now + UNDATED_TOKEN_S;
    if (was_introspected(call)) {
        until = call->answer_until < until ? call->answer_until : until;
    }
    return until;
}

/* All that an accepted call needs further, in the request's pool. */
static ngx_int_t take_facts(struct sp_call *call)
{
    struct sp_facts facts;
    if (sp_facts_from_exam(call->exam, &call->snapshot->policy->kept_claims, call->arena, &facts) != SP_OK) {
        return NGX_ERROR;
    }
    const struct sp_packed_facts packed = {.bytes = (uint32_t)sp_facts_packed_size(&facts),
                                           .at = ngx_palloc(call->request->pool, sp_facts_packed_size(&facts))};
    if (packed.at == NULL) {
        return NGX_ERROR;
    }
    sp_facts_pack(&facts, packed.at);
    if (sp_facts_unpack(packed.at, packed.bytes, &call->facts) != SP_OK) {
        return NGX_ERROR;
    }
    call->has_facts = true;
    if (call->credential.kind == SP_CREDENTIAL_BEARER) {
        const struct sp_cache_query query = query_of(call, call->renewed != NULL ? call->renewed : call->snapshot);
        sp_verdict_cache_keep(&query, &packed, remembered_until(call));
    }
    return NGX_OK;
}

/* The next call has the arena while it is still in the processor's caches, instead of one that waited for a response.
 */
static void forget_examination(struct sp_call *call)
{
    if (call->verdict->also_count > 0) {
        return; /* the record tells it */
    }
    call->exam = NULL;
    call->verdict = NULL;
    sp_worker_give_arena(call->conf->worker, &call->arena);
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static ngx_int_t step(struct sp_call *call)
{
    if (call->stage == SP_STAGE_ASKING) {
        if (!call->answered) {
            return NGX_AGAIN;
        }
        if (take_answer(call) != NGX_OK) {
            return NGX_ERROR;
        }
    } else if (call->exam == NULL && start(call) != NGX_OK) {
        return NGX_ERROR;
    }
    for (;;) {
        const enum sp_need need = sp_exam_step(call->exam);
        if (need == SP_EXAM_DONE) {
            call->verdict = sp_exam_verdict(call->exam);
            return NGX_OK;
        }
        const ngx_int_t rc = provide(call, need);
        if (rc != NGX_OK) {
            return rc;
        }
    }
}

ngx_int_t sp_examination_run(struct sp_call *call)
{
    const uint64_t began_us = now_us();
    ngx_int_t rc = step(call);
    if (rc == NGX_OK && call->verdict->accepted && (rc = take_facts(call)) == NGX_OK) {
        forget_examination(call);
    }
    call->judged_us += (uint32_t)(now_us() - began_us);
    return rc;
}
