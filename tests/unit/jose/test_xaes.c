/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/jose/crypto_xaes.h"

#define NONCE "ABCDEFGHIJKLMNOPQRSTUVWX"
#define LABEL "c2sp.org/XAES-256-GCM"

static struct sp_xaes *xaes_of(unsigned char byte)
{
    unsigned char key[32];
    memset(key, byte, sizeof key);
    struct sp_xaes *xaes = sp_xaes_create(key);
    assert_non_null(xaes);
    return xaes;
}

static struct sp_str seal(struct sp_xaes *xaes, const char *label, const char *plain, unsigned char *out)
{
    assert_int_equal(
        sp_xaes_seal(xaes, (const unsigned char *)NONCE, sp_str_from_cstr(label), sp_str_from_cstr(plain), out), SP_OK);
    return sp_str((const char *)out, strlen(plain) + SP_XAES_BYTES);
}

/* Keys with the top bit of CMAC's L clear and set; twice: a kept context must not keep a message's key. */
static void seals_as_c2sp_has_it(void **state)
{
    static const struct {
        unsigned char key;
        const char *label, *hex;
    } rows[] = {
        {1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
        {3, LABEL, "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_xaes *xaes = xaes_of(rows[i].key);
        for (unsigned round = 0; round < 2; round++) {
            unsigned char out[128], back[32];
            char hex[129] = "";
            struct sp_str sealed = seal(xaes, rows[i].label, "XAES-256-GCM", out);
            assert_memory_equal(out, NONCE, SP_XAES_NONCE_BYTES);
            for (size_t j = SP_XAES_NONCE_BYTES; j < sealed.len; j++)
                snprintf(hex + 2 * (j - SP_XAES_NONCE_BYTES), 3, "%02x", out[j]);
            assert_string_equal(hex, rows[i].hex);
            assert_int_equal(sp_xaes_open(xaes, sp_str_from_cstr(rows[i].label), sealed, back), SP_OK);
            assert_memory_equal(back, "XAES-256-GCM", 12);
        }
        sp_xaes_destroy(&xaes);
        assert_null(xaes);
    }
}

static void nothing_opens_that_was_not_sealed_so(void **state)
{
    struct sp_xaes *xaes = xaes_of(7), *other = xaes_of(8);
    unsigned char out[128], back[128];
    struct sp_str sealed = seal(xaes, LABEL, "a text", out);
    (void)state;
    for (size_t i = 0; i < 8 * sealed.len; i++) {
        out[i / 8] ^= (unsigned char)(1u << i % 8);
        assert_int_equal(sp_xaes_open(xaes, SP_STR(LABEL), sealed, back), SP_NOT_FOUND);
        out[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(sp_xaes_open(xaes, SP_STR(LABEL), sp_str_slice(sealed, 0, len), back), SP_NOT_FOUND);
    assert_int_equal(sp_xaes_open(xaes, SP_STR("another"), sealed, back), SP_NOT_FOUND);
    assert_int_equal(sp_xaes_open(other, SP_STR(LABEL), sealed, back), SP_NOT_FOUND);
    assert_int_equal(sp_xaes_open(xaes, SP_STR(LABEL), sealed, back), SP_OK);
    assert_memory_equal(back, "a text", 6);
    sp_xaes_destroy(&xaes);
    sp_xaes_destroy(&other);
    sp_xaes_destroy(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_as_c2sp_has_it),
        cmocka_unit_test(nothing_opens_that_was_not_sealed_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
