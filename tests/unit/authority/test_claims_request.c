/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/acr.h"
#include "authority/claims_request.h"
#include "authority/settings.h"

static int start(void **state)
{
    *state = sp_arena_create(1 << 20);
    return 0;
}

static int stop(void **state)
{
    sp_arena_destroy((struct sp_arena **)state);
    return 0;
}

static const struct sp_str client_scopes[] = {{"openid", 6}, {"staff", 5}, {"profile", 7}, {"email", 5}, {"api", 3}};
static const struct sp_client client = {.scopes = {client_scopes, 5}};

static const struct sp_str told[] = {{"dept", 4}, {"email", 5}}, told_to_apis[] = {{"level", 5}},
                           told_to_others[] = {{"salary", 6}};
static const struct sp_told_scope told_scopes[] = {
    {.name = {"staff", 5}, .claims = {told, 2}, .in = SP_TOLD_IN_USERINFO},
    {.name = {"api", 3}, .claims = {told_to_apis, 1}, .in = SP_TOLD_IN_ACCESS_TOKEN},
    {.name = {"pay", 3}, .claims = {told_to_others, 1}, .in = SP_TOLD_TO_CLIENT},
};
static const struct sp_authority_settings settings = {.told_scopes = told_scopes, .told_scope_count = 3};

static struct sp_claims_request parse(struct sp_arena *arena, const char *text)
{
    struct sp_claims_request request;
    const char *fault = NULL;
    assert_int_equal(sp_claims_request_parse(arena, sp_str_from_cstr(text), &request, &fault), SP_OK);
    return request;
}

static void what_is_no_request_is_told(void **state)
{
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"", "it is no JSON object"},
        {"[]", "it is no JSON object"},
        {"\"userinfo\"", "it is no JSON object"},
        {"{\"userinfo\":{\"a\":null,\"a\":null}}", "it is no JSON object"},
        {"{\"userinfo\":[]}", "userinfo and id_token are objects"},
        {"{\"id_token\":\"acr\"}", "userinfo and id_token are objects"},
        {"{\"userinfo\":{\"email\":true}}", "each claim is null or an object"},
        {"{\"userinfo\":{\"email\":{\"essential\":\"true\"}}}", "essential is true or false"},
        {"{\"id_token\":{\"acr\":{\"values\":\"a\"}}}", "values is a list"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_claims_request request;
        const char *fault = NULL;
        if (sp_claims_request_parse(*state, sp_str_from_cstr(rows[i].text), &request, &fault) != SP_MALFORMED ||
            strcmp(fault, rows[i].fault) != 0)
            fail_msg("%s: %s", rows[i].text, fault);
    }
}

static void only_what_the_client_may_have_is_given(void **state)
{
    static const struct {
        const char *asked, *scope, *names;
    } rows[] = {
        {"{}", "openid", ""},
        {"{\"userinfo\":null}", "openid", ""},
        {"{\"userinfo\":{\"email\":null}}", "openid email", "email"},
        {"{\"userinfo\":{\"email\":{\"essential\":true},\"name\":null}}", "openid email profile", "name email"},
        {"{\"userinfo\":{\"phone_number\":null}}", "openid", ""},     /* not a scope of the client's */
        {"{\"userinfo\":{\"password_hash\":null}}", "openid", ""},    /* no standard claim */
        {"{\"userinfo\":{\"nickname\":null}}", "openid profile", ""}, /* the account has none */
        {"{\"userinfo\":{\"email\":{\"value\":\"a@b.example\"}}}", "openid email", "email"},
        {"{\"userinfo\":{\"email\":{\"value\":\"c@d.example\"}}}", "openid email", ""},
        {"{\"userinfo\":{\"email\":{\"values\":[1,\"a@b.example\"]}}}", "openid email", "email"},
        {"{\"userinfo\":{\"email\":{\"values\":[]}}}", "openid email", ""},
        {"{\"userinfo\":{\"name#de\":null}}", "openid profile", "name#de"},
        {"{\"userinfo\":{\"dept\":null}}", "openid staff", "dept"},
        {"{\"userinfo\":{\"dept\":{\"value\":\"sales\"}}}", "openid staff", "dept"},
        {"{\"userinfo\":{\"dept\":{\"value\":\"law\"}}}", "openid staff", ""},
        {"{\"userinfo\":{\"email\":null,\"dept\":null}}", "openid email staff", "email dept"}, /* each its own */
        {"{\"userinfo\":{\"dept\":null,\"email\":null}}", "openid staff", "email dept"},       /* the one there is */
        {"{\"userinfo\":{\"dept#a b\":null}}", "openid staff", ""},                            /* would be two words */
        {"{\"userinfo\":{\"level\":null}}", "openid", ""},                                     /* told to APIs only */
        {"{\"userinfo\":{\"salary\":null}}", "openid", ""}, /* not a scope of the client's */
    };
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    assert_int_equal(sp_json_parse(*state,
                                   SP_STR("{\"name\":\"Ann\",\"name#de\":\"Anne\",\"email\":\"a@b.example\","
                                          "\"phone_number\":\"1\",\"password_hash\":\"x\",\"dept\":\"sales\","
                                          "\"dept#a b\":\"x\",\"level\":3,\"salary\":1}"),
                                   &sp_json_limits_document, &claims, &error),
                     SP_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_claims_request request = parse(*state, rows[i].asked);
        struct sp_str scope = SP_STR("openid"), names = SP_STR_NONE;
        assert_int_equal(sp_claims_request_add_scopes(*state, &request, &settings, &client, &scope), SP_OK);
        assert_int_equal(sp_claims_request_names(*state, request.userinfo, &settings, &client, claims, &names), SP_OK);
        if (!sp_str_equal(scope, sp_str_from_cstr(rows[i].scope)) ||
            !sp_str_equal(names, sp_str_from_cstr(rows[i].names)))
            fail_msg("%s: %.*s | %.*s", rows[i].asked, SP_STR_ARG(scope), SP_STR_ARG(names));
    }
}

static void a_subject_by_value_names_the_person(void **state)
{
    static const struct {
        const char *asked;
        bool is_for;
    } rows[] = {
        {"{}", true},
        {"{\"id_token\":{\"sub\":null}}", true},
        {"{\"id_token\":{\"sub\":{\"value\":\"ann\"}}}", true},
        {"{\"id_token\":{\"sub\":{\"value\":\"bob\"}}}", false},
        {"{\"userinfo\":{\"sub\":{\"value\":\"bob\"}}}", false},
        {"{\"id_token\":{\"sub\":{\"values\":[\"bob\",\"ann\"]}}}", true},
        {"{\"id_token\":{\"sub\":{\"value\":\"ann\"}},\"userinfo\":{\"sub\":{\"value\":\"bob\"}}}", false},
        {"{\"id_token\":{\"sub\":{\"value\":1}}}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_claims_request request = parse(*state, rows[i].asked);
        if (sp_claims_request_is_for(&request, SP_STR("ann")) != rows[i].is_for)
            fail_msg("%s", rows[i].asked);
    }
}

#define PASSWORD "urn:sallyport:acr:password"
#define SEVERAL "urn:sallyport:acr:mfa"

static void a_stronger_class_satisfies_a_weaker_wish(void **state)
{
    (void)state;
    static const struct {
        const char *wishes[2];
        const char *acr, *granted;
        bool is_possible;
    } rows[] = {
        {{PASSWORD, ""}, PASSWORD, PASSWORD, true},     {{SEVERAL, PASSWORD}, PASSWORD, PASSWORD, true},
        {{SEVERAL, PASSWORD}, "phr", SEVERAL, true}, /* the first one liked */
        {{SEVERAL, "x"}, PASSWORD, "", true},           {{"x", "y"}, "phr", "", false},
        {{PASSWORD, "x"}, "of another time", "", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_str wishes[] = {sp_str_from_cstr(rows[i].wishes[0]), sp_str_from_cstr(rows[i].wishes[1])};
        struct sp_acr_wish wish = {.values = {wishes, 2}};
        struct sp_str granted = sp_acr_granted(&wish, sp_str_from_cstr(rows[i].acr));
        if (!sp_str_equal(granted, sp_str_from_cstr(rows[i].granted)) ||
            sp_acr_is_possible(&wish) != rows[i].is_possible)
            fail_msg("row %zu: %.*s", i, SP_STR_ARG(granted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_request_is_told, start, stop),
        cmocka_unit_test_setup_teardown(only_what_the_client_may_have_is_given, start, stop),
        cmocka_unit_test_setup_teardown(a_subject_by_value_names_the_person, start, stop),
        cmocka_unit_test(a_stronger_class_satisfies_a_weaker_wish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
