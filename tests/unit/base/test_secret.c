/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/base/secret.h"

/* Every single byte that differs is seen, wherever it stands and however long the texts are. */
static void any_differing_byte_makes_secrets_unequal(void **state)
{
    (void)state;
    char a[301], b[301];
    for (size_t len = 0; len <= 300; len++) {
        memset(a, 'x', sizeof a);
        memset(b, 'x', sizeof b);
        assert_true(sp_secret_equal(sp_str(a, len), sp_str(b, len)));
        assert_false(sp_secret_equal(sp_str(a, len), sp_str(b, len + 1)));
        for (size_t at = 0; at < len; at++) {
            b[at] ^= 1;
            assert_false(sp_secret_equal(sp_str(a, len), sp_str(b, len)));
            b[at] ^= 1;
        }
    }
    assert_true(sp_secret_equal(SP_STR_NONE, SP_STR("")));
}

static void a_secret_is_a_copy_that_is_gone_when_destroyed(void **state)
{
    (void)state;
    char text[] = "correct horse";
    struct sp_secret *secret = sp_secret_create(sp_str(text, sizeof text - 1));
    sp_wipe(text, sizeof text);
    assert_true(sp_str_equal(sp_secret_bytes(secret), SP_STR("correct horse")));
    sp_secret_destroy(&secret);
    assert_null(secret);
    sp_secret_destroy(&secret);
    assert_true(sp_str_is_empty(sp_secret_bytes(NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_differing_byte_makes_secrets_unequal),
        cmocka_unit_test(a_secret_is_a_copy_that_is_gone_when_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
