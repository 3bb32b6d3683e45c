/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/json_answer.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/scrub.h"
#include "core/diagnosis/stated_cause.h"

static struct sp_finding *saw(struct sp_document_findings *findings, enum sp_cause cause, struct sp_str expected,
                              struct sp_str received)
{
    struct sp_finding *finding = sp_document_saw(findings, cause);
    finding->check = SP_CHECK_COUNT;
    finding->expected = expected;
    finding->received = received;
    return finding;
}

/* Behind a byte order mark, an XML declaration and comments. */
static struct sp_str first_tag(struct sp_str body)
{
    static const struct {
        const char *begin, *end;
    } skipped[] = {{"\xef\xbb\xbf", ""}, {"<?", "?>"}, {"<!--", "-->"}};
    struct sp_str start = sp_str_trim(body);
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++) {
        struct sp_str begin = sp_str_from_cstr(skipped[i].begin), end = sp_str_from_cstr(skipped[i].end);
        size_t at = begin.len;
        if (!sp_str_has_prefix(start, begin))
            continue;
        while (at < start.len && !sp_str_has_prefix(sp_str_slice(start, at, start.len), end))
            at++;
        start = sp_str_trim(sp_str_slice(start, at + end.len, start.len));
    }
    return start;
}

bool sp_body_is_html(struct sp_str content_type, struct sp_str body)
{
    struct sp_str start = first_tag(body);
    return sp_str_equal_ignoring_case(sp_str_slice(content_type, 0, 9), SP_STR("text/html")) ||
           sp_str_equal_ignoring_case(sp_str_slice(start, 0, 9), SP_STR("<!doctype")) ||
           sp_str_equal_ignoring_case(sp_str_slice(start, 0, 5), SP_STR("<html"));
}

static struct sp_str beginning(struct sp_arena *arena, struct sp_str body)
{
    struct sp_str start = sp_scrub(arena, sp_document_first_bytes(arena, body));
    return start.len > 0 ? sp_arena_printf(arena, "It begins with: %.*s", SP_STR_ARG(start)) : SP_STR("It is empty.");
}

static struct sp_str charset_of(struct sp_str type)
{
    size_t from = 0;
    while (from < type.len && !sp_str_equal_ignoring_case(sp_str_slice(type, from, from + 8), SP_STR("charset=")))
        from++;
    return from < type.len ? sp_str_trim(sp_str_slice(type, from + 8, type.len)) : SP_STR_NONE;
}

static void judge_truncation(struct sp_arena *arena, const struct sp_json_answer *answer,
                             struct sp_document_findings *findings)
{
    bool cut_json = answer->json == NULL && answer->fault == SP_JSON_CUT && !answer->is_cut && answer->body.len > 0;
    bool short_of = answer->announced_bytes > 0 && answer->content_encoding.at == NULL && !answer->is_cut &&
                    answer->body.len > 0 && (uint64_t)answer->announced_bytes > answer->body.len;
    if (cut_json || short_of)
        saw(findings, SP_CAUSE_RESPONSE_TRUNCATED,
            short_of ? sp_arena_printf(arena, "%lld bytes", (long long)answer->announced_bytes)
                     : SP_STR("a whole JSON object"),
            sp_arena_printf(arena, "%zu bytes", answer->body.len));
}

static void judge_charset(const struct sp_json_answer *answer, struct sp_document_findings *findings)
{
    struct sp_str charset = charset_of(answer->content_type);
    bool names_other = charset.at != NULL && !sp_str_equal_ignoring_case(charset, SP_STR("utf-8")) &&
                       !sp_str_equal_ignoring_case(charset, SP_STR("\"utf-8\""));
    if (names_other && !sp_str_is_utf8(answer->body))
        saw(findings, SP_CAUSE_RESPONSE_CHARSET, SP_STR("UTF-8"), charset);
    else if (answer->json == NULL && answer->fault == SP_JSON_UTF8)
        saw(findings, SP_CAUSE_RESPONSE_CHARSET, SP_STR("UTF-8"), SP_STR("bytes that are not UTF-8"));
}

static void judge_status(struct sp_arena *arena, const struct sp_json_answer *answer,
                         struct sp_document_findings *findings)
{
    if (answer->status >= 500)
        saw(findings, SP_CAUSE_NETWORK_HTTP_SERVER_ERROR, SP_STR("200"), sp_arena_printf(arena, "%d", answer->status));
    else if (answer->status == 429)
        saw(findings, SP_CAUSE_NETWORK_HTTP_RATE_LIMITED, SP_STR("200"), SP_STR("429"));
}

void sp_json_answer_judge(struct sp_arena *arena, const struct sp_json_answer *answer,
                          struct sp_document_findings *findings)
{
    struct sp_str type = answer->content_type;
    const size_t before = findings->count;
    if (sp_body_is_html(type, answer->body)) {
        saw(findings, SP_CAUSE_RESPONSE_HTML, SP_STR("a JSON object"), type.at != NULL ? type : SP_STR("an HTML page"))
            ->detail = beginning(arena, answer->body);
        return;
    }
    if (answer->status >= 300 && answer->status < 400) {
        saw(findings, SP_CAUSE_NETWORK_HTTP_REDIRECT, SP_STR("a JSON object"),
            answer->location.at != NULL ? sp_str_slice(answer->location, 0, sp_str_index_of(answer->location, '?', 0))
                                        : SP_STR("nowhere: there is no Location"));
        return;
    }
    judge_truncation(arena, answer, findings);
    judge_charset(answer, findings);
    bool empty_is_fine = answer->may_be_empty || answer->status >= 500;
    bool is_explained = answer->is_explained || findings->count > before;
    if (answer->json == NULL && !is_explained && !(answer->body.len == 0 && empty_is_fine) && !answer->is_cut &&
        answer->status != 404)
        saw(findings, SP_CAUSE_RESPONSE_NOT_JSON, SP_STR("a JSON object"),
            type.at != NULL ? type : SP_STR("something without a media type"))
            ->detail = beginning(arena, answer->body);
    judge_status(arena, answer, findings);
}

/* ---- token responses ---- */

bool sp_token_has_strange_bytes(struct sp_str token)
{
    for (size_t i = 0; i < token.len; i++)
        if ((unsigned char)token.at[i] <= 0x20 || (unsigned char)token.at[i] >= 0x7f)
            return true;
    return false;
}

struct sp_str sp_token_strange_words(struct sp_str token)
{
    return sp_str_equal_ignoring_case(sp_str_slice(token, 0, 7), SP_STR("Bearer "))
               ? SP_STR("the scheme Bearer and a space before the token")
               : SP_STR("white space, a control character or a character beyond ASCII");
}

void sp_token_members_judge(struct sp_arena *arena, const struct sp_json_answer *answer,
                            struct sp_document_findings *findings)
{
    const struct sp_json *json = answer->json, *expires = sp_json_member(json, SP_STR("expires_in"));
    if (json == NULL || answer->status >= 500 || answer->status == 429 || sp_json_member(json, SP_STR("error")) != NULL)
        return;
    if (answer->status != 200) {
        saw(findings, SP_CAUSE_RESPONSE_ERROR, SP_STR("tokens"),
            sp_arena_printf(arena, "%d without an error", answer->status))
            ->detail = SP_STR("The answer is a JSON object that has no member error.");
        return;
    }
    if (sp_json_string(sp_json_member(json, SP_STR("access_token"))).len == 0) {
        saw(findings, SP_CAUSE_RESPONSE_ACCESS_TOKEN_MISSING, SP_STR("access_token"), SP_STR("none"));
        return;
    }
    if (sp_token_has_strange_bytes(sp_json_string(sp_json_member(json, SP_STR("access_token")))))
        saw(findings, SP_CAUSE_RESPONSE_TOKEN_CHARACTERS, SP_STR("visible ASCII characters"),
            sp_token_strange_words(sp_json_string(sp_json_member(json, SP_STR("access_token")))));
    if (sp_json_string(sp_json_member(json, SP_STR("token_type"))).len == 0)
        saw(findings, SP_CAUSE_RESPONSE_TOKEN_TYPE_MISSING, SP_STR("Bearer or DPoP"), SP_STR("none"));
    if (expires != NULL && expires->type != SP_JSON_NUMBER)
        saw(findings, SP_CAUSE_RESPONSE_EXPIRES_IN_TYPE, SP_STR("a number"),
            expires->type == SP_JSON_STRING
                ? sp_arena_printf(arena, "\"%.*s\"", SP_STR_ARG(sp_str_slice(expires->text, 0, 60)))
                : SP_STR("of another type"));
    if (!sp_text_has(answer->cache_control, "no-store"))
        saw(findings, SP_CAUSE_RESPONSE_CACHEABLE, SP_STR("no-store"),
            answer->cache_control.at != NULL ? answer->cache_control : SP_STR("not sent"));
}
