/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "authority/access_token.h"
#include "authority/key_ring.h"
#include "authority/token_seal.h"
#include "core/jose/base64url.h"
#include "tests/support/authority_fixture.h"

#define MACHINE "&client_id=machine&client_secret=x"
#define OTHER "&client_id=other&client_secret=x"
#define CLAIMS "{\"iss\":\"https://login.example\",\"sub\":\"machine\",\"exp\":1}"

static int start(void **state)
{
    *state = fixture_create(
        "{'tokens':{'algorithm':'ES256','lifetime':'1h'},'clients':{"
        "'machine':{'secret':'x','token_format':'opaque','scopes':['read','write'],'audiences':['https://a.example'],"
        "'grants':['client_credentials','urn:ietf:params:oauth:grant-type:token-exchange'],'token_lifetime':'10s'},"
        "'other':{'secret':'x'}}}");
    return 0;
}

static size_t count_rows(struct fixture *fixture)
{
    return (size_t)fixture->authority.store->kept;
}

static const char *token_of(struct fixture *fixture)
{
    struct sp_call *call = CALL(fixture, .body = "grant_type=client_credentials" MACHINE);
    assert_int_equal(call->answer.status, 200);
    return fixture_member(call, "access_token");
}

static struct sp_call *introspect(struct fixture *fixture, const char *token)
{
    return CALL(fixture, .path = "/introspect", .body = sp_arena_printf(fixture->arena, "token=%s" OTHER, token).at);
}

static bool is_active(struct fixture *fixture, const char *token)
{
    return strcmp(fixture_member(introspect(fixture, token), "active"), "true") == 0;
}

static struct sp_str seal(struct fixture *fixture, const char *claims)
{
    struct sp_str value = SP_STR_NONE;
    assert_int_equal(sp_token_seal(fixture_new_call(fixture), sp_str_from_cstr(claims), &value), SP_OK);
    return value;
}

static enum sp_status unseal(struct fixture *fixture, struct sp_str value, struct sp_str *claims)
{
    return sp_token_unseal(fixture_new_call(fixture), value, claims);
}

static void what_is_sealed_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str claims, one = seal(fixture, CLAIMS), two = seal(fixture, CLAIMS);
    assert_true(sp_str_has_prefix(one, SP_STR("spat_")));
    assert_false(sp_str_equal(one, two));
    assert_false(sp_str_contains(one, SP_STR(".")));
    assert_int_equal(unseal(fixture, one, &claims), SP_OK);
    assert_true(sp_str_equal(claims, SP_STR(CLAIMS)));
}

static void nothing_else_opens(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str value = seal(fixture, CLAIMS), bytes, other, claims;
    static const char *const junk[] = {"", "spat_", "spat_x", "spat_====", "spat_AAAA", "sprt_AAAA", "a.b.c"};
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++)
        assert_int_equal(unseal(fixture, sp_str_from_cstr(junk[i]), &claims), SP_NOT_FOUND);
    assert_int_equal(unseal(fixture, sp_arena_printf(fixture->arena, "spat_%030000d", 0), &claims), SP_NOT_FOUND);
    for (size_t i = 0; i < value.len; i++) {
        assert_int_equal(unseal(fixture, sp_str_slice(value, 0, i), &claims), SP_NOT_FOUND);
        for (unsigned bit = 0; bit < 7; bit++) {
            assert_int_equal(sp_arena_copy(fixture->arena, value, &other), SP_OK);
            ((char *)(uintptr_t)other.at)[i] ^= (char)(1 << bit);
            assert_int_equal(unseal(fixture, other, &claims), SP_NOT_FOUND);
        }
    }
    /* Its version among the bytes. */
    assert_int_equal(sp_base64url_decode(fixture->arena, sp_str_slice(value, 5, value.len), &bytes), SP_OK);
    assert_int_equal(bytes.at[0], 1);
    struct sp_str text;
    for (int version = 0; version < 256; version++) {
        ((char *)(uintptr_t)bytes.at)[0] = (char)version;
        assert_int_equal(sp_base64url_encode(fixture->arena, bytes, &text), SP_OK);
        other = sp_arena_printf(fixture->arena, "spat_%.*s", SP_STR_ARG(text));
        assert_int_equal(unseal(fixture, other, &claims), version == 1 ? SP_OK : SP_NOT_FOUND);
    }
}

static void a_token_is_of_its_issuer_and_its_master_key(void **state)
{
    struct fixture *fixture = *state;
    struct sp_str value = seal(fixture, CLAIMS), claims, issuer = fixture->settings.issuer;
    fixture->settings.issuer = SP_STR("https://login.example.");
    assert_int_equal(unseal(fixture, value, &claims), SP_NOT_FOUND);
    fixture->settings.issuer = issuer;
    const unsigned char other_key[32] = {99};
    struct sp_store *store = fixture->authority.store;
    struct sp_xaes *same = NULL, *other = NULL;
    unsigned char rubbish[256];
    struct sp_str bytes;
    assert_int_equal(sp_token_seal_find(store, other_key, fixture->arena, &other), SP_OK);
    assert_int_equal(sp_base64url_decode(fixture->arena, sp_str_slice(value, 5, value.len), &bytes), SP_OK);
    const struct sp_str head = SP_STR("\1{\"iss\":\"https://login.example\",");
    assert_int_equal(sp_xaes_open(other, head, sp_str_slice(bytes, 1, bytes.len), rubbish), SP_NOT_FOUND);
    same = sp_key_ring_token_seal(fixture->authority.keys);
    assert_int_equal(sp_xaes_open(same, head, sp_str_slice(bytes, 1, bytes.len), rubbish), SP_OK);
    sp_xaes_destroy(&other);
}

static void what_a_machine_gets_writes_nothing_until_it_is_revoked(void **state)
{
    struct fixture *fixture = *state;
    size_t before = count_rows(fixture);
    const char *token = token_of(fixture), *neighbour = token_of(fixture);
    assert_int_equal(count_rows(fixture), before);
    assert_true(strlen(token) > 48 && strlen(token) < 400);
    struct sp_call *call = introspect(fixture, token);
    assert_string_equal(fixture_member(call, "iss"), "https://login.example");
    assert_string_equal(fixture_member(call, "sub"), "machine");
    assert_string_equal(fixture_member(call, "client_id"), "machine");
    assert_string_equal(fixture_member(call, "aud"), "https://a.example");
    assert_string_equal(fixture_member(call, "scope"), "read write");
    assert_string_equal(fixture_member(call, "token_type"), "Bearer");
    const char *body = sp_arena_printf(fixture->arena, "token=%s" OTHER, token).at;
    assert_string_equal(fixture_cause(CALL(fixture, .path = "/revoke", .body = body)), "request.token_of_other_client");
    assert_true(is_active(fixture, token));
    for (int i = 0; i < 2; i++) { /* twice is a success too */
        body = sp_arena_printf(fixture->arena, "token=%s" MACHINE, token).at;
        assert_int_equal(CALL(fixture, .path = "/revoke", .body = body)->answer.status, 200);
    }
    assert_false(is_active(fixture, token));
    assert_string_equal(fixture_cause(introspect(fixture, token)), "token.revoked");
    assert_true(is_active(fixture, neighbour));
    fixture->now += 9;
    assert_true(is_active(fixture, neighbour));
    fixture->now += 1;
    assert_false(is_active(fixture, neighbour));
    assert_string_equal(fixture_cause(introspect(fixture, neighbour)), "time.expired");
}

/* The mark of the revoked one is all that speaks against it, so it stays until the token's end. */
static void a_mark_lasts_as_long_as_the_token(void **state)
{
    struct fixture *fixture = *state;
    struct sp_store *store = fixture->authority.store;
    const char *token = token_of(fixture);
    CALL(fixture, .path = "/revoke", .body = sp_arena_printf(fixture->arena, "token=%s" MACHINE, token).at);
    fixture->now += 9;
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->purge_tickets(store, fixture->now, 100), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    assert_false(is_active(fixture, token));
}

static void a_leak_ends_what_was_sealed_before(void **state)
{
    struct fixture *fixture = *state;
    char trouble[256];
    const char *token = token_of(fixture);
    struct sp_key_ring *ring = fixture->authority.keys;
    assert_int_equal(
        sp_key_ring_rotate(ring, &fixture->settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_AT_ONCE, fixture->now, trouble),
        SP_OK);
    assert_int_equal(sp_key_ring_reload(ring, trouble), SP_OK);
    assert_true(is_active(fixture, token));
    assert_int_equal(
        sp_key_ring_rotate(ring, &fixture->settings, SP_ALGORITHM_ES256, SP_KEYS_LEAKED, fixture->now, trouble), SP_OK);
    assert_false(is_active(fixture, token));
    token = token_of(fixture);
    assert_true(is_active(fixture, token));
    assert_int_equal(sp_key_ring_reload(ring, trouble), SP_OK); /* as another node has it */
    assert_true(is_active(fixture, token));
}

static void what_is_traded_for_one_dies_with_it(void **state)
{
    struct fixture *fixture = *state;
    const char *token = token_of(fixture);
    const char *body =
        sp_arena_printf(fixture->arena,
                        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=%s"
                        "&subject_token_type=urn:ietf:params:oauth:token-type:access_token&scope=read" MACHINE,
                        token)
            .at;
    const char *traded = fixture_member(CALL(fixture, .body = body), "access_token");
    assert_int_equal(strlen(traded), 48);
    assert_string_equal(fixture_member(introspect(fixture, traded), "scope"), "read");
    CALL(fixture, .path = "/revoke", .body = sp_arena_printf(fixture->arena, "token=%s" MACHINE, token).at);
    assert_false(is_active(fixture, traded));
}

static void only_what_is_a_machines_and_short_is_sealed(void **state)
{
    static char longest[801];
    static const struct sp_client opaque = {.token_format = SP_TOKEN_FORMAT_OPAQUE}, jwt = {0};
    struct sp_str audiences[] = {SP_STR("https://a.example")};
    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    struct sp_authority_settings settings = {.seals_tokens = true};
    struct sp_token_order machine = {.client = &opaque, .subject = SP_STR("m"), .audiences = {audiences, 1}};
    assert_true(sp_access_token_is_sealed(&settings, &machine));
    const struct {
        const char *name;
        struct sp_token_order order;
    } rows[] = {
        {"a JWT", {.client = &jwt, .subject = SP_STR("m")}},
        {"a person's", {.client = &opaque, .account = SP_STR("ann")}},
        {"of a family", {.client = &opaque, .subject = SP_STR("m"), .family = SP_STR("f")}},
        {"of a login", {.client = &opaque, .subject = SP_STR("m"), .auth_time = 1}},
        {"exchanged", {.client = &opaque, .subject = SP_STR("m"), .origins = SP_STR("j")}},
        {"of somebody who acts", {.client = &opaque, .subject = SP_STR("m"), .actor = SP_STR("{}")}},
        {"long", {.client = &opaque, .subject = SP_STR("m"), .scope = sp_str(longest, 800)}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sp_access_token_is_sealed(&settings, &rows[i].order))
            fail_msg("%s: sealed", rows[i].name);
    settings.seals_tokens = false;
    assert_false(sp_access_token_is_sealed(&settings, &machine));
}

/* The longest that is sealed, and one character more: a ticket. */
static void the_longest_has_1500_characters(void **state)
{
    char section[2048];
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        size_t words = 800 - 2 * strlen("machine") - sizeof "\"\"," - strlen("urn:") + more;
        snprintf(section, sizeof section,
                 "{'tokens':{'algorithm':'ES256','format':'opaque'},'clients':{'machine':{'secret':'x','audiences':"
                 "['urn:%0*d']}}}",
                 (int)words, 0);
        struct fixture *fixture = fixture_create(section);
        size_t before = count_rows(fixture);
        const char *token = token_of(fixture);
        assert_int_equal(count_rows(fixture) - before, more);
        assert_true(more == 0 ? strlen(token) > 1200 && strlen(token) <= 1500 : strlen(token) == 48);
        const char *body = sp_arena_printf(fixture->arena, "token=%s" MACHINE, token).at;
        assert_string_equal(fixture_member(CALL(fixture, .path = "/introspect", .body = body), "active"), "true");
        fixture_destroy(&fixture);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(what_is_sealed_comes_back_as_it_was),
        ROW(nothing_else_opens),
        ROW(a_token_is_of_its_issuer_and_its_master_key),
        ROW(what_a_machine_gets_writes_nothing_until_it_is_revoked),
        ROW(a_mark_lasts_as_long_as_the_token),
        ROW(a_leak_ends_what_was_sealed_before),
        ROW(what_is_traded_for_one_dies_with_it),
        cmocka_unit_test(only_what_is_a_machines_and_short_is_sealed),
        cmocka_unit_test(the_longest_has_1500_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
