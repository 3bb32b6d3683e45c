/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "authority/admin.h"
#include "authority/denial.h"
#include "core/jose/jws.h"
#include "tests/support/faulty_store.h"

/* ---- a browser, as far as it takes ---- */
const char *scene_text(struct scene *scene, const char *format, ...)
{
    char line[4096];
    va_list arguments;
    struct sp_str copy;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_int_equal(sp_arena_copy(scene->fixture->arena, sp_str_from_cstr(line), &copy), SP_OK);
    return copy.at;
}

const char *scene_header(struct scene *scene, const struct sp_call *call, const char *name)
{
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, name) == 0)
            return scene_text(scene, "%.*s", SP_STR_ARG(call->answer.headers[i].value));
    return NULL;
}

static void keep_cookies(struct scene *scene, const struct sp_call *call)
{
    for (size_t i = 0; i < call->answer.header_count; i++) {
        struct sp_str value = call->answer.headers[i].value;
        if (strcmp(call->answer.headers[i].name, "Set-Cookie") != 0)
            continue;
        struct sp_str pair = sp_str_slice(value, 0, sp_str_index_of(value, ';', 0));
        /* The newest first: it is the one that is read. */
        const char *others = scene_cookies(scene);
        snprintf(scene->cookies, sizeof scene->cookies, "%.*s%s%s", SP_STR_ARG(pair), others[0] != '\0' ? "; " : "",
                 others);
    }
}

struct sp_call *scene_get(struct scene *scene, const char *path, const char *query)
{
    struct sp_call *call = CALL(scene->fixture, .method = "GET", .path = path, .query = query,
                                .cookie = scene->cookies[0] != '\0' ? scene_text(scene, "%s", scene->cookies) : NULL);
    keep_cookies(scene, call);
    return call;
}

const char *scene_between(struct scene *scene, struct sp_str in, const char *before, const char *ends)
{
    size_t len = strlen(before), from = 0;
    while (from < in.len && !sp_str_has_prefix(sp_str_slice(in, from, in.len), sp_str_from_cstr(before)))
        from++;
    if (from == in.len)
        fail_msg("no %s in %.*s", before, SP_STR_ARG(in));
    size_t end = from + len;
    while (end < in.len && strchr(ends, in.at[end]) == NULL)
        end++;
    return scene_text(scene, "%.*s", SP_STR_ARG(sp_str_slice(in, from + len, end)));
}

const char *scene_form_token(struct scene *scene, const struct sp_call *call)
{
    return scene_between(scene, call->answer.body, "name=\"form_token\" value=\"", "\"");
}

const char *scene_cookies(struct scene *scene)
{
    return scene_text(scene, "%s", scene->cookies);
}

void scene_fill(struct scene *scene, const char *path, const char *body)
{
    scene->request = (struct fixture_request){.path = path, .cookie = scene_cookies(scene), .body = body};
}

struct sp_call *scene_send(struct scene *scene, int status)
{
    struct sp_call *call = fixture_call(scene->fixture, &scene->request);
    if (call->answer.status != status)
        fail_msg("%s: %d %.*s", scene->request.path != NULL ? scene->request.path : "/token", call->answer.status,
                 SP_STR_ARG(call->answer.body));
    keep_cookies(scene, call);
    return call;
}

void scene_fill_sign_in(struct scene *scene, const char *authorization)
{
    struct sp_call *call = scene_get(scene, "/authorize", authorization);
    const char *visit = scene_between(scene, sp_str_from_cstr(scene_header(scene, call, "Location")), "visit=", "&");
    call = scene_get(scene, "/signin", scene_text(scene, "visit=%s", visit));
    scene_fill(scene, "/signin",
               scene_text(scene, "visit=%s&form_token=%s&step=login&username=ann&password=right-password", visit,
                          scene_form_token(scene, call)));
}

const char *scene_sign_in(struct scene *scene, const char *authorization)
{
    scene_fill_sign_in(scene, authorization);
    struct sp_call *call = scene_send(scene, 303);
    return scene_between(scene, sp_str_from_cstr(scene_header(scene, call, "Location")), "code=", "&");
}

const char *scene_sign(struct scene *scene, const char *jose, const char *claims)
{
    struct sp_jwk_set *keys = NULL;
    struct sp_str compact;
    assert_int_equal(
        sp_jwk_set_parse(SP_STR("{" SCENE_PUBLIC_KEY ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}"), &keys,
                         NULL),
        SP_OK);
    assert_int_equal(sp_jws_sign(scene->fixture->arena, keys->keys[0].key, SP_ALGORITHM_ES256, sp_str_from_cstr(jose),
                                 sp_str_from_cstr(claims), &compact),
                     SP_OK);
    sp_jwk_set_unref(&keys);
    return scene_text(scene, "%.*s", SP_STR_ARG(compact));
}

/* ---- what has to hold ---- */
static struct sp_call *act(struct scene *scene)
{
    if (!scene->is_admin)
        return fixture_call(scene->fixture, &scene->request);
    struct sp_call *call = SP_ARENA_NEW(scene->fixture->arena, struct sp_call);
    *call = (struct sp_call){
        .authority = &scene->fixture->authority, .arena = scene->fixture->arena, .now = scene->fixture->now};
    call->asked.method = sp_str_from_cstr(scene->request.method);
    call->asked.path = sp_str_from_cstr(scene->request.path);
    call->asked.query = SP_STR("");
    call->asked.content_type = sp_str_from_cstr(scene->request.content_type);
    call->asked.body = sp_str_from_cstr(scene->request.body);
    while (sp_admin_answer(call) == SP_WAITS)
        sp_errand_run(call->waits_for);
    scene->fixture->had_last_step = call->finish != NULL;
    fixture_end_turn(call);
    return call;
}

/* What was prepared before the failure is not said with it. */
static bool promises_nothing(struct scene *scene, const struct sp_call *call)
{
    static const char *const goods[] = {"access_token", "refresh_token", "client_secret", "device_code", "request_uri"};
    const char *location = scene_header(scene, call, "Location");
    for (size_t i = 0; i < call->answer.header_count; i++)
        if (strcmp(call->answer.headers[i].name, "Set-Cookie") == 0 &&
            sp_str_contains(call->answer.headers[i].value, SP_STR("sp_session=")))
            return false;
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++)
        if (sp_str_contains(call->answer.body, sp_str_from_cstr(goods[i])))
            return false;
    return location == NULL ||
           (strstr(location, "error=temporarily_unavailable") != NULL && strstr(location, "code=") == NULL);
}

/* To the client by its redirect URI, as RFC 6749 4.1.2.1 has it; else by status. */
static bool says_our_failure(struct scene *scene, const struct sp_call *call)
{
    if (!promises_nothing(scene, call))
        return false;
    if (call->answer.status == 503)
        return scene_header(scene, call, "Retry-After") != NULL || scene->request.cookie != NULL;
    return scene_header(scene, call, "Location") != NULL;
}

static const struct sp_fetch_report *serve(struct scene *scene, struct sp_str url)
{
    struct sp_fetch_report *report = SP_ARENA_NEW(scene->fixture->arena, struct sp_fetch_report);
    assert_non_null(scene->serve);
    *report = (struct sp_fetch_report){.url = url,
                                       .http_status = 200,
                                       .content_type = SP_STR("application/json"),
                                       .body = sp_str_from_cstr(scene->serve(scene, url)),
                                       .max_age_s = -1};
    return report;
}

static bool answer_errand(struct fixture *fixture, struct sp_errand *errand)
{
    struct scene *scene = fixture->context;
    switch (errand->kind) {
    case SP_ERRAND_PASSWORD_VERIFY:
        errand->matches = sp_str_equal(errand->encoded,
                                       sp_arena_printf(fixture->arena, "$argon2id$%.*s", SP_STR_ARG(errand->password)));
        break;
    case SP_ERRAND_PASSWORD_HASH:
        snprintf(errand->hash, sizeof errand->hash, "$argon2id$%.*s", SP_STR_ARG(errand->password));
        break;
    case SP_ERRAND_HTTP:
        errand->report = serve(scene, errand->request.url);
        break;
    default:
        return false;
    }
    errand->done = true;
    return true;
}

void scene_begin(struct scene *scene, const char *section)
{
    *scene = (struct scene){.fixture = fixture_create(section)};
    scene->fixture->context = scene;
    scene->fixture->answer_errand = answer_errand;
    struct sp_store *store = scene->fixture->authority.store;
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR("$argon2id$right-password"),
                                   .claims = SP_STR("{\"email\":\"ann@example.test\",\"email_verified\":true}")};
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
}

void scene_start(void **state, const char *section)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene_begin(scene, section);
    *state = scene;
}

int scene_stop(void **state)
{
    struct scene *scene = *state;
    fixture_destroy(&scene->fixture);
    free(scene);
    return 0;
}

/* Success is not said twice for what was done once at most. */
static void check_sessions(const struct scene *scene)
{
    struct sp_store *store = scene->fixture->authority.store;
    struct sp_ticket *tickets = NULL;
    size_t count = 1;
    assert_int_equal(store->methods->list_tickets(store, SP_TICKET_SESSION, SP_STR("ann"), scene->fixture->now, 10,
                                                  scene->fixture->arena, &tickets, &count),
                     SP_OK);
    assert_int_equal(count, 0);
}

static void check_again(struct scene *scene, const struct fault_scene *row, bool was_spent, const char *where)
{
    struct sp_call *again = act(scene);
    const int expected = was_spent ? row->status_once_spent : row->status;
    if (again->answer.status != expected)
        fail_msg("%s, again after a fault at %s: %d %.*s", row->name, where, again->answer.status,
                 SP_STR_ARG(again->answer.body));
    if (row->ends_sessions)
        check_sessions(scene);
}

/* False: it has fewer steps. */
static bool try_with_fault(const char *section, const struct fault_scene *row, unsigned step)
{
    struct scene scene;
    char where[32];
    snprintf(where, sizeof where, "step %u", step);
    scene_begin(&scene, section);
    row->prepare(&scene);
    struct sp_store *store = scene.fixture->authority.store;
    const uint64_t before = store->kept;
    faulty_store_fail_at(store, step);
    struct sp_call *call = act(&scene);
    const bool has_failed = faulty_store_has_failed();
    const uint64_t kept = store->kept - before, allowed = row->status_once_spent != 0 ? 1 : 0;
    faulty_store_fail_at(store, 0);
    if (!has_failed && call->answer.status != row->status)
        fail_msg("%s: %d %.*s", row->name, call->answer.status, SP_STR_ARG(call->answer.body));
    if (has_failed && (!says_our_failure(&scene, call) || kept > allowed))
        fail_msg("%s, fault at %s: %d, %u kept: %.*s", row->name, where, call->answer.status, (unsigned)kept,
                 SP_STR_ARG(call->answer.body));
    if (has_failed)
        check_again(&scene, row, kept > 0, where);
    else if (row->ends_sessions)
        check_sessions(&scene);
    fixture_destroy(&scene.fixture);
    return has_failed;
}

/* A turn's commit fails after everything was written and answered: the answer does not leave. A call that waited over
 * the end of that turn goes on. False: it has fewer turns. */
static bool try_with_lost_turn(const char *section, const struct fault_scene *row, unsigned turn)
{
    struct scene scene;
    scene_begin(&scene, section);
    row->prepare(&scene);
    struct sp_store *store = scene.fixture->authority.store;
    faulty_store_lose_turn(store, turn);
    struct sp_call *call = act(&scene);
    const bool has_failed = faulty_store_has_failed(), is_lost = has_failed && call->answer.status == 503;
    faulty_store_lose_turn(store, 0);
    if (is_lost ? !says_our_failure(&scene, call) : call->answer.status != row->status)
        fail_msg("%s, turn %u lost: %d %.*s", row->name, turn, call->answer.status, SP_STR_ARG(call->answer.body));
    if (is_lost)
        check_again(&scene, row, turn > 1, "the flush");
    fixture_destroy(&scene.fixture);
    return has_failed;
}

/* No memory is left when the turn ends: what is signed then cannot be, and nothing may be kept. False: nothing is. */
static bool try_with_failed_end(const char *section, const struct fault_scene *row)
{
    struct scene scene;
    scene_begin(&scene, section);
    row->prepare(&scene);
    scene.fixture->last_arena = sp_arena_create(1);
    assert_non_null(scene.fixture->last_arena);
    struct sp_call *call = act(&scene);
    const bool has_failed = scene.fixture->had_last_step;
    if (call->answer.status != (has_failed ? 500 : row->status))
        fail_msg("%s, no memory at the turn's end: %d", row->name, call->answer.status);
    sp_arena_destroy(&scene.fixture->last_arena);
    if (has_failed)
        check_again(&scene, row, false, "the turn's end");
    fixture_destroy(&scene.fixture);
    return has_failed;
}

struct play {
    const char *section;
    const struct fault_scene *scenes;
    size_t count;
};

static void our_failure_leaves_nothing_behind(void **state)
{
    const struct play *play = *state;
    const char *section = play->section;
    const struct fault_scene *scenes = play->scenes;
    for (size_t i = 0; i < play->count; i++) {
        unsigned step = 1, turn = 1;
        while (try_with_fault(section, &scenes[i], step))
            step++;
        while (try_with_lost_turn(section, &scenes[i], turn))
            turn++;
        assert_true(step > 1 && turn > 1);
        const bool signs = try_with_failed_end(section, &scenes[i]);
        print_message("%s: %u steps, %u turns%s\n", scenes[i].name, step - 1, turn - 1, signs ? ", signs" : "");
    }
}

int fault_scenes_main(const char *section, const struct fault_scene *scenes, size_t count)
{
    struct play play = {.section = section, .scenes = scenes, .count = count};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(our_failure_leaves_nothing_behind, &play)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
