/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "authority/user_agent.h"

static const struct {
    const char *header, *name;
} rows[] = {
    {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox, Linux"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 "
     "Edg/126.0.0.0",
     "Edge, Windows"},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
     "Chrome, Android"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
     "Mobile/15E148 Safari/604.1",
     "Safari, iPhone"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
     "Safari/605.1.15",
     "Safari, macOS"},
    {"curl/8.5.0", "curl"},
    {"Something on Windows", "Windows"},
    {"<script>", ""},
    {"", ""},
};

static void a_browser_is_named_as_its_owner_knows_it(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_str name = sp_user_agent_name(arena, sp_str_from_cstr(rows[i].header));
        if (!sp_str_equal(name, sp_str_from_cstr(rows[i].name)))
            fail_msg("%s: %.*s", rows[i].header, SP_STR_ARG(name));
    }
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_browser_is_named_as_its_owner_knows_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
