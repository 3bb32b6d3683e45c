/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/jose/algorithm.h"
#include "core/policy/policy.h"
#include "core/policy/snapshot.h"
#include "tests/support/policy_fixture.h"

/* Every kind of member, so that the model, the merge and the snapshot are asked about all of them. */
static const char everything[] =
    "listen:\n"
    "  - {address: ':8080'}\n"
    "  - {address: '[::1]:8443', http2: false, tls: {certificate: tls.pem, key: /etc/key.pem}}\n"
    "admin: false\n"
    "workers: 4\n"
    "call_log: {file: log/calls.jsonl}\n"
    "public_url: https://api.example.com\n"
    "trusted_proxies: [10.0.0.0/8, '::1']\n"
    "blocked_networks: 169.254.0.0/16\n"
    "key_refresh: 5m\n"
    "issuers:\n"
    "  corp: &corp\n"
    "    issuer: https://idp.example.com/\n"
    "    algorithms: [RS256, ES256]\n"
    "    audience: https://api.example.com\n"
    "    leeway: 10s\n"
    "    max_lifetime: 1h30m\n"
    "    require_type: true\n"
    "    environment: production\n"
    "    client_ids: [web, 12345]\n"
    "    heal: false\n"
    "    introspection: {client_id: gw, client_secret: \"s$${cr}t\", method: client_secret_post}\n"
    "  shared: {issuer: legacy, secret: ${SECRET}, secret_encoding: base64url, audience: legacy}\n"
    "apis:\n"
    "  photos:\n"
    "    match: [{host: api.example.com, path: /photos, methods: [GET, POST]}, {host: '*.example.net'}]\n"
    "    upstream:\n"
    "      servers: [{url: 'https://a.internal:8443/v1/', weight: 3}, {url: https://10.0.0.7, addresses: "
    "['10.0.0.8:443']}]\n"
    "      host: photos.internal\n"
    "      timeout: 1m\n"
    "      connect_timeout: 250ms\n"
    "      retries: 2\n"
    "      max_fails: 0\n"
    "      fail_timeout: 30s\n"
    "    auth:\n"
    "      issuers: [shared, corp]\n"
    "      audience: [photos, photos-v2]\n"
    "      scopes: {GET: read, '*': [read, write]}\n"
    "      claims: {tenant: [a, b], email_verified: true, level: 3, realm_access.roles: admin}\n"
    "      dpop: required\n"
    "      mtls: off\n"
    "      api_keys: true\n"
    "      token: drop\n"
    "      in_query: true\n"
    "      introspect: true\n"
    "      acr: [gold]\n"
    "      max_age: 5m\n"
    "      verified_email: true\n"
    "      max_token_size: 8k\n"
    "    cors: {origins: [https://app.example.com], methods: [GET, POST], headers: [x-a, x-b], credentials: true, "
    "max_age: 1h}\n"
    "    limits: [{per: ip, requests: 5, window: 1s}, {per: consumer, requests: 1000, window: 1d}]\n"
    "    identity_headers: {X-User: sub, X-Tenant: tenant}\n"
    "    resource_metadata: {scopes_supported: [read], n: 1}\n"
    "    diagnostics: full\n"
    "  open: {match: {path: /open/}, upstream: {url: 'grpc://[::1]:50051'}, auth: {anonymous: true, issuers: []}}\n"
    "consumers:\n"
    "  acme: {api_keys: ['sha256:00000000000000000000000000000000000000000000000000000000000000FF'], client_ids: "
    "[acme-web], apis: [photos]}\n"
    "  none: {client_ids: none-web, apis: [], state: suspended}\n"
    "  all: {client_ids: all-web, state: pending}\n"
    "authority: {issuer: https://api.example.com/oauth2, clients: {demo: {secret: ${SECRET}}}}\n";

static const char *const environment[] = {"SECRET=c2VjcmV0", NULL};

static struct sp_parsed parsed_everything(void)
{
    const char *const texts[] = {everything};
    struct sp_parsed parsed = sp_parsed_files(texts, 1, environment);
    if (parsed.status != SP_OK) {
        sp_parsed_print(&parsed);
    }
    assert_int_equal(parsed.status, SP_OK);
    return parsed;
}

#define assert_text(text, expected)                                                                                    \
    do {                                                                                                               \
        struct sp_str text_ = (text);                                                                                  \
        assert_int_equal(text_.len, sizeof(expected) - 1);                                                             \
        assert_memory_equal(text_.at, expected, sizeof(expected) - 1);                                                 \
    } while (0)

static void issuers_are_read(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    const struct sp_issuer_terms *corp = &parsed.policy->issuers[0], *shared = &parsed.policy->issuers[1];
    assert_int_equal(parsed.policy->issuer_count, 2);
    assert_text(corp->name, "corp");
    assert_text(corp->issuer, "https://idp.example.com/");
    assert_int_equal(corp->algorithms, sp_algorithm_bit(SP_ALGORITHM_RS256) | sp_algorithm_bit(SP_ALGORITHM_ES256));
    assert_int_equal(corp->leeway_s, 10);
    assert_int_equal(corp->max_lifetime_s, 5400);
    assert_true(corp->require_type && corp->introspects && !corp->heals && !corp->allow_missing_exp);
    assert_text(corp->environment, "production");
    assert_text(corp->client_ids.at[1], "12345");
    assert_text(corp->audiences.at[0], "https://api.example.com");
    assert_int_equal(shared->algorithms, sp_algorithms_symmetric()); /* with a secret, without a list */
    assert_int_equal(shared->leeway_s, 30);
    assert_true(shared->heals && !shared->introspects);
    assert_text(sp_json_string(sp_json_member(parsed.policy->issuer_sources[1], SP_STR("secret"))), "c2VjcmV0");
    const struct sp_json *introspection = sp_json_member(parsed.policy->issuer_sources[0], SP_STR("introspection"));
    assert_text(sp_json_string(sp_json_member(introspection, SP_STR("client_secret"))), "s${cr}t");
    sp_parsed_fini(&parsed);
}

static void requirements_are_read(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    const struct sp_api *photos = &parsed.policy->apis[0], *open = &parsed.policy->apis[1];
    assert_int_equal(photos->method_count, 2);
    const struct sp_requirements *get = &photos->methods[0].requirements, *others = &photos->methods[1].requirements;
    assert_text(photos->methods[1].method, "*");
    assert_int_equal(get->scopes.count, 1);
    assert_int_equal(others->scopes.count, 2);
    assert_int_equal(get->issuer_count, 2);
    assert_int_equal(get->issuers[0], 1);
    assert_text(get->audiences.at[1], "photos-v2");
    assert_int_equal(get->claim_count, 4);
    assert_int_equal(get->claims[0].any_of.count, 2);
    assert_int_equal(get->claims[1].any_of.count, 0); /* true: any value will do */
    assert_text(get->claims[2].any_of.at[0], "3");
    assert_text(get->claims[3].name, "realm_access.roles");
    assert_int_equal(get->dpop, SP_BINDING_REQUIRED);
    assert_int_equal(get->mtls, SP_BINDING_OFF);
    assert_text(get->acr_values.at[0], "gold");
    assert_int_equal(get->max_age_s, 300);
    assert_int_equal(get->max_token_bytes, 8192);
    assert_true(get->require_verified_email && get->introspect_jwt);
    assert_true(photos->accepts_token && photos->accepts_api_key && photos->accepts_query && photos->accepts_dpop);
    assert_true(!photos->forwards_token && photos->introspects && !photos->anonymous);
    assert_true(open->anonymous && !open->accepts_token && !open->accepts_api_key && open->forwards_token);
    assert_int_equal(parsed.policy->api_audience_count, 2);
    assert_text(parsed.policy->api_audiences[0].api, "photos");
    assert_int_equal(parsed.policy->kept_claims.names.count, 5); /* tenant once */
    assert_int_equal(parsed.policy->owned_headers.count, 2);
    assert_text(parsed.policy->owned_headers.at[0], "x-user");
    sp_parsed_fini(&parsed);
}

static void the_rest_of_an_api_is_read(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    const struct sp_api *photos = &parsed.policy->apis[0], *open = &parsed.policy->apis[1];
    const struct sp_upstream *upstream = &photos->upstream;
    assert_int_equal(upstream->scheme, SP_UPSTREAM_HTTPS);
    assert_int_equal(upstream->server_count, 2);
    assert_text(upstream->servers[0].host, "a.internal");
    assert_text(upstream->servers[0].authority, "a.internal:8443");
    assert_text(upstream->servers[0].path, "/v1");
    assert_int_equal(upstream->servers[0].port, 8443);
    assert_int_equal(upstream->servers[0].weight, 3);
    assert_int_equal(upstream->servers[0].addresses.count, 0);
    assert_int_equal(upstream->servers[1].port, 443);
    assert_text(upstream->servers[1].addresses.at[0], "10.0.0.8:443"); /* what is written wins */
    assert_int_equal(upstream->timeout_ms, 60000);
    assert_int_equal(upstream->connect_timeout_ms, 250);
    assert_int_equal(upstream->retries, 2);
    assert_int_equal(upstream->max_fails, 0);
    assert_int_equal(upstream->fail_timeout_s, 30);
    assert_int_equal(photos->cors.mode, SP_CORS_ANSWER);
    assert_text(photos->cors.methods, "GET, POST");
    assert_int_equal(photos->cors.max_age_s, 3600);
    assert_int_equal(photos->limit_count, 2);
    assert_int_equal(photos->limits[0].per, SP_LIMIT_PER_IP);
    assert_int_equal(photos->limits[1].window_ms, 86400000);
    assert_int_equal(photos->diagnostics, SP_DIAGNOSTICS_FULL);
    assert_text(photos->resource_metadata, "{\"scopes_supported\":[\"read\"],\"n\":1}");
    assert_text(photos->host, "api.example.com");
    assert_int_equal(open->upstream.scheme, SP_UPSTREAM_GRPC);
    assert_text(open->upstream.servers[0].addresses.at[0], "[::1]:50051");
    assert_text(open->path, "/open");
    assert_int_equal(open->upstream.retries, -1);
    assert_int_equal(open->cors.mode, SP_CORS_OFF);
    assert_int_equal(open->diagnostics, SP_DIAGNOSTICS_CAUSE);
    assert_false(open->has_resource_metadata);
    sp_parsed_fini(&parsed);
}

static void how_it_is_served_is_read(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    const struct sp_serving *serving = &parsed.policy->serving;
    assert_int_equal(serving->listener_count, 2);
    assert_text(serving->listeners[0].address, ":8080");
    assert_true(serving->listeners[0].http2 && serving->listeners[0].certificate.len == 0);
    assert_text(serving->listeners[1].certificate, "/etc/sallyport/tls.pem"); /* relative to its file */
    assert_text(serving->listeners[1].key, "/etc/key.pem");
    assert_false(serving->has_admin);
    assert_int_equal(serving->workers, 4);
    assert_true(serving->logs_calls);
    assert_text(serving->call_log_file, "log/calls.jsonl");
    assert_int_equal(serving->key_refresh_ms, 300000);
    assert_int_equal(parsed.policy->trusted_proxies.count, 2);
    sp_parsed_fini(&parsed);

    parsed = sp_parsed_text("call_log: false\n");
    assert_int_equal(parsed.policy->serving.listener_count, 1);
    assert_text(parsed.policy->serving.listeners[0].address, ":8080");
    assert_text(parsed.policy->serving.admin_address, "127.0.0.1:8081");
    assert_true(parsed.policy->serving.has_admin && !parsed.policy->serving.logs_calls);
    assert_int_equal(parsed.policy->serving.workers, 0);
    sp_parsed_fini(&parsed);
}

static void consumers_are_found(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    unsigned char sha256[32] = {[31] = 0xff};
    const struct sp_consumer *acme = sp_policy_consumer_of_key(parsed.policy, sha256);
    const struct sp_consumer *none = sp_policy_consumer_of_client(parsed.policy, SP_STR("none-web"));
    const struct sp_consumer *all = sp_policy_consumer_of_client(parsed.policy, SP_STR("all-web"));
    assert_text(acme->name, "acme");
    assert_ptr_equal(sp_policy_consumer_of_client(parsed.policy, SP_STR("acme-web")), acme);
    assert_int_equal(none->state, SP_CONSUMER_SUSPENDED);
    assert_int_equal(all->state, SP_CONSUMER_PENDING);
    const struct sp_api *photos = &parsed.policy->apis[0], *open = &parsed.policy->apis[1];
    assert_true(sp_consumer_may_use(acme, photos) && !sp_consumer_may_use(acme, open));
    assert_true(sp_consumer_may_use(all, photos) && sp_consumer_may_use(all, open));
    /* An empty list is none, not all. */
    assert_true(!sp_consumer_may_use(none, photos) && !sp_consumer_may_use(none, open));
    sha256[0] = 1;
    assert_null(sp_policy_consumer_of_key(parsed.policy, sha256));
    assert_null(sp_policy_consumer_of_client(parsed.policy, SP_STR("ACME-WEB")));
    sp_parsed_fini(&parsed);
}

/* ---- snapshots ---- */
static struct sp_str_list resolve(void *context, struct sp_str host, unsigned port)
{
    static const struct sp_str addresses[] = {{"192.0.2.1:8443", 14}, {"[2001:db8::1]:8443", 18}};
    unsigned *asked = context;
    (*asked)++;
    bool known = sp_str_equal(host, SP_STR("a.internal")) && port == 8443;
    return known ? (struct sp_str_list){addresses, 2} : (struct sp_str_list){0};
}

static void a_snapshot_has_what_the_gateway_needs_and_no_more(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    unsigned asked = 0;
    const struct sp_snapshot_terms terms = {.context = &asked, .addresses = resolve};
    struct sp_buffer out;
    sp_buffer_init(&out, NULL, 1 << 20);
    sp_policy_snapshot(parsed.policy, &terms, &out);
    struct sp_str text = sp_buffer_str(&out);
    assert_int_equal(asked, 3);
    assert_false(sp_str_contains(text, SP_STR("client_secret\"")));
    assert_false(sp_str_contains(text, SP_STR("s${cr}t")));
    assert_false(sp_str_contains(text, SP_STR("authority")));
    assert_true(sp_str_contains(text, SP_STR("\"secret\":\"c2VjcmV0\""))); /* it verifies */

    struct sp_parsed again = {.report = sp_policy_report_create()};
    again.status = sp_policy_parse(text, SP_STR("policy.json"), &again.policy, again.report);
    sp_parsed_print(&again);
    assert_int_equal(again.status, SP_OK);
    const struct sp_server *server = &again.policy->apis[0].upstream.servers[0];
    assert_int_equal(server->addresses.count, 2);
    assert_text(server->addresses.at[1], "[2001:db8::1]:8443");
    assert_text(again.policy->apis[0].upstream.servers[1].addresses.at[0], "10.0.0.8:443");

    /* And once more: the same bytes. */
    struct sp_buffer second;
    sp_buffer_init(&second, NULL, 1 << 20);
    sp_policy_snapshot(again.policy, NULL, &second);
    assert_int_equal(second.len, out.len);
    assert_memory_equal(second.at, out.at, out.len);
    sp_buffer_fini(&second);
    sp_buffer_fini(&out);
    sp_parsed_fini(&again);
    sp_parsed_fini(&parsed);
}

/* Of everything, with its servers found as the terms say; the caller ends the buffer. */
static void write_what_decides(const struct sp_snapshot_terms *found, struct sp_buffer *out)
{
    struct sp_parsed parsed = parsed_everything();
    struct sp_buffer text;
    sp_buffer_init(&text, NULL, 1 << 20);
    sp_policy_snapshot(parsed.policy, found, &text);
    struct sp_parsed again = {.report = sp_policy_report_create()};
    assert_int_equal(sp_policy_parse(sp_buffer_str(&text), SP_STR("policy.json"), &again.policy, again.report), SP_OK);
    const struct sp_snapshot_terms terms = {.without_addresses = true};
    sp_buffer_init(out, NULL, 1 << 20);
    sp_policy_snapshot(again.policy, &terms, out);
    assert_int_equal(sp_buffer_status(out), SP_OK);
    sp_buffer_fini(&text);
    sp_parsed_fini(&again);
    sp_parsed_fini(&parsed);
}

static void where_servers_are_found_is_no_part_of_what_decides(void **state)
{
    (void)state;
    unsigned asked = 0;
    const struct sp_snapshot_terms found = {.context = &asked, .addresses = resolve};
    struct sp_buffer here, nowhere;
    write_what_decides(&found, &here);
    write_what_decides(NULL, &nowhere);
    assert_int_equal(here.len, nowhere.len);
    assert_memory_equal(here.at, nowhere.at, nowhere.len);
    assert_true(sp_str_contains(sp_buffer_str(&here), SP_STR("a.internal")));
    assert_false(sp_str_contains(sp_buffer_str(&here), SP_STR("192.0.2.1")));
    assert_false(sp_str_contains(sp_buffer_str(&here), SP_STR("\"addresses\"")));
    sp_buffer_fini(&here);
    sp_buffer_fini(&nowhere);
}

/* ---- several files ---- */
static void files_merge_in_order(void **state)
{
    (void)state;
    static const char base[] =
        "public_url: ${NOWHERE}\n"
        "issuers: {corp: {issuer: https://idp.example.com, audience: [a, b], leeway: 5s, environment: x}}\n"
        "apis: {a: {upstream: {url: http://x}}}\n";
    static const char over[] = "public_url: https://b.example.com\n"
                               "issuers: {corp: {audience: c, environment: null}}\n"
                               "apis: {b: {match: {path: /b}, upstream: {url: http://y}}}\n";
    static const char *const texts[] = {base, over, "{\"issuers\": {\"corp\": {\"leeway\": \"7s\"}}}"};
    struct sp_parsed parsed = sp_parsed_files(texts, 3, environment);
    sp_parsed_print(&parsed);
    assert_int_equal(parsed.status, SP_OK); /* what was replaced need not be there: ${NOWHERE} */
    const struct sp_issuer_terms *corp = &parsed.policy->issuers[0];
    assert_text(corp->issuer, "https://idp.example.com");
    assert_int_equal(corp->audiences.count, 1);
    assert_text(corp->audiences.at[0], "c");
    assert_int_equal(corp->leeway_s, 7);
    assert_true(sp_str_is_empty(corp->environment));
    assert_int_equal(parsed.policy->api_count, 2);
    assert_text(parsed.policy->public_url, "https://b.example.com");
    sp_parsed_fini(&parsed);
}

static void a_problem_is_placed_in_its_own_file(void **state)
{
    (void)state;
    static const char *const texts[] = {"issuers:\n  corp:\n    issuer: https://idp.example.com\n    audience: a\n",
                                        "\n\nissuers: {corp: {leewy: 5s}}\n",
                                        "{\"issuers\":\n {\"corp\": {\"heal\": 3}}}"};
    struct sp_parsed parsed = sp_parsed_files(texts, 3, environment);
    assert_int_equal(parsed.report->count, 2);
    assert_text(parsed.report->problems[0].file, "b.yaml");
    assert_int_equal(parsed.report->problems[0].line, 3);
    assert_text(parsed.report->problems[1].file, "c.yaml");
    assert_int_equal(parsed.report->problems[1].line, 2);
    sp_parsed_fini(&parsed);
}

/* ---- memory ---- */
static void out_of_memory_is_never_a_policy(void **state)
{
    (void)state;
    const struct sp_policy_text file = {.name = SP_STR("a.yaml"), .text = SP_STR(everything)};
    bool done = false;
    size_t refused = 0;
    for (size_t bytes = 1024; !done; bytes += bytes / 16) {
        struct sp_policy_report *report = sp_policy_report_create();
        struct sp_policy *policy = NULL;
        const struct sp_policy_input input = {.texts = &file, .text_count = 1, .max_arena_bytes = bytes};
        enum sp_status status = sp_policy_parse_input(&input, &policy, report);
        assert_int_equal(status == SP_OK, policy != NULL);
        assert_true(status == SP_OK || status == SP_NO_MEMORY);
        refused += status == SP_NO_MEMORY;
        done = status == SP_OK;
        assert_true(bytes < (1u << 24));
        sp_policy_unref(&policy);
        sp_policy_report_destroy(&report);
    }
    assert_true(refused > 20);
}

static void the_last_reference_ends_it(void **state)
{
    (void)state;
    struct sp_parsed parsed = parsed_everything();
    struct sp_policy *second = sp_policy_ref(parsed.policy);
    sp_parsed_fini(&parsed);
    assert_null(parsed.policy);
    assert_int_equal(second->api_count, 2);
    sp_policy_unref(&second);
    assert_null(second);
    sp_policy_unref(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issuers_are_read),
        cmocka_unit_test(requirements_are_read),
        cmocka_unit_test(the_rest_of_an_api_is_read),
        cmocka_unit_test(how_it_is_served_is_read),
        cmocka_unit_test(consumers_are_found),
        cmocka_unit_test(a_snapshot_has_what_the_gateway_needs_and_no_more),
        cmocka_unit_test(where_servers_are_found_is_no_part_of_what_decides),
        cmocka_unit_test(files_merge_in_order),
        cmocka_unit_test(a_problem_is_placed_in_its_own_file),
        cmocka_unit_test(out_of_memory_is_never_a_policy),
        cmocka_unit_test(the_last_reference_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
