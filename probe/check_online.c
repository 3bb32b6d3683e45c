/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/check_online.h"

#include "core/base/limits.h"
#include "core/diagnosis/document.h"
#include "core/diagnosis/verdict.h"
#include "core/policy/check.h"
#include "core/policy/index.h"
#include "core/policy/settings.h"
#include "probe/http_call.h"
#include "probe/name_lookup.h"

#define CONNECT_TIMEOUT_MS 5000
#define FETCH_TIMEOUT_MS 10000
#define LOOKUP_TIMEOUT_MS 3000 /* as `serve` waits for all of them */
#define LOOKUP_ARENA_BYTES ((size_t)256 * 1024)

struct asking {
    struct sp_arena *arena;
    const struct sp_policy *policy;
    const struct sp_issuer_terms *terms;
    const struct sp_json *source;
    struct sp_policy_report *report;
    enum sp_status status;
};

static struct sp_str text_of(const struct sp_json *object, const char *member)
{
    return sp_json_string(sp_json_member(object, sp_str_from_cstr(member)));
}

static struct sp_http_call *ask(struct asking *asking, struct sp_str url, size_t max_bytes)
{
    const struct sp_http_request request = {.url = url,
                                            .ca_file = text_of(asking->source, "ca_file"),
                                            .blocked_networks = asking->policy->serving.blocked_networks,
                                            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                            .timeout_ms = FETCH_TIMEOUT_MS,
                                            .max_bytes = max_bytes,
                                            .max_redirects = 3};
    struct sp_http_call *call = NULL;
    enum sp_status status = sp_http_call_create(&request, &call);
    if (status == SP_OK) {
        sp_http_call_perform(call);
    } else if (status == SP_NO_MEMORY) {
        asking->status = status;
    }
    return call;
}

static void add(struct asking *asking, const struct sp_finding *finding, const char *member)
{
    const struct sp_json *value = sp_json_member(asking->source, sp_str_from_cstr(member));
    struct sp_policy_problem problem = sp_policy_place(asking->policy, value != NULL ? value : asking->source);
    struct sp_str title = sp_cause_get(finding->cause)->title;
    struct sp_str text = sp_finding_fill(asking->arena, sp_cause_get(finding->cause)->explanation, finding);
    problem.finding = *finding;
    problem.path = sp_arena_printf(asking->arena, "issuers.%.*s.%s", SP_STR_ARG(asking->terms->name), member);
    problem.message = sp_arena_printf(asking->arena, "issuers.%.*s: %.*s. %.*s", SP_STR_ARG(asking->terms->name),
                                      SP_STR_ARG(title), SP_STR_ARG(text));
    if (sp_policy_report_add(asking->report, &problem) != SP_OK) {
        asking->status = SP_NO_MEMORY;
    }
}

static void add_all(struct asking *asking, const struct sp_document_findings *findings, const char *member)
{
    for (size_t i = 0; i < findings->count; i++) {
        add(asking, &findings->rows[i], member);
    }
}

static void ask_for_keys(struct asking *asking, struct sp_str url, const char *member)
{
    struct sp_http_call *call = ask(asking, url, SP_MAX_JWKS_BYTES);
    struct sp_document_findings findings = {0};
    struct sp_jwk_set *set = NULL;
    if (call != NULL) {
        asking->status = sp_keys_document_examine(asking->arena, sp_http_call_report(call), &set, &findings);
        if (asking->status == SP_OK) {
            add_all(asking, &findings, member);
        }
        sp_jwk_set_unref(&set);
    } else if (asking->status == SP_OK) {
        const struct sp_finding finding = {
            .cause = SP_CAUSE_KEYS_INSECURE_URL, .check = SP_CHECK_COUNT, .verified = true, .received = url};
        add(asking, &finding, member);
    }
    sp_http_call_destroy(&call);
}

/* The algorithms that the configuration allows against those that the issuer says it uses. */
static void compare_algorithms(struct asking *asking, const struct sp_metadata *metadata)
{
    if (metadata->algorithms == 0 || (metadata->algorithms & asking->terms->algorithms) != 0) {
        return;
    }
    const struct sp_finding finding = {.cause = SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED,
                                       .check = SP_CHECK_COUNT,
                                       .verified = true,
                                       .expected = sp_algorithms_in_words(asking->arena, metadata->algorithms),
                                       .received = sp_algorithms_in_words(asking->arena, asking->terms->algorithms)};
    add(asking, &finding, "algorithms");
}

/* One place; true when the answer was about the document and not about the place. What was found is told while the
 * answer, which it borrows from, is there: of places that are empty, the last one's. */
static bool ask_at(struct asking *asking, enum sp_metadata_place place, struct sp_str *jwks_uri)
{
    const bool is_last = place + 1 == SP_METADATA_PLACES;
    struct sp_str url = sp_metadata_url(asking->arena, asking->terms->issuer, place);
    struct sp_http_call *call = url.at != NULL ? ask(asking, url, SP_MAX_METADATA_BYTES) : NULL;
    bool answered = false;
    struct sp_metadata metadata = {0};
    struct sp_document_findings findings = {0};
    if (call != NULL) {
        const struct sp_fetch_report *report = sp_http_call_report(call);
        answered = report->http_status != 404;
        asking->status = sp_metadata_examine(asking->arena, report, asking->terms->issuer, &metadata, &findings);
        if (asking->status == SP_OK && !findings.refused) {
            if (sp_arena_copy(asking->arena, metadata.jwks_uri, jwks_uri) != SP_OK) {
                asking->status = SP_NO_MEMORY;
            }
            compare_algorithms(asking, &metadata);
        }
        if (asking->status == SP_OK && (answered || is_last)) {
            add_all(asking, &findings, "issuer");
        }
    }
    sp_http_call_destroy(&call);
    return answered;
}

static void discover(struct asking *asking)
{
    struct sp_str jwks_uri = SP_STR_NONE;
    bool answered = false;
    for (enum sp_metadata_place place = 0; place < SP_METADATA_PLACES && !answered && asking->status == SP_OK;
         place++) {
        answered = ask_at(asking, place, &jwks_uri);
    }
    if (jwks_uri.len > 0 && asking->status == SP_OK) {
        ask_for_keys(asking, jwks_uri, "issuer");
    }
}

static void ask_issuer(struct asking *asking)
{
    struct sp_str jwks_uri = text_of(asking->source, "jwks_uri");
    bool by_hand = sp_json_member(asking->source, SP_STR("jwks_file")) != NULL ||
                   sp_json_member(asking->source, SP_STR("secret")) != NULL;
    if (jwks_uri.len > 0) {
        ask_for_keys(asking, jwks_uri, "jwks_uri");
    } else if (!by_hand) {
        discover(asking);
    }
}

/* ---- upstreams ---- */
/* The place of a server's URL: upstream.url, or that of one of upstream.servers. */
static const struct sp_json *url_place(const struct sp_json *upstream, struct sp_str url)
{
    const struct sp_json *servers = sp_setting_value(upstream, SP_SETTING_UPSTREAM_SERVERS);
    const struct sp_json *value = sp_setting_value(upstream, SP_SETTING_UPSTREAM_URL);
    for
        SP_JSON_EACH(server, servers)
        {
            const struct sp_json *own = sp_setting_value(server, SP_SETTING_SERVER_URL);
            if (own != NULL && sp_str_equal(own->text, url)) {
                return own;
            }
        }
    return value != NULL ? value : upstream;
}

static enum sp_status look_up_server(const struct sp_policy *policy, const struct sp_api *api,
                                     const struct sp_server *server, struct sp_policy_report *report)
{
    struct sp_arena *arena = sp_arena_create(LOOKUP_ARENA_BYTES);
    struct sp_name_evidence name = {.is_address = false};
    enum sp_status status =
        arena != NULL ? sp_name_look_up(arena, server->host, LOOKUP_TIMEOUT_MS, &name) : SP_NO_MEMORY;
    if (status == SP_OK && name.system != SP_LOOKUP_FOUND && !name.is_address) {
        const struct sp_json *apis = sp_setting_value(policy->source, SP_SETTING_ROOT_APIS);
        const struct sp_json *upstream = sp_setting_value(sp_json_member(apis, api->name), SP_SETTING_API_UPSTREAM);
        struct sp_policy_problem problem =
            sp_policy_place(policy, upstream != NULL ? url_place(upstream, server->url) : policy->source);
        struct sp_str why = name.system == SP_LOOKUP_TIMEOUT ? SP_STR("the name servers do not answer in time")
                            : name.detail.len > 0            ? name.detail
                                                             : SP_STR("it is not known");
        problem.finding = (struct sp_finding){.cause = SP_CAUSE_UPSTREAM_DNS,
                                              .check = SP_CHECK_COUNT,
                                              .verified = true,
                                              .expected = SP_STR("a name that leads to an address"),
                                              .received = server->host,
                                              .detail = sp_arena_printf(arena, "Asked here: %.*s.", SP_STR_ARG(why))};
        problem.path = sp_arena_printf(arena, "apis.%.*s.upstream", SP_STR_ARG(api->name));
        problem.message = sp_arena_printf(arena, "%.*s: %.*s has no address: %.*s", SP_STR_ARG(problem.path),
                                          SP_STR_ARG(server->host), SP_STR_ARG(why));
        status = sp_policy_report_add(report, &problem);
    }
    sp_arena_destroy(&arena);
    return status;
}

/* Each name once, at the first API that has it. A server with an address needs none. */
static enum sp_status look_up_upstreams(const struct sp_policy *policy, struct sp_policy_report *report)
{
    struct sp_index asked;
    struct sp_arena *arena = sp_arena_create(SP_MAX_POLICY_ARENA_BYTES);
    enum sp_status status =
        arena != NULL ? sp_index_init(&asked, arena, sp_policy_server_count(policy) + 1) : SP_NO_MEMORY;
    for (size_t i = 0; i < policy->api_count && status == SP_OK; i++) {
        const struct sp_upstream *upstream = &policy->apis[i].upstream;
        for (size_t j = 0; j < upstream->server_count && status == SP_OK; j++) {
            const struct sp_server *server = &upstream->servers[j];
            if (server->addresses.count == 0 && sp_index_put(&asked, server->host, 0) == SP_INDEX_NONE) {
                status = look_up_server(policy, &policy->apis[i], server, report);
            }
        }
    }
    sp_arena_destroy(&arena);
    return status;
}

enum sp_status sp_check_online(const struct sp_policy *policy, struct sp_policy_report *report)
{
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < policy->issuer_count && status == SP_OK; i++) {
        struct asking asking = {.arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES),
                                .policy = policy,
                                .terms = &policy->issuers[i],
                                .source = policy->issuer_sources[i],
                                .report = report};
        if (asking.arena == NULL) {
            return SP_NO_MEMORY;
        }
        ask_issuer(&asking);
        status = asking.status;
        sp_arena_destroy(&asking.arena);
    }
    if (status == SP_OK) {
        status = look_up_upstreams(policy, report);
    }
    sp_policy_report_sort(report);
    return status;
}
