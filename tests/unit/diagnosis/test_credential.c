/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/diagnosis/credential.h"

enum { BEARER = 1, DPOP = 2, KEY = 4, QUERY = 8 };

static const struct {
    const char *what;
    const char *headers[2], *api_keys[2], *query;
    unsigned accepts;
    enum sp_cause cause;
    const char *value;
} rows[] = {
    {"a bearer token", {"Bearer abc"}, {NULL}, "", BEARER, SP_CAUSE_NONE, "abc"},
    {"the scheme in any case", {"bEaReR  abc "}, {NULL}, "", BEARER, SP_CAUSE_NONE, "abc"},
    {"DPoP", {"DPoP abc"}, {NULL}, "", BEARER | DPOP, SP_CAUSE_NONE, "abc"},
    {"a key", {NULL}, {"k"}, "", KEY, SP_CAUSE_NONE, "k"},
    {"a key beside a header for the upstream", {"Basic dTpw"}, {"k"}, "", KEY, SP_CAUSE_NONE, "k"},
    {"in the query where that is allowed",
     {NULL},
     {NULL},
     "a=1&access_token=abc&b",
     BEARER | QUERY,
     SP_CAUSE_NONE,
     "abc"},
    {"a token that holds spaces", {"Bearer a b"}, {NULL}, "", BEARER, SP_CAUSE_NONE, "a b"},
    {"a key where none is looked for", {"Bearer abc"}, {"k"}, "", BEARER, SP_CAUSE_NONE, "abc"},
    {"nothing", {NULL}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_MISSING, NULL},
    {"an empty header", {""}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_MISSING, NULL},
    {"a scheme alone", {"Bearer"}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_MISSING, NULL},
    {"an empty parameter", {NULL}, {NULL}, "access_token=", BEARER | QUERY, SP_CAUSE_TOKEN_MISSING, NULL},
    {"Basic", {"Basic dTpw"}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED, NULL},
    {"DPoP where it is not accepted", {"DPoP abc"}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED, NULL},
    {"a bare token", {"eyJhbGciOiJFUzI1NiJ9.e30.AAAA"}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED, NULL},
    {"two headers", {"Bearer a", "Bearer a"}, {NULL}, "", BEARER, SP_CAUSE_TOKEN_DUPLICATED, NULL},
    {"header and query", {"Bearer a"}, {NULL}, "access_token=a", BEARER, SP_CAUSE_TOKEN_DUPLICATED, NULL},
    {"twice in the query",
     {NULL},
     {NULL},
     "access_token=a&access_token=a",
     BEARER | QUERY,
     SP_CAUSE_TOKEN_DUPLICATED,
     NULL},
    {"header and key", {"Bearer a"}, {"k"}, "", BEARER | KEY, SP_CAUSE_TOKEN_DUPLICATED, NULL},
    {"in the query", {NULL}, {NULL}, "access_token=a", BEARER, SP_CAUSE_TOKEN_IN_QUERY, NULL},
};

static struct sp_presented present(size_t row, struct sp_str texts[4])
{
    struct sp_presented presented = {.query = sp_str_from_cstr(rows[row].query),
                                     .accepts_bearer = rows[row].accepts & BEARER,
                                     .accepts_dpop = rows[row].accepts & DPOP,
                                     .accepts_api_key = rows[row].accepts & KEY,
                                     .accepts_query = rows[row].accepts & QUERY};
    presented.authorization.at = texts;
    presented.api_key.at = texts + 2;
    for (size_t i = 0; i < 2; i++) {
        if (rows[row].headers[i] != NULL)
            texts[presented.authorization.count++] = sp_str_from_cstr(rows[row].headers[i]);
        if (rows[row].api_keys[i] != NULL)
            texts[2 + presented.api_key.count++] = sp_str_from_cstr(rows[row].api_keys[i]);
    }
    return presented;
}

static void a_form_may_carry_one_besides(void **state)
{
    (void)state;
    assert_true(sp_credential_is_in_form(SP_STR("access_token=abc")));
    assert_true(sp_credential_is_in_form(SP_STR("a=1&access_token=&b=2")));
    assert_false(sp_credential_is_in_form(SP_STR("")));
    assert_false(sp_credential_is_in_form(SP_STR("my_access_token=abc&access_tokens=1&x=access_token=1")));
}

static void exactly_one_credential_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str texts[4];
        struct sp_presented presented = present(i, texts);
        struct sp_credential credential = {0};
        struct sp_finding finding = {0};
        enum sp_cause cause = sp_credential_find(&presented, &credential, &finding);
        if (cause != rows[i].cause)
            print_error("%s: found %s\n", rows[i].what, sp_cause_get(cause)->id.at);
        assert_int_equal(cause, rows[i].cause);
        if (cause == SP_CAUSE_NONE)
            assert_true(sp_str_equal(credential.value, sp_str_from_cstr(rows[i].value)));
        else
            assert_int_equal(finding.cause, cause);
        /* Nothing that may be a secret is evidence. */
        assert_false(sp_str_contains(finding.received, SP_STR("dTpw")));
        assert_false(sp_str_contains(finding.received, SP_STR("eyJ")));
    }
}

static void a_header_that_a_hop_took_away_is_named(void **state)
{
    (void)state;
    struct sp_presented presented = {.accepts_bearer = true, .seen_at = SP_STR("the load balancer's log")};
    struct sp_credential credential;
    struct sp_finding finding;
    assert_int_equal(sp_credential_find(&presented, &credential, &finding), SP_CAUSE_TOKEN_MISSING_HEADER_STRIPPED);
    assert_true(sp_str_equal(finding.detail, presented.seen_at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_one_credential_is_taken),
        cmocka_unit_test(a_form_may_carry_one_besides),
        cmocka_unit_test(a_header_that_a_hop_took_away_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
