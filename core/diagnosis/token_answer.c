/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/token_answer.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/http_answer.h"

static void tell_not_json(struct sp_arena *arena, const struct sp_fetch_report *report,
                          struct sp_document_findings *findings)
{
    bool html = sp_document_is_html(report);
    struct sp_finding *finding = sp_document_saw(findings, html ? SP_CAUSE_RESPONSE_HTML : SP_CAUSE_RESPONSE_NOT_JSON);
    finding->expected = SP_STR("a JSON object");
    finding->received = html ? sp_document_first_bytes(arena, report->body) : sp_http_answer_words(arena, report);
    finding->detail =
        html ? SP_STR_NONE
             : sp_arena_printf(arena, "It begins: %.*s", SP_STR_ARG(sp_document_first_bytes(arena, report->body)));
}

static void tell_error(struct sp_arena *arena, const struct sp_token_answer *answer,
                       struct sp_document_findings *findings)
{
    struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_RESPONSE_ERROR);
    finding->expected = SP_STR("a token");
    finding->received = answer->error;
    finding->detail = answer->error_description.len > 0
                          ? sp_arena_printf(arena, "It says: \"%.*s\".", SP_STR_ARG(answer->error_description))
                          : SP_STR("There is no error_description.");
}

static void examine_success(const struct sp_json *json, const struct sp_token_answer *answer,
                            struct sp_document_findings *findings)
{
    const struct sp_json *expires = sp_json_member(json, SP_STR("expires_in"));
    if (answer->access_token.len == 0) {
        sp_document_saw(findings, SP_CAUSE_RESPONSE_ACCESS_TOKEN_MISSING)->expected = SP_STR("access_token");
    }
    if (answer->token_type.len == 0) {
        sp_document_saw(findings, SP_CAUSE_RESPONSE_TOKEN_TYPE_MISSING)->expected = SP_STR("token_type");
    }
    if (expires != NULL && expires->type != SP_JSON_NUMBER) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_RESPONSE_EXPIRES_IN_TYPE);
        finding->expected = SP_STR("a number of seconds");
        finding->received = sp_str_slice(expires->text, 0, 60);
    }
}

enum sp_status sp_token_answer_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                       struct sp_token_answer *answer, struct sp_document_findings *findings)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    *answer = (struct sp_token_answer){.is_json = false};
    if (report->failure != SP_CAUSE_NONE || report->too_large) {
        sp_http_answer_judge(arena, report, findings);
        return SP_OK;
    }
    enum sp_status status = sp_json_parse(arena, report->body, &sp_json_limits_token, &json, &error);
    if (status == SP_NO_MEMORY) {
        return status;
    }
    answer->is_json = status == SP_OK && sp_json_is(json, SP_JSON_OBJECT);
    if (!answer->is_json) {
        tell_not_json(arena, report, findings);
        return SP_OK;
    }
    answer->access_token = sp_json_string(sp_json_member(json, SP_STR("access_token")));
    answer->token_type = sp_json_string(sp_json_member(json, SP_STR("token_type")));
    answer->scope = sp_json_string(sp_json_member(json, SP_STR("scope")));
    answer->error = sp_json_string(sp_json_member(json, SP_STR("error")));
    answer->error_description = sp_json_string(sp_json_member(json, SP_STR("error_description")));
    if (sp_json_int64(sp_json_member(json, SP_STR("expires_in")), &answer->expires_in) != SP_OK) {
        answer->expires_in = 0;
    }
    if (answer->error.len > 0) {
        tell_error(arena, answer, findings);
    } else if (report->http_status != 200) {
        tell_not_json(arena, report, findings);
    } else {
        examine_success(json, answer, findings);
    }
    return SP_OK;
}
