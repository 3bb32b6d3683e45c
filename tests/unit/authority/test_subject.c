/* SPDX-License-Identifier: Apache-2.0 */
/* Pairwise subjects and their sectors (OIDC Core 8; Registration 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "authority/master_mark.h"
#include "authority/sector.h"
#include "authority/subject.h"

static const unsigned char secret[32] = {1, 2, 3}, other_secret[32] = {1, 2, 4};

static struct sp_str name(const unsigned char key[32], const char *sector, const char *account, char *room)
{
    const struct sp_client client = {.sector = sp_str_from_cstr(sector)};
    return sp_subject_of(key, &client, sp_str_from_cstr(account), room);
}

static void a_name_is_of_one_sector_one_account_and_one_authority(void **state)
{
    (void)state;
    char a[SP_PAIRWISE_BYTES], b[SP_PAIRWISE_BYTES];
    struct sp_str mine = name(secret, "app.example", "ann", a);
    assert_int_equal(mine.len, SP_PAIRWISE_BYTES);
    assert_true(sp_str_has_prefix(mine, SP_STR("sppw_")));
    assert_true(sp_str_equal(mine, name(secret, "app.example", "ann", b)));
    static const struct {
        const unsigned char *key;
        const char *sector, *account;
    } others[] = {{secret, "app.example", "bob"},
                  {secret, "app.exampl", "eann"}, /* nothing runs over */
                  {secret, "other.example", "ann"},
                  {other_secret, "app.example", "ann"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(sp_str_equal(mine, name(others[i].key, others[i].sector, others[i].account, b)));
}

static void without_a_sector_it_is_the_account(void **state)
{
    (void)state;
    char room[SP_PAIRWISE_BYTES];
    const struct sp_client client = {.id = SP_STR("web")};
    assert_true(sp_str_equal(sp_subject_of(secret, &client, SP_STR("ann"), room), SP_STR("ann")));
    assert_true(sp_str_equal(sp_subject_of(NULL, &client, SP_STR("ann"), room), SP_STR("ann")));
}

static void the_sector_is_one_host(void **state)
{
    (void)state;
    static const struct {
        const char *document, *first, *second, *sector; /* sector NULL: refused */
    } rows[] = {
        {NULL, "https://app.example/a", NULL, "app.example"},
        {NULL, "https://App.Example:8443/a", "https://app.example/b", "app.example"},
        {NULL, "https://app.example/a", "https://b.example/b", NULL},
        {NULL, "https://app.example/a", "com.example.app:/b", NULL},
        {NULL, "http://127.0.0.1/a", NULL, NULL},
        {NULL, "com.example.app:/a", NULL, NULL},
        {NULL, NULL, NULL, NULL},
        {"https://Sector.example/uris.json", "https://app.example/a", "https://b.example/b", "sector.example"},
        {"https://sector.example:444/", NULL, NULL, "sector.example"},
    };
    struct sp_arena *arena = sp_arena_create(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_settings_error error = {SP_STR_NONE, SP_STR_NONE};
        struct sp_settings_reader reader = {.arena = arena, .error = &error};
        const struct sp_str uris[] = {sp_str_from_cstr(rows[i].first), sp_str_from_cstr(rows[i].second)};
        size_t count = (rows[i].first != NULL) + (size_t)(rows[i].second != NULL);
        struct sp_client client = {.is_pairwise = true,
                                   .sector_identifier_uri = sp_str_from_cstr(rows[i].document),
                                   .redirect_uris = {uris, count}};
        enum sp_status status = sp_sector_decide(&reader, SP_STR("client"), &client);
        assert_int_equal(status, rows[i].sector != NULL ? SP_OK : SP_MALFORMED);
        if (rows[i].sector != NULL && !sp_str_equal(client.sector, sp_str_from_cstr(rows[i].sector)))
            fail_msg("row %zu: %.*s", i, SP_STR_ARG(client.sector));
        if (rows[i].sector == NULL)
            assert_true(sp_str_contains(error.member, SP_STR("sector_identifier_uri")));
        client.is_pairwise = false;
        assert_int_equal(sp_sector_decide(&reader, SP_STR("client"), &client), SP_OK);
        assert_null(client.sector.at);
    }
    sp_arena_destroy(&arena);
}

static void a_document_lists_every_redirect_uri(void **state)
{
    (void)state;
    static const struct sp_str uris[] = {{"https://a.example/", 18}, {"https://b.example/", 18}};
    static const struct {
        const char *document;
        enum sp_status status;
    } rows[] = {
        {"[\"https://b.example/\",\"https://c.example/\",\"https://a.example/\"]", SP_OK},
        {"[7,null,[\"x\"],\"https://a.example/\",\"https://b.example/\"]", SP_OK},
        {"[\"https://a.example/\"]", SP_NOT_FOUND},
        {"[\"https://a.example/\",\"https://b.example\"]", SP_NOT_FOUND},
        {"[\"https://a.example/\",\"https://B.example/\"]", SP_NOT_FOUND},
        {"[[\"https://a.example/\",\"https://b.example/\"]]", SP_NOT_FOUND},
        {"[]", SP_NOT_FOUND},
        {"{\"a\":\"https://a.example/\",\"b\":\"https://b.example/\"}", SP_MALFORMED},
        {"\"https://a.example/\"", SP_MALFORMED},
        {"", SP_MALFORMED},
        {"[\"https://a.example/\"", SP_MALFORMED},
    };
    struct sp_arena *arena = sp_arena_create(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str missing = SP_STR_NONE;
        enum sp_status status = sp_sector_document_check(arena, sp_str_from_cstr(rows[i].document),
                                                         (struct sp_str_list){uris, 2}, &missing);
        if (status != rows[i].status || (missing.at != NULL) != (status == SP_NOT_FOUND))
            fail_msg("%s: %d", rows[i].document, (int)status);
    }
    sp_arena_destroy(&arena);
    /* Short of memory it never covers. */
    for (size_t room = 64; room < 4096; room += 64) {
        struct sp_str missing = SP_STR_NONE;
        arena = sp_arena_create(room);
        enum sp_status status = sp_sector_document_check(arena, SP_STR("[\"https://a.example/\"]"),
                                                         (struct sp_str_list){uris, 2}, &missing);
        assert_true(status == SP_NO_MEMORY || status == SP_NOT_FOUND);
        sp_arena_destroy(&arena);
    }
}

static void start_under(struct sp_store *store, unsigned char key, int64_t now, int64_t lost_names, bool is_known_again)
{
    const unsigned char process_secret[32] = {key};
    struct sp_master_change change = {-1, true};
    struct sp_arena *arena = sp_arena_create(1 << 20);
    assert_int_equal(sp_master_mark_check(store, process_secret, arena, now, &change), SP_OK);
    assert_int_equal(change.lost_names, lost_names);
    assert_int_equal(change.is_known_again, is_known_again);
    sp_arena_destroy(&arena);
}

static void tell(struct sp_store *store, const char *name, int64_t now)
{
    const struct sp_record told = {.kind = SP_RECORD_PAIRWISE,
                                   .id = sp_str_from_cstr(name),
                                   .owner = SP_STR("ann"),
                                   .data = SP_STR("{}"),
                                   .created_at = now};
    assert_int_equal(store->methods->put_record(store, &told, NULL), SP_OK);
}

/* docs/operations.md: it is said at start, once. */
static void another_master_key_loses_the_names_that_were_told(void **state)
{
    struct sp_store *store = NULL;
    char trouble[256];
    (void)state;
    assert_int_equal(sp_store_open_sqlite(":memory:", &store, trouble), SP_OK);
    tell(store, "sppw_old", 50); /* before there were marks */
    start_under(store, 1, 100, 0, false);
    start_under(store, 1, 150, 0, false);
    tell(store, "sppw_a", 160);
    start_under(store, 2, 200, 2, false);
    start_under(store, 2, 210, 0, false);
    start_under(store, 3, 300, 2, false); /* what the second one told was nothing */
    store->methods->destroy(&store);
}

static void an_old_master_key_given_back_loses_only_what_was_told_meanwhile(void **state)
{
    struct sp_store *store = NULL;
    char trouble[256], name[32];
    (void)state;
    assert_int_equal(sp_store_open_sqlite(":memory:", &store, trouble), SP_OK);
    start_under(store, 1, 100, 0, false);
    tell(store, "sppw_a", 110);
    start_under(store, 2, 200, 1, false);
    start_under(store, 1, 300, 0, true); /* noticed at once: nothing is lost */
    start_under(store, 1, 310, 0, false);
    tell(store, "sppw_b", 320);
    start_under(store, 2, 400, 2, true);
    for (int i = 0; i < 1000; i++) { /* more than one look takes */
        snprintf(name, sizeof name, "sppw_c%03d", i);
        tell(store, name, 410);
    }
    start_under(store, 1, 500, 1000, true); /* both its times are its own */
    start_under(store, 2, 600, 2, true);
    start_under(store, 3, 700, 1002, false);
    store->methods->destroy(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_of_one_sector_one_account_and_one_authority),
        cmocka_unit_test(without_a_sector_it_is_the_account),
        cmocka_unit_test(the_sector_is_one_host),
        cmocka_unit_test(a_document_lists_every_redirect_uri),
        cmocka_unit_test(another_master_key_loses_the_names_that_were_told),
        cmocka_unit_test(an_old_master_key_given_back_loses_only_what_was_told_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
