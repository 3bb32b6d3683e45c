/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a token endpoint and of userinfo that a client must not use, each by the cause that names why; ID tokens
 * with their signatures are judged end to end (tests/e2e/40-authority/federation). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "core/diagnosis/cause.h"
#include "core/diagnosis/client_answers.h"

#define GOOD "\"access_token\":\"a\",\"token_type\":\"Bearer\",\"id_token\":\"x.y.z\""

static const struct {
    const char *says, *type, *body;
    int status;
    enum sp_cause failure;
    const char *cause;
} rows[] = {
    {"a whole answer", "application/json", "{" GOOD ",\"expires_in\":300}", 200, SP_CAUSE_NONE, ""},
    {"no answer", NULL, "", 0, SP_CAUSE_NETWORK_TCP_REFUSED, "network.tcp.refused"},
    {"an error with its code", "application/json", "{\"error\":\"invalid_grant\"}", 400, SP_CAUSE_NONE,
     "response.error"},
    {"an error that says 200", "application/json", "{\"error\":\"invalid_grant\"}", 200, SP_CAUSE_NONE,
     "response.error"},
    {"400 without a code", "application/json", "{" GOOD "}", 400, SP_CAUSE_NONE, "response.error"},
    {"500", "application/json", "{" GOOD "}", 500, SP_CAUSE_NONE, "network.http.server_error"},
    {"a page", "text/html", "<html>", 200, SP_CAUSE_NONE, "response.html"},
    {"an array", "application/json", "[]", 200, SP_CAUSE_NONE, "response.not_json"},
    {"half an object", "application/json", "{" GOOD, 200, SP_CAUSE_NONE, "response.truncated"},
    {"no access token", "application/json", "{\"token_type\":\"Bearer\",\"id_token\":\"x.y.z\"}", 200, SP_CAUSE_NONE,
     "response.access_token_missing"},
    {"no type", "application/json", "{\"access_token\":\"a\",\"id_token\":\"x.y.z\"}", 200, SP_CAUSE_NONE,
     "response.token_type_missing"},
    {"no ID token", "application/json", "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}", 200, SP_CAUSE_NONE,
     "response.id_token_missing"},
    {"a lifetime in quotes", "application/json", "{" GOOD ",\"expires_in\":\"300\"}", 200, SP_CAUSE_NONE,
     "response.expires_in_type"},
    {"a token that is no text", "application/json", "{\"access_token\":1,\"token_type\":\"Bearer\",\"id_token\":\"x\"}",
     200, SP_CAUSE_NONE, "response.access_token_missing"},
};

static void an_answer_of_the_token_endpoint_is_whole_or_refused(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_token_response response;
        struct sp_finding finding;
        struct sp_fetch_report report = {.url = SP_STR("https://idp.example/token"),
                                         .failure = rows[i].failure,
                                         .http_status = rows[i].status,
                                         .content_type = sp_str_from_cstr(rows[i].type),
                                         .body = sp_str_from_cstr(rows[i].body)};
        assert_int_equal(sp_token_response_examine(arena, &report, &response, &finding), SP_OK);
        struct sp_str id = finding.cause != SP_CAUSE_NONE ? sp_cause_get(finding.cause)->id : SP_STR("");
        if (!sp_str_equal(id, sp_str_from_cstr(rows[i].cause)))
            fail_msg("%s: %.*s", rows[i].says, SP_STR_ARG(id));
    }
    sp_arena_destroy(&arena);
}

static void without_memory_nothing_is_accepted(void **state)
{
    (void)state;
    enum sp_status status = SP_NO_MEMORY;
    for (size_t limit = 256; status == SP_NO_MEMORY; limit += 64) {
        struct sp_token_response response;
        struct sp_finding finding;
        struct sp_fetch_report report = {
            .http_status = 200, .content_type = SP_STR("application/json"), .body = SP_STR("{" GOOD "}")};
        struct sp_arena *arena = sp_arena_create(limit);
        status = arena != NULL ? sp_token_response_examine(arena, &report, &response, &finding) : SP_NO_MEMORY;
        sp_arena_destroy(&arena);
        assert_true(limit < 1 << 20);
    }
    assert_int_equal(status, SP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_of_the_token_endpoint_is_whole_or_refused),
        cmocka_unit_test(without_memory_nothing_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
