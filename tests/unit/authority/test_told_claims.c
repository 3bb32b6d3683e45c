/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes that tell claims: who may have which, in which words people read of them, and what they agree to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/claims.h"
#include "authority/scope.h"
#include "tests/support/authority_fixture.h"

#define SECTION                                                                                                        \
    "{'scopes':{'staff':{'description':{'de':'sehen'},'claims':['dept','email']},"                                     \
    "'api':{'description':'call','claims':['dept','level'],'tell_in':'access_token'},'word':{}},"                      \
    "'clients':{'app':{'secret':'x'}}}"

static int start(void **state)
{
    *state = fixture_create(SECTION);
    return 0;
}

static void a_scope_tells_its_own_claims_where_it_tells_them(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *scope, *claim;
        unsigned in;
    } rows[] = {
        {"staff", "dept", SP_TOLD_TO_CLIENT},
        {"staff", "dept#de", SP_TOLD_TO_CLIENT},
        {"staff", "email", SP_TOLD_TO_CLIENT},
        {"staff", "email_verified", 0},
        {"staff", "depts", 0},
        {"api", "dept", SP_TOLD_IN_ACCESS_TOKEN},
        {"word", "dept", 0},
        {"nowhere", "dept", 0},
        {"email", "email", SP_TOLD_IN_USERINFO},
        {"email", "email_verified", SP_TOLD_IN_USERINFO},
        {"profile", "email", 0},
        {"profile", "dept", 0},
    };
    static const unsigned places[] = {SP_TOLD_IN_ID_TOKEN, SP_TOLD_IN_USERINFO, SP_TOLD_IN_ACCESS_TOKEN};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t p = 0; p < 3; p++)
            if (sp_scope_tells(&fixture->settings, sp_str_from_cstr(rows[i].scope), sp_str_from_cstr(rows[i].claim),
                               places[p]) != ((rows[i].in & places[p]) != 0))
                fail_msg("%s tells %s in place %zu", rows[i].scope, rows[i].claim, p);
}

/* Whatever an account of before has under such a name stays in the store. */
static void a_reserved_name_is_never_written(void **state)
{
    struct fixture *fixture = *state;
    const struct sp_str names[] = {{"dept", 4}, {"sub", 3}};
    struct sp_told_scope *staff = (struct sp_told_scope *)(uintptr_t)&fixture->settings.told_scopes[0];
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    struct sp_buffer text;
    struct sp_json_writer json;
    staff->claims = (struct sp_str_list){names, 2};
    assert_int_equal(sp_json_parse(fixture->arena, SP_STR("{\"sub\":\"eve\",\"dept\":null,\"dept#x\":[1]}"),
                                   &sp_claims_limits, &claims, &error),
                     SP_OK);
    sp_buffer_init(&text, fixture->arena, 1000);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_claims_write(&json, &fixture->settings, claims,
                    &(const struct sp_claims_wish){
                        .scope = SP_STR("staff"), .names = SP_STR("sub dept"), .in = SP_TOLD_IN_ID_TOKEN});
    sp_json_end_object(&json);
    assert_true(sp_str_equal(sp_buffer_str(&text), SP_STR("{\"dept#x\":[1]}")));
}

static void who_reads_another_language_reads_the_one_that_there_is(void **state)
{
    struct fixture *fixture = *state;
    const struct sp_told_scope *staff = sp_told_scope_find(&fixture->settings, SP_STR("staff")),
                               *word = sp_told_scope_find(&fixture->settings, SP_STR("word"));
    for (unsigned i = 0; i < SP_LANGUAGE_COUNT; i++) {
        assert_true(sp_str_equal(staff->descriptions[i], SP_STR("sehen")));
        assert_null(word->descriptions[i].at);
    }
    assert_null(sp_told_scope_find(&fixture->settings, SP_STR("email")));
}

static void people_agree_to_scopes_and_to_what_these_tell(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *scope, *consent;
    } rows[] = {{"", ""},
                {"openid email", "openid email"},
                {"word other", "word other"},
                {"openid staff api", "openid staff api \"dept \"email \"level"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str consent = sp_claims_consent(fixture->arena, &fixture->settings, sp_str_from_cstr(rows[i].scope));
        assert_true(sp_str_equal(consent, sp_str_from_cstr(rows[i].consent)));
        assert_true(sp_str_equal(sp_claims_consent_scope(fixture->arena, consent), sp_str_from_cstr(rows[i].scope)));
        assert_true(sp_str_equal(sp_scope_union(fixture->arena, consent, consent), consent));
    }
    assert_false(sp_scope_covers(SP_STR("openid staff \"dept"), SP_STR("openid staff \"dept \"email")));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(a_scope_tells_its_own_claims_where_it_tells_them),
        ROW(a_reserved_name_is_never_written),
        ROW(who_reads_another_language_reads_the_one_that_there_is),
        ROW(people_agree_to_scopes_and_to_what_these_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
