/* SPDX-License-Identifier: Apache-2.0 */
/* A message as it goes over the wire: no line is longer than it may be, nothing but ASCII, and no value makes a header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "authority/account.h"
#include "authority/mail.h"
#include "probe/mail_call.h"
#include "tests/support/authority_fixture.h"

static void every_line_is_short_and_ascii(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_str text = sp_mail_compose(
        arena, SP_STR("login@example.test"), SP_STR("ann@example.test"),
        SP_STR("Bestätigen Sie Ihre E-Mail-Adresse – ä ö ü ß – und noch ein wenig mehr\r\nBcc: evil@example.test"),
        SP_STR("Grüße\r\n.\r\nBcc: evil@example.test\r\n"), SP_STR("id"), 1800000000);
    assert_non_null(text.at);
    size_t from = 0;
    while (from < text.len) {
        size_t end = sp_str_index_of(text, '\n', from);
        assert_true(end < text.len && text.at[end - 1] == '\r');
        assert_true(end - from <= 78);
        struct sp_str line = sp_str_slice(text, from, end);
        assert_false(sp_str_has_prefix(line, SP_STR("Bcc")) || sp_str_has_prefix(line, SP_STR(".")));
        for (size_t i = from; i < end; i++)
            assert_true(text.at[i] == '\r' || (text.at[i] >= 0x20 && text.at[i] < 0x7F));
        from = end + 1;
    }
    assert_true(sp_str_contains(text, SP_STR("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n")));
    sp_arena_destroy(&arena);
}

static const struct {
    const char *address, *normal;
} addresses[] = {
    {"Ann@Example.test", "ann@example.test"},
    {"a+b@c.d", "a+b@c.d"},
    {"", NULL},
    {"ann", NULL},
    {"@b", NULL},
    {"a@", NULL},
    {"a@b@c", NULL},
    {"a b@c.d", NULL},
    {"a@c.d\r\nBcc: x@y.z", NULL},
    {"<a@c.d>", NULL},
    {"a@c.d>", NULL},
    {"-o@c.d", NULL},
    {"\"a\"@c.d", NULL},
    {"a@c.d,e@f.g", NULL},
    {"a@.d", NULL},
    {"a@c.d\t", NULL},
};

static void an_address_has_nothing_that_a_header_or_command_could_misread(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 16);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct sp_str normal = sp_email_normal(arena, sp_str_from_cstr(addresses[i].address));
        if (!sp_str_equal(normal, sp_str_from_cstr(addresses[i].normal)))
            fail_msg("%s: %.*s", addresses[i].address, SP_STR_ARG(normal));
    }
    sp_arena_destroy(&arena);
}

static void only_mail_urls_are_usable(void **state)
{
    (void)state;
    assert_true(sp_mail_url_is_usable(SP_STR("smtp://mail.example:587")));
    assert_true(sp_mail_url_is_usable(SP_STR("smtps://mail.example")));
    assert_false(sp_mail_url_is_usable(SP_STR("https://mail.example")));
    assert_false(sp_mail_url_is_usable(SP_STR("smtp:mail.example")));
    assert_false(sp_mail_url_is_usable(SP_STR("")));
}

/* ---- how many ---- */
struct asker {
    struct fixture *fixture;
    const char *cookie, *form_token;
};

static struct asker start_asking(void)
{
    struct asker asker = {.fixture =
                              fixture_create("{'tokens':{'algorithm':'ES256'},'clients':{'app':{'secret':'s'}},"
                                             "'mail':{'url':'smtp://127.0.0.1:1','from':'login@example.test'}}")};
    struct sp_store *store = asker.fixture->authority.store;
    const struct sp_account ann = {.id = SP_STR("ann"),
                                   .name = SP_STR("ann"),
                                   .password_hash = SP_STR("$argon2id$x"),
                                   .claims = SP_STR("{\"email\":\"ann@example.test\",\"email_verified\":true}")};
    assert_int_equal(store->methods->put_account(store, &ann), SP_OK);
    struct sp_call *page = CALL(asker.fixture, .method = "GET", .path = "/reset");
    for (size_t i = 0; i < page->answer.header_count; i++)
        if (strcmp(page->answer.headers[i].name, "Set-Cookie") == 0) {
            struct sp_str cookie = page->answer.headers[i].value;
            asker.cookie = sp_arena_printf(page->arena, "%.*s",
                                           SP_STR_ARG(sp_str_slice(cookie, 0, sp_str_index_of(cookie, ';', 0))))
                               .at;
        }
    static const struct sp_str mark = {"name=\"form_token\" value=\"", 25};
    size_t at = 0;
    while (at < page->answer.body.len &&
           !sp_str_has_prefix(sp_str_slice(page->answer.body, at, page->answer.body.len), mark))
        at++;
    assert_true(at < page->answer.body.len && asker.cookie != NULL);
    at += mark.len;
    asker.form_token =
        sp_arena_printf(page->arena, "%.*s",
                        SP_STR_ARG(sp_str_slice(page->answer.body, at, sp_str_index_of(page->answer.body, '"', at))))
            .at;
    return asker;
}

static void ask_reset(const struct asker *asker, const char *who, const char *address)
{
    const char *body = sp_arena_printf(asker->fixture->arena, "who=%s&form_token=%s", who, asker->form_token).at;
    assert_int_equal(
        CALL(asker->fixture, .path = "/reset", .body = body, .cookie = asker->cookie, .client_address = address)
            ->answer.status,
        200);
}

static size_t mails_to_ann(const struct asker *asker)
{
    struct sp_store *store = asker->fixture->authority.store;
    struct sp_record *records = NULL;
    size_t count = 0;
    assert_int_equal(store->methods->list_records(store, SP_RECORD_OUTGOING, SP_STR("ann"), SP_STR(""), 100,
                                                  asker->fixture->arena, &records, &count),
                     SP_OK);
    return count;
}

static void a_person_gets_five_links_an_hour_and_one_a_minute(void **state)
{
    struct asker asker = start_asking();
    (void)state;
    ask_reset(&asker, "ann", "192.0.2.1");
    ask_reset(&asker, "ann@example.test", "192.0.2.2"); /* by another name */
    ask_reset(&asker, "ann", "192.0.2.2");              /* and what a minute refuses is not one of the hour's */
    assert_int_equal(mails_to_ann(&asker), 1);
    for (size_t i = 2; i <= 8; i++) {
        asker.fixture->now += 60;
        ask_reset(&asker, "ann", "192.0.2.3");
        assert_int_equal(mails_to_ann(&asker), i < 5 ? i : 5);
    }
    asker.fixture->now = FIXTURE_NOW + 3600;
    ask_reset(&asker, "ann", "192.0.2.3");
    assert_int_equal(mails_to_ann(&asker), 6);
    fixture_destroy(&asker.fixture);
}

static int64_t messages(const struct asker *asker)
{
    struct sp_store *store = asker->fixture->authority.store;
    int64_t count = 0;
    assert_int_equal(store->methods->count_records(store, SP_RECORD_OUTGOING, &count), SP_OK);
    return count;
}

static void one_network_asks_for_twenty_an_hour(void **state)
{
    struct asker asker = start_asking();
    (void)state;
    for (int i = 0; i < 20; i++)
        ask_reset(&asker, sp_arena_printf(asker.fixture->arena, "nobody%d", i).at, "2001:db8:1:2::1");
    assert_int_equal(messages(&asker), 20); /* to nobody */
    /* Of the same /64: nothing more is written, so the names asked for have their minute still. */
    ask_reset(&asker, "ann", "2001:db8:1:2::2");
    ask_reset(&asker, "nobody21", "2001:db8:1:2::2");
    assert_int_equal(messages(&asker), 20);
    ask_reset(&asker, "ann", "2001:db8:1:3::1");
    assert_int_equal(mails_to_ann(&asker), 1);
    fixture_destroy(&asker.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_gets_five_links_an_hour_and_one_a_minute),
        cmocka_unit_test(one_network_asks_for_twenty_an_hour),
        cmocka_unit_test(every_line_is_short_and_ascii),
        cmocka_unit_test(an_address_has_nothing_that_a_header_or_command_could_misread),
        cmocka_unit_test(only_mail_urls_are_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
