/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/diagnosis/document.h"

#define URL "https://idp.example.com/keys"
#define RSA_N                                                                                                          \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"                          \
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-"                                                                           \
    "5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"                                                               \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"                                \
    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define GOOD "{\"kty\":\"RSA\",\"kid\":\"a\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}"

#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

struct row {
    const char *what;
    struct sp_fetch_report report;
    enum sp_cause cause;  /* of the first finding, or NONE */
    enum sp_cause reason; /* behind it */
    bool refused;
};

#define BODY(text) .http_status = 200, .content_type = {"application/json", 16}, .body = {text, sizeof(text) - 1}

#define RSA_WITH(e) "{\"kty\":\"RSA\",\"e\":\"" e "\",\"n\":\"" RSA_N "\"}"

static const struct row key_rows[] = {
    {"a good set", {BODY("{\"keys\":[" GOOD "]}")}, SP_CAUSE_NONE, SP_CAUSE_NONE, false},
    {"nobody answers",
     {.failure = SP_CAUSE_NETWORK_TCP_REFUSED},
     SP_CAUSE_KEYS_UNREACHABLE,
     SP_CAUSE_NETWORK_TCP_REFUSED,
     true},
    {"an error of the server",
     {.http_status = 500},
     SP_CAUSE_KEYS_HTTP_STATUS,
     SP_CAUSE_NETWORK_HTTP_SERVER_ERROR,
     true},
    {"not found", {.http_status = 404}, SP_CAUSE_KEYS_HTTP_STATUS, SP_CAUSE_NONE, true},
    {"too often asked",
     {.http_status = 429, .retry_after_s = 9},
     SP_CAUSE_KEYS_HTTP_STATUS,
     SP_CAUSE_NETWORK_HTTP_RATE_LIMITED,
     true},
    {"a redirect",
     {.http_status = 302, .location = {"https://login/", 14}},
     SP_CAUSE_KEYS_HTTP_STATUS,
     SP_CAUSE_NETWORK_HTTP_REDIRECT,
     true},
    {"a body without end",
     {BODY("{"), .too_large = true, .max_bytes = 9},
     SP_CAUSE_KEYS_TOO_LARGE,
     SP_CAUSE_NETWORK_HTTP_TOO_LARGE,
     true},
    {"a login page",
     {.http_status = 200, .content_type = {"text/html", 9}, .body = {"hi", 2}},
     SP_CAUSE_KEYS_HTML,
     SP_CAUSE_NONE,
     true},
    {"a page that says it is JSON", {BODY("\n<!DOCTYPE html><p>")}, SP_CAUSE_KEYS_HTML, SP_CAUSE_NONE, true},
    {"a page behind a byte order mark",
     {BODY("\xef\xbb\xbf<!doctype html><p>")},
     SP_CAUSE_KEYS_HTML,
     SP_CAUSE_NONE,
     true},
    {"a page behind a comment", {BODY("<!-- proxy -->\n<html>")}, SP_CAUSE_KEYS_HTML, SP_CAUSE_NONE, true},
    {"an XHTML page", {BODY("<?xml version=\"1.0\"?><html>")}, SP_CAUSE_KEYS_HTML, SP_CAUSE_NONE, true},
    {"XML that is no page", {BODY("<?xml version=\"1.0\"?><a/>")}, SP_CAUSE_KEYS_NOT_JSON, SP_CAUSE_NONE, true},
    {"cut JSON", {BODY("{\"keys\":[")}, SP_CAUSE_KEYS_NOT_JSON, SP_CAUSE_NONE, true},
    {"a list", {BODY("[]")}, SP_CAUSE_KEYS_NOT_JSON, SP_CAUSE_NONE, true},
    {"an object without keys", {BODY("{\"key\":[]}")}, SP_CAUSE_KEYS_NOT_JSON, SP_CAUSE_NONE, true},
    {"no keys", {BODY("{\"keys\":[]}")}, SP_CAUSE_KEYS_EMPTY, SP_CAUSE_NONE, true},
    {"only unknown keys", {BODY("{\"keys\":[{\"kty\":\"LATTICE\"}]}")}, SP_CAUSE_KEYS_EMPTY, SP_CAUSE_NONE, true},
    {"a key that is for encryption",
     {BODY("{\"keys\":[{\"kty\":\"RSA\",\"use\":\"enc\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}]}")},
     SP_CAUSE_KEYS_EMPTY,
     SP_CAUSE_NONE,
     true},
    {"an unknown key beside a good one",
     {BODY("{\"keys\":[" GOOD ",{\"kty\":\"LATTICE\",\"kid\":\"b\"}]}")},
     SP_CAUSE_KEYS_UNSUPPORTED_TYPE,
     SP_CAUSE_NONE,
     false},
    {"a broken key beside a good one",
     {BODY("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"=\"}," GOOD "]}")},
     SP_CAUSE_KEYS_MALFORMED_MEMBER,
     SP_CAUSE_NONE,
     false},
    {"a kid twice", {BODY("{\"keys\":[" GOOD "," GOOD "]}")}, SP_CAUSE_KEYS_DUPLICATE_KID, SP_CAUSE_NONE, false},
    {"a point off its curve",
     {BODY("{\"keys\":[" GOOD ",{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ZERO "\",\"y\":\"" ZERO "\"}]}")},
     SP_CAUSE_KEYS_WEAK,
     SP_CAUSE_NONE,
     false},
    {"a key with the exponent 3, which is used",
     {BODY("{\"keys\":[" RSA_WITH("Aw") "]}")},
     SP_CAUSE_KEYS_WEAK,
     SP_CAUSE_NONE,
     false},
    {"a key with the exponent 17, zeros in front of it",
     {BODY("{\"keys\":[" RSA_WITH("AAAR") "]}")},
     SP_CAUSE_KEYS_WEAK,
     SP_CAUSE_NONE,
     false},
    {"a key with the exponent 65537, zeros in front of it",
     {BODY("{\"keys\":[" RSA_WITH("AAEAAQ") "]}")},
     SP_CAUSE_NONE,
     SP_CAUSE_NONE,
     false},
    {"a key with the exponent 1", {BODY("{\"keys\":[" RSA_WITH("AQ") "]}")}, SP_CAUSE_KEYS_EMPTY, SP_CAUSE_NONE, true},
    {"a key with the exponent 65536",
     {BODY("{\"keys\":[" RSA_WITH("AQAA") "]}")},
     SP_CAUSE_KEYS_EMPTY,
     SP_CAUSE_NONE,
     true},
    {"a key with an exponent of 65 bit",
     {BODY("{\"keys\":[" RSA_WITH("AQAAAAAAAAAB") "]}")},
     SP_CAUSE_KEYS_EMPTY,
     SP_CAUSE_NONE,
     true},
    {"a control plane's placeholder",
     {BODY("{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"RXJyb3ItSXN0aW9kRmFpbGVkVG9GZXRjaEp3a3NVcmk\"}]}")},
     SP_CAUSE_KEYS_PLACEHOLDER,
     SP_CAUSE_NONE,
     true},
};

static void key_sets_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_jwk_set *set = NULL;
        struct sp_document_findings findings;
        struct sp_fetch_report report = key_rows[i].report;
        report.url = SP_STR(URL);
        print_message("%s\n", key_rows[i].what);
        assert_int_equal(sp_keys_document_examine(arena, &report, &set, &findings), SP_OK);
        assert_int_equal(findings.refused, key_rows[i].refused);
        assert_int_equal(set == NULL, key_rows[i].refused);
        assert_string_equal(sp_cause_get(findings.count > 0 ? findings.rows[0].cause : SP_CAUSE_NONE)->title.at != NULL
                                ? sp_cause_get(findings.count > 0 ? findings.rows[0].cause : SP_CAUSE_NONE)->id.at
                                : "",
                            sp_cause_get(key_rows[i].cause)->id.at != NULL ? sp_cause_get(key_rows[i].cause)->id.at
                                                                           : "");
        assert_int_equal(findings.count > 0 ? findings.rows[0].reason : SP_CAUSE_NONE, key_rows[i].reason);
        sp_jwk_set_unref(&set);
        sp_arena_destroy(&arena);
    }
}

static void a_set_without_a_usable_key_says_what_the_first_one_lacks(void **state)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{\"keys\":[" RSA_WITH("AQ") "]}", "Key 0: "},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\",\"x\":"
         "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
         "Key 0: its use is not sig"},
        {"{\"keys\":[]}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_jwk_set *set = NULL;
        struct sp_document_findings findings;
        struct sp_fetch_report report = {
            .http_status = 200, .url = SP_STR(URL), .body = sp_str_from_cstr(cases[i].body)};
        assert_int_equal(sp_keys_document_examine(arena, &report, &set, &findings), SP_OK);
        assert_int_equal(findings.rows[0].cause, SP_CAUSE_KEYS_EMPTY);
        if (cases[i].detail != NULL)
            assert_true(sp_str_has_prefix(findings.rows[0].detail, sp_str_from_cstr(cases[i].detail)));
        else
            assert_null(findings.rows[0].detail.at);
        sp_arena_destroy(&arena);
    }
}

static void a_published_private_key_is_told(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_jwk_set *set = NULL;
    struct sp_document_findings findings;
    struct sp_fetch_report report = {BODY("{\"keys\":[" GOOD ",{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"leaked\","
                                          "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"x\":\"11qYAYKxCrfVS_"
                                          "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}")};
    assert_int_equal(sp_keys_document_examine(arena, &report, &set, &findings), SP_OK);
    assert_int_equal(findings.rows[0].cause, SP_CAUSE_KEYS_PRIVATE_MATERIAL);
    assert_true(sp_str_contains(findings.rows[0].received, SP_STR("leaked")));
    sp_jwk_set_unref(&set);
    sp_arena_destroy(&arena);
}

#define ISSUER "https://idp.example.com/realms/a"
#define METADATA(issuer, rest) BODY("{\"issuer\":\"" issuer "\"" rest "}")
#define JWKS ",\"jwks_uri\":\"https://idp.example.com/keys\""

static const struct row metadata_rows[] = {
    {"a good document", {METADATA(ISSUER, JWKS)}, SP_CAUSE_NONE, SP_CAUSE_NONE, false},
    {"not found", {.http_status = 404}, SP_CAUSE_DISCOVERY_NOT_FOUND, SP_CAUSE_NONE, true},
    {"an error", {.http_status = 503}, SP_CAUSE_DISCOVERY_HTTP_STATUS, SP_CAUSE_NETWORK_HTTP_SERVER_ERROR, true},
    {"a page", {BODY("<html>")}, SP_CAUSE_DISCOVERY_HTML, SP_CAUSE_NONE, true},
    {"no JSON", {BODY("no")}, SP_CAUSE_DISCOVERY_NOT_JSON, SP_CAUSE_NONE, true},
    {"another issuer by a slash",
     {METADATA(ISSUER "/", JWKS)},
     SP_CAUSE_DISCOVERY_ISSUER_MISMATCH,
     SP_CAUSE_ISSUER_TRAILING_SLASH,
     false},
    {"another tenant's template",
     {METADATA("https://idp.example.com/{tenantid}/v2.0", JWKS)},
     SP_CAUSE_DISCOVERY_ISSUER_MISMATCH,
     SP_CAUSE_ISSUER_TEMPLATE,
     false},
    {"another issuer",
     {METADATA("https://else.example.org/x", JWKS)},
     SP_CAUSE_DISCOVERY_ISSUER_MISMATCH,
     SP_CAUSE_ISSUER_MISMATCH,
     true},
    {"no issuer", {BODY("{\"jwks_uri\":\"https://a/\"}")}, SP_CAUSE_DISCOVERY_MISSING_MEMBER, SP_CAUSE_NONE, true},
    {"no key set", {METADATA(ISSUER, "")}, SP_CAUSE_DISCOVERY_MISSING_MEMBER, SP_CAUSE_NONE, true},
    {"a key set without TLS",
     {METADATA(ISSUER, ",\"jwks_uri\":\"http://idp.example.com/keys\"")},
     SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT,
     SP_CAUSE_NONE,
     true},
    {"an internal host",
     {METADATA(ISSUER, ",\"jwks_uri\":\"https://keycloak.svc/keys\"")},
     SP_CAUSE_DISCOVERY_FOREIGN_ENDPOINT,
     SP_CAUSE_NONE,
     false},
};

static void metadata_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof metadata_rows / sizeof metadata_rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_metadata metadata;
        struct sp_document_findings findings;
        print_message("%s\n", metadata_rows[i].what);
        assert_int_equal(sp_metadata_examine(arena, &metadata_rows[i].report, SP_STR(ISSUER), &metadata, &findings),
                         SP_OK);
        assert_int_equal(findings.refused, metadata_rows[i].refused);
        assert_int_equal(findings.count > 0 ? findings.rows[0].cause : SP_CAUSE_NONE, metadata_rows[i].cause);
        assert_int_equal(findings.count > 0 ? findings.rows[0].reason : SP_CAUSE_NONE, metadata_rows[i].reason);
        sp_arena_destroy(&arena);
    }
}

static void metadata_is_looked_for_at_three_places(void **state)
{
    (void)state;
    static const struct {
        const char *issuer, *urls[SP_METADATA_PLACES];
    } rows[] = {
        {"https://a.example",
         {"https://a.example/.well-known/openid-configuration",
          "https://a.example/.well-known/oauth-authorization-server",
          "https://a.example/.well-known/openid-configuration"}},
        {"https://a.example/t/1/",
         {"https://a.example/t/1/.well-known/openid-configuration",
          "https://a.example/.well-known/oauth-authorization-server/t/1/",
          "https://a.example/.well-known/openid-configuration/t/1/"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (enum sp_metadata_place place = SP_METADATA_OPENID_APPENDED; place < SP_METADATA_PLACES; place++) {
            struct sp_arena *arena = sp_arena_create(4096);
            assert_string_equal(sp_metadata_url(arena, sp_str_from_cstr(rows[i].issuer), place).at,
                                rows[i].urls[place]);
            sp_arena_destroy(&arena);
        }
    }
}

static void where_and_under_which_name_it_is_found(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(4096);
    struct sp_finding finding;
    struct sp_str issuer = SP_STR("https://a.example/t");
    assert_int_equal(sp_metadata_examine_place(arena, issuer, SP_METADATA_OPENID_APPENDED, &finding), SP_CAUSE_NONE);
    assert_int_equal(sp_metadata_examine_place(arena, issuer, SP_METADATA_OAUTH_INSERTED, &finding),
                     SP_CAUSE_DISCOVERY_PATH_FORM);
    assert_true(sp_str_equal(finding.received, SP_STR("https://a.example/.well-known/oauth-authorization-server/t")));
    assert_int_equal(sp_metadata_compare_hosts(issuer, issuer, &finding), SP_CAUSE_NONE);
    assert_int_equal(sp_metadata_compare_hosts(issuer, SP_STR("https://b.example/t"), &finding),
                     SP_CAUSE_DISCOVERY_HOST_REFLECTED);
    sp_arena_destroy(&arena);
}

static void a_key_set_without_tls_is_not_read(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_jwk_set *set = NULL;
    struct sp_document_findings findings;
    struct sp_fetch_report report = {BODY("{\"keys\":[" GOOD "]}")};
    report.url = SP_STR("http://idp.example.com/keys");
    assert_int_equal(sp_keys_document_examine(arena, &report, &set, &findings), SP_OK);
    assert_null(set);
    assert_int_equal(findings.rows[0].cause, SP_CAUSE_KEYS_INSECURE_URL);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_sets_are_judged),
        cmocka_unit_test(a_set_without_a_usable_key_says_what_the_first_one_lacks),
        cmocka_unit_test(a_published_private_key_is_told),
        cmocka_unit_test(metadata_is_judged),
        cmocka_unit_test(where_and_under_which_name_it_is_found),
        cmocka_unit_test(a_key_set_without_tls_is_not_read),
        cmocka_unit_test(metadata_is_looked_for_at_three_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
