/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/handle.h"
#include "authority/signed_jwt.h"

static void times_that_are_none_are_refused_before_anybody_adds_to_them(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        bool taken;
    } rows[] = {
        {"{}", true},
        {"{\"exp\":0,\"nbf\":1,\"iat\":253402300799}", true},
        {"{\"exp\":253402300800}", false},
        {"{\"exp\":9223372036854775807}", false},
        {"{\"nbf\":9223372036854775800}", false},
        {"{\"iat\":-9223372036854775807}", false},
        {"{\"auth_time\":-1}", false},
        {"{\"exp\":\"soon\"}", true}, /* what is no whole number is its reader's to refuse */
        {"{\"exp\":99999999999999999999}", true},
        {"{\"other\":9223372036854775807}", true},
    };
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_signed_jwt jwt;
        const char *fault = NULL;
        struct sp_str claims = sp_str_from_cstr(rows[i].claims), header = SP_STR("{\"alg\":\"ES256\"}"),
                      text = sp_arena_printf(arena, "%.*s.%.*s.AAAA",
                                             SP_STR_ARG(sp_base64url_of(arena, header.at, header.len)),
                                             SP_STR_ARG(sp_base64url_of(arena, claims.at, claims.len)));
        enum sp_status status = sp_signed_jwt_read(arena, text, &jwt, &fault);
        if (status != (rows[i].taken ? SP_OK : SP_MALFORMED))
            fail_msg("%s: %d %s", rows[i].claims, status, fault);
    }
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_are_none_are_refused_before_anybody_adds_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
