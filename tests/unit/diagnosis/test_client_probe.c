/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/diagnosis/client_probe.h"

#define URI "https://app.example/cb"
#define ANSWER(status, text)                                                                                           \
    {                                                                                                                  \
        .http_status = (status), .content_type = {"application/json", 16}, .body = { text, sizeof(text) - 1 }          \
    }

static const struct sp_fetch_report invalid_grant = ANSWER(400, "{\"error\":\"invalid_grant\"}");
static const struct sp_fetch_report invalid_client = ANSWER(401, "{\"error\":\"invalid_client\"}");
static const struct sp_fetch_report invalid_code = ANSWER(403, "{\"error\":\"invalid_code\"}");
static const struct sp_fetch_report unauthorized = ANSWER(403, "{\"error\":\"unauthorized_client\"}");
static const struct sp_fetch_report invalid_request = ANSWER(400, "{\"error\":\"invalid_request\"}");
static const struct sp_fetch_report page = {
    .http_status = 200, .content_type = {"text/html", 9}, .body = {"<html>", 6}};
static const struct sp_fetch_report nobody = {.failure = SP_CAUSE_NETWORK_TCP_REFUSED};

static const struct {
    const char *what;
    struct sp_client_attempt attempts[2];
    size_t count;
    enum sp_client_answer answer; /* to the first */
    enum sp_cause cause;
} rows[] = {
    {"the code is refused, the client is not", {{.report = &invalid_grant}}, 1, SP_CLIENT_ACCEPTED, SP_CAUSE_NONE},
    {"the client is refused", {{.report = &invalid_client}}, 1, SP_CLIENT_REFUSED, SP_CAUSE_RESPONSE_ERROR},
    {"one method is refused, the other not",
     {{.report = &invalid_client}, {.report = &invalid_grant}},
     2,
     SP_CLIENT_REFUSED,
     SP_CAUSE_NONE},
    {"a code is refused in glewlwyd's words", {{.report = &invalid_code}}, 1, SP_CLIENT_ACCEPTED, SP_CAUSE_NONE},
    {"another grant is the client's", {{.report = &unauthorized}}, 1, SP_CLIENT_ACCEPTED, SP_CAUSE_NONE},
    {"another grant is the client's, and a wrong secret is refused",
     {{.report = &unauthorized, .control = &invalid_client}},
     1,
     SP_CLIENT_ACCEPTED,
     SP_CAUSE_NONE},
    {"the same words to a wrong secret",
     {{.report = &unauthorized, .control = &unauthorized}},
     1,
     SP_CLIENT_REFUSED,
     SP_CAUSE_RESPONSE_ERROR},
    {"not the grant, as another method shows: the method",
     {{.report = &unauthorized}, {.report = &invalid_code}},
     2,
     SP_CLIENT_REFUSED,
     SP_CAUSE_NONE},
    {"an error that may mean either", {{.report = &invalid_request}}, 1, SP_CLIENT_UNCLEAR, SP_CAUSE_RESPONSE_ERROR},
    {"the same, while a wrong secret is refused",
     {{.report = &invalid_request, .control = &invalid_client}},
     1,
     SP_CLIENT_ACCEPTED,
     SP_CAUSE_NONE},
    {"the same, whatever the secret",
     {{.report = &invalid_request, .control = &invalid_request}},
     1,
     SP_CLIENT_UNCLEAR,
     SP_CAUSE_RESPONSE_ERROR},
    {"only the trimmed secret works",
     {{.report = &invalid_client}, {.report = &invalid_grant, .is_trimmed = true}},
     2,
     SP_CLIENT_REFUSED,
     SP_CAUSE_CLIENT_SECRET_WHITESPACE},
    {"a page", {{.report = &page}}, 1, SP_CLIENT_UNCLEAR, SP_CAUSE_RESPONSE_HTML},
    {"nobody answers", {{.report = &nobody}}, 1, SP_CLIENT_UNCLEAR, SP_CAUSE_NETWORK_TCP_REFUSED},
};

static void a_client_is_judged_by_the_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_document_findings findings = {.count = 0};
        struct sp_client_attempt attempts[2] = {rows[i].attempts[0], rows[i].attempts[1]};
        print_message("%s\n", rows[i].what);
        assert_int_equal(sp_client_attempts_judge(arena, attempts, rows[i].count, SP_STR("app"), &findings), SP_OK);
        assert_int_equal(attempts[0].answer, rows[i].answer);
        assert_int_equal(findings.count > 0 ? findings.rows[0].cause : SP_CAUSE_NONE, rows[i].cause);
        sp_arena_destroy(&arena);
    }
}

#define TEXT(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }
static const struct {
    const char *what;
    struct sp_fetch_report report;
    enum sp_redirect_answer answer;
    const char *words; /* NULL: any */
} redirects[] = {
    {"back with a code: it is not shown",
     {.http_status = 302, .location = TEXT(URI "?code=secret&state=s&iss=https%3A%2F%2Fidp")},
     SP_REDIRECT_ACCEPTED,
     "302 to " URI "?code=…&state=…&iss=https%3A%2F%2Fidp"},
    {"back with tokens in the fragment",
     {.http_status = 303, .location = TEXT(URI "#access_token=secret&id_token=secret")},
     SP_REDIRECT_ACCEPTED,
     "303 to " URI "?access_token=…&id_token=…"},
    {"back with an error of the prompt",
     {.http_status = 302, .location = TEXT(URI "?error=login_required")},
     SP_REDIRECT_ACCEPTED,
     NULL},
    {"back in the fragment",
     {.http_status = 302, .location = TEXT(URI "#error=login_required")},
     SP_REDIRECT_ACCEPTED,
     NULL},
    {"to a sign-in page", {.http_status = 302, .location = TEXT("https://idp/login?x=1")}, SP_REDIRECT_ACCEPTED, NULL},
    {"to an error page", {.http_status = 302, .location = TEXT("https://idp/error")}, SP_REDIRECT_UNCLEAR, NULL},
    {"to an error page that names it",
     {.http_status = 302, .location = TEXT("https://idp/error?e=redirect_uri+mismatch")},
     SP_REDIRECT_REFUSED,
     NULL},
    {"to a URI that only begins alike, with an error",
     {.http_status = 302, .location = TEXT(URI "x?error=1")},
     SP_REDIRECT_UNCLEAR,
     NULL},
    {"refused", {.http_status = 400, .body = TEXT("{\"error\":\"invalid_redirect_uri\"}")}, SP_REDIRECT_REFUSED, NULL},
    {"refused on a page",
     {.http_status = 403, .body = TEXT("<p>Callback URL mismatch</p>")},
     SP_REDIRECT_REFUSED,
     NULL},
    {"the client is not there", {.http_status = 400, .body = TEXT("invalid_client")}, SP_REDIRECT_CLIENT_UNKNOWN, NULL},
    {"anything", {.http_status = 400, .body = TEXT("no")}, SP_REDIRECT_UNCLEAR, NULL},
    {"a page", {.http_status = 200, .body = TEXT("<html>redirect_uri")}, SP_REDIRECT_UNCLEAR, NULL},
    {"an error of the server", {.http_status = 500, .body = TEXT("redirect_uri")}, SP_REDIRECT_UNCLEAR, NULL},
};

static void a_redirect_uri_is_judged_by_the_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof redirects / sizeof redirects[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_str words;
        print_message("%s\n", redirects[i].what);
        assert_int_equal(sp_redirect_answer_of(arena, &redirects[i].report, SP_STR(URI), &words), redirects[i].answer);
        assert_true(words.len > 0);
        assert_true(redirects[i].words == NULL || sp_str_equal(words, sp_str_from_cstr(redirects[i].words)));
        sp_arena_destroy(&arena);
    }
}

static bool has(const struct sp_str *variants, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (sp_str_equal(variants[i], sp_str_from_cstr(wanted))) {
            return true;
        }
    }
    return false;
}

static void the_usual_other_writings_are_tried(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_str variants[8];
    size_t count = sp_redirect_uri_variants(arena, SP_STR("http://localhost:8080/cb"), variants, 8);
    assert_true(has(variants, count, "http://localhost:8080/cb/"));
    assert_true(has(variants, count, "https://localhost:8080/cb"));
    assert_true(has(variants, count, "http://127.0.0.1:8080/cb"));
    assert_true(has(variants, count, "http://[::1]:8080/cb"));
    assert_true(has(variants, count, "http://localhost/cb"));
    assert_false(has(variants, count, "http://localhost:8080/cb"));
    count = sp_redirect_uri_variants(arena, SP_STR("https://www.app.example/cb/?a=1"), variants, 8);
    assert_true(has(variants, count, "https://app.example/cb/?a=1"));
    assert_true(has(variants, count, "https://www.app.example/cb/"));
    assert_int_equal(sp_redirect_uri_variants(arena, SP_STR("https://www.app.example/cb"), variants, 1), 1);
    assert_int_equal(sp_redirect_uri_variants(arena, SP_STR("not a uri"), variants, 8), 0);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_judged_by_the_answers),
        cmocka_unit_test(a_redirect_uri_is_judged_by_the_answer),
        cmocka_unit_test(the_usual_other_writings_are_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
