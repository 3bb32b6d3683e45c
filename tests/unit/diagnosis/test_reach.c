/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/reach.h"
#include "core/diagnosis/tls.h"
#include "core/diagnosis/verdict.h"

#define NOW 1700000000
#define DAY 86400
#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        (const struct sp_str[]){__VA_ARGS__}, sizeof((const struct sp_str[]){__VA_ARGS__}) / sizeof(struct sp_str)     \
    }
#define A1                                                                                                             \
    {                                                                                                                  \
        "10.0.0.1", 8                                                                                                  \
    }
#define A2                                                                                                             \
    {                                                                                                                  \
        "10.0.0.2", 8                                                                                                  \
    }

static struct sp_arena *arena;
static struct sp_document_findings findings;

static int begin(void **state)
{
    (void)state;
    arena = sp_arena_create(1 << 20);
    findings = (struct sp_document_findings){.count = 0};
    return arena != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    sp_arena_destroy(&arena);
    return 0;
}

static void expect(enum sp_cause first, bool rejects)
{
    assert_int_equal(findings.count > 0 ? findings.rows[0].cause : SP_CAUSE_NONE, first);
    if (first != SP_CAUSE_NONE) {
        assert_int_equal(sp_finding_severity(&findings.rows[0]) == SP_SEVERITY_REJECT, rejects);
    }
    findings.count = 0;
}

/* ---- names ---- */
static void names_are_judged_by_both_answers(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct sp_name_evidence name;
        enum sp_cause cause;
        bool rejects;
    } rows[] = {
        {"found", {.system = SP_LOOKUP_FOUND, .dns = SP_LOOKUP_FOUND}, SP_CAUSE_NONE, false},
        {"an address", {.is_address = true, .system = SP_LOOKUP_NOT_FOUND}, SP_CAUSE_NONE, false},
        {"not found", {.system = SP_LOOKUP_NOT_FOUND}, SP_CAUSE_NETWORK_DNS_NOT_FOUND, true},
        {"no answer", {.system = SP_LOOKUP_TIMEOUT}, SP_CAUSE_NETWORK_DNS_TIMEOUT, true},
        {"not found, but a proxy resolves",
         {.system = SP_LOOKUP_NOT_FOUND, .by_proxy = true},
         SP_CAUSE_NETWORK_DNS_NOT_FOUND,
         false},
        {"the hosts file differs",
         {.system = SP_LOOKUP_FOUND, .hosts = LIST(A1), .dns = SP_LOOKUP_FOUND, .dns_addresses = LIST(A2)},
         SP_CAUSE_NETWORK_DNS_HOSTS_OVERRIDE,
         false},
        {"the hosts file has one of several",
         {.system = SP_LOOKUP_FOUND, .hosts = LIST(A1), .dns = SP_LOOKUP_FOUND, .dns_addresses = LIST(A2, A1)},
         SP_CAUSE_NONE,
         false},
        {"the hosts file has one more",
         {.system = SP_LOOKUP_FOUND, .hosts = LIST(A1, A2), .dns = SP_LOOKUP_FOUND, .dns_addresses = LIST(A1)},
         SP_CAUSE_NETWORK_DNS_HOSTS_OVERRIDE,
         false},
        {"the hosts file alone knows it",
         {.system = SP_LOOKUP_FOUND, .hosts = LIST(A1), .dns = SP_LOOKUP_NOT_FOUND},
         SP_CAUSE_NONE,
         false},
        {"the hosts file, and no name server",
         {.system = SP_LOOKUP_FOUND, .hosts = LIST(A1), .dns = SP_LOOKUP_TIMEOUT},
         SP_CAUSE_NONE,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("%s\n", rows[i].what);
        sp_name_judge(arena, &rows[i].name, &findings);
        expect(rows[i].cause, rows[i].rejects);
    }
}

/* ---- connections ---- */
static void one_address_that_answers_makes_the_others_warnings(void **state)
{
    (void)state;
    const struct sp_connection_evidence rows[] = {
        {.address = SP_STR("[::1]:443"), .outcome = SP_CONNECTION_UNREACHABLE, .detail = SP_STR("no route")},
        {.address = SP_STR("10.0.0.1:443"), .outcome = SP_CONNECTION_REFUSED},
        {.address = SP_STR("10.0.0.2:443"), .outcome = SP_CONNECTION_TIMEOUT},
        {.address = SP_STR("10.0.0.3:443"), .outcome = SP_CONNECTION_OPEN},
    };
    sp_connections_judge(arena, rows, 3, &findings);
    assert_int_equal(findings.count, 3);
    assert_int_equal(findings.rows[1].cause, SP_CAUSE_NETWORK_TCP_REFUSED);
    assert_int_equal(findings.rows[2].cause, SP_CAUSE_NETWORK_TCP_TIMEOUT);
    expect(SP_CAUSE_NETWORK_TCP_UNREACHABLE, true);
    sp_connections_judge(arena, rows, 4, &findings);
    assert_int_equal(findings.count, 3);
    expect(SP_CAUSE_NETWORK_TCP_UNREACHABLE, false);
    sp_connections_judge(arena, rows + 3, 1, &findings);
    expect(SP_CAUSE_NONE, false);
}

/* ---- proxy ---- */
static void a_proxy_is_judged_by_what_it_answers(void **state)
{
    (void)state;
    struct sp_proxy_evidence proxy = {.in_force = true, .asked = true, .is_reached = true, .status = 200};
    sp_proxy_judge(arena, &proxy, &findings);
    expect(SP_CAUSE_NONE, false);
    proxy.status = 407;
    sp_proxy_judge(arena, &proxy, &findings);
    expect(SP_CAUSE_NETWORK_PROXY_AUTH_REQUIRED, true);
    proxy.status = 503;
    sp_proxy_judge(arena, &proxy, &findings);
    expect(SP_CAUSE_NETWORK_PROXY_UNREACHABLE, true);
    proxy.status = 0; /* no CONNECT was needed */
    sp_proxy_judge(arena, &proxy, &findings);
    expect(SP_CAUSE_NONE, false);
    proxy.is_reached = false;
    sp_proxy_judge(arena, &proxy, &findings);
    expect(SP_CAUSE_NETWORK_PROXY_UNREACHABLE, true);
    proxy.in_force = false;
    sp_proxy_judge(arena, &proxy, &findings);
    expect(SP_CAUSE_NONE, false);
}

/* ---- upstreams ---- */
static void what_fails_of_an_upstream_has_the_gateways_name(void **state)
{
    (void)state;
    static const struct {
        enum sp_cause network, upstream;
    } rows[] = {
        {SP_CAUSE_NETWORK_DNS_NOT_FOUND, SP_CAUSE_UPSTREAM_DNS},
        {SP_CAUSE_NETWORK_DNS_TIMEOUT, SP_CAUSE_UPSTREAM_DNS},
        {SP_CAUSE_NETWORK_TCP_REFUSED, SP_CAUSE_UPSTREAM_REFUSED},
        {SP_CAUSE_NETWORK_TCP_UNREACHABLE, SP_CAUSE_UPSTREAM_REFUSED},
        {SP_CAUSE_NETWORK_TCP_TIMEOUT, SP_CAUSE_UPSTREAM_TIMEOUT},
        {SP_CAUSE_NETWORK_HTTP_TIMEOUT, SP_CAUSE_UPSTREAM_TIMEOUT},
        {SP_CAUSE_NETWORK_TLS_EXPIRED, SP_CAUSE_UPSTREAM_TLS},
        {SP_CAUSE_NETWORK_TLS_UNKNOWN_CA, SP_CAUSE_UPSTREAM_TLS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_finding finding = {.cause = rows[i].network};
        sp_finding_of_upstream(&finding, SP_STR("https://api"));
        assert_int_equal(finding.cause, rows[i].upstream);
        assert_int_equal(finding.reason, rows[i].network);
    }
    struct sp_finding warning = {.cause = SP_CAUSE_NETWORK_TLS_EXPIRING};
    sp_finding_of_upstream(&warning, SP_STR("https://api"));
    assert_int_equal(warning.cause, SP_CAUSE_NETWORK_TLS_EXPIRING);
    struct sp_finding tolerated = {.cause = SP_CAUSE_NETWORK_TCP_REFUSED, .tolerated = true};
    sp_finding_of_upstream(&tolerated, SP_STR("https://api"));
    assert_int_equal(tolerated.cause, SP_CAUSE_NETWORK_TCP_REFUSED);
}

/* ---- TLS ---- */
static struct sp_tls_evidence good_tls(void)
{
    struct sp_tls_evidence tls = {.host = SP_STR("idp"), .handshake = SP_HANDSHAKE_DONE};
    tls.chain = (struct sp_chain_evidence){.count = 2, .trusted = true, .name_matches = true};
    tls.chain.certificates[0] = (struct sp_certificate_facts){
        .subject = SP_STR("CN=idp"), .issuer = SP_STR("CN=R3"), .not_before = NOW - DAY, .not_after = NOW + 60 * DAY};
    tls.chain.certificates[1] = (struct sp_certificate_facts){
        .subject = SP_STR("CN=R3"), .issuer = SP_STR("CN=Root"), .not_before = NOW - DAY, .not_after = NOW + 60 * DAY};
    return tls;
}

static void judge(struct sp_tls_evidence *tls, enum sp_cause cause, bool rejects)
{
    sp_tls_judge(arena, tls, NOW, &findings);
    expect(cause, rejects);
}

static void add_fault(struct sp_tls_evidence *tls, enum sp_chain_problem problem, size_t at)
{
    tls->chain.trusted = false;
    tls->chain.faults[tls->chain.fault_count++] = (struct sp_chain_fault){
        .problem = problem, .certificate = tls->chain.certificates[at], .detail = SP_STR("as OpenSSL says")};
}

static void a_chain_is_judged_by_its_faults(void **state)
{
    (void)state;
    struct sp_tls_evidence tls = good_tls();
    judge(&tls, SP_CAUSE_NONE, false);
    static const struct {
        enum sp_chain_problem problem;
        enum sp_cause cause;
    } rows[] = {
        {SP_CHAIN_EXPIRED, SP_CAUSE_NETWORK_TLS_EXPIRED},
        {SP_CHAIN_NOT_YET_VALID, SP_CAUSE_NETWORK_TLS_NOT_YET_VALID},
        {SP_CHAIN_SELF_SIGNED, SP_CAUSE_NETWORK_TLS_SELF_SIGNED},
        {SP_CHAIN_UNKNOWN_ISSUER, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA},
        {SP_CHAIN_OTHER, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tls = good_tls();
        add_fault(&tls, rows[i].problem, 0);
        add_fault(&tls, rows[i].problem, 0);
        sp_tls_judge(arena, &tls, NOW, &findings);
        assert_int_equal(findings.count, 1); /* the same fault of the same certificate is told once */
        expect(rows[i].cause, true);
    }
    tls = good_tls();
    add_fault(&tls, SP_CHAIN_UNKNOWN_ISSUER, 1);
    tls.chain.completed_by = SP_STR("CN=Missing");
    judge(&tls, SP_CAUSE_NETWORK_TLS_MISSING_INTERMEDIATE, true);
}

static void what_is_not_proven_good_is_not_good(void **state)
{
    (void)state;
    struct sp_tls_evidence tls = good_tls();
    tls.chain.trusted = false; /* without a fault that says why */
    judge(&tls, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA, true);
    tls = good_tls();
    tls.chain.count = 0;
    judge(&tls, SP_CAUSE_NETWORK_TLS_HANDSHAKE, true);
    tls = good_tls();
    tls.chain.name_matches = false;
    judge(&tls, SP_CAUSE_NETWORK_TLS_HOSTNAME, true);
}

static void an_end_that_is_near_is_a_warning(void **state)
{
    (void)state;
    struct sp_tls_evidence tls = good_tls();
    tls.chain.certificates[0].not_after = NOW + SP_CERTIFICATE_WARNING_S - 1;
    judge(&tls, SP_CAUSE_NETWORK_TLS_EXPIRING, false);
    tls.chain.certificates[0].not_after = NOW + SP_CERTIFICATE_WARNING_S;
    judge(&tls, SP_CAUSE_NONE, false);
}

static void handshakes_are_judged_by_how_they_end(void **state)
{
    (void)state;
    static const struct {
        enum sp_handshake handshake;
        enum sp_cause cause;
    } rows[] = {
        {SP_HANDSHAKE_NOT_MADE, SP_CAUSE_NONE},
        {SP_HANDSHAKE_PLAINTEXT, SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT},
        {SP_HANDSHAKE_PROTOCOL, SP_CAUSE_NETWORK_TLS_PROTOCOL},
        {SP_HANDSHAKE_ALERT, SP_CAUSE_NETWORK_TLS_HANDSHAKE},
        {SP_HANDSHAKE_CLOSED, SP_CAUSE_NETWORK_TLS_HANDSHAKE},
        {SP_HANDSHAKE_FAILED, SP_CAUSE_NETWORK_TLS_HANDSHAKE},
        {SP_HANDSHAKE_TIMEOUT, SP_CAUSE_NETWORK_HTTP_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_tls_evidence tls = {.handshake = rows[i].handshake};
        judge(&tls, rows[i].cause, true);
    }
    struct sp_tls_evidence tls = good_tls();
    tls.refused_without_certificate = true;
    judge(&tls, SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED, true);
}

static void interception_is_proven_by_another_chain_or_a_known_name(void **state)
{
    (void)state;
    struct sp_tls_evidence tls = good_tls();
    add_fault(&tls, SP_CHAIN_UNKNOWN_ISSUER, 1);
    tls.proxy = SP_STR("http://proxy:3128 (https_proxy)");
    tls.has_direct_chain = true;
    judge(&tls, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA, true); /* the same leaf: the proxy only passes it on */
    tls.direct_leaf.sha256[0] = 1;
    judge(&tls, SP_CAUSE_NETWORK_PROXY_INTERCEPTS, true);
    tls = good_tls();
    tls.chain.certificates[0].issuer = SP_STR("CN=zscaler Intermediate Root CA");
    judge(&tls, SP_CAUSE_NETWORK_PROXY_INTERCEPTS, false); /* trusted here: it works */
    add_fault(&tls, SP_CHAIN_UNKNOWN_ISSUER, 1);
    judge(&tls, SP_CAUSE_NETWORK_PROXY_INTERCEPTS, true);
}

/* ---- HTTP ---- */
static void answers_are_judged_by_themselves(void **state)
{
    (void)state;
    static const struct {
        struct sp_fetch_report report;
        enum sp_cause cause;
        bool rejects;
    } rows[] = {
        {{.http_status = 200}, SP_CAUSE_NONE, false},
        {{.http_status = 404}, SP_CAUSE_NONE, false},
        {{.http_status = 302, .location = {"https://x", 9}}, SP_CAUSE_NETWORK_HTTP_REDIRECT, true},
        {{.http_status = 200, .redirects = 1, .final_url = {"https://x", 9}}, SP_CAUSE_NETWORK_HTTP_REDIRECT, false},
        {{.http_status = 429}, SP_CAUSE_NETWORK_HTTP_RATE_LIMITED, true},
        {{.http_status = 503}, SP_CAUSE_NETWORK_HTTP_SERVER_ERROR, true},
        {{.http_status = 200, .too_large = true}, SP_CAUSE_NETWORK_HTTP_TOO_LARGE, true},
        {{.failure = SP_CAUSE_NETWORK_TCP_REFUSED}, SP_CAUSE_NETWORK_TCP_REFUSED, true},
        {{.failure = SP_CAUSE_NETWORK_HTTP_TIMEOUT, .timeout_ms = 5000}, SP_CAUSE_NETWORK_HTTP_TIMEOUT, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sp_http_answer_judge(arena, &rows[i].report, &findings);
        expect(rows[i].cause, rows[i].rejects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_judged_by_both_answers, begin, end),
        cmocka_unit_test_setup_teardown(one_address_that_answers_makes_the_others_warnings, begin, end),
        cmocka_unit_test_setup_teardown(a_proxy_is_judged_by_what_it_answers, begin, end),
        cmocka_unit_test_setup_teardown(what_fails_of_an_upstream_has_the_gateways_name, begin, end),
        cmocka_unit_test_setup_teardown(a_chain_is_judged_by_its_faults, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_proven_good_is_not_good, begin, end),
        cmocka_unit_test_setup_teardown(an_end_that_is_near_is_a_warning, begin, end),
        cmocka_unit_test_setup_teardown(handshakes_are_judged_by_how_they_end, begin, end),
        cmocka_unit_test_setup_teardown(interception_is_proven_by_another_chain_or_a_known_name, begin, end),
        cmocka_unit_test_setup_teardown(answers_are_judged_by_themselves, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
