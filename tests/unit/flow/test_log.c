/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/limits.h"
#include "core/base/text_search.h"
#include "core/flow/log.h"
#include "core/flow/report.h"

static const struct {
    const char *product, *text;
    enum sp_cause cause;
} texts[] = {
#define LOG_TEXT(product, text, cause, meaning) {product, text, SP_CAUSE_##cause},
#include "core/flow/log_texts.def"
#undef LOG_TEXT
};

static struct sp_flow_capture *read_log(struct sp_str text, size_t piece, struct sp_log_report *report)
{
    static const struct sp_flow_terms terms = {.leeway_s = 30, .now_s = 1795662323};
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    struct sp_log *log = sp_log_create(capture);
    assert_non_null(log);
    for (size_t at = 0; at < text.len; at += piece)
        sp_log_read(log, sp_str_slice(text, at, at + piece), false);
    sp_log_read(log, SP_STR(""), true);
    *report = *sp_log_report(log);
    sp_log_destroy(&log);
    sp_flow_judge(capture);
    return capture;
}

static const struct sp_flow_message *find(const struct sp_flow_capture *capture, const char *product,
                                          enum sp_cause cause)
{
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        for (const struct sp_flow_finding *f = at->findings; f != NULL; f = f->next)
            if (f->finding.cause == cause && sp_str_equal(at->flow->place, sp_str_from_cstr(product)))
                return at;
    return NULL;
}

static void every_known_text_is_found_in_a_line_with_its_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char line[1024];
        struct sp_log_report report;
        int len = snprintf(line, sizeof line, "started\n2026-11-26T03:05:23Z ERROR something (%s) else\nended\n",
                           texts[i].text);
        struct sp_flow_capture *capture = read_log(sp_str(line, (size_t)len), 11, &report);
        const struct sp_flow_message *found = find(capture, texts[i].product, texts[i].cause);
        if (found == NULL)
            print_error("%s: %s\n", texts[i].product, texts[i].text);
        assert_non_null(found);
        assert_int_equal(found->exchange.number, 2);
        assert_int_equal(report.lines, 3);
        sp_flow_capture_destroy(&capture);
    }
}

/* What go-oidc expected and got is compared as we compare. */
static void both_sides_of_a_line_are_told_and_compared(void **state)
{
    static const struct {
        const char *line;
        enum sp_cause cause;
        const char *expected, *received;
    } rows[] = {
        {"oidc: id token issued by a different provider, expected \"https://a.example\" got \"https://a.example/\"",
         SP_CAUSE_ISSUER_TRAILING_SLASH, "https://a.example", "https://a.example/"},
        {"x oidc: id token issued by a different provider, expected \"https://a.example\" got \"https://b.example\"",
         SP_CAUSE_ISSUER_MISMATCH, "https://a.example", "https://b.example"},
        {"oidc: expected audience \"web\" got [\"api\" \"other\"]", SP_CAUSE_AUDIENCE_MISMATCH, "web", "api"},
        {"oidc: id token issued by a different provider, expected \"\" got \"\"", SP_CAUSE_ISSUER_MISMATCH, "",
         "oidc: id token issued by a different provider"},
        {"oidc: id token issued by a different provider, expected \"cut", SP_CAUSE_ISSUER_MISMATCH, "",
         "oidc: id token issued by a different provider"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_log_report report;
        struct sp_flow_capture *capture = read_log(sp_str_from_cstr(rows[i].line), 1000, &report);
        const struct sp_flow_message *found = find(capture, "go-oidc", rows[i].cause);
        assert_non_null(found);
        const struct sp_finding *told = &found->findings->finding;
        assert_true(sp_str_equal(told->received, sp_str_from_cstr(rows[i].received)));
        assert_true(rows[i].expected[0] == '\0' ? told->expected.len == 0
                                                : sp_str_equal(told->expected, sp_str_from_cstr(rows[i].expected)));
        sp_flow_capture_destroy(&capture);
    }
}

static void lines_are_counted_and_samples_scrubbed(void **state)
{
    static const char text[] =
        "a\n"
        "x Jwt is expired eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9.c2lnbmF0dXJlIG9mIGl0\n"
        "y\n"
        "Jwt is expired, and again: Jwt is expired\n"
        "{\"error\":\"invalid_grant\",\"error_description\":\"code abcdefgh1234567890abcdefgh not found\"}\n"
        "the word invalid_grant alone\n"
        "last Jwt is expired";
    struct sp_log_report report;
    (void)state;
    for (size_t piece = 1; piece < 300; piece += 13) {
        struct sp_flow_capture *capture = read_log(SP_STR(text), piece, &report);
        const struct sp_flow_message *found = find(capture, "Envoy, Istio", SP_CAUSE_TIME_EXPIRED);
        assert_int_equal(report.lines, 7);
        assert_non_null(found);
        assert_int_equal(found->times, 3);
        assert_int_equal(found->exchange.number, 2);
        assert_false(sp_str_contains(found->note, SP_STR("eyJhbGciOiJFUzI1NiJ9")));
        found = find(capture, "OAuth errors", SP_CAUSE_RESPONSE_ERROR);
        assert_non_null(found);
        assert_int_equal(found->times, 1);
        assert_int_equal(found->exchange.number, 5);
        assert_false(sp_str_contains(found->note, SP_STR("abcdefgh1234567890abcdefgh")));
        assert_non_null(find(capture, "tokens in it", SP_CAUSE_TIME_EXPIRED));
        sp_flow_capture_destroy(&capture);
    }
}

static void requests_of_an_access_log_become_a_flow(void **state)
{
    static const char text[] =
        "10.0.0.1 - - [26/Nov/2026:03:05:23 +0000] \"GET "
        "/authorize?client_id=app&response_type=code&redirect_uri=https%3A%2F%2F"
        "app%2Fcb&state=st-7f3a9c51&scope=openid HTTP/1.1\" 302 0 \"-\" \"curl\"\n"
        "10.0.0.1 - - [26/Nov/2026:03:05:25 +0000] \"GET /cb?error=access_denied&state=st-7f3a9c51 HTTP/1.1\" 400 0\n"
        "10.0.0.1 - - [26/Nov/2026:03:05:26 +0000] \"GET /x?code=\n";
    struct sp_log_report report;
    struct sp_flow_capture *capture = read_log(SP_STR(text), 50, &report);
    (void)state;
    assert_int_equal(report.requests, 2);
    assert_int_equal(capture->flow_count, 2); /* the login; and the error in the log */
    assert_int_equal(capture->first->kind, SP_FLOW_AUTHORIZATION_REQUEST);
    assert_int_equal(capture->first->exchange.started_ms, 1795662323000);
    assert_int_equal(capture->first->next->kind, SP_FLOW_CALLBACK);
    sp_flow_capture_destroy(&capture);
}

static void lines_without_end_are_read_in_pieces(void **state)
{
    size_t len = SP_MAX_LOG_LINE_BYTES * 3 + 7;
    char *text = malloc(len);
    struct sp_log_report report;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text + len - 1000, "Jwt is expired", 14);
    struct sp_flow_capture *capture = read_log(sp_str(text, len), 70000, &report);
    assert_true(report.long_lines > 0);
    assert_non_null(find(capture, "Envoy, Istio", SP_CAUSE_TIME_EXPIRED));
    sp_flow_capture_destroy(&capture);
    free(text);
}

static void a_search_finds_overlapping_texts_and_the_longest_of_several(void **state)
{
    static const struct sp_str words[] = {{"she", 3}, {"he", 2}, {"hers", 4}, {"", 0}};
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_text_search *search;
    struct sp_text_search_place place = {0};
    size_t which;
    (void)state;
    assert_int_equal(sp_text_search_create(arena, words, 4, &search), SP_OK);
    assert_true(sp_text_search_next(search, SP_STR("ushers"), &place, &which));
    assert_int_equal(which, 0);
    assert_int_equal(place.position, 4);
    assert_true(sp_text_search_next(search, SP_STR("ushers"), &place, &which));
    assert_int_equal(which, 2);
    assert_false(sp_text_search_next(search, SP_STR("ushers"), &place, &which));
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_text_is_found_in_a_line_with_its_cause),
        cmocka_unit_test(both_sides_of_a_line_are_told_and_compared),
        cmocka_unit_test(lines_are_counted_and_samples_scrubbed),
        cmocka_unit_test(requests_of_an_access_log_become_a_flow),
        cmocka_unit_test(lines_without_end_are_read_in_pieces),
        cmocka_unit_test(a_search_finds_overlapping_texts_and_the_longest_of_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
