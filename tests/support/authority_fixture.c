/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/authority_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/client_directory.h"
#include "authority/denial.h"
#include "authority/key_ring.h"
#include "authority/remote_keys.h"
#include "authority/throttle.h"
#include "core/diagnosis/cause.h"
#include "core/jose/base64url.h"

#define ARENA_BYTES (64u << 20)

struct fixture *fixture_create(const char *section)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char trouble[256] = "", *text = strdup(section);
    unsigned char master_key[32] = {1};
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_settings_error wrong = {SP_STR_NONE, SP_STR_NONE};
    struct sp_str copy;
    fixture->arena = sp_arena_create(ARENA_BYTES);
    fixture->now = FIXTURE_NOW;
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    assert_int_equal(sp_arena_copy(fixture->arena, sp_str_from_cstr(text), &copy), SP_OK);
    free(text);
    if (sp_json_parse(fixture->arena, copy, &sp_json_limits_document, &json, &error) != SP_OK)
        fail_msg("%s: byte %zu: %s", copy.at, error.offset, error.message);
    if (sp_authority_settings_read(fixture->arena, json, SP_STR("https://login.example"), &fixture->settings, &wrong) !=
        SP_OK)
        fail_msg("%.*s: %.*s", SP_STR_ARG(wrong.member), SP_STR_ARG(wrong.message));
    fixture->authority.settings = &fixture->settings;
    fixture->authority.proxy_secret = SP_STR(FIXTURE_PROXY_SECRET);
    assert_int_equal(sp_store_open_sqlite(":memory:", &fixture->authority.store, trouble), SP_OK);
    assert_int_equal(sp_key_ring_create(fixture->authority.store, &fixture->settings, master_key, fixture->now,
                                        &fixture->authority.keys, trouble),
                     SP_OK);
    return fixture;
}

void fixture_destroy(struct fixture **fixture)
{
    sp_remote_keys_destroy(&(*fixture)->authority.remote_keys);
    sp_client_directory_destroy(&(*fixture)->authority.directory);
    sp_throttle_destroy(&(*fixture)->authority.throttle);
    sp_key_destroy(&(*fixture)->authority.follow_key);
    sp_key_ring_destroy(&(*fixture)->authority.keys);
    (*fixture)->authority.store->methods->destroy(&(*fixture)->authority.store);
    sp_arena_destroy(&(*fixture)->arena);
    free(*fixture);
    *fixture = NULL;
}

int fixture_stop(void **state)
{
    fixture_destroy((struct fixture **)state);
    return 0;
}

struct sp_call *fixture_new_call(struct fixture *fixture)
{
    struct sp_call *call = SP_ARENA_NEW(fixture->arena, struct sp_call);
    *call = (struct sp_call){.authority = &fixture->authority, .arena = fixture->arena, .now = fixture->now};
    return call;
}

void fixture_end_turn(struct sp_call *call)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = SP_CRYPTO;
    if (sp_call_finish(call) == SP_GOES_ON)
        status = store->methods->flush(store);
    else
        store->methods->give_up(store);
    if (status == SP_OK)
        return;
    call->authority->lost_turns++;
    call->answer = (struct sp_answer){0};
    (void)sp_deny_failure(call, status);
}

struct sp_call *fixture_call(struct fixture *fixture, const struct fixture_request *request)
{
    struct sp_store *store = fixture->authority.store;
    struct sp_call *call = SP_ARENA_NEW(fixture->arena, struct sp_call);
    call->authority = &fixture->authority;
    call->arena = fixture->arena;
    call->now = fixture->now;
    struct sp_asked *asked = &call->asked;
    asked->method = sp_str_from_cstr(request->method != NULL ? request->method : "POST");
    asked->path = sp_str_from_cstr(request->path != NULL ? request->path : "/token");
    asked->query = sp_str_from_cstr(request->query);
    asked->body = sp_str_from_cstr(request->body);
    asked->content_type =
        sp_str_from_cstr(request->content_type != NULL ? request->content_type : "application/x-www-form-urlencoded");
    asked->authorization = sp_str_from_cstr(request->authorization);
    asked->authorization_count =
        request->authorization_count != 0 ? request->authorization_count : request->authorization != NULL;
    asked->cookie = sp_str_from_cstr(request->cookie);
    asked->dpop = sp_str_from_cstr(request->dpop);
    asked->dpop_count = request->dpop != NULL;
    asked->origin = sp_str_from_cstr(request->origin);
    asked->fetch_site = sp_str_from_cstr(request->fetch_site);
    asked->client_address = sp_str_from_cstr(request->client_address);
    asked->client_certificate = sp_str_from_cstr(request->certificate);
    asked->client_certificate_count = request->certificate != NULL;
    asked->proxy_secret = sp_str_from_cstr(request->proxy_secret != NULL  ? request->proxy_secret
                                           : request->certificate != NULL ? FIXTURE_PROXY_SECRET
                                                                          : NULL);
    asked->proxy_secret_count = asked->proxy_secret.at != NULL;
    while (sp_authority_answer(call) == SP_WAITS) {
        assert_int_equal(call->answer.status, 0);
        if (store->methods->flush(store) != SP_OK) /* the turn ends while the call waits */
            call->authority->lost_turns++;
        if (fixture->answer_errand == NULL || !fixture->answer_errand(fixture, call->waits_for))
            sp_errand_run(call->waits_for);
        fixture->errand_count++;
    }
    assert_int_not_equal(call->answer.status, 0);
    fixture->had_last_step = call->finish != NULL;
    if (fixture->last_arena != NULL)
        call->arena = fixture->last_arena;
    fixture_end_turn(call);
    call->arena = fixture->arena;
    return call;
}

const char *fixture_member(const struct sp_call *call, const char *name)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    if (sp_json_parse(call->arena, call->answer.body, &sp_json_limits_document, &json, &error) != SP_OK)
        return NULL;
    const struct sp_json *member = sp_json_member(json, sp_str_from_cstr(name));
    struct sp_str copy = SP_STR_NONE;
    if (member == NULL || sp_arena_copy(call->arena, member->text, &copy) != SP_OK)
        return NULL;
    return copy.at;
}

const char *fixture_basic(struct fixture *fixture, const char *id, const char *secret)
{
    struct sp_str encoded = SP_STR_NONE, pair = sp_arena_printf(fixture->arena, "%s:%s", id, secret);
    assert_int_equal(sp_base64_encode(fixture->arena, pair, &encoded), SP_OK);
    return sp_arena_printf(fixture->arena, "Basic %.*s", SP_STR_ARG(encoded)).at;
}

const char *fixture_cause(const struct sp_call *call)
{
    const char *id = sp_cause_get(call->finding.cause)->id.at;
    return id != NULL ? id : "";
}
