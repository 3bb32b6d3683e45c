/* SPDX-License-Identifier: Apache-2.0 */
/* One answer of a token endpoint, three ways to it: just fetched (the doctor, `token get`), in a sign-in of the
 * authority, in a recording (`inspect`, `record`). The same bytes have the same cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/diagnosis/client_answers.h"
#include "core/diagnosis/token_answer.h"
#include "core/diagnosis/verdict.h"
#include "core/flow/judge.h"

#define JSON "application/json"
#define TOKEN "\"access_token\":\"a\",\"token_type\":\"Bearer\""

static const struct {
    const char *says;
    int status;
    const char *type, *body, *cause;
} rows[] = {
    {"a whole answer", 200, JSON, "{" TOKEN ",\"id_token\":\"x.y.z\",\"expires_in\":60}", "none"},
    {"a page", 200, "text/html", "<!doctype html><title>Sign in</title>", "response.html"},
    {"a page that calls itself JSON", 200, JSON, "  <html><body>no</body>", "response.html"},
    {"a form", 200, "application/x-www-form-urlencoded", "access_token=a&token_type=bearer", "response.not_json"},
    {"an array", 200, JSON, "[1]", "response.not_json"},
    {"nothing", 200, JSON, "", "response.not_json"},
    {"half an object", 200, JSON, "{" TOKEN ",\"expires", "response.truncated"},
    {"Latin-1 that says so", 400, "application/json; charset=iso-8859-1",
     "{\"error\":\"invalid_grant\",\"error_description\":\"ung\xfcltig\"}", "response.charset"},
    {"bytes that are no UTF-8", 200, JSON, "{\"access_token\":\"\xff\"}", "response.charset"},
    {"a redirect", 302, NULL, "", "network.http.redirect"},
    {"no endpoint", 404, "text/plain", "not here", "request.endpoint_unknown"},
    {"too often", 429, JSON, "{}", "network.http.rate_limited"},
    {"a broken server", 503, "text/plain", "no", "response.not_json"},
    {"a broken server without words", 503, NULL, "", "network.http.server_error"},
    {"a broken server that speaks JSON", 500, JSON, "{}", "network.http.server_error"},
    {"a refusal without an error", 400, JSON, "{\"message\":\"no\"}", "response.error"},
    {"an error that nobody explains", 400, JSON, "{\"error\":\"invalid_request\"}", "response.error"},
    {"an error with 200", 200, JSON, "{\"error\":\"server_on_fire\"}", "response.error"},
    {"an error by a cause of the catalogue", 401, JSON,
     "{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed. (client.secret_wrong)\"}",
     "client.secret_wrong"},
    {"the same as a member", 401, JSON, "{\"error\":\"invalid_client\",\"cause\":\"client.secret_expired\"}",
     "client.secret_expired"},
    {"Entra's number", 401, JSON,
     "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: The provided client secret keys are "
     "expired\"}",
     "client.secret_expired"},
    {"Keycloak's sentence", 401, JSON,
     "{\"error\":\"unauthorized_client\",\"error_description\":\"Invalid client secret\"}", "client.secret_wrong"},
    {"a grant that is not the client's", 400, JSON, "{\"error\":\"unauthorized_client\"}", "request.grant_not_allowed"},
    {"a grant that nobody has", 400, JSON, "{\"error\":\"unsupported_grant_type\"}", "request.grant_unknown"},
    {"a resource", 400, JSON, "{\"error\":\"invalid_target\"}", "request.resource_invalid"},
    {"a nonce", 400, JSON, "{\"error\":\"use_dpop_nonce\"}", "binding.dpop_nonce"},
    {"no token", 200, JSON, "{\"token_type\":\"Bearer\"}", "response.access_token_missing"},
    {"a token that is a number", 200, JSON, "{\"access_token\":1,\"token_type\":\"Bearer\"}",
     "response.access_token_missing"},
    {"no type", 200, JSON, "{\"access_token\":\"a\",\"id_token\":\"x.y.z\"}", "response.token_type_missing"},
    {"a lifetime in quotes", 200, JSON, "{" TOKEN ",\"id_token\":\"x.y.z\",\"expires_in\":\"60\"}",
     "response.expires_in_type"},
};

static struct sp_str id_of(enum sp_cause cause)
{
    return cause == SP_CAUSE_NONE ? SP_STR("none") : sp_cause_get(cause)->id;
}

static enum sp_cause first_refusal(const struct sp_document_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (sp_finding_severity(&findings->rows[i]) == SP_SEVERITY_REJECT)
            return findings->rows[i].cause;
    return SP_CAUSE_NONE;
}

static enum sp_cause of_a_fetch(struct sp_arena *arena, const struct sp_fetch_report *report)
{
    struct sp_document_findings findings = {.count = 0};
    struct sp_token_answer answer;
    assert_int_equal(sp_token_answer_examine(arena, report, &answer, &findings), SP_OK);
    return first_refusal(&findings);
}

static enum sp_cause of_a_sign_in(struct sp_arena *arena, const struct sp_fetch_report *report)
{
    struct sp_token_response response;
    struct sp_finding finding;
    assert_int_equal(sp_token_response_examine(arena, report, &response, &finding), SP_OK);
    return finding.cause;
}

static enum sp_cause of_a_recording(const struct sp_fetch_report *report)
{
    const struct sp_flow_terms terms = {.now_s = 1700000000, .leeway_s = 30};
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    const struct sp_flow_header asked[] = {{SP_STR("Content-Type"), SP_STR("application/x-www-form-urlencoded")}};
    const struct sp_flow_header answered[] = {{SP_STR("Cache-Control"), report->cache_control},
                                              {SP_STR("Location"), SP_STR("https://idp.example/login?x=1")},
                                              {SP_STR("Content-Type"), report->content_type}};
    const struct sp_flow_exchange exchange = {.number = 1,
                                              .started_ms = 1700000000000,
                                              .method = SP_STR("POST"),
                                              .url = report->url,
                                              .request_headers = {asked, 1},
                                              .request_body =
                                                  SP_STR("grant_type=client_credentials&client_id=app&client_secret=s"),
                                              .response_headers = {answered, report->content_type.at != NULL ? 3 : 2},
                                              .response_body = report->body,
                                              .status = report->http_status};
    assert_non_null(capture);
    struct sp_flow_message *message = sp_flow_capture_take(capture, &exchange);
    assert_non_null(message);
    assert_int_equal(message->kind, SP_FLOW_TOKEN_REQUEST);
    sp_flow_judge_message(capture, message);
    enum sp_cause cause = message->flow->cause != NULL ? message->flow->cause->finding.cause : SP_CAUSE_NONE;
    sp_flow_capture_destroy(&capture);
    return cause;
}

static void the_same_bytes_have_the_same_cause(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 22);
    unsigned wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_fetch_report report = {.url = SP_STR("https://idp.example/token"),
                                               .http_status = rows[i].status,
                                               .content_type = sp_str_from_cstr(rows[i].type),
                                               .cache_control = SP_STR("no-store"),
                                               .location = SP_STR("https://idp.example/login?x=1"),
                                               .body = sp_str_from_cstr(rows[i].body)};
        const struct sp_str said[] = {id_of(of_a_fetch(arena, &report)), id_of(of_a_sign_in(arena, &report)),
                                      id_of(of_a_recording(&report))};
        for (size_t k = 0; k < 3; k++)
            if (!sp_str_equal(said[k], sp_str_from_cstr(rows[i].cause))) {
                print_error("%s: %s, and not %.*s (%zu)\n", rows[i].says, rows[i].cause, SP_STR_ARG(said[k]), k);
                wrong++;
            }
    }
    sp_arena_destroy(&arena);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_have_the_same_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
