/* SPDX-License-Identifier: Apache-2.0 */
/* From the methods of a sign-in to its class, and which class covers which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "authority/assurance.h"

static void test_methods_make_a_class(void **state)
{
    (void)state;
    static const struct {
        const char *amr, *acr;
    } rows[] = {
        {"pwd", "urn:sallyport:acr:password"},
        {"", "urn:sallyport:acr:password"},
        {"fed", "urn:sallyport:acr:password"},
        {"pwd otp mfa", "urn:sallyport:acr:mfa"},
        {"pop user mfa", "phr"},
        {"pwd pop user mfa", "phr"},
        {"popular", "urn:sallyport:acr:password"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str acr = sp_assurance_of(sp_str_from_cstr(rows[i].amr));
        if (!sp_str_equal(acr, sp_str_from_cstr(rows[i].acr)))
            fail_msg("%s: %.*s", rows[i].amr, SP_STR_ARG(acr));
    }
}

static void test_a_stronger_class_covers_a_weaker_one(void **state)
{
    (void)state;
    static const struct {
        const char *acr, *wanted;
        bool covers;
    } rows[] = {
        {"phr", "urn:sallyport:acr:password", true},
        {"phr", "phr", true},
        {"urn:sallyport:acr:mfa", "phr", false},
        {"urn:sallyport:acr:password", "urn:sallyport:acr:mfa", false},
        {"phr", "urn:other", false},
        {"urn:other", "urn:other", true},
        {"urn:other", "urn:sallyport:acr:password", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sp_assurance_covers(sp_str_from_cstr(rows[i].acr), sp_str_from_cstr(rows[i].wanted)) != rows[i].covers)
            fail_msg("%s for %s", rows[i].acr, rows[i].wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods_make_a_class),
        cmocka_unit_test(test_a_stronger_class_covers_a_weaker_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
