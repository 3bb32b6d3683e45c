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

#define API(name, rest) "  " name ": {upstream: {url: http://127.0.0.1:1}, " rest "}\n"
#define OPEN ", auth: {anonymous: true}"

static const char routes[] = "apis:\n" API("photos", "match: {host: api.example.com, path: /photos}" OPEN)
    API("albums", "match: {host: api.example.com, path: /photos/albums/}" OPEN)
        API("upload", "match: {host: API.Example.com, path: /photos, methods: [POST, PUT]}" OPEN)
            API("tenant", "match: {host: '*.example.com', path: /t}" OPEN)
                API("deep", "match: {host: '*.eu.example.com', path: /t}" OPEN)
                    API("status", "match: [{path: /status}, {host: other.test}]" OPEN)
                        API("read", "match: {path: /read}, auth: {anonymous: true, scopes: {GET: [r], POST: [w]}}") API(
                            "mixed", "match: {path: /mixed}, auth: {anonymous: true, scopes: {GET: [r], '*': [all]}}");

static const struct {
    const char *sentence, *host, *path, *method;
    enum sp_match_outcome outcome;
    const char *api;
    const char *scope;
} calls[] = {
    {"the path itself", "api.example.com", "/photos", "GET", SP_MATCH_FOUND, "photos", NULL},
    {"a path below it", "api.example.com", "/photos/1", "GET", SP_MATCH_FOUND, "photos", NULL},
    {"the path with a slash", "api.example.com", "/photos/", "GET", SP_MATCH_FOUND, "photos", NULL},
    {"never on half a segment", "api.example.com", "/photosX", "GET", SP_MATCH_NO_ROUTE, NULL, NULL},
    {"never on half a segment above", "api.example.com", "/photo", "GET", SP_MATCH_NO_ROUTE, NULL, NULL},
    {"the longest prefix wins", "api.example.com", "/photos/albums/7", "GET", SP_MATCH_FOUND, "albums", NULL},
    {"a slash at the end of a rule says nothing", "api.example.com", "/photos/albums", "GET", SP_MATCH_FOUND, "albums",
     NULL},
    {"half a segment falls back to the shorter one", "api.example.com", "/photos/albumsX", "GET", SP_MATCH_FOUND,
     "photos", NULL},
    {"a rule that names the method wins", "api.example.com", "/photos", "POST", SP_MATCH_FOUND, "upload", NULL},
    {"the other rule takes the rest", "api.example.com", "/photos", "DELETE", SP_MATCH_FOUND, "photos", NULL},
    {"a wildcard host", "a.example.com", "/t", "GET", SP_MATCH_FOUND, "tenant", NULL},
    {"a wildcard host of several labels", "b.a.example.com", "/t/1", "GET", SP_MATCH_FOUND, "tenant", NULL},
    {"the nearer wildcard wins", "a.eu.example.com", "/t", "GET", SP_MATCH_FOUND, "deep", NULL},
    {"a wildcard does not mean its own domain", "example.com", "/t", "GET", SP_MATCH_NO_ROUTE, NULL, NULL},
    {"a wildcard does not mean half a label", "aexample.com", "/t", "GET", SP_MATCH_NO_ROUTE, NULL, NULL},
    {"a host without the path leaves it to the wildcard", "api.example.com", "/t", "GET", SP_MATCH_FOUND, "tenant",
     NULL},
    {"any host", "nobody.test", "/status", "GET", SP_MATCH_FOUND, "status", NULL},
    {"any host behind a known one", "api.example.com", "/status/x", "GET", SP_MATCH_FOUND, "status", NULL},
    {"a second rule of the same API", "other.test", "/anything", "GET", SP_MATCH_FOUND, "status", NULL},
    {"no host at all", "", "/status", "GET", SP_MATCH_FOUND, "status", NULL},
    {"no path of this host", "nobody.test", "/photos", "GET", SP_MATCH_NO_ROUTE, NULL, NULL},
    {"scopes by method: the one named", "x", "/read", "GET", SP_MATCH_FOUND, "read", "r"},
    {"scopes by method: HEAD is GET", "x", "/read/1", "HEAD", SP_MATCH_FOUND, "read", "r"},
    {"scopes by method: the other one named", "x", "/read", "POST", SP_MATCH_FOUND, "read", "w"},
    {"scopes by method: one that is not named is closed", "x", "/read", "DELETE", SP_MATCH_NO_METHOD, "read", NULL},
    {"scopes by method: the others", "x", "/mixed", "DELETE", SP_MATCH_FOUND, "mixed", "all"},
    {"scopes by method: HEAD is GET beside the others too", "x", "/mixed", "HEAD", SP_MATCH_FOUND, "mixed", "r"},
    {"methods are case-sensitive", "x", "/read", "get", SP_MATCH_NO_METHOD, "read", NULL},
    {"an empty path", "api.example.com", "", "GET", SP_MATCH_NO_ROUTE, NULL, NULL},
};

static void calls_find_their_route(void **state)
{
    (void)state;
    struct sp_parsed parsed = sp_parsed_text(routes);
    sp_parsed_print(&parsed);
    assert_int_equal(parsed.status, SP_OK);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct sp_route_match match = {0};
        enum sp_match_outcome outcome =
            sp_policy_match(parsed.policy, sp_str_from_cstr(calls[i].host), sp_str_from_cstr(calls[i].path),
                            sp_str_from_cstr(calls[i].method), &match);
        print_message("%s\n", calls[i].sentence);
        assert_int_equal(outcome, calls[i].outcome);
        if (calls[i].api != NULL) {
            assert_true(sp_str_equal(match.api->name, sp_str_from_cstr(calls[i].api)));
            assert_non_null(match.requirements);
        }
        if (calls[i].scope != NULL) {
            assert_int_equal(match.requirements->scopes.count, 1);
            assert_true(sp_str_equal(match.requirements->scopes.at[0], sp_str_from_cstr(calls[i].scope)));
        }
    }
    sp_parsed_fini(&parsed);
}

static void a_place_closed_for_a_method_is_not_opened_by_a_wider_one(void **state)
{
    (void)state;
    struct sp_parsed parsed = sp_parsed_text("apis:\n" API("all", "match: {path: /}" OPEN)
                                                 API("admin", "match: {path: /admin, methods: GET}" OPEN));
    struct sp_route_match match = {0};
    assert_int_equal(parsed.status, SP_OK);
    assert_int_equal(sp_policy_match(parsed.policy, SP_STR("x"), SP_STR("/admin"), SP_STR("POST"), &match),
                     SP_MATCH_NO_METHOD);
    assert_true(sp_str_equal(match.api->name, SP_STR("admin")));
    assert_true(sp_str_equal(match.allowed, SP_STR("GET, HEAD")));
    assert_int_equal(sp_policy_match(parsed.policy, SP_STR("x"), SP_STR("/administration"), SP_STR("POST"), &match),
                     SP_MATCH_FOUND);
    assert_true(sp_str_equal(match.api->name, SP_STR("all")));
    sp_parsed_fini(&parsed);
}

static void an_empty_policy_serves_nobody(void **state)
{
    (void)state;
    struct sp_parsed parsed = sp_parsed_text("{}");
    struct sp_route_match match = {0};
    assert_int_equal(parsed.status, SP_OK);
    assert_int_equal(sp_policy_match(parsed.policy, SP_STR("x"), SP_STR("/"), SP_STR("GET"), &match),
                     SP_MATCH_NO_ROUTE);
    assert_null(sp_policy_consumer_of_key(parsed.policy, (const unsigned char[32]){0}));
    assert_null(sp_policy_consumer_of_client(parsed.policy, SP_STR("x")));
    sp_parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_find_their_route),
        cmocka_unit_test(a_place_closed_for_a_method_is_not_opened_by_a_wider_one),
        cmocka_unit_test(an_empty_policy_serves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
