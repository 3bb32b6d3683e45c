/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "core/jose/base64url.h"

static void encodes_and_decodes_each_length(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    char bytes[160];
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

/* Against OpenSSL's, in memory that ends where the text does. */
static void encodes_as_openssl_does(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    uint32_t random = 1;
    for (size_t len = 1; len < 260; len++) {
        char *bytes = malloc(len), *made = malloc(SP_BASE64URL_ENCODED(len));
        unsigned char theirs[400], *back = malloc(SP_BASE64URL_DECODED_MAX(SP_BASE64URL_ENCODED(len)));
        size_t back_len;
        struct sp_str text;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
        const int size = EVP_EncodeBlock(theirs, (const unsigned char *)bytes, (int)len);
        assert_int_equal(sp_base64_encode(arena, sp_str(bytes, len), &text), SP_OK);
        assert_int_equal(text.len, size);
        assert_memory_equal(text.at, theirs, text.len);
        sp_base64url_encode_into(sp_str(bytes, len), made);
        for (size_t i = 0; i < SP_BASE64URL_ENCODED(len); i++)
            assert_int_equal(made[i], theirs[i] == '+' ? '-' : theirs[i] == '/' ? '_' : theirs[i]);
        assert_int_equal(sp_base64url_decode_into(sp_str(made, SP_BASE64URL_ENCODED(len)), back, &back_len), SP_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, bytes, len);
        free(bytes), free(made), free(back);
        sp_arena_reset(arena);
    }
    sp_arena_destroy(&arena);
}

/* Every byte at every place of every length up to two steps of the vectors and what they leave, against the alphabet as
 * RFC 4648 5 lists it. */
static void reads_each_byte_at_each_place(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char text[76];
    unsigned char out[SP_BASE64URL_DECODED_MAX(sizeof text)];
    for (size_t len = 4; len <= sizeof text; len += len % 4 == 0 ? 2 : 1) {
        for (size_t place = 0; place < len; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(text, 'A', sizeof text);
                text[place] = (char)byte;
                const char *found = byte != 0 ? strchr(alphabet, (int)byte) : NULL;
                const unsigned value = found != NULL ? (unsigned)(found - alphabet) : 0;
                const unsigned spare = place + 1 < len || len % 4 == 0 ? 0 : len % 4 == 2 ? 15 : 3;
                size_t size = 0;
                const enum sp_status status = sp_base64url_decode_into(sp_str(text, len), out, &size);
                assert_int_equal(status, found != NULL && (value & spare) == 0 ? SP_OK : SP_MALFORMED);
                if (status != SP_OK)
                    continue;
                assert_int_equal(size, len * 3 / 4);
                for (size_t bit = 0; bit < size * 8; bit++) {
                    const unsigned expected = bit / 6 == place ? value >> (5 - bit % 6) & 1u : 0;
                    assert_int_equal(out[bit / 8] >> (7 - bit % 8) & 1, expected);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_each_length),
        cmocka_unit_test(refuses_what_is_not_canonical),
        cmocka_unit_test(encodes_as_openssl_does),
        cmocka_unit_test(reads_each_byte_at_each_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
