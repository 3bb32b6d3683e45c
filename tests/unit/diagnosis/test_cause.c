/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "core/diagnosis/cause.h"

#define EACH_CAUSE(cause) (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++)

static void ids_are_unique_and_found(void **state)
{
    (void)state;
    for
        EACH_CAUSE(cause)
        {
            assert_int_equal(sp_cause_find(sp_cause_get(cause)->id), cause);
            assert_false(sp_str_is_empty(sp_cause_group(cause)));
        }
    assert_int_equal(sp_cause_find(SP_STR("issuer.slash")), SP_CAUSE_NONE);
    assert_int_equal(sp_cause_find(SP_STR_NONE), SP_CAUSE_NONE);
}

/* The constant's name is the id, so that one grep finds both. */
static void ids_are_written_as_their_constants(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
#define GROUP(first, title)
#define CAUSE(name, ...) #name,
#include "core/diagnosis/causes.def"
#undef CAUSE
#undef GROUP
    };
    for
        EACH_CAUSE(cause)
        {
            struct sp_str id = sp_cause_get(cause)->id;
            assert_int_equal(id.len, strlen(names[cause]));
            for (size_t i = 0; i < id.len; i++) {
                char expected = names[cause][i] == '_' && id.at[i] == '.' ? '.' : (char)tolower(names[cause][i]);
                assert_int_equal(id.at[i], expected);
            }
        }
}

static void every_row_has_its_texts(void **state)
{
    (void)state;
    for
        EACH_CAUSE(cause)
        {
            const struct sp_cause_info *info = sp_cause_get(cause);
            print_message("%s\n", info->id.at);
            assert_true(info->title.len > 10 && info->explanation.len > 0 && info->fix.len > 3 &&
                        info->references.len > 3);
            assert_true(info->http_status == 0 || (info->http_status >= 400 && info->http_status < 600));
            /* Whoever is refused is told something, and nothing of the configuration. */
            assert_int_equal(info->http_status != 0, info->client_text.len > 0);
            assert_false(sp_str_contains(info->client_text, SP_STR("{")));
            assert_int_equal(sp_str_equal(info->oauth_error, SP_STR("insufficient_scope")),
                             info->http_status == 403 && info->oauth_error.len > 0);
            if (info->http_status == 503) {
                assert_true(sp_str_is_empty(info->oauth_error)); /* cannot decide is not rejected */
            }
        }
}

static void a_typing_error_finds_its_neighbour(void **state)
{
    (void)state;
    assert_int_equal(sp_cause_nearest(SP_STR("issuer.trailing-slash")), SP_CAUSE_ISSUER_TRAILING_SLASH);
    assert_int_equal(sp_cause_nearest(SP_STR("time.expird")), SP_CAUSE_TIME_EXPIRED);
    assert_int_equal(sp_cause_nearest(SP_STR("nothing like any of them at all")), SP_CAUSE_NONE);
}

/* docs/causes.md is made from the rows (make docs): each has its heading there, with its title below. */
static void the_reference_page_has_every_cause(void **state)
{
    (void)state;
    static char page[1024 * 1024];
    FILE *file = fopen(SP_SOURCE_ROOT "/docs/causes.md", "r");
    assert_non_null(file);
    struct sp_str text = sp_str(page, fread(page, 1, sizeof page, file));
    fclose(file);
    for
        EACH_CAUSE(cause)
        {
            char heading[512];
            int len = snprintf(heading, sizeof heading, "### %s\n**%s", sp_cause_get(cause)->id.at,
                               sp_cause_get(cause)->title.at);
            print_message("%s\n", sp_cause_get(cause)->id.at);
            assert_true(sp_str_contains(text, sp_str(heading, (size_t)len)));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_unique_and_found),
        cmocka_unit_test(ids_are_written_as_their_constants),
        cmocka_unit_test(every_row_has_its_texts),
        cmocka_unit_test(a_typing_error_finds_its_neighbour),
        cmocka_unit_test(the_reference_page_has_every_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
