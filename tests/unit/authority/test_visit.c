/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger at the browser's endpoints can have stored, and that what waits without being stored is as good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/fault_scene.h"

#define AUTHORIZE                                                                                                      \
    "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid&state=s"                \
    "&code_challenge_method=S256&code_challenge=" SCENE_CHALLENGE

static int start(void **state)
{
    scene_start(
        state,
        "{'tokens':{'algorithm':'ES256'},'clients':{"
        "'app':{'secret':'x','redirect_uris':['https://app.example/cb'],'scopes':['openid'],'skip_consent':true},"
        "'spa':{'method':'none','redirect_uris':['https://spa.example/cb']},"
        "'tv':{'method':'none','grants':['urn:ietf:params:oauth:grant-type:device_code']}}}");
    return 0;
}

/* ---- rows that are put ---- */
static const struct sp_store_methods *real;
static unsigned put_count;

static enum sp_status count_put(struct sp_store *store, const struct sp_ticket *ticket, bool *fresh)
{
    /* A wrong password is counted, by guess.h with ceilings of its own. */
    put_count += ticket->kind != SP_TICKET_GUESSES;
    return real->put_ticket(store, ticket, fresh);
}

static void count_from_now(struct scene *scene)
{
    static struct sp_store_methods counting;
    struct sp_store *store = scene->fixture->authority.store;
    if (store->methods != &counting)
        real = store->methods;
    counting = *real;
    counting.put_ticket = count_put;
    store->methods = &counting;
    put_count = 0;
}

static const char *visit_of(struct scene *scene, const struct sp_call *call)
{
    assert_int_equal(call->answer.status, 303);
    return scene_between(scene, sp_str_from_cstr(scene_header(scene, call, "Location")), "visit=", "&");
}

static struct sp_call *show(struct scene *scene, const char *visit)
{
    return scene_get(scene, "/signin", scene_text(scene, "visit=%s", visit));
}

static bool is_sign_in_page(const struct sp_call *call)
{
    return call->answer.status == 200 && sp_str_contains(call->answer.body, SP_STR("name=\"password\""));
}

static void a_stranger_has_nothing_stored(void **state)
{
    struct scene *scene = *state;
    struct sp_call *device = CALL(scene->fixture, .path = "/device_authorization", .body = "client_id=tv");
    const char *code = scene_text(scene, "user_code=%s", fixture_member(device, "user_code"));
    count_from_now(scene);
    assert_true(is_sign_in_page(show(scene, visit_of(scene, scene_get(scene, "/account", "")))));
    assert_true(is_sign_in_page(show(scene, visit_of(scene, scene_get(scene, "/device", code)))));
    struct sp_call *posted =
        CALL(scene->fixture, .path = "/authorize", .body = AUTHORIZE, .cookie = scene_cookies(scene));
    assert_true(is_sign_in_page(show(scene, visit_of(scene, posted))));
    const char *visit = visit_of(scene, scene_get(scene, "/authorize", AUTHORIZE));
    struct sp_call *page = show(scene, visit);
    assert_true(is_sign_in_page(page));
    const char *token = scene_form_token(scene, page);
    scene_fill(scene, "/signin",
               scene_text(scene, "visit=%s&form_token=%s&step=login&username=ann&password=wrong", visit, token));
    assert_true(is_sign_in_page(scene_send(scene, 200)));
    scene_fill(scene, "/signin",
               scene_text(scene, "visit=%s&form_token=%s&step=passkey&credential=eA&client_data=e30", visit, token));
    for (int i = 0; i < 3; i++)
        assert_true(is_sign_in_page(scene_send(scene, 200)));
    scene_fill(scene, "/signin", scene_text(scene, "visit=%s&form_token=%s&step=cancel", visit, token));
    assert_non_null(strstr(scene_header(scene, scene_send(scene, 303), "Location"), "error=access_denied"));
    assert_int_equal(put_count, 0);
    /* Going back after all is as good as asking anew. */
    assert_true(is_sign_in_page(show(scene, visit)));
}

/* ---- whoever clicks twice ---- */
static const char *code_in(struct scene *scene, const struct sp_call *call)
{
    assert_int_equal(call->answer.status, 303);
    return scene_between(scene, sp_str_from_cstr(scene_header(scene, call, "Location")), "code=", "&");
}

static int redeem(struct scene *scene, const char *code)
{
    return CALL(scene->fixture, .body = scene_text(scene,
                                                   "grant_type=authorization_code&code=%s&redirect_uri="
                                                   "https%%3A%%2F%%2Fapp.example%%2Fcb&code_verifier=%s"
                                                   "&client_id=app&client_secret=x",
                                                   code, SCENE_VERIFIER))
        ->answer.status;
}

/* Signs ann in; *visit is how. */
static const char *finish(struct scene *scene, const char *authorization, const char **visit)
{
    scene_fill_sign_in(scene, authorization);
    *visit = scene_between(scene, sp_str_from_cstr(scene->request.body), "visit=", "&");
    return code_in(scene, scene_send(scene, 303));
}

static size_t find_sessions(struct scene *scene, struct sp_ticket **tickets)
{
    struct sp_store *store = scene->fixture->authority.store;
    size_t count = 0;
    assert_int_equal(store->methods->list_tickets(store, SP_TICKET_SESSION, SP_STR("ann"), scene->fixture->now, 10,
                                                  scene->fixture->arena, tickets, &count),
                     SP_OK);
    return count;
}

static void the_same_form_twice_is_one_sign_in_with_one_code(void **state)
{
    struct scene *scene = *state;
    struct sp_ticket *sessions;
    const char *visit, *first = finish(scene, AUTHORIZE, &visit);
    /* The browser dropped that answer, cookie and all: the request's are still those from before. */
    for (int i = 0; i < 3; i++) {
        const char *next = code_in(scene, scene_send(scene, 303));
        assert_int_equal(redeem(scene, first), 400);
        first = next;
        assert_int_equal(find_sessions(scene, &sessions), 1);
    }
    assert_int_equal(redeem(scene, first), 200);
    /* Of the four cookies the last one counts; and what was redeemed is the end. */
    code_in(scene, scene_get(scene, "/authorize", AUTHORIZE));
    assert_string_equal(fixture_cause(scene_send(scene, 400)), "state.expired");
    assert_int_equal(show(scene, visit)->answer.status, 400);
}

static void the_way_back_goes_on_while_the_session_lives(void **state)
{
    struct scene *scene = *state;
    const char *visit;
    finish(scene, AUTHORIZE, &visit);
    const char *code = code_in(scene, show(scene, visit));
    struct sp_call *nobody = CALL(scene->fixture, .method = "GET", .path = "/signin",
                                  .query = scene_text(scene, "visit=%s", visit), .cookie = scene->request.cookie);
    assert_int_equal(nobody->answer.status, 400);
    assert_int_equal(redeem(scene, code), 200);
    assert_int_equal(show(scene, visit)->answer.status, 400);
}

static void nobody_else_goes_on_with_what_was_finished(void **state)
{
    struct scene *scene = *state;
    const char *visit;
    struct sp_ticket *sessions;
    finish(scene, AUTHORIZE, &visit);
    const struct fixture_request form = scene->request;
    /* Another form of the same browser, be it with the right password. */
    scene->request.body = scene_text(scene, "%s&more=1", form.body);
    (void)scene_send(scene, 400);
    scene->request = form;
    scene->request.cookie = "__Host-sp_browser=another-browser-than-that-one";
    (void)scene_send(scene, 400);
    /* Signed out: whoever sits there now has no use for the form. */
    struct sp_store *store = scene->fixture->authority.store;
    scene->request = form;
    assert_int_equal(find_sessions(scene, &sessions), 1);
    assert_int_equal(store->methods->drop_ticket(store, SP_TICKET_SESSION, sessions[0].hash), SP_OK);
    (void)scene_send(scene, 400);
    assert_int_equal(find_sessions(scene, &sessions), 0);
}

static void a_minute_later_what_was_finished_is_gone(void **state)
{
    struct scene *scene = *state;
    const char *visit;
    finish(scene, AUTHORIZE, &visit);
    scene->fixture->now += 61;
    assert_int_equal(show(scene, visit)->answer.status, 400);
    (void)scene_send(scene, 400); /* the form once more */
    /* Of somebody who is signed in, "no" is the end as well; said twice it is still no. */
    visit = visit_of(scene, scene_get(scene, "/authorize", AUTHORIZE "&prompt=consent"));
    const char *token = scene_form_token(scene, show(scene, visit));
    scene_fill(scene, "/signin", scene_text(scene, "visit=%s&form_token=%s&step=cancel", visit, token));
    for (int i = 0; i < 2; i++)
        assert_non_null(strstr(scene_header(scene, scene_send(scene, 303), "Location"), "error=access_denied"));
    assert_int_equal(show(scene, visit)->answer.status, 400);
    scene_fill(scene, "/signin", scene_text(scene, "visit=%s&form_token=%s&step=allow", visit, token));
    (void)scene_send(scene, 400);
}

static void consent_given_twice_and_a_pushed_request_have_one_code(void **state)
{
    struct scene *scene = *state;
    struct sp_call *pushed = CALL(scene->fixture, .path = "/par", .body = AUTHORIZE "&client_secret=x");
    const char *query = scene_text(scene, "client_id=app&request_uri=%s", fixture_member(pushed, "request_uri")),
               *visit;
    const char *first = finish(scene, query, &visit), *second = code_in(scene, scene_send(scene, 303));
    assert_int_equal(redeem(scene, first), 400);
    assert_int_equal(redeem(scene, second), 200);
    assert_non_null(strstr(scene_get(scene, "/authorize", query)->answer.body.at, "request_uri")); /* it is spent */
    visit = visit_of(scene, scene_get(scene, "/authorize", AUTHORIZE "&prompt=consent"));
    const char *token = scene_form_token(scene, show(scene, visit));
    scene_fill(scene, "/signin", scene_text(scene, "visit=%s&form_token=%s&step=allow", visit, token));
    first = code_in(scene, scene_send(scene, 303));
    second = code_in(scene, scene_send(scene, 303));
    assert_int_equal(redeem(scene, first), 400);
    assert_int_equal(redeem(scene, second), 200);
}

static void two_tabs_wait_each_for_itself(void **state)
{
    struct scene *scene = *state;
    const char *first = visit_of(scene, scene_get(scene, "/authorize", AUTHORIZE "&nonce=1")),
               *second = visit_of(scene, scene_get(scene, "/authorize", AUTHORIZE "&nonce=2"));
    /* Both forms are shown before either signs in. */
    const char *const visits[] = {second, first}, *const tokens[] = {scene_form_token(scene, show(scene, second)),
                                                                     scene_form_token(scene, show(scene, first))};
    for (size_t i = 0; i < 2; i++) {
        scene_fill(scene, "/signin",
                   scene_text(scene, "visit=%s&form_token=%s&step=login&username=ann&password=right-password",
                              visits[i], tokens[i]));
        assert_non_null(strstr(scene_header(scene, scene_send(scene, 303), "Location"), "code="));
    }
}

static void a_handle_is_ours_unaltered_in_time_and_of_its_browser(void **state)
{
    struct scene *scene = *state;
    const char *visit = visit_of(scene, scene_get(scene, "/authorize", AUTHORIZE));
    assert_true(is_sign_in_page(show(scene, visit)));
    for (size_t i = 0; i < strlen(visit); i += 17) {
        char *altered = (char *)(uintptr_t)scene_text(scene, "%s", visit); /* ours: a copy */
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        assert_int_equal(show(scene, altered)->answer.status, 400);
    }
    assert_int_equal(show(scene, scene_text(scene, "%.*s", (int)strlen(visit) / 2, visit))->answer.status, 400);
    assert_int_equal(show(scene, "x")->answer.status, 400);
    struct sp_call *other =
        CALL(scene->fixture, .method = "GET", .path = "/signin", .query = scene_text(scene, "visit=%s", visit),
             .cookie = "__Host-sp_browser=another-browser-than-that-one");
    assert_true(sp_str_contains(other->answer.body, SP_STR("another browser")));
    /* Another master key; and the same again, such as on another node. */
    scene->fixture->authority.process_secret[0] ^= 1;
    assert_int_equal(show(scene, visit)->answer.status, 400);
    scene->fixture->authority.process_secret[0] ^= 1;
    assert_true(is_sign_in_page(show(scene, visit)));
    scene->fixture->now += 1799;
    assert_true(is_sign_in_page(show(scene, visit)));
    scene->fixture->now++;
    assert_int_equal(show(scene, visit)->answer.status, 400);
}

/* ---- what has to be stored is counted ---- */
static struct sp_call *ask_from(struct scene *scene, const char *address, const char *path, const char *query)
{
    bool is_get = strcmp(path, "/authorize") == 0;
    return CALL(scene->fixture, .method = is_get ? "GET" : "POST", .path = path, .query = is_get ? query : NULL,
                .body = is_get ? NULL : query, .client_address = address);
}

static void strangers_fill_no_store(void **state)
{
    struct scene *scene = *state;
    const char *large = sp_arena_printf(scene->fixture->arena, "%s&unknown=%04000d&other=%0500d", AUTHORIZE, 1, 1).at;
    const struct {
        const char *path, *query;
        int status;
        unsigned most, rows;
    } rows[] = {
        {"/authorize", large, 303, 30, 1},
        {"/par",
         "response_type=code&client_id=spa&redirect_uri=https://spa.example/"
         "cb&code_challenge_method=S256&code_challenge=" SCENE_CHALLENGE,
         201, 300, 1},
        {"/device_authorization", "client_id=tv", 200, 200, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        count_from_now(scene);
        for (unsigned n = 0; n < rows[i].most; n++) {
            struct sp_call *call = ask_from(scene, "192.0.2.1", rows[i].path, rows[i].query);
            assert_int_equal(call->answer.status, rows[i].status);
            assert_string_equal(fixture_cause(call), "");
        }
        assert_int_equal(put_count, rows[i].most * rows[i].rows);
        struct sp_call *refused = ask_from(scene, "192.0.2.1", rows[i].path, rows[i].query);
        assert_string_equal(fixture_cause(refused), "request.throttled");
        assert_non_null(scene_header(scene, refused, "Retry-After"));
        assert_int_equal(refused->answer.status, i == 0 ? 303 : 429);
        assert_int_equal(put_count, rows[i].most * rows[i].rows);
        assert_string_equal(fixture_cause(ask_from(scene, "192.0.2.2", rows[i].path, rows[i].query)), "");
    }
    /* Requests as they are need no row: nobody is kept from signing in. */
    assert_string_equal(fixture_cause(ask_from(scene, "192.0.2.1", "/authorize", AUTHORIZE)), "");
}

static void many_addresses_have_no_more_large_requests(void **state)
{
    struct scene *scene = *state;
    const char *large = sp_arena_printf(scene->fixture->arena, "%s&unknown=%04000d&other=%0500d", AUTHORIZE, 1, 1).at;
    unsigned taken = 0;
    for (unsigned n = 0; n < 600; n++)
        taken += *fixture_cause(ask_from(scene, scene_text(scene, "2001:db8:%x::1", n), "/authorize", large)) == '\0';
    assert_int_equal(taken, 500);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, scene_stop)
    const struct CMUnitTest tests[] = {
        ROW(a_stranger_has_nothing_stored),
        ROW(the_same_form_twice_is_one_sign_in_with_one_code),
        ROW(the_way_back_goes_on_while_the_session_lives),
        ROW(nobody_else_goes_on_with_what_was_finished),
        ROW(a_minute_later_what_was_finished_is_gone),
        ROW(consent_given_twice_and_a_pushed_request_have_one_code),

        ROW(two_tabs_wait_each_for_itself),
        ROW(a_handle_is_ours_unaltered_in_time_and_of_its_browser),
        ROW(strangers_fill_no_store),
        ROW(many_addresses_have_no_more_large_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
