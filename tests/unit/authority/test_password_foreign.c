/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of other systems: published vectors match, damaged and dear ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "authority/password.h"
#include "authority/password_foreign.h"

static const struct {
    const char *says, *encoded, *password;
} vectors[] = {
    {"bcrypt, of jBCrypt's tests", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc"},
    {"SHA-512, of Drepper's specification",
     "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
     "Hello world!"},
    {"SHA-256, of Drepper's specification", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
     "Hello world!"},
};

static void published_vectors_match_and_nothing_else_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct sp_str encoded = sp_str_from_cstr(vectors[i].encoded);
        assert_null(sp_password_hash_trouble(encoded));
        if (!sp_password_matches(encoded, sp_str_from_cstr(vectors[i].password)))
            fail_msg("%s: does not match", vectors[i].says);
        assert_false(sp_password_matches(encoded, SP_STR("abcd")));
        assert_false(sp_password_matches(encoded, SP_STR("")));
    }
}

static const struct {
    const char *says, *encoded;
} refused[] = {
    {"nothing", ""},
    {"plain text", "secret"},
    {"MD5", "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0"},
    {"bcrypt that is cut", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkY8jIucDrjc8deX1s."},
    {"bcrypt that takes seconds", "$2b$15$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"},
    {"bcrypt with a cost that is none", "$2b$x6$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"},
    {"SHA-512 with too many rounds", "$6$rounds=99999999$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/"
                                     "O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1"},
    {"SHA-512 that is cut", "$6$saltstring$svn8UoSVapNtMuq1ukKS4t"},
    {"argon2id that takes the machine's memory", "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"},
    {"argon2id that takes minutes", "$argon2id$v=19$m=19456,t=9999,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"},
    {"argon2id without a hash", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ"},
    {"argon2i", "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"},
};

static void hashes_that_cannot_be_verified_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (sp_password_hash_trouble(sp_str_from_cstr(refused[i].encoded)) == NULL)
            fail_msg("%s is taken", refused[i].says);
    assert_non_null(sp_password_hash_trouble(sp_str("$6$a\0b$", 7)));
}

static void our_own_are_taken(void **state)
{
    (void)state;
    char encoded[SP_PASSWORD_ENCODED_BYTES];
    assert_int_equal(sp_password_hash_into(SP_STR("ann-secret"), encoded), SP_OK);
    assert_null(sp_password_hash_trouble(sp_str_from_cstr(encoded)));
    assert_false(sp_password_hash_is_foreign(sp_str_from_cstr(encoded)));
    assert_true(sp_password_matches(sp_str_from_cstr(encoded), SP_STR("ann-secret")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_match_and_nothing_else_does),
        cmocka_unit_test(hashes_that_cannot_be_verified_are_refused),
        cmocka_unit_test(our_own_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
