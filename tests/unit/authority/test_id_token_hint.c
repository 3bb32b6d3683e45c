/* SPDX-License-Identifier: Apache-2.0 */
/* An id_token as a hint lives longer than as a proof: after its end, and after its key (OIDC Core 3.1.2.2,
 * RP-Initiated Logout 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/id_token.h"
#include "authority/key_ring.h"
#include "tests/support/fault_scene.h"

#define AUTHORIZE                                                                                                      \
    "client_id=app&response_type=code&scope=openid&redirect_uri=" SCENE_CALLBACK                                       \
    "&code_challenge_method=S256&code_challenge=" SCENE_CHALLENGE

static const char section[] =
    "{'tokens':{'algorithm':'ES256','lifetime':'1m'},'clients':{"
    "'app':{'secret':'x','scopes':['openid'],'skip_consent':true,'redirect_uris':['https://app.example/cb'],"
    "'post_logout_redirect_uris':['https://app.example/bye']}}}";

static int start(void **state)
{
    scene_start(state, section);
    return 0;
}

/* Of a session that goes on; some seconds after the token's end. */
static const char *ended_token(struct scene *scene)
{
    const char *code = scene_sign_in(scene, AUTHORIZE);
    struct sp_call *call =
        CALL(scene->fixture, .body = scene_text(scene,
                                                "grant_type=authorization_code&code=%s&redirect_uri=" SCENE_CALLBACK
                                                "&code_verifier=" SCENE_VERIFIER "&client_id=app&client_secret=x",
                                                code));
    scene->fixture->now += SP_ID_TOKEN_LIFETIME_S + 1;
    return fixture_member(call, "id_token");
}

static void forget_its_key(struct scene *scene)
{
    char trouble[256];
    struct fixture *fixture = scene->fixture;
    assert_int_equal(sp_key_ring_rotate(fixture->authority.keys, &fixture->settings, SP_ALGORITHM_UNKNOWN,
                                        SP_KEYS_AT_ONCE, fixture->now, trouble),
                     SP_OK);
    fixture->now += SP_ID_TOKEN_LIFETIME_S + 3600;
    sp_key_ring_believe(fixture->authority.keys, fixture->now);
    assert_int_equal(sp_key_ring_tend(fixture->authority.keys, &fixture->settings, fixture->now, trouble), SP_OK);
}

static struct sp_call *sign_out(struct scene *scene, const char *hint)
{
    return scene_get(
        scene, "/logout",
        scene_text(scene, "id_token_hint=%s&post_logout_redirect_uri=https://app.example/bye&state=s", hint));
}

static bool is_signed_in(struct scene *scene)
{
    return scene_get(scene, "/account", "")->answer.status == 200;
}

static void a_hint_that_ended_names_the_person_who_is_signed_in(void **state)
{
    struct scene *scene = *state;
    const char *hint = ended_token(scene);
    struct sp_call *call =
        scene_get(scene, "/authorize", scene_text(scene, AUTHORIZE "&prompt=none&id_token_hint=%s", hint));
    assert_int_equal(call->answer.status, 303);
    assert_non_null(strstr(scene_header(scene, call, "Location"), "code="));
}

static void a_hint_that_ended_signs_out_its_session(void **state)
{
    struct scene *scene = *state;
    const char *hint = ended_token(scene);
    assert_true(is_signed_in(scene));
    struct sp_call *call = sign_out(scene, hint);
    assert_int_equal(call->answer.status, 303);
    assert_string_equal(scene_header(scene, call, "Location"), "https://app.example/bye?state=s");
    assert_false(is_signed_in(scene));
}

static void where_its_key_is_gone_the_person_is_asked_and_then_sent_on(void **state)
{
    struct scene *scene = *state;
    const char *hint = ended_token(scene);
    forget_its_key(scene);
    struct sp_call *page = sign_out(scene, hint);
    assert_int_equal(page->answer.status, 200);
    assert_true(is_signed_in(scene)); /* nothing is proven yet */
    scene_fill(scene, "/logout",
               scene_text(scene,
                          "id_token_hint=%s&post_logout_redirect_uri=https://app.example/bye&state=s&step=signout"
                          "&form_token=%s",
                          hint, scene_form_token(scene, page)));
    struct sp_call *call = scene_send(scene, 303);
    assert_string_equal(scene_header(scene, call, "Location"), "https://app.example/bye?state=s");
    assert_false(is_signed_in(scene));
}

static void what_nobody_signed_is_no_hint_while_it_claims_to_hold(void **state)
{
    struct scene *scene = *state;
    (void)ended_token(scene);
    const struct {
        const char *issuer;
        int64_t ends_in_s;
        int status;
    } rows[] = {
        {"https://login.example", 60, 400},
        {"https://login.example", -60, 200}, /* the person is asked, as without a hint */
        {"https://other.example", -60, 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *claims = scene_text(scene, "{\"iss\":\"%s\",\"aud\":\"app\",\"sub\":\"ann\",\"exp\":%lld}",
                                        rows[i].issuer, (long long)(scene->fixture->now + rows[i].ends_in_s));
        struct sp_call *call = sign_out(scene, scene_sign(scene, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", claims));
        assert_int_equal(call->answer.status, rows[i].status);
        assert_true(is_signed_in(scene));
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, scene_stop)
    const struct CMUnitTest tests[] = {
        ROW(a_hint_that_ended_names_the_person_who_is_signed_in),
        ROW(a_hint_that_ended_signs_out_its_session),
        ROW(where_its_key_is_gone_the_person_is_asked_and_then_sent_on),
        ROW(what_nobody_signed_is_no_hint_while_it_claims_to_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
