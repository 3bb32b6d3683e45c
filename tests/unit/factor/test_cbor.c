/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of RFC 8949 Appendix A, and what CTAP2's canonical form leaves out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "core/factor/cbor.h"

#define BYTES(text)                                                                                                    \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static void test_items_of_appendix_a(void **state)
{
    (void)state;
    static const struct {
        struct sp_str bytes;
        struct sp_cbor_item item;
    } rows[] = {
        {BYTES("\x00"), {.type = SP_CBOR_INTEGER, .number = 0}},
        {BYTES("\x17"), {.type = SP_CBOR_INTEGER, .number = 23}},
        {BYTES("\x18\x18"), {.type = SP_CBOR_INTEGER, .number = 24}},
        {BYTES("\x19\x03\xe8"), {.type = SP_CBOR_INTEGER, .number = 1000}},
        {BYTES("\x1a\x00\x0f\x42\x40"), {.type = SP_CBOR_INTEGER, .number = 1000000}},
        {BYTES("\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"), {.type = SP_CBOR_INTEGER, .number = 1000000000000}},
        {BYTES("\x20"), {.type = SP_CBOR_INTEGER, .number = -1}},
        {BYTES("\x39\x01\x00"), {.type = SP_CBOR_INTEGER, .number = -257}},
        {BYTES("\x40"), {.type = SP_CBOR_BYTES}},
        {BYTES("\x44\x01\x02\x03\x04"), {.type = SP_CBOR_BYTES, .bytes = BYTES("\x01\x02\x03\x04")}},
        {BYTES("\x64\x49\x45\x54\x46"), {.type = SP_CBOR_TEXT, .bytes = BYTES("IETF")}},
        {BYTES("\x62\xc3\xbc"), {.type = SP_CBOR_TEXT, .bytes = BYTES("\xc3\xbc")}},
        {BYTES("\x80"), {.type = SP_CBOR_ARRAY}},
        {BYTES("\x83\x01\x02\x03"), {.type = SP_CBOR_ARRAY, .count = 3}},
        {BYTES("\xa2\x01\x02\x03\x04"), {.type = SP_CBOR_MAP, .count = 2}},
        {BYTES("\xf4"), {.type = SP_CBOR_SIMPLE}},
        {BYTES("\xf6"), {.type = SP_CBOR_SIMPLE}},
        {BYTES("\xf9\x3c\x00"), {.type = SP_CBOR_SIMPLE}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str rest = rows[i].bytes;
        struct sp_cbor_item item;
        if (sp_cbor_next(&rest, &item) != SP_OK || item.type != rows[i].item.type ||
            item.number != rows[i].item.number || item.count != rows[i].item.count ||
            !sp_str_equal(item.bytes, rows[i].item.bytes))
            fail_msg("row %zu", i);
        rest = rows[i].bytes;
        assert_int_equal(sp_cbor_skip(&rest), SP_OK);
        assert_int_equal(rest.len, 0);
    }
}

static void test_what_is_not_canonical_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct sp_str bytes;
    } rows[] = {
        {"nothing", BYTES("")},
        {"a number longer than it needs", BYTES("\x18\x17")},
        {"a length longer than it needs", BYTES("\x59\x00\x01\x00")},
        {"a cut number", BYTES("\x19\x03")},
        {"a reserved initial byte", BYTES("\x1c")},
        {"a number beyond 63 bits", BYTES("\x1b\xff\xff\xff\xff\xff\xff\xff\xff")},
        {"a negative one beyond 63 bits", BYTES("\x3b\xff\xff\xff\xff\xff\xff\xff\xff")},
        {"more bytes than there are", BYTES("\x42\x00")},
        {"2^64-1 bytes", BYTES("\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x00")},
        {"an array of 2^64-1", BYTES("\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x00")},
        {"a map of 2^63 pairs", BYTES("\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
        {"an indefinite length", BYTES("\x5f\x41\x00\xff")},
        {"an indefinite array", BYTES("\x9f\x00\xff")},
        {"a break alone", BYTES("\xff")},
        {"a tag", BYTES("\xc0\x61\x31")},
        {"text that is no UTF-8", BYTES("\x61\xff")},
        {"a simple value that is none", BYTES("\xf8\x18")},
        {"undefined", BYTES("\xf7")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str rest = rows[i].bytes;
        if (sp_cbor_skip(&rest) != SP_MALFORMED || rest.len != rows[i].bytes.len)
            fail_msg("%s", rows[i].name);
    }
}

static void test_skipping_passes_over_what_is_inside(void **state)
{
    (void)state;
    struct sp_str rest = SP_STR("\xa2\x61\x61\x82\x01\x82\x02\x03\x61\x62\xa1\x61\x63\x40\x05");
    struct sp_cbor_item item;
    assert_int_equal(sp_cbor_skip(&rest), SP_OK);
    assert_int_equal(rest.len, 1);
    assert_int_equal(sp_cbor_next(&rest, &item), SP_OK);
    assert_int_equal(item.number, 5);
    rest = SP_STR("\x82\x01");
    assert_int_equal(sp_cbor_skip(&rest), SP_MALFORMED);
}

/* Each level is one byte: as deep as there are bytes, without a stack. */
static void test_depth_costs_nothing(void **state)
{
    (void)state;
    static char deep[100000];
    for (size_t i = 0; i + 1 < sizeof deep; i++)
        deep[i] = '\x81';
    struct sp_str rest = sp_str(deep, sizeof deep);
    assert_int_equal(sp_cbor_skip(&rest), SP_OK);
    assert_int_equal(rest.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_of_appendix_a),
        cmocka_unit_test(test_what_is_not_canonical_is_malformed),
        cmocka_unit_test(test_skipping_passes_over_what_is_inside),
        cmocka_unit_test(test_depth_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
