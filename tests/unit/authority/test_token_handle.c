/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/token_handle.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"
#include "tests/support/authority_fixture.h"

#define DATE_BYTES 6u

static int start(void **state)
{
    *state = fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{'app':{'secret':'s'}}}");
    return 0;
}

static void put(struct fixture *fixture, const unsigned char hash[32])
{
    struct sp_store *store = fixture->authority.store;
    struct sp_ticket ticket = {.kind = SP_TICKET_REFRESH, .client_id = SP_STR("app"), .expires_at = 200};
    memcpy(ticket.hash, hash, sizeof ticket.hash);
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, &ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
}

static enum sp_status find(struct fixture *fixture, enum sp_ticket_kind kind, struct sp_str value,
                           struct sp_ticket *ticket)
{
    return sp_token_handle_find(fixture->authority.store, kind, value, fixture->arena, ticket);
}

static void a_value_is_found_by_what_it_says_and_by_all_of_it(void **state)
{
    struct fixture *fixture = *state;
    unsigned char hash[32], whole[32];
    struct sp_str value = sp_token_handle_make(fixture->arena, "sprt_", hash), bytes;
    struct sp_ticket ticket;
    assert_int_equal(value.len, 48);
    assert_true(sp_str_has_prefix(value, SP_STR("sprt_")));
    assert_int_equal(sp_base64url_decode(fixture->arena, sp_str_slice(value, 5, value.len), &bytes), SP_OK);
    assert_int_equal(bytes.len, 32);
    sp_sha256(value, whole);
    assert_memory_equal(hash, bytes.at, DATE_BYTES);
    assert_memory_equal(hash + DATE_BYTES, whole + DATE_BYTES, sizeof hash - DATE_BYTES);
    put(fixture, hash);
    assert_int_equal(find(fixture, SP_TICKET_REFRESH, value, &ticket), SP_OK);
    assert_memory_equal(ticket.hash, hash, sizeof hash);
    assert_int_equal(find(fixture, SP_TICKET_ACCESS, value, &ticket), SP_NOT_FOUND);
    for (size_t i = 0; i < value.len; i++) {
        struct sp_str other;
        assert_int_equal(sp_arena_copy(fixture->arena, value, &other), SP_OK);
        ((char *)(uintptr_t)other.at)[i] = value.at[i] == 'A' ? 'B' : 'A';
        assert_int_equal(find(fixture, SP_TICKET_REFRESH, other, &ticket), SP_NOT_FOUND);
        assert_int_equal(find(fixture, SP_TICKET_REFRESH, sp_str_slice(value, 0, i), &ticket), SP_NOT_FOUND);
    }
}

/* The clock of the machine may be set while this runs: of many, hardly any is out of order. */
static void what_is_made_later_stands_behind_and_no_two_are_one(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 1000 };
    unsigned char(*hashes)[32] = calloc(COUNT, sizeof *hashes);
    assert_non_null(hashes);
    unsigned behind = 0;
    for (size_t i = 0; i < COUNT; i++) {
        sp_token_handle_make(fixture->arena, "spat_", hashes[i]);
        if (i > 0)
            behind += memcmp(hashes[i - 1], hashes[i], DATE_BYTES) <= 0;
        for (size_t j = 0; j < i; j++)
            assert_true(memcmp(hashes[i] + DATE_BYTES, hashes[j] + DATE_BYTES, 32 - DATE_BYTES) != 0);
    }
    assert_true(behind >= COUNT - 10);
    free(hashes);
}

static void a_value_of_an_earlier_version_is_found_by_its_sha256(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *name;
        struct sp_str value;
    } rows[] = {
        {"32 random bytes", {"sprt_Ya2Y3F1Vh0pPz6xQk9Dg5bJt8Lw4mSn7Rc1Te0Uo-_A", 48}},
        {"a shorter one", {"sprt_x", 6}},
        {"not base64url in front", {"sprt_????????h0pPz6xQk9Dg5bJt8Lw4mSn7Rc1Te0Uo-_A", 48}},
        {"nothing", {"", 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char hash[32];
        struct sp_ticket ticket;
        sp_sha256(rows[i].value, hash);
        if (find(fixture, SP_TICKET_REFRESH, rows[i].value, &ticket) != SP_NOT_FOUND)
            fail_msg("%s: found before it is there", rows[i].name);
        put(fixture, hash);
        if (find(fixture, SP_TICKET_REFRESH, rows[i].value, &ticket) != SP_OK)
            fail_msg("%s: not found", rows[i].name);
        assert_memory_equal(ticket.hash, hash, sizeof hash);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, start, fixture_stop)
    const struct CMUnitTest tests[] = {
        ROW(a_value_is_found_by_what_it_says_and_by_all_of_it),
        ROW(what_is_made_later_stands_behind_and_no_two_are_one),
        ROW(a_value_of_an_earlier_version_is_found_by_its_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
