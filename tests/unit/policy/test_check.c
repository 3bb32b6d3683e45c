/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/policy/policy.h"
#include "tests/support/policy_fixture.h"

#define API(members) "apis: {a: {upstream: {url: http://127.0.0.1:1}, auth: {anonymous: true}" members "}}\n"
#define PROVEN(api) ISSUER "}}\napis: {a: {upstream: {url: http://127.0.0.1:1}, " api "}}\n"
#define ISSUER "issuers: {i: {issuer: https://idp.example.com, audience: x"

/* One row a mistake: where it is found and what of it is said. */
static const struct {
    const char *sentence, *text;
    enum sp_cause cause;
    uint32_t line, column;
    const char *path, *in_message;
} mistakes[] = {
    {"a mistyped member names the nearest", "lisen: []\n", SP_CAUSE_CONFIG_UNKNOWN_MEMBER, 1, 1, "lisen",
     "Did you mean listen?"},
    {"a mistyped member inside an API", "apis:\n  a:\n    upstrem: {url: http://x}\n", SP_CAUSE_CONFIG_UNKNOWN_MEMBER,
     3, 5, "apis.a.upstrem", "Did you mean upstream?"},
    {"a name is pointed at in its own characters", "issuers: {\"ü\": {isuer: x}}\n", SP_CAUSE_CONFIG_UNKNOWN_MEMBER, 1,
     17, "issuers.ü.isuer", "issuer"},
    {"a member of another place is told so", "leeway: 3s\n", SP_CAUSE_CONFIG_UNKNOWN_MEMBER, 1, 1, "leeway",
     "issuers.NAME"},
    {"a text where a bool belongs", ISSUER ", heal: maybe}}\n", SP_CAUSE_CONFIG_TYPE, 1, 67, "issuers.i.heal",
     "true or false"},
    {"a number of the wrong size", API(", limits: {requests: 0}"), SP_CAUSE_CONFIG_TYPE, 1, 93,
     "apis.a.limits.requests", "from 1 to 1000000000"},
    {"no duration", ISSUER ", leeway: soon}}\n", SP_CAUSE_CONFIG_TYPE, 1, 69, "issuers.i.leeway", "30s"},
    {"no choice", API(", diagnostics: all"), SP_CAUSE_CONFIG_TYPE, 1, 87, "apis.a.diagnostics", "cause, none, full"},
    {"no address", "listen: {address: 8080}\n", SP_CAUSE_CONFIG_TYPE, 1, 19, "listen.address", ":PORT"},
    {"a port beyond all ports", "listen: {address: ':70000'}\n", SP_CAUSE_CONFIG_TYPE, 1, 19, "listen.address",
     ":PORT"},
    {"an empty file", "", SP_CAUSE_CONFIG_TYPE, 1, 1, "", "neither apis nor an authority"},
    {"comments only", "# nothing\n", SP_CAUSE_CONFIG_TYPE, 1, 1, "", "neither apis nor an authority"},
    {"an object of nothing", "\n{}\n", SP_CAUSE_CONFIG_TYPE, 2, 1, "", "neither apis nor an authority"},
    {"names without anything behind them", "issuers:\napis:\n", SP_CAUSE_CONFIG_TYPE, 1, 1, "",
     "neither apis nor an authority"},
    {"a null document", "---\n", SP_CAUSE_CONFIG_TYPE, 2, 1, "", "it must be an object"},
    {"an address twice", "listen: [{address: ':1'}, {address: ':1'}]\n", SP_CAUSE_CONFIG_TYPE, 1, 27, "listen",
     "stands twice"},
    {"every address, written in two ways", "listen: [{address: ':1'}, {address: '0.0.0.0:1'}]\n", SP_CAUSE_CONFIG_TYPE,
     1, 27, "listen", "0.0.0.0:1 is the same to nginx as :1"},
    {"every IPv6 address, which an empty host is too", "listen: [{address: '[::]:1'}, {address: ':1'}]\n",
     SP_CAUSE_CONFIG_TYPE, 1, 31, "listen", ":1 is the same to nginx as [::]:1"},
    {"one IPv6 address, written in two ways", "listen: [{address: '[::1]:1'}, {address: '[0:0::0:1]:01'}]\n",
     SP_CAUSE_CONFIG_TYPE, 1, 32, "listen", "is the same to nginx as [::1]:1"},
    {"the admin address, written in another way", "listen: {address: '127.0.0.1:08081'}\n", SP_CAUSE_CONFIG_TYPE, 1, 1,
     "listen", "is the same to nginx as 127.0.0.1:8081"},
    {"one address beside all of them", "listen: [{address: '127.0.0.1:1'}, {address: ':1'}]\n", SP_CAUSE_CONFIG_TYPE, 1,
     10, "listen", "127.0.0.1:1 is one of the addresses of :1"},
    {"one address beside the admin address of all", "listen: {address: '[::1]:1'}\nadmin: {address: '[::]:1'}\n",
     SP_CAUSE_CONFIG_TYPE, 1, 1, "listen", "[::1]:1 is one of the addresses of [::]:1"},
    {"an admin address without host", "admin: {address: ':8081'}\n", SP_CAUSE_CONFIG_ADMIN_EXPOSED, 1, 18,
     "admin.address", "every network"},
    {"an admin address of all IPv4", "admin: {address: '0.0.0.0:8081', hosts: [a]}\n", SP_CAUSE_CONFIG_ADMIN_EXPOSED, 1,
     18, "admin.address", "0.0.0.0:8081"},
    {"an admin address of all IPv6", "admin: {address: '[::]:8081'}\n", SP_CAUSE_CONFIG_ADMIN_EXPOSED, 1, 18,
     "admin.address", "[::]:8081"},
    {"a path that can never match", API(", match: {path: /a/../b}"), SP_CAUSE_CONFIG_TYPE, 1, 88, "apis.a.match.path",
     "segment"},
    {"a method in lower case", API(", match: {methods: [get]}"), SP_CAUSE_CONFIG_TYPE, 1, 92, "apis.a.match.methods[0]",
     "GET"},
    {"no methods at all", API(", match: {methods: []}"), SP_CAUSE_CONFIG_TYPE, 1, 82, "apis.a.match.methods",
     "at least one"},
    {"an unknown algorithm", ISSUER ", algorithms: [none]}}\n", SP_CAUSE_CONFIG_TYPE, 1, 74, "issuers.i.algorithms[0]",
     "RS256"},
    {"an upstream without URL", "apis: {a: {upstream: {}, auth: {anonymous: true}}}\n", SP_CAUSE_CONFIG_TYPE, 1, 12,
     "apis.a.upstream", "either url or servers"},
    {"servers of two schemes",
     "apis: {a: {upstream: {servers: [{url: http://a}, {url: https://a}]}, auth: {anonymous: true}}}\n",
     SP_CAUSE_CONFIG_TYPE, 1, 50, "apis.a.upstream.servers[1]", "same scheme"},
    {"an API key in clear", "consumers: {c: {api_keys: [geheim]}}\n", SP_CAUSE_CONFIG_TYPE, 1, 28,
     "consumers.c.api_keys[0]", "sha256:"},
    {"an issuer that is not there", "apis: {a: {upstream: {url: http://x}, auth: {issuers: [corp]}}}\n",
     SP_CAUSE_CONFIG_REFERENCE, 1, 56, "apis.a.auth.issuers", "there are: (none)"},
    {"a method that match names and scopes leave out",
     "apis: {a: {match: {path: /x, methods: [GET, DELETE]}, upstream: {url: http://x}, auth: {anonymous: true, scopes: "
     "{GET: [r]}}}}\n",
     SP_CAUSE_CONFIG_REFERENCE, 1, 45, "apis.a.match.methods", "what DELETE needs"},
    {"such a method of the second rule",
     "apis: {a: {match: [{path: /x, methods: GET}, {path: /y, methods: [HEAD, PUT]}], upstream: {url: http://x}, auth: "
     "{anonymous: true, scopes: {GET: [r]}}}}\n",
     SP_CAUSE_CONFIG_REFERENCE, 1, 73, "apis.a.match.methods", "what PUT needs"},
    {"all methods, and scopes for one",
     "apis: {a: {match: {path: /x, methods: '*'}, upstream: {url: http://x}, auth: {anonymous: true, scopes: {GET: "
     "[r]}}}}\n",
     SP_CAUSE_CONFIG_REFERENCE, 1, 39, "apis.a.match.methods", "what * needs"},
    {"GET where HEAD alone has scopes",
     "apis: {a: {match: {path: /x, methods: GET}, upstream: {url: http://x}, auth: {anonymous: true, scopes: {HEAD: "
     "[r]}}}}\n",
     SP_CAUSE_CONFIG_REFERENCE, 1, 39, "apis.a.match.methods", "what GET needs"},
    {"cookies from any origin", API(", cors: {origins: ['*'], credentials: true}"), SP_CAUSE_CONFIG_TYPE, 1, 110,
     "apis.a.cors.credentials", "any origin"},
    {"cookies from sandboxed frames", API(", cors: {origins: [https://a.test, 'null'], credentials: true}"),
     SP_CAUSE_CONFIG_TYPE, 1, 129, "apis.a.cors.credentials", "any origin"},
    {"an API that is not there", "consumers: {c: {apis: [x]}}\n" API(""), SP_CAUSE_CONFIG_REFERENCE, 1, 24,
     "consumers.c.apis", "there are: a"},
    {"nobody may call", "apis: {a: {upstream: {url: http://x}}}\n", SP_CAUSE_CONFIG_REFERENCE, 1, 8, "apis.a.auth",
     "accepts nobody"},
    {"one key for two consumers",
     "consumers:\n  a: {api_keys: 'sha256:0000000000000000000000000000000000000000000000000000000000000000'}\n"
     "  b: {api_keys: 'sha256:0000000000000000000000000000000000000000000000000000000000000000'}\n",
     SP_CAUSE_CONFIG_REFERENCE, 3, 17, "consumers.b", "belongs to consumers.a"},
    {"the same route twice",
     "apis:\n  a: {match: {path: /x}, upstream: {url: http://x}, auth: {anonymous: true}}\n"
     "  b: {match: {path: /x/}, upstream: {url: http://x}, auth: {anonymous: true}}\n",
     SP_CAUSE_CONFIG_DUPLICATE_ROUTE, 3, 7, "apis.b.match", "is the same route as"},
    {"a route whose methods are all taken",
     "apis:\n  a: {match: {path: /x, methods: [GET, POST]}, upstream: {url: http://x}, auth: {anonymous: true}}\n"
     "  b: {match: {path: /x, methods: [POST]}, upstream: {url: http://x}, auth: {anonymous: true}}\n",
     SP_CAUSE_CONFIG_SHADOWED_ROUTE, 3, 7, "apis.b.match", "never reached"},
    {"a route that loses some methods",
     "apis:\n  a: {match: {path: /x, methods: [GET, POST]}, upstream: {url: http://x}, auth: {anonymous: true}}\n"
     "  b: {match: {path: /x, methods: [POST, PUT]}, upstream: {url: http://x}, auth: {anonymous: true}}\n",
     SP_CAUSE_CONFIG_POLICY_ORDER, 3, 7, "apis.b.match", "loses some"},
    {"a limit that another reaches first", API(", limits: [{requests: 10, window: 1m}, {requests: 100, window: 1m}]"),
     SP_CAUSE_CONFIG_POLICY_ORDER, 1, 111, "apis.a.limits[1]", "never acts"},
    {"no audience anywhere",
     "issuers: {i: {issuer: https://idp.example.com}}\napis: {a: {upstream: {url: http://x}, auth: {issuers: i}}}\n",
     SP_CAUSE_CONFIG_NO_AUDIENCE, 2, 39, "apis.a.auth", "issuers.i"},
    {"proofs for any host", PROVEN("match: {path: /x}, auth: {issuers: i, dpop: required}"),
     SP_CAUSE_CONFIG_DPOP_ANY_HOST, 2, 93, "apis.a.auth.dpop", "set public_url"},
    {"proofs for any host beside a route that has one",
     PROVEN("match: [{host: api.test}, {path: /x}], auth: {issuers: i, dpop: optional}"), SP_CAUSE_CONFIG_DPOP_ANY_HOST,
     2, 113, "apis.a.auth.dpop", "apis.a takes"},
    {"no algorithms", ISSUER ", algorithms: []}}\n", SP_CAUSE_CONFIG_NO_ALGORITHMS, 1, 61, "issuers.i.algorithms",
     "no token could be valid"},
    {"HS together with RS", ISSUER ", algorithms: [RS256, HS256]}}\n", SP_CAUSE_CONFIG_MIXED_ALGORITHMS, 1, 61,
     "issuers.i.algorithms", "RS256, HS256"},
    {"a large leeway", ISSUER ", leeway: 10m}}\n", SP_CAUSE_CONFIG_LEEWAY_LARGE, 1, 69, "issuers.i.leeway", "10m"},
    {"an issuer without TLS", "issuers: {i: {issuer: http://idp.example.com, audience: x}}\n",
     SP_CAUSE_CONFIG_INSECURE_ISSUER, 1, 23, "issuers.i.issuer", "http://idp.example.com"},
    {"a key set without TLS", ISSUER ", jwks_uri: http://idp.example.com/keys}}\n", SP_CAUSE_CONFIG_INSECURE_ISSUER, 1,
     71, "issuers.i.jwks_uri", "without TLS"},
    {"keys from a file while they are published", ISSUER ", jwks_file: keys.json}}\n", SP_CAUSE_CONFIG_HARDCODED_KEY, 1,
     72, "issuers.i", "next rotation"},
    {"a secret in the file", ISSUER ", secret: hunter2hunter2}}\n", SP_CAUSE_CONFIG_INLINE_SECRET, 1, 69,
     "issuers.i.secret", "written in the file"},
    {"a variable that is not set", "public_url: ${URL}\n", SP_CAUSE_CONFIG_ENVIRONMENT_MISSING, 1, 13, "public_url",
     "${URL} is not set"},
    {"a secret file that is not there", ISSUER ", secret: ${file:/run/none}}}\n", SP_CAUSE_CONFIG_ENVIRONMENT_MISSING,
     1, 69, "issuers.i.secret", "${file:/run/none} names a file that does not exist"},
    {"a secret file that cannot be read", ISSUER ", secret: ${file:/run/locked}}}\n",
     SP_CAUSE_CONFIG_ENVIRONMENT_MISSING, 1, 69, "issuers.i.secret", "cannot be read"},
    {"TLS with half a certificate", "listen: {tls: {certificate: x.pem}}\n", SP_CAUSE_CONFIG_CERTIFICATE, 1, 10,
     "listen.tls", "both"},
    {"two redirect URIs that differ by a slash",
     "authority:\n  issuer: https://as.example.com\n  clients:\n    web: {redirect_uris: https://app.example.com/cb}\n"
     "    app: {redirect_uris: https://app.example.com/cb/}\n",
     SP_CAUSE_REDIRECT_URI_TRAILING_SLASH, 5, 26, "authority.clients.app.redirect_uris", "trailing slash"},
    {"a redirect URI that differs from the public URL by a slash",
     "public_url: https://app.example.com/\nauthority:\n  issuer: https://as.example.com\n  clients: {web: "
     "{redirect_uris: https://app.example.com}}\n",
     SP_CAUSE_REDIRECT_URI_TRAILING_SLASH, 4, 34, "authority.clients.web.redirect_uris", "public_url"},
    {"a method that nobody knows, in scopes",
     PROVEN("match: {path: /x}, auth: {issuers: i, scopes: {GTE: [r], '*': []}}"), SP_CAUSE_CONFIG_REFERENCE, 2, 96,
     "apis.a.auth.scopes.GTE", "nobody knows the method GTE. Did you mean GET?"},
    {"a method that nobody knows, in a match", API(", match: {methods: [GET, PSOT]}"), SP_CAUSE_CONFIG_REFERENCE, 1, 97,
     "apis.a.match.methods", "Did you mean POST?"},
    {"a method like no other", API(", match: {methods: [FROBNICATE]}"), SP_CAUSE_CONFIG_REFERENCE, 1, 92,
     "apis.a.match.methods", "one of your API's own"},
    {"certificates that nobody asks for", PROVEN("match: {path: /x}, auth: {issuers: i, mtls: required}"),
     SP_CAUSE_CONFIG_REFERENCE, 2, 93, "apis.a.auth.mtls", "no listener asks for one: every call is refused"},
    {"certificates, and a listener that does not ask",
     "listen: {tls: {certificate: c.pem, key: k.pem, client_certificates: 'off'}}\n" PROVEN(
         "match: {path: /x}, auth: {issuers: i, mtls: required}"),
     SP_CAUSE_CONFIG_REFERENCE, 3, 93, "apis.a.auth.mtls", "no listener asks for one"},
    {"our own authority with a slash too many",
     "authority: {issuer: https://as.example.com}\nissuers: {i: {issuer: https://as.example.com/, audience: x}}\n",
     SP_CAUSE_ISSUER_TRAILING_SLASH, 2, 23, "issuers.i.issuer", "authority.issuer"},
};

static void each_mistake_is_named_where_it_stands(void **state)
{
    (void)state;
    static const char *const environment[] = {"/run/locked=!", NULL};
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct sp_parsed parsed = sp_parsed_files(&mistakes[i].text, 1, environment);
        const struct sp_policy_problem *problem = sp_parsed_problem(&parsed, mistakes[i].cause);
        print_message("%s\n", mistakes[i].sentence);
        if (problem == NULL || problem->line != mistakes[i].line || problem->column != mistakes[i].column) {
            sp_parsed_print(&parsed);
        }
        assert_non_null(problem);
        assert_int_equal(problem->line, mistakes[i].line);
        assert_int_equal(problem->column, mistakes[i].column);
        assert_true(sp_str_equal(problem->file, SP_STR("a.yaml")));
        assert_int_equal(problem->path.len, strlen(mistakes[i].path));
        assert_memory_equal(problem->path.at, mistakes[i].path, problem->path.len);
        assert_true(sp_str_contains(problem->message, sp_str_from_cstr(mistakes[i].in_message)));
        bool refuses = !problem->finding.tolerated && sp_cause_get(mistakes[i].cause)->severity == SP_SEVERITY_REJECT;
        assert_int_equal(parsed.status, refuses ? SP_MALFORMED : SP_OK);
        assert_int_equal(parsed.report->error_count > 0, refuses);
        sp_parsed_fini(&parsed);
    }
}

/* What the text alone does not show: tests/e2e/30-diagnosis/check.test.mjs has them. */
static const enum sp_cause found_elsewhere[] = {SP_CAUSE_CONFIG_AUTHORITY, SP_CAUSE_CONFIG_ADDRESS,
                                                SP_CAUSE_CONFIG_FILE, SP_CAUSE_CONFIG_SECRET_EXPOSED};

/* Every config.* id of the catalogue has a row above, or is found elsewhere. */
static void every_configuration_cause_has_its_mistake(void **state)
{
    (void)state;
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        if (!sp_str_has_prefix(sp_cause_get(cause)->id, SP_STR("config."))) {
            continue;
        }
        bool found = false;
        for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
            found |= mistakes[i].cause == cause;
        }
        for (size_t i = 0; i < sizeof found_elsewhere / sizeof found_elsewhere[0]; i++) {
            found |= found_elsewhere[i] == cause;
        }
        print_message("%s\n", sp_cause_get(cause)->id.at);
        assert_true(found);
    }
}

/* All of a kind at once: nobody wants to find ten mistakes in ten runs. */
static void all_mistakes_are_reported_at_once(void **state)
{
    (void)state;
    struct sp_parsed parsed = sp_parsed_text("lisen: 1\nissuers: {i: {leeway: x, isuer: y}}\napis: 3\n");
    assert_int_equal(parsed.status, SP_MALFORMED);
    assert_int_equal(parsed.report->error_count, 4);
    for (size_t i = 1; i < parsed.report->count; i++) {
        assert_true(parsed.report->problems[i - 1].line <= parsed.report->problems[i].line);
    }
    sp_parsed_fini(&parsed);
}

static void what_is_right_is_not_complained_of(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "issuers: {i: {issuer: http://127.0.0.1:9000, audience: x}}\n", /* loopback */
        "issuers: {i: {issuer: https://idp.example.com}}\n"
        "apis: {a: {upstream: {url: http://x}, auth: {issuers: [i], claims: {client_id: web}}}}\n", /* Cognito */
        "apis:\n  a: {match: {path: /x}, upstream: {url: http://x}, auth: {anonymous: true}}\n"
        "  b: {match: {path: /x/y}, upstream: {url: http://x}, auth: {anonymous: true}}\n"
        "  c: {match: {path: /x, methods: POST}, upstream: {url: http://x}, auth: {anonymous: true}}\n"
        "  d: {match: {path: /x, host: a.example.com}, upstream: {url: http://x}, auth: {anonymous: true}}\n",
        "apis: {a: {match: {path: /x, methods: [HEAD, GET]}, upstream: {url: http://x}, auth: {anonymous: true, "
        "scopes: "
        "{GET: [r]}}}}\n",
        "apis: {a: {match: {path: /x, methods: [GET, PUT]}, upstream: {url: http://x}, auth: {anonymous: true, scopes: "
        "{PUT: [w], '*': []}}}}\n",
        API(", cors: {origins: ['*']}"),
        API(", cors: {origins: [https://a.test], credentials: true}"),
        API(", limits: [{requests: 10, window: 1s}, {requests: 100, window: 1m}, {per: ip, requests: 500, window: "
            "1m}]"),
        "public_url: ${URL}\nissuers: {i: {issuer: https://idp.example.com, audience: x, secret: '${SECRET}'}}\n",
        "listen: [{address: ':0'}, {address: '127.0.0.1:0'}, {address: ':0'}]\n",
        "listen: [{address: '0.0.0.0:1'}, {address: '[::]:1'}, {address: '127.0.0.1:2'}, {address: '[::1]:2'}]\n",
        "listen: {address: ':8081'}\n", /* nginx tells the admin address from it by where a call arrives */
        "listen: [{address: ':1'}, {address: ':2', tls: {certificate: c.pem, key: k.pem}}]\n" PROVEN(
            "match: {path: /x, methods: [PROPFIND, VERSION-CONTROL]}, auth: {issuers: i, mtls: required}"),
        PROVEN("match: {path: /x}, auth: {issuers: i, mtls: optional}"), /* who has one */
        "apis: {}\n", /* written, so meant: the last API was taken away */
    };
    static const char *const environment[] = {"URL=https://a.example.com",
                                              "SECRET=0123456789012345678901234567890123456789", NULL};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sp_parsed parsed = sp_parsed_files(&texts[i], 1, environment);
        sp_parsed_print(&parsed);
        assert_int_equal(parsed.status, SP_OK);
        assert_int_equal(parsed.report->count, 0);
        sp_parsed_fini(&parsed);
    }
}

/* A secret of the wrong kind is described, never shown. */
static void secrets_are_not_repeated(void **state)
{
    (void)state;
    struct sp_parsed parsed = sp_parsed_text(ISSUER ", secret: \"hunter2\\0\"}}\n");
    assert_int_equal(parsed.status, SP_MALFORMED);
    assert_false(sp_str_contains(parsed.report->problems[0].message, SP_STR("hunter2")));
    sp_parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_named_where_it_stands),
        cmocka_unit_test(every_configuration_cause_has_its_mistake),
        cmocka_unit_test(all_mistakes_are_reported_at_once),
        cmocka_unit_test(what_is_right_is_not_complained_of),
        cmocka_unit_test(secrets_are_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
