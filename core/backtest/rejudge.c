/* SPDX-License-Identifier: Apache-2.0 */
/* Route, credential, examination, consumer, limits: the order of gateway/access.c, by the same functions. Limits are
 * not counted again: a call that met one meets it again, unless the API has none any more. */
#include "core/backtest/rejudge.h"

#include <stdlib.h>

#include "core/base/limits.h"
#include "core/diagnosis/credential.h"
#include "core/diagnosis/exam.h"
#include "core/policy/index.h"

struct sp_bench {
    struct sp_policy *policy;
    struct sp_knowledge *knowledge;
    struct sp_arena *arena;
    struct sp_index consumer_names;
};

enum sp_status sp_bench_create(struct sp_policy *policy, struct sp_bench **out)
{
    struct sp_bench *bench = calloc(1, sizeof *bench);
    struct sp_json_error error;
    if (bench == NULL)
        return SP_NO_MEMORY;
    bench->policy = sp_policy_ref(policy);
    bench->arena = sp_arena_create(64 + policy->consumer_count * 4 * sizeof(struct sp_index_slot) + 4096);
    enum sp_status status = bench->arena != NULL
                                ? sp_index_init(&bench->consumer_names, bench->arena, policy->consumer_count + 1)
                                : SP_NO_MEMORY;
    for (size_t i = 0; i < policy->consumer_count && status == SP_OK; i++)
        (void)sp_index_put(&bench->consumer_names, policy->consumers[i].name, (uint32_t)i);
    if (status == SP_OK)
        status = sp_knowledge_parse(SP_STR(""), policy, &bench->knowledge, &error);
    if (status == SP_OK)
        *out = bench;
    else
        sp_bench_destroy(&bench);
    return status;
}

void sp_bench_destroy(struct sp_bench **bench)
{
    if (*bench == NULL)
        return;
    sp_knowledge_destroy(&(*bench)->knowledge);
    sp_policy_unref(&(*bench)->policy);
    sp_arena_destroy(&(*bench)->arena);
    free(*bench);
    *bench = NULL;
}

/* ---- where it ends ---- */

struct way {
    struct sp_arena *arena;
    const struct sp_bench *bench;
    const struct sp_recorded_call *call;
    const struct sp_rejudge_terms *terms;
    const struct sp_requirements *requirements; /* of the route */
    struct sp_rejudgement *out;
};

/* What was refined by evidence that no log keeps, from what the same check says without it. */
static const struct {
    enum sp_cause recorded, judged;
} same_symptoms[] = {
    {SP_CAUSE_TIME_EXPIRED_BY_SKEW, SP_CAUSE_TIME_EXPIRED},
    {SP_CAUSE_TIME_NOT_YET_VALID_BY_SKEW, SP_CAUSE_TIME_NOT_YET_VALID},
    {SP_CAUSE_ALGORITHM_SYMMETRIC, SP_CAUSE_ALGORITHM_NOT_ALLOWED},
    {SP_CAUSE_ALGORITHM_KEY_CONFUSION, SP_CAUSE_ALGORITHM_NOT_ALLOWED},
    {SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, SP_CAUSE_TOKEN_OPAQUE},
    {SP_CAUSE_TOKEN_MISSING_HEADER_STRIPPED, SP_CAUSE_TOKEN_MISSING},
};

static bool is_same_symptom(enum sp_cause recorded, enum sp_cause judged)
{
    for (size_t i = 0; i < sizeof same_symptoms / sizeof same_symptoms[0]; i++)
        if (same_symptoms[i].recorded == recorded && same_symptoms[i].judged == judged)
            return true;
    return recorded == judged;
}

static void accept(struct way *way)
{
    way->out->change = way->call->accepted ? SP_CHANGE_NONE : SP_CHANGE_ACCEPTED;
}

static void lack(struct way *way, struct sp_str what)
{
    way->out->change = SP_CHANGE_UNKNOWN;
    way->out->verdict = NULL;
    way->out->lacking = what;
}

static void refuse(struct way *way, const struct sp_verdict *verdict)
{
    const struct sp_recorded_call *call = way->call;
    enum sp_cause cause = verdict->cause->cause;
    way->out->verdict = verdict;
    way->out->cause = cause;
    if (verdict->cause == sp_verdict_without_memory()->cause)
        lack(way, SP_STR("memory for its examination"));
    else if (call->accepted)
        way->out->change = SP_CHANGE_REFUSED;
    else if (is_same_symptom(call->cause, cause)) {
        way->out->change = SP_CHANGE_NONE;
        way->out->cause = call->cause;
    } else
        way->out->change = SP_CHANGE_OTHER_CAUSE;
}

static void refuse_for(struct way *way, enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    const struct sp_finding finding = {
        .cause = cause, .check = SP_CHECK_COUNT, .verified = true, .expected = expected, .received = received};
    refuse(way, sp_verdict_of(way->arena, &finding));
}

/* ---- credential ---- */

/* What was presented, with a word in the place of the secret: by which rules it is taken is the policy's. */
static enum sp_cause take_credential(const struct way *way, struct sp_credential *credential,
                                     struct sp_finding *finding)
{
    static const struct sp_str bearer = {"Bearer recorded", 15}, dpop = {"DPoP recorded", 13}, key = {"recorded", 8};
    const struct sp_api *api = way->out->api;
    enum sp_recorded_credential kind = way->call->credential;
    struct sp_presented presented = {
        .accepts_bearer = api->accepts_token,
        .accepts_dpop = api->accepts_token && api->accepts_dpop,
        .accepts_api_key = api->accepts_api_key,
        .accepts_query = api->accepts_query,
    };
    if (kind == SP_RECORDED_BEARER)
        presented.authorization = (struct sp_str_list){&bearer, 1};
    else if (kind == SP_RECORDED_DPOP)
        presented.authorization = (struct sp_str_list){&dpop, 1};
    else if (kind == SP_RECORDED_API_KEY)
        presented.api_key = (struct sp_str_list){&key, 1};
    else if (kind == SP_RECORDED_QUERY)
        presented.query = SP_STR("access_token=recorded");
    return sp_credential_find(&presented, credential, finding);
}

static bool is_limit(enum sp_cause cause)
{
    return cause == SP_CAUSE_RATE_LIMITED || cause == SP_CAUSE_QUOTA_EXCEEDED;
}

static bool has_limit_of_address(const struct sp_api *api)
{
    for (size_t i = 0; i < api->limit_count; i++)
        if (api->limits[i].per == SP_LIMIT_PER_IP)
            return true;
    return false;
}

/* Refused before a credential was taken, or for the way in which it was presented. */
static void judge_unseen(struct way *way)
{
    const struct sp_api *api = way->out->api;
    const struct sp_recorded_call *call = way->call;
    switch (call->cause) {
    case SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED:
    case SP_CAUSE_TOKEN_DUPLICATED:
        refuse_for(way, call->cause, SP_STR_NONE, SP_STR_NONE);
        return;
    case SP_CAUSE_TOKEN_IN_QUERY:
        if (api->accepts_query && api->accepts_token)
            lack(way, SP_STR("the token in the query"));
        else
            refuse_for(way, call->cause, SP_STR("an Authorization header"), SP_STR("access_token in the query"));
        return;
    case SP_CAUSE_RATE_LIMITED:
    case SP_CAUSE_QUOTA_EXCEEDED:
        if (has_limit_of_address(api))
            refuse_for(way, call->cause, SP_STR_NONE, SP_STR_NONE);
        else
            lack(way, SP_STR("the credential: a limit refused the call before it was looked at"));
        return;
    default:
        lack(way, SP_STR("the credential: the call found no route"));
    }
}

/* ---- consumer and limits ---- */

static void admit(struct way *way)
{
    const struct sp_rejudgement *out = way->out;
    enum sp_cause fault = sp_consumer_fault(out->consumer, out->api);
    if (fault != SP_CAUSE_NONE)
        refuse_for(way, fault, SP_STR_NONE, out->consumer->name);
    else if (is_limit(way->call->cause) && out->api->limit_count > 0)
        refuse_for(way, way->call->cause, SP_STR_NONE, SP_STR_NONE);
    else
        accept(way);
}

static void judge_api_key(struct way *way)
{
    const struct sp_policy *policy = way->bench->policy;
    if (way->call->consumer.len == 0) {
        lack(way, SP_STR("the API key"));
        return;
    }
    uint32_t found = sp_index_find(&way->bench->consumer_names, way->call->consumer);
    if (found == SP_INDEX_NONE) {
        refuse_for(way, SP_CAUSE_CONSUMER_UNKNOWN_KEY, SP_STR_NONE, SP_STR_NONE);
        return;
    }
    way->out->consumer = &policy->consumers[found];
    admit(way);
}

/* ---- the token ---- */

static void judge_token(struct way *way)
{
    const struct sp_recorded_call *call = way->call;
    const struct sp_world *world = &way->bench->knowledge->world;
    if (!call->has_token) {
        lack(way, SP_STR("the token's claims (call_log.claims: none, or a line of an older version)"));
        return;
    }
    const struct sp_exam_input input = {
        .requirements = way->requirements,
        .world = world,
        .now = way->terms->now != 0 ? way->terms->now : call->judged_at,
        .recorded = &call->token,
        .explain = way->terms->explain,
    };
    struct sp_exam *exam = sp_exam_start(way->arena, &input);
    if (exam == NULL) {
        lack(way, SP_STR("memory for its examination"));
        return;
    }
    (void)sp_exam_step(exam); /* a recorded token asks for nothing */
    const struct sp_verdict *verdict = sp_exam_verdict(exam);
    way->out->verdict = verdict;
    struct sp_str lacking = sp_exam_lacking(exam);
    if (lacking.at != NULL && verdict->cause == NULL) {
        lack(way, lacking);
        return;
    }
    if (lacking.at != NULL && !call->accepted && !verdict->cause->verified) {
        /* Refused, whatever its signature is; what would then be said first is not known. */
        way->out->change = SP_CHANGE_NONE;
        way->out->cause = call->cause;
        return;
    }
    if (!verdict->accepted) {
        refuse(way, verdict);
        return;
    }
    if (call->client_id.len > 0)
        way->out->consumer = sp_policy_consumer_of_client(way->bench->policy, call->client_id);
    admit(way);
}

static void judge_credential(struct way *way)
{
    struct sp_credential credential = {0};
    struct sp_finding finding = {.check = SP_CHECK_FORM, .verified = true};
    if (way->call->credential == SP_RECORDED_UNSEEN) {
        judge_unseen(way);
        return;
    }
    enum sp_cause cause = take_credential(way, &credential, &finding);
    if (cause == SP_CAUSE_TOKEN_MISSING && way->out->api->anonymous) {
        admit(way);
    } else if (cause != SP_CAUSE_NONE) {
        finding.cause = cause;
        finding.verified = true;
        refuse(way, sp_verdict_of(way->arena, &finding));
    } else if (credential.kind == SP_CREDENTIAL_API_KEY) {
        judge_api_key(way);
    } else {
        judge_token(way);
    }
}

/* ---- the way ---- */

/* Refused by nginx itself, or for what no policy says. */
static bool is_outside(const struct sp_recorded_call *call)
{
    static const enum sp_cause causes[] = {SP_CAUSE_REQUEST_MALFORMED, SP_CAUSE_REQUEST_TOO_LARGE,
                                           SP_CAUSE_HEADER_REQUEST_TOO_LARGE, SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (call->cause == causes[i])
            return true;
    return call->is_preflight || (!call->accepted && call->cause == SP_CAUSE_NONE) ||
           sp_str_has_prefix(call->path, SP_STR("/.well-known/oauth-protected-resource"));
}

void sp_rejudge(struct sp_arena *arena, const struct sp_bench *bench, const struct sp_recorded_call *call,
                const struct sp_rejudge_terms *terms, struct sp_rejudgement *out)
{
    struct sp_route_match match = {0};
    struct way way = {.arena = arena, .bench = bench, .call = call, .terms = terms, .out = out};
    *out = (struct sp_rejudgement){.change = SP_CHANGE_OUTSIDE};
    if (is_outside(call))
        return;
    enum sp_match_outcome found = sp_policy_match(bench->policy, call->host, call->path, call->method, &match);
    if (found == SP_MATCH_NO_ROUTE) {
        refuse_for(&way, SP_CAUSE_ROUTE_NONE, SP_STR_NONE, call->path);
        return;
    }
    out->api = match.api;
    way.requirements = match.requirements;
    if (found == SP_MATCH_NO_METHOD)
        refuse_for(&way, SP_CAUSE_ROUTE_METHOD, match.allowed, call->method);
    else
        judge_credential(&way);
}

struct sp_str sp_lacking_claim(struct sp_str lacking)
{
    struct sp_str word = SP_STR("claim ");
    return sp_str_has_prefix(lacking, word) ? sp_str_slice(lacking, word.len, lacking.len) : SP_STR_NONE;
}
