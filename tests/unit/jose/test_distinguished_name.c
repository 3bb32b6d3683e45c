/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "core/base/buffer.h"
#include "core/jose/distinguished_name.h"

static struct sp_arena *arena;

static int start(void **state)
{
    (void)state;
    arena = sp_arena_create(1 << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sp_arena_destroy(&arena);
    return 0;
}

static struct sp_distinguished_name parsed(const char *text)
{
    struct sp_distinguished_name name = {NULL, 0};
    size_t offset = 0;
    if (sp_distinguished_name_parse(arena, sp_str_from_cstr(text), &name, &offset) != SP_OK)
        fail_msg("%s: byte %zu", text, offset);
    return name;
}

/* RFC 4514 4 among them. */
static void spellings_of_one_name_are_equal(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *written;
    } rows[] = {
        {"UID=jsmith,DC=example,DC=net", "0.9.2342.19200300.100.1.1=jsmith,dc=example,dc=net",
         "UID=jsmith,DC=example,DC=net"},
        {"OU=Sales+CN=J.  Smith,DC=example,DC=net", "CN=J.  Smith+OU=Sales,DC=example,DC=net",
         "OU=Sales+CN=J.  Smith,DC=example,DC=net"},
        {"CN=James \\\"Jim\\\" Smith\\, III,DC=example", "CN=James \\22Jim\\22 Smith\\2C III,DC=example",
         "CN=James \\\"Jim\\\" Smith\\, III,DC=example"},
        {"CN=Lu\\C4\\8Di\\C4\\87", "CN=Lučić", "CN=Lučić"},
        {"CN=a, O=b ,C=DE", "CN=a,O=b,C=DE", "CN=a,O=b,C=DE"},
        {"CN=\\ a\\ ", "CN=\\20a\\20", "CN=\\ a\\ "},
        {"CN=\\#1", "CN=\\231", "CN=\\#1"},
        {"CN=#0C0161", "CN=a", "CN=a"},
        {"OID.2.5.4.3=a", "commonName=a", "CN=a"},
        {"1.2.3.4=x,E=a@b", "1.2.3.4=x,emailAddress=a@b", "1.2.3.4=x,emailAddress=a@b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_distinguished_name a = parsed(rows[i].a), b = parsed(rows[i].b);
        struct sp_str text = sp_distinguished_name_text(arena, &a);
        if (!sp_distinguished_name_equal(&a, &b) || !sp_str_equal(text, sp_distinguished_name_text(arena, &b)))
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        struct sp_distinguished_name again = parsed(sp_arena_printf(arena, "%.*s", SP_STR_ARG(text)).at);
        assert_true(sp_distinguished_name_equal(&a, &again));
        if (i != 1 && !sp_str_equal(text, sp_str_from_cstr(rows[i].written)))
            fail_msg("%.*s", SP_STR_ARG(text));
    }
}

static void others_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *difference;
    } rows[] = {
        {"CN=a,O=b,C=DE", "C=DE,O=b,CN=a", "opposite order"},
        {"CN=a,O=b", "CN=A,O=b", "letter case"},
        {"CN=a,O=b", "CN=a+O=b", ""},
        {"CN=a,O=b", "CN=a", ""},
        {"CN=a", "CN=a,O=b", ""},
        {"CN=a", "CN=b", ""},
        {"CN=a", "O=a", ""},
        {"CN=a\\,O\\=b", "CN=a,O=b", ""},
        {"CN=a\\00", "CN=a", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_distinguished_name a = parsed(rows[i].a), b = parsed(rows[i].b);
        struct sp_str difference = sp_distinguished_name_difference(&a, &b);
        if (sp_distinguished_name_equal(&a, &b))
            fail_msg("%s equals %s", rows[i].a, rows[i].b);
        if (rows[i].difference[0] == '\0' ? difference.len > 0
                                          : !sp_str_contains(difference, sp_str_from_cstr(rows[i].difference)))
            fail_msg("%s, %s: %.*s", rows[i].a, rows[i].b, SP_STR_ARG(difference));
    }
}

static void what_is_no_name_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {
        {"", 0},          {"CN", 0},          {"CN=", 3},           {"CN=a,", 5},      {"XX=a", 0},
        {"CN=a,,O=b", 5}, {"CN=a;O=b", 4},    {"CN=\"a\"", 3},      {"CN=a\\", 4},     {"CN=a\\x", 4},
        {"CN=\\FF", 6},   {"CN=#0C0261", 10}, {"CN=#0C0161x", 10},  {"1..2=a", 0},     {".1=a", 0},
        {"12=a", 0},      {"CN=a<b", 4},      {"CN=#0402FFFF", 12}, {"/C=DE/CN=a", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_distinguished_name name;
        size_t offset = 999;
        enum sp_status status = sp_distinguished_name_parse(arena, sp_str_from_cstr(rows[i].text), &name, &offset);
        if (status != SP_MALFORMED || offset != rows[i].offset)
            fail_msg("%s: %d at %zu", rows[i].text, (int)status, offset);
    }
}

static void a_name_without_end_is_too_large(void **state)
{
    (void)state;
    struct sp_buffer text;
    struct sp_distinguished_name name;
    size_t offset = 0;
    sp_buffer_init(&text, arena, 4096);
    for (unsigned i = 0; i <= SP_MAX_NAME_PARTS; i++)
        sp_buffer_printf(&text, "%sCN=a", i > 0 ? "," : "");
    assert_int_equal(sp_distinguished_name_parse(arena, sp_buffer_str(&text), &name, &offset), SP_TOO_LARGE);
}

static void without_memory_nothing_is_parsed(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 8192; bytes += 64) {
        struct sp_arena *small = sp_arena_create(bytes);
        struct sp_distinguished_name name = {NULL, 0};
        size_t offset = 0;
        if (small != NULL) {
            enum sp_status status =
                sp_distinguished_name_parse(small, SP_STR("CN=reports,O=Example,C=DE"), &name, &offset);
            assert_true(status == SP_NO_MEMORY || (status == SP_OK && name.count == 3));
        }
        sp_arena_destroy(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_name_are_equal),         cmocka_unit_test(others_are_told_apart),
        cmocka_unit_test(what_is_no_name_is_refused_at_its_place), cmocka_unit_test(a_name_without_end_is_too_large),
        cmocka_unit_test(without_memory_nothing_is_parsed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
