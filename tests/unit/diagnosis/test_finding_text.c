/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the catalogue filled with a finding's evidence (sp_finding_fill). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/diagnosis/verdict.h"

#define QUOTE "The server says: it is over."

static const struct {
    const char *what, *text, *detail;
    bool is_quote;
    const char *filled;
} rows[] = {
    {"both sides", "{received}, not {expected}.", NULL, false, "R, not E."},
    {"a detail inside a sentence", "It expired {detail}.", "an hour ago", false, "It expired an hour ago."},
    {"no detail inside a sentence", "It expired {detail}.", NULL, false, "It expired."},
    {"no detail behind a colon", "It fails: {detail}", NULL, false, "It fails."},
    {"a quote inside a sentence stands behind it", "It expired {detail}.", QUOTE, true, "It expired. " QUOTE},
    {"a quote inside the first of two sentences stands behind both", "It was used {detail}. It ends.", QUOTE, true,
     "It was used. It ends. " QUOTE},
    {"a quote where a sentence begins stays there", "It is {received}. {detail}", QUOTE, true, "It is R. " QUOTE},
    {"a detail that repeats what was received", "It is {received}. {detail}", "R", false, "It is R."},
    {"nothing to fill", "It is over.", QUOTE, true, "It is over."},
};

static void evidence_stands_where_its_sentence_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 16);
        const struct sp_finding finding = {.expected = SP_STR("E"),
                                           .received = SP_STR("R"),
                                           .detail =
                                               rows[i].detail != NULL ? sp_str_from_cstr(rows[i].detail) : SP_STR_NONE,
                                           .is_quote = rows[i].is_quote};
        struct sp_str filled = sp_finding_fill(arena, sp_str_from_cstr(rows[i].text), &finding);
        print_message("%s: %.*s\n", rows[i].what, SP_STR_ARG(filled));
        assert_true(sp_str_equal(filled, sp_str_from_cstr(rows[i].filled)));
        sp_arena_destroy(&arena);
    }
}

static void without_memory_there_is_no_text(void **state)
{
    (void)state;
    const struct sp_finding finding = {.detail = SP_STR(QUOTE), .is_quote = true};
    for (size_t bytes = 0; bytes < 4096; bytes += 64) {
        struct sp_arena *arena = sp_arena_create(bytes + 256);
        struct sp_str filled = sp_finding_fill(arena, SP_STR("It expired {detail}."), &finding);
        assert_true(filled.at == NULL || sp_str_equal(filled, SP_STR("It expired. " QUOTE)));
        sp_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_stands_where_its_sentence_is),
        cmocka_unit_test(without_memory_there_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
