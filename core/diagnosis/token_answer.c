/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/token_answer.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/json_answer.h"
#include "core/diagnosis/scrub.h"
#include "core/diagnosis/stated_cause.h"

#define MAX_WORDS_BYTES 1000u

/* What an error's code means where its server says no more, and where no recording shows the request beside it. */
static const struct {
    const char *error;
    enum sp_cause cause;
} codes[] = {{"unauthorized_client", SP_CAUSE_REQUEST_GRANT_NOT_ALLOWED},
             {"expired_token", SP_CAUSE_DEVICE_EXPIRED},
             {"access_denied", SP_CAUSE_DEVICE_DENIED}};

static enum sp_cause cause_of(const struct sp_stated_refusal *refusal)
{
    bool by_id;
    enum sp_cause cause = sp_stated_cause(refusal, &by_id);
    for (size_t i = 0; cause == SP_CAUSE_NONE && i < sizeof codes / sizeof codes[0]; i++)
        if (sp_str_equal(refusal->error, sp_str_from_cstr(codes[i].error)))
            cause = codes[i].cause;
    return cause;
}

static struct sp_str words_of(struct sp_arena *arena, const struct sp_token_answer *answer)
{
    struct sp_str description = sp_scrub(arena, sp_str_slice(answer->error_description, 0, MAX_WORDS_BYTES));
    return description.len > 0 ? sp_arena_printf(arena, "The server says: %.*s: %.*s",
                                                 SP_STR_ARG(sp_scrub(arena, sp_str_slice(answer->error, 0, 200))),
                                                 SP_STR_ARG(description))
                               : SP_STR("There is no error_description.");
}

/* True when the answer refuses: told. */
static bool tell_refusal(struct sp_arena *arena, const struct sp_json_answer *bytes,
                         const struct sp_token_answer *answer, struct sp_document_findings *findings)
{
    bool refuses = bytes->status >= 400;
    const struct sp_stated_refusal refusal = {.place = SP_ANSWER_TOKEN,
                                              .cause = sp_json_string(sp_json_member(bytes->json, SP_STR("cause"))),
                                              .error = answer->error,
                                              .description = answer->error_description,
                                              .body = refuses ? bytes->body : SP_STR_NONE,
                                              .is_html = refuses && sp_body_is_html(bytes->content_type, bytes->body)};
    enum sp_cause cause = refuses || answer->error.len > 0 ? cause_of(&refusal) : SP_CAUSE_NONE;
    if (cause == SP_CAUSE_NONE && answer->error.len == 0)
        return false;
    struct sp_finding *finding = sp_document_saw(findings, cause != SP_CAUSE_NONE ? cause : SP_CAUSE_RESPONSE_ERROR);
    finding->check = SP_CHECK_COUNT;
    finding->expected = cause != SP_CAUSE_NONE ? SP_STR_NONE : SP_STR("tokens");
    finding->received = sp_scrub(arena, sp_str_slice(answer->error, 0, 200));
    finding->detail = words_of(arena, answer);
    finding->is_quote = true;
    return true;
}

static void judge(struct sp_arena *arena, const struct sp_fetch_report *report, const struct sp_json_answer *bytes,
                  const struct sp_token_answer *answer, struct sp_document_findings *findings)
{
    if (tell_refusal(arena, bytes, answer, findings))
        return;
    if (report->http_status == 404) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN);
        finding->check = SP_CHECK_COUNT;
        finding->expected = SP_STR("the token endpoint of the metadata");
        finding->received = report->url;
        finding->detail = SP_STR("It answers 404.");
        return;
    }
    sp_json_answer_judge(arena, bytes, findings);
    sp_token_members_judge(arena, bytes, findings);
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
    enum sp_status status = sp_json_parse(arena, report->body, &sp_json_limits_document, &json, &error);
    if (status == SP_NO_MEMORY) {
        return status;
    }
    answer->is_json = status == SP_OK && sp_json_is(json, SP_JSON_OBJECT);
    json = answer->is_json ? json : NULL;
    answer->access_token = sp_json_string(sp_json_member(json, SP_STR("access_token")));
    answer->token_type = sp_json_string(sp_json_member(json, SP_STR("token_type")));
    answer->id_token = sp_json_string(sp_json_member(json, SP_STR("id_token")));
    answer->scope = sp_json_string(sp_json_member(json, SP_STR("scope")));
    answer->error = sp_json_string(sp_json_member(json, SP_STR("error")));
    answer->error_description = sp_json_string(sp_json_member(json, SP_STR("error_description")));
    if (sp_json_int64(sp_json_member(json, SP_STR("expires_in")), &answer->expires_in) != SP_OK) {
        answer->expires_in = 0;
    }
    const struct sp_json_answer bytes = {.status = report->http_status,
                                         .content_type = report->content_type,
                                         .cache_control = report->cache_control,
                                         .location = report->location,
                                         .body = report->body,
                                         .json = json,
                                         .fault = status == SP_OK ? SP_JSON_OK : error.fault};
    judge(arena, report, &bytes, answer, findings);
    return SP_OK;
}
