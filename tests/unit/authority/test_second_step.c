/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "authority/authenticator_app.h"
#include "authority/passkeys.h"
#include "authority/recovery_codes.h"
#include "authority/second_step.h"
#include "core/factor/totp.h"
#include "tests/support/authority_fixture.h"

static int start(void **state)
{
    struct fixture *fixture = fixture_create("{'clients':{'app':{'secret':'x'}}}");
    struct sp_store *store = fixture->authority.store;
    const struct sp_account ann = {
        .id = SP_STR("ann"), .name = SP_STR("Ann"), .password_hash = SP_STR("$argon2id$one"), .claims = SP_STR("{}")};
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    *state = fixture;
    return 0;
}

static struct sp_call *new_call(struct fixture *fixture)
{
    struct sp_call *call = fixture_new_call(fixture);
    call->asked.method = SP_STR("POST");
    call->asked.cookie = SP_STR("__Host-sp_browser=b");
    return call;
}

static struct sp_authenticator_app begin(struct fixture *fixture, struct sp_str holder)
{
    struct sp_authenticator_app app;
    assert_int_equal(sp_authenticator_app_begin(new_call(fixture), SP_STR("ann"), holder, &app), SP_OK);
    return app;
}

static void write_code(struct sp_str secret, int64_t now, char code[8])
{
    snprintf(code, 8, "%06u", sp_hotp(SP_HASH_SHA1, secret, (uint64_t)now / SP_TOTP_STEP_S, SP_TOTP_DIGITS));
}

static void a_secret_that_was_shown_is_soon_not_shown_again(void **state)
{
    struct fixture *fixture = *state;
    struct sp_authenticator_app app = begin(fixture, SP_STR("one")), later;
    fixture->now += SP_AUTHENTICATOR_SETUP_S - 1;
    later = begin(fixture, SP_STR("one"));
    assert_true(sp_str_equal(app.secret, later.secret)); /* a wrong code shows the same picture again */
    assert_false(sp_str_equal(app.secret, begin(fixture, SP_STR("other")).secret)); /* but to nobody else */
    fixture->now++;
    assert_int_equal(sp_authenticator_app_find_setup(new_call(fixture), SP_STR("ann"), SP_STR("one"), &later),
                     SP_NOT_FOUND);
    later = begin(fixture, SP_STR("one"));
    assert_false(sp_str_equal(app.secret, later.secret));
    assert_int_equal(later.created_at, fixture->now);
    /* Once confirmed it stays. */
    later.is_confirmed = false;
    char code[8];
    enum sp_code_verdict verdict = SP_CODE_WRONG;
    int64_t wait_s = 0;
    write_code(later.secret, fixture->now, code);
    assert_int_equal(sp_authenticator_app_try(new_call(fixture), &later, sp_str_from_cstr(code), &verdict, &wait_s),
                     SP_OK);
    assert_int_equal(verdict, SP_CODE_RIGHT);
    fixture->now += 100 * SP_AUTHENTICATOR_SETUP_S;
    assert_true(begin(fixture, SP_STR("other")).is_confirmed);
    assert_true(sp_str_equal(begin(fixture, SP_STR("one")).secret, later.secret));
}

/* After a right password: whether a second step is asked for. */
static bool waits(struct fixture *fixture, struct sp_visit *visit)
{
    const struct sp_session first = {.subject = SP_STR("ann"), .amr = SP_STR("pwd"), .auth_time = fixture->now};
    struct sp_session session;
    struct sp_call *call = new_call(fixture);
    static const struct sp_parameter parameter = {{"client_id", 9}, {"app", 3}};
    call->parameters = (struct sp_form){&parameter, 1};
    assert_int_equal(sp_visit_start(call, visit), SP_GOES_ON);
    assert_int_equal(sp_second_step_begin(call, visit, &first, &session), SP_GOES_ON);
    return session.subject.at == NULL;
}

static bool page_says(const struct sp_call *call, const char *what)
{
    return sp_str_contains(call->answer.body, sp_str_from_cstr(what));
}

static void passkeys_that_were_switched_off_are_still_a_second_step(void **state)
{
    struct fixture *fixture = *state;
    const struct sp_passkey passkey = {
        .id = SP_STR("cred"), .owner = SP_STR("ann"), .jwk = SP_STR("{}"), .name = SP_STR("Phone")};
    struct sp_client client = {.id = SP_STR("app"), .name = SP_STR("App")};
    const struct sp_authorization request = {.client = &client, .redirect_uri = SP_STR("https://app.example/")};
    struct sp_visit visit;
    struct sp_str codes[SP_RECOVERY_CODES];
    assert_false(waits(fixture, &visit)); /* nothing is set up */
    assert_int_equal(sp_passkeys_put(new_call(fixture), &passkey, NULL), SP_OK);
    assert_int_equal(sp_recovery_codes_make(new_call(fixture), SP_STR("ann"), codes), SP_OK);
    assert_true(waits(fixture, &visit));
    fixture->settings.passkeys = false;
    assert_true(waits(fixture, &visit));
    struct sp_call *call = new_call(fixture);
    assert_int_equal(sp_second_step_show(call, &visit, &request), SP_GOES_ON);
    assert_true(page_says(call, "Passkeys are not taken here") && page_says(call, "name=\"recovery\""));
    assert_false(page_says(call, "id=\"key\"")); /* no app in their place for whoever has the password */
    /* And the code of an app that nobody confirmed does not do. */
    struct sp_authenticator_app app = begin(fixture, visit.handle);
    char code[8];
    write_code(app.secret, fixture->now, code);
    const struct sp_parameter fields[] = {{SP_STR("step"), SP_STR("code")}, {SP_STR("code"), sp_str_from_cstr(code)}};
    const struct sp_form form = {fields, 2};
    struct sp_session session;
    assert_int_equal(sp_second_step_take(new_call(fixture), &visit, &request, &form, &session), SP_GOES_ON);
    assert_null(session.subject.at);
    const struct sp_parameter own[] = {{SP_STR("step"), SP_STR("recovery")}, {SP_STR("recovery"), codes[0]}};
    const struct sp_form recovery = {own, 2};
    assert_int_equal(sp_second_step_take(new_call(fixture), &visit, &request, &recovery, &session), SP_GOES_ON);
    assert_true(sp_str_equal(session.subject, SP_STR("ann")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_that_was_shown_is_soon_not_shown_again, start, fixture_stop),
        cmocka_unit_test_setup_teardown(passkeys_that_were_switched_off_are_still_a_second_step, start, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
