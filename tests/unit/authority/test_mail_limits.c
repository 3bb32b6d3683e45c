/* SPDX-License-Identifier: Apache-2.0 */
/* How many links are sent: to one person, to one mailbox, whoever asks (account_email.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/support/fault_scene.h"

#define AUTHORIZE                                                                                                      \
    "client_id=app&response_type=code&scope=openid&redirect_uri=" SCENE_CALLBACK                                       \
    "&code_challenge_method=S256&code_challenge=" SCENE_CHALLENGE

static const char section[] =
    "{'tokens':{'algorithm':'ES256'},'mail':{'url':'smtp://127.0.0.1:9','from':'us@login.example'},'clients':{"
    "'app':{'secret':'x','scopes':['openid'],'skip_consent':true,'redirect_uris':['https://app.example/cb']}}}";

static int start(void **state)
{
    scene_start(state, section);
    ((struct scene *)*state)->fixture->now = FIXTURE_NOW / 3600 * 3600; /* an hour's window begins */
    return 0;
}

/* Whether a link was sent: a message waits, and the page says so. */
static bool is_sent(struct scene *scene, const char *address)
{
    struct sp_store *store = scene->fixture->authority.store;
    int64_t before = 0, after = 0;
    struct sp_call *page = scene_get(scene, "/account", "");
    assert_int_equal(store->methods->count_records(store, SP_RECORD_OUTGOING, &before), SP_OK);
    scene_fill(
        scene, "/account",
        scene_text(scene, "section=email&step=change&email=%s&form_token=%s", address, scene_form_token(scene, page)));
    page = scene_send(scene, 200);
    assert_int_equal(store->methods->count_records(store, SP_RECORD_OUTGOING, &after), SP_OK);
    const bool says_so = sp_str_contains(page->answer.body, SP_STR("class=\"done\" role=\"status\""));
    assert_int_equal(says_so, after == before + 1);
    return says_so;
}

static unsigned sent_of(struct scene *scene, unsigned tries, bool to_one_mailbox)
{
    unsigned sent = 0;
    for (unsigned i = 0; i < tries; i++)
        sent += is_sent(scene, scene_text(scene, "a%u%%40example.test", to_one_mailbox ? 0 : i));
    return sent;
}

static void three_a_minute_and_ten_an_hour_go_to_one_person(void **state)
{
    struct scene *scene = *state;
    scene_sign_in(scene, AUTHORIZE);
    assert_int_equal(sent_of(scene, 5, false), 3);
    unsigned sent = 3;
    for (unsigned minute = 1; minute < 5; minute++) {
        scene->fixture->now += 60;
        sent += sent_of(scene, 4, false);
    }
    assert_int_equal(sent, 10);
    scene->fixture->now += 3600;
    scene->cookies[0] = '\0';
    scene_sign_in(scene, AUTHORIZE); /* a link is asked for by who signed in lately */
    assert_true(is_sent(scene, "a%40example.test"));
}

static void five_an_hour_go_to_one_mailbox(void **state)
{
    struct scene *scene = *state;
    unsigned sent = 0;
    scene_sign_in(scene, AUTHORIZE);
    for (unsigned minute = 0; minute < 2; minute++) {
        sent += sent_of(scene, 3, true);
        scene->fixture->now += 60;
    }
    assert_int_equal(sent, 5);
    /* Letter case makes no other mailbox of it; another one is another. */
    assert_false(is_sent(scene, "A0%40Example.TEST"));
    assert_true(is_sent(scene, "b%40example.test"));
}

static void what_is_no_address_is_not_counted(void **state)
{
    struct scene *scene = *state;
    scene_sign_in(scene, AUTHORIZE);
    for (unsigned i = 0; i < 5; i++)
        assert_false(is_sent(scene, i % 2 == 0 ? "nobody" : "a%0d%0aBcc:x%40example.test"));
    assert_int_equal(sent_of(scene, 3, false), 3);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, scene_stop)
    const struct CMUnitTest tests[] = {
        ROW(three_a_minute_and_ten_an_hour_go_to_one_person),
        ROW(five_an_hour_go_to_one_mailbox),
        ROW(what_is_no_address_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
