/* SPDX-License-Identifier: Apache-2.0 */
/* When stderr is told of a store that fails, and that it is in order again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/store_notice.h"

#define T0 1800000000

static void it_is_told_once_a_minute_and_so_is_relief(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t at;
        const char *fails; /* for this reason; NULL: what is looked at each second went well */
        bool refused;
        uint64_t kept;
        bool told;
    } rows[] = {
        {"nothing was wrong", 0, NULL, false, 1, false},
        {"a look fails", 1, "a server", false, 1, true},
        {"still", 2, "a server", false, 1, false},
        {"another reason is told at once", 3, "room", false, 1, true},
        {"a look goes well, and no call was refused", 4, NULL, false, 1, true},
        {"that is told once", 5, NULL, false, 2, false},
        {"a call is refused", 10, "room", true, 2, true},
        {"reads go well meanwhile", 10, NULL, false, 2, false},
        {"one write in between is taken", 11, NULL, false, 3, false},
        {"and the next is not", 12, "room", true, 3, false},
        {"no write since, however long", 50, NULL, false, 3, false},
        {"refused again within the minute", 69, "room", true, 3, false},
        {"a minute later it is told again", 70, "room", true, 3, true},
        {"a write is kept, too early to believe it", 72, NULL, false, 4, false},
        {"after a while it is", 75, NULL, false, 4, true},
        {"the next trouble is told at once", 76, "room", true, 4, true},
    };
    struct sp_store_notice notice = {.told_at = 0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool told = rows[i].fails != NULL
                        ? sp_store_notice_fails(&notice, T0 + rows[i].at, rows[i].fails, rows[i].kept, rows[i].refused)
                        : sp_store_notice_works(&notice, T0 + rows[i].at, rows[i].kept);
        if (told != rows[i].told)
            fail_msg("%s", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_once_a_minute_and_so_is_relief),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
