/* SPDX-License-Identifier: Apache-2.0 */
/* A message as it goes over the wire: no line is longer than it may be, nothing but ASCII, and no value makes a header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "authority/account.h"
#include "authority/mail.h"
#include "probe/mail_call.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_short_and_ascii),
        cmocka_unit_test(an_address_has_nothing_that_a_header_or_command_could_misread),
        cmocka_unit_test(only_mail_urls_are_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
