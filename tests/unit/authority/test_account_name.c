/* SPDX-License-Identifier: Apache-2.0 */
/* A name that looks like another one is no new account's; who has one from before is changed and disabled as others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/account.h"
#include "tests/support/authority_fixture.h"

static int start(void **state)
{
    *state = fixture_create("{'clients':{}}");
    return 0;
}

static enum sp_status put(struct fixture *fixture, const struct sp_account_request *request, bool replaces)
{
    char trouble[256] = "";
    enum sp_status status =
        sp_account_put(fixture->authority.store, fixture->arena, request, replaces, FIXTURE_NOW, trouble);
    assert_true((status == SP_OK) == (trouble[0] == '\0'));
    return status;
}

static void a_new_name_is_seen(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put(fixture, &(struct sp_account_request){.name = SP_STR("ann\u202E")}, false), SP_MALFORMED);
    assert_int_equal(put(fixture, &(struct sp_account_request){.name = SP_STR("an\u200Bn")}, false), SP_MALFORMED);
    assert_int_equal(put(fixture, &(struct sp_account_request){.name = SP_STR("می\u200Cخواهم")}, false), SP_OK);
}

static void a_known_one_is_disabled_nevertheless(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    const struct sp_account old = {.id = SP_STR("old"),
                                   .name = SP_STR("bob\u202E"),
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{}"),
                                   .created_at = FIXTURE_NOW};
    struct sp_account found;
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(sp_store_commit(store, store->methods->put_account(store, &old)), SP_OK);
    const struct sp_account_request request = {.name = old.name, .disabled = true, .has_disabled = true};
    assert_int_equal(put(fixture, &request, true), SP_OK);
    assert_int_equal(store->methods->get_account(store, old.id, fixture->arena, &found), SP_OK);
    assert_true(found.disabled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_name_is_seen, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_known_one_is_disabled_nevertheless, start, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
