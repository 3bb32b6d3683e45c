/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4226 Appendix D, RFC 6238 Appendix B, RFC 4648 10; then the window and replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "core/factor/base32.h"
#include "core/factor/totp.h"

#define SECRET SP_STR("12345678901234567890")

static void test_rfc_4226_appendix_d(void **state)
{
    (void)state;
    static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489};
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(sp_hotp(SP_HASH_SHA1, SECRET, i, 6), codes[i]);
}

static void test_rfc_6238_appendix_b(void **state)
{
    (void)state;
    static const struct {
        uint64_t time;
        uint32_t sha1, sha256, sha512;
    } rows[] = {
        {59, 94287082, 46119246, 90693936},         {1111111109, 7081804, 68084774, 25091201},
        {1111111111, 14050471, 67062674, 99943326}, {1234567890, 89005924, 91819424, 93441116},
        {2000000000, 69279037, 90698825, 38618901}, {20000000000, 65353130, 77737706, 47863826},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t step = rows[i].time / SP_TOTP_STEP_S;
        assert_int_equal(sp_hotp(SP_HASH_SHA1, SECRET, step, 8), rows[i].sha1);
        assert_int_equal(sp_hotp(SP_HASH_SHA256, SP_STR("12345678901234567890123456789012"), step, 8), rows[i].sha256);
        assert_int_equal(sp_hotp(SP_HASH_SHA512,
                                 SP_STR("1234567890123456789012345678901234567890123456789012345678901234"), step, 8),
                         rows[i].sha512);
    }
}

static void test_rfc_4648_base32(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "MY"},
                                          {"fo", "MZXQ"},
                                          {"foo", "MZXW6"},
                                          {"foob", "MZXW6YQ"},
                                          {"fooba", "MZXW6YTB"},
                                          {"foobar", "MZXW6YTBOI"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[16];
        struct sp_str bytes = sp_str_from_cstr(rows[i][0]), right = sp_str_from_cstr(rows[i][1]);
        assert_int_equal(SP_BASE32_ENCODED(bytes.len), right.len);
        sp_base32_encode(bytes, text);
        assert_true(sp_str_equal(sp_str(text, right.len), right));
    }
}

#define NOW 2000000010

static struct sp_str code_at(int64_t step, char text[8])
{
    snprintf(text, 8, "%06u", sp_hotp(SP_HASH_SHA1, SECRET, (uint64_t)step, 6));
    return sp_str(text, 6);
}

static void test_the_window_is_one_step_to_each_side(void **state)
{
    (void)state;
    int64_t current = NOW / SP_TOTP_STEP_S;
    for (int64_t offset = -3; offset <= 3; offset++) {
        char text[8];
        int64_t step = 0;
        enum sp_totp_verdict verdict = sp_totp_check(SECRET, code_at(current + offset, text), NOW, 0, &step);
        bool within = offset >= -1 && offset <= 1;
        assert_int_equal(verdict, within ? SP_TOTP_RIGHT : SP_TOTP_WRONG);
        assert_int_equal(step, within ? current + offset : 0);
    }
}

static void test_a_step_counts_once(void **state)
{
    (void)state;
    char text[8];
    int64_t current = NOW / SP_TOTP_STEP_S, step = 0;
    assert_int_equal(sp_totp_check(SECRET, code_at(current, text), NOW, current, &step), SP_TOTP_REPLAYED);
    assert_int_equal(sp_totp_check(SECRET, code_at(current - 1, text), NOW, current, &step), SP_TOTP_REPLAYED);
    assert_int_equal(step, 0);
    assert_int_equal(sp_totp_check(SECRET, code_at(current + 1, text), NOW, current, &step), SP_TOTP_RIGHT);
    assert_int_equal(step, current + 1);
}

static void test_what_is_no_code_is_wrong(void **state)
{
    (void)state;
    char text[8], spaced[16];
    int64_t step = 0;
    struct sp_str code = code_at(NOW / SP_TOTP_STEP_S, text);
    snprintf(spaced, sizeof spaced, " %.3s %.3s ", text, text + 3);
    assert_int_equal(sp_totp_check(SECRET, sp_str_from_cstr(spaced), NOW, 0, &step), SP_TOTP_RIGHT);
    static const char *const rows[] = {"", "12345", "1234567", "12345a", "-12345", "123 4567", "١٢٣٤٥٦"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sp_totp_check(SECRET, sp_str_from_cstr(rows[i]), NOW, 0, &step), SP_TOTP_WRONG);
    assert_int_equal(sp_totp_check(SECRET, SP_STR_NONE, NOW, 0, &step), SP_TOTP_WRONG);
    assert_int_equal(sp_totp_check(SECRET, code, 0, 0, &step), SP_TOTP_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_4226_appendix_d), cmocka_unit_test(test_rfc_6238_appendix_b),
        cmocka_unit_test(test_rfc_4648_base32),     cmocka_unit_test(test_the_window_is_one_step_to_each_side),
        cmocka_unit_test(test_a_step_counts_once),  cmocka_unit_test(test_what_is_no_code_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
