/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/jose/base64url.h"

static void encodes_and_decodes_each_length(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    char bytes[70];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 37 + 250);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct sp_str text, back;
        assert_int_equal(sp_base64url_encode(arena, sp_str(bytes, len), &text), SP_OK);
        assert_int_equal(text.len, SP_BASE64URL_ENCODED(len));
        assert_int_equal(sp_base64url_decode(arena, text, &back), SP_OK);
        assert_true(sp_str_equal(back, sp_str(bytes, len)));
        assert_int_equal(sp_base64_encode(arena, sp_str(bytes, len), &text), SP_OK);
        assert_int_equal(text.len % 4, 0);
        assert_int_equal(sp_base64_decode(arena, text, &back), SP_OK);
        assert_true(sp_str_equal(back, sp_str(bytes, len)));
    }
    sp_arena_destroy(&arena);
}

static void refuses_what_is_not_canonical(void **state)
{
    (void)state;
    static const char *const texts[] = {"A",
                                        "AAAAA",
                                        "AA==",
                                        "AA=",
                                        "AB",
                                        "AAB",
                                        "A A",
                                        "AA\n",
                                        "AA+A",
                                        "AA/A",
                                        "AA.A",
                                        ("\xc3\xa4"
                                         "AA"),
                                        "=",
                                        "===="};
    struct sp_arena *arena = sp_arena_create(4096);
    struct sp_str out = SP_STR("untouched");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(sp_base64url_decode(arena, sp_str_from_cstr(texts[i]), &out), SP_MALFORMED);
    assert_int_equal(sp_base64url_decode(arena, sp_str("AA\0A", 4), &out), SP_MALFORMED);
    assert_true(sp_str_equal(out, SP_STR("untouched")));
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_each_length),
        cmocka_unit_test(refuses_what_is_not_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
