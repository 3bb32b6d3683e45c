/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/admin.h"
#include "authority/notice.h"
#include "tests/support/authority_fixture.h"

#define CLIENTS "'clients':{'app':{'secret':'x'}}"

static int start(void **state)
{
    *state = fixture_create("{'mail':{'url':'smtp://127.0.0.1:9','from':'us@login.example'}," CLIENTS "}");
    return 0;
}

static int start_without_mail(void **state)
{
    *state = fixture_create("{" CLIENTS "}");
    return 0;
}

static const struct sp_account ann = {
    .id = SP_STR("id-of-ann"),
    .name = SP_STR("ann"),
    .password_hash = SP_STR("$argon2id$one"),
    .claims = SP_STR("{\"email\":\"Ann@example.test\",\"email_verified\":true}"),
};

static int64_t waiting(struct fixture *fixture)
{
    struct sp_store *store = fixture->authority.store;
    int64_t count = 0;
    assert_int_equal(store->methods->count_records(store, SP_RECORD_OUTGOING, &count), SP_OK);
    return count;
}

static int64_t sent(struct fixture *fixture, const struct sp_account *account, enum sp_notice notice, unsigned times)
{
    int64_t before = waiting(fixture);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(sp_notice_send(fixture_new_call(fixture), account, notice), SP_OK);
    return waiting(fixture) - before;
}

static void each_kind_is_told_three_times_an_hour(void **state)
{
    struct fixture *fixture = *state;
    fixture->now = FIXTURE_NOW / 3600 * 3600; /* an hour's window begins */
    for (enum sp_notice notice = 0; notice < SP_NOTICE_COUNT; notice++)
        assert_int_equal(sent(fixture, &ann, notice, 20), 3); /* none is hidden behind many others */
    fixture->now += 3600;
    assert_int_equal(sent(fixture, &ann, SP_NOTICE_PASSKEY_ADDED, 1), 1);
}

static void nobody_is_told_at_an_address_that_is_not_verified(void **state)
{
    struct fixture *fixture = *state;
    struct sp_account bob = ann;
    bob.claims = SP_STR("{\"email\":\"bob@example.test\"}");
    assert_int_equal(sent(fixture, &bob, SP_NOTICE_PASSWORD_CHANGED, 1), 0);
    bob.claims = SP_STR("{}");
    assert_int_equal(sent(fixture, &bob, SP_NOTICE_PASSWORD_CHANGED, 1), 0);
}

static void without_a_mail_server_nothing_is_said_and_nothing_fails(void **state)
{
    assert_int_equal(sent(*state, &ann, SP_NOTICE_PASSWORD_CHANGED, 1), 0);
    assert_int_equal(
        sp_notice_send_moved(fixture_new_call(*state), &ann, SP_STR("old@example.test"), SP_NOTICE_EMAIL_CHANGED),
        SP_OK);
    assert_int_equal(waiting(*state), 0);
}

static void another_address_is_told_at_both(void **state)
{
    struct fixture *fixture = *state;
    struct sp_account gone = ann;
    gone.claims = SP_STR("{\"email\":\"new@example.test\"}");
    const struct {
        struct sp_str before;
        const struct sp_account *account;
        int64_t told;
    } rows[] = {
        {SP_STR("old@example.test"), &ann, 2},
        {SP_STR("ann@example.test"), &ann, 0}, /* verified once more */
        {SP_STR_NONE, &ann, 1},                /* the first that it has */
        {SP_STR("ann@example.test"), &gone, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t before = waiting(fixture);
        assert_int_equal(
            sp_notice_send_moved(fixture_new_call(fixture), rows[i].account, rows[i].before, SP_NOTICE_EMAIL_CHANGED),
            SP_OK);
        assert_int_equal(waiting(fixture) - before, rows[i].told);
    }
}

static int64_t told_by_table(struct fixture *fixture, const char *table)
{
    struct sp_call *call = fixture_new_call(fixture);
    int64_t before = waiting(fixture);
    call->asked.method = SP_STR("POST");
    call->asked.path = SP_STR("/admin/accounts/import");
    call->asked.query = SP_STR("existing=update");
    call->asked.content_type = SP_STR("text/csv");
    call->asked.body = sp_str_from_cstr(table);
    (void)sp_admin_answer(call);
    assert_int_equal(call->answer.status, 200);
    return waiting(fixture) - before;
}

static void a_table_that_changes_an_account_tells_its_owner(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
#define HASH "$2y$10$abcdefghijklmnopqrstuuMqyUCDLGnVVlMKpbTZYkeaEmEzhnJeC"
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    assert_int_equal(told_by_table(fixture, "name,nickname,email,email_verified\nann,A,ann@example.test,true\n"), 0);
    assert_int_equal(told_by_table(fixture, "name,password_hash\nann," HASH "\n"), 1);
    assert_int_equal(told_by_table(fixture, "name,password_hash\nann," HASH "\n"), 0); /* the same again */
    assert_int_equal(told_by_table(fixture, "name,email,email_verified\nann,new@example.test,true\n"), 2);
    assert_int_equal(told_by_table(fixture, "name,password_hash,email,email_verified\nbob," HASH ",b@b.example,true\n"),
                     0); /* new here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_kind_is_told_three_times_an_hour, start, fixture_stop),
        cmocka_unit_test_setup_teardown(nobody_is_told_at_an_address_that_is_not_verified, start, fixture_stop),
        cmocka_unit_test_setup_teardown(without_a_mail_server_nothing_is_said_and_nothing_fails, start_without_mail,
                                        fixture_stop),
        cmocka_unit_test_setup_teardown(another_address_is_told_at_both, start, fixture_stop),
        cmocka_unit_test_setup_teardown(a_table_that_changes_an_account_tells_its_owner, start, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
